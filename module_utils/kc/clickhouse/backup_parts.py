"""Parts as files: what identifies one, and how it becomes an archive and comes back out of one."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ..backup.store import READ, Reader, pieces
from ..errors import KcError

BLOCK = tarfile.BLOCKSIZE


def identity(part: Path) -> str:
    """Return what tells a part's content: a digest of the server's own checksums of all of its files.

    A replica that fetched the part, or made it by the same merge, has the same; what came of a change of the columns has another.
    """
    digest = hashlib.sha256()
    for name in ("checksums.txt", "columns.txt"):
        digest.update((part / name).read_bytes())
    return digest.hexdigest()


def archived(part: Path) -> Iterator[bytes]:
    """Yield a part's files as a tar archive: the same bytes for the same files, whenever and wherever."""
    for path in sorted(path for path in part.rglob("*") if path.is_file()):
        about = tarfile.TarInfo(path.relative_to(part).as_posix())
        about.size = path.stat().st_size
        yield about.tobuf(format=tarfile.GNU_FORMAT)
        yield from pieces(path)
        yield bytes(-about.size % BLOCK)
    yield bytes(2 * BLOCK)


def extract(reader: Reader, to: Path) -> None:
    """Write the files of an archive into a directory that is made; it is there as a whole or not at all.

    Raises:
        KcError: The archive is not what it is named by.
    """
    begun = to.with_name(f"{to.name}.begun")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    damaged = KcError(
        f"{reader.where} is damaged: it is not what was written there",
        hint="restore another backup, or its copy in the other region's bucket",
    )
    stream: Any = reader  # has what a stream of tarfile's is asked for
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for about in archive:
                name = PurePosixPath(about.name)
                if not about.isfile() or name.is_absolute() or ".." in name.parts:
                    raise damaged
                path = begun / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(archive.extractfile(about) or io.BytesIO(), file, READ)
    except (tarfile.TarError, FileExistsError, EOFError, UnicodeError):
        raise damaged from None
    if not reader.whole():
        raise damaged
    begun.rename(to)


def link(source: Path, to: Path, owner: Path) -> None:
    """Make a directory `to` with hard links to the files of `source`, as its server needs them: owned by who owns `owner`.

    Until it is whole it has a name that no server takes for a part's.
    """
    whose = owner.stat()
    begun = to.with_name(f"kc-begun-{to.name}")
    shutil.rmtree(begun, ignore_errors=True)
    shutil.copytree(source, begun, copy_function=os.link)
    for path in (begun, *begun.rglob("*")):
        os.chown(path, whose.st_uid, whose.st_gid)
        path.chmod(0o750 if path.is_dir() else 0o640)
    begun.rename(to)
