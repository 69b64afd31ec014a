"""A tree of files on a node: what is wanted beside what stands, written whole or not at all.

`read_tree` and `check_syntax` run on the controller, `converge` on the node. A *manifest* in the tree's directory holds what was
written, so that what is not wanted any more is taken away, and what others put there is left alone.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any, TypedDict
from xml.etree import ElementTree

from .errors import KcError

TEMPLATE = ".j2"
ABSENT = 0xFFFFFFFE
"""Stands in check mode for an owner that a package would bring."""
SECRET = "(secret)"  # noqa: S105 - what is shown instead of one


@dataclass(frozen=True)
class Source:
    """A file that a tree is made from.

    Attributes:
        file: Where it is on the controller.
        path: Of what it makes, below the tree's directory.
        template: Whether it is rendered; else it is taken as it is.
    """

    file: Path
    path: str
    template: bool


@dataclass(frozen=True)
class File:
    """A file as it is wanted.

    Attributes:
        path: Below the tree's directory.
        content: Of text, in UTF-8.
        secret: Whether its content is kept out of differences.
        executable: For all who may read it.
    """

    path: str
    content: str
    secret: bool = False
    executable: bool = False


@dataclass(frozen=True)
class Access:
    """Owner, group and mode; `None` leaves what is there."""

    owner: int | None = None
    group: int | None = None
    mode: int | None = None

    def differs(self, found: os.stat_result) -> bool:
        """Return whether `found` has another owner, group or mode."""
        return any(
            wanted is not None and wanted != there
            for wanted, there in ((self.owner, found.st_uid), (self.group, found.st_gid), (self.mode, stat.S_IMODE(found.st_mode)))
        )

    def over(self, there: Access) -> Access:
        """Return these rights, with those of `there` where they leave what is there."""
        mine, theirs = (self.owner, self.group, self.mode), (there.owner, there.group, there.mode)
        return Access(*(old if new is None else new for new, old in zip(mine, theirs, strict=True)))

    def give(self, path: Path | int) -> None:
        """Set them on a path or an open file."""
        os.chown(path, -1 if self.owner is None else self.owner, -1 if self.group is None else self.group)
        if self.mode is not None:
            os.chmod(path, self.mode)  # noqa: PTH101 - takes open files too


@dataclass
class Result:
    """What differed, and so was or would be done; paths below the tree's directory."""

    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)


# --- on the controller


def read_tree(top: Path) -> list[Source]:
    """Return what a directory of templates makes, by path.

    Raises:
        KcError: Two files make the same one, or there is none.
    """
    found: dict[str, Source] = {}
    for file in sorted(path for path in top.rglob("*") if path.is_file()):
        template = file.suffix == TEMPLATE
        path = file.relative_to(top).as_posix().removesuffix(TEMPLATE if template else "")
        if path in found:
            raise KcError(f"{file} and {found[path].file} both make {path}")
        found[path] = Source(file, path, template)
    if not found:
        raise KcError(f"{top} has no files in it")
    return list(found.values())


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Return whether one of the patterns (as in a shell; `*` stands for slashes too) is the path's."""
    return any(fnmatch(path, pattern) for pattern in patterns)


def check_syntax(source: Source, content: str) -> None:
    """Refuse XML and JSON that nothing could read; the error tells the line, never what is in it.

    Raises:
        KcError: It is not well-formed.
    """
    try:
        if source.path.endswith(".xml"):
            ElementTree.fromstring(content)  # noqa: S314 - our own templates
        elif source.path.endswith(".json"):
            json.loads(content)
    except ElementTree.ParseError as error:
        line, column = error.position
        reason = str(error).split(":", maxsplit=1)[0]
        raise KcError(
            f"{source.file} renders to XML that is not well-formed: {reason} at line {line}, column {column} of {source.path}",
            hint="a value that may hold `<` or `&` needs the filter `e`",
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno} of {source.path}"
        raise KcError(f"{source.file} renders to JSON that can't be read: {error.msg} at {where}") from None


def pack(files: Sequence[File]) -> str:
    """Return files as one text, which the module takes as one secret."""
    return json.dumps([vars(file) for file in files])


def unpack(text: str) -> list[File]:
    """Return the files of a packed text.

    Raises:
        KcError: One of them would lie outside the tree.
    """
    files = [File(**file) for file in json.loads(text)]
    for file in files:
        parts = PurePosixPath(file.path).parts
        if not parts or file.path.startswith("/") or ".." in parts:
            raise KcError(f"{file.path!r} does not lie below the tree's directory")
    return files


# --- on the node


def converge(
    dest: Path, files: Sequence[File], *, manifest: str, access: Access, directory: Access, make: Access, check: bool = False
) -> Result:
    """Make a directory hold these files.

    Args:
        dest: The tree's directory.
        files: What is wanted in it.
        manifest: Name of the file in `dest` that holds what was written.
        access: Of each file; of one that is executable, for all who may read it.
        directory: What is put back on each directory that has files in it.
        make: What a directory is made with.
        check: Only tell.

    Raises:
        KcError: A path can't be read or written.
    """
    with readable_errors():
        before = _manifest(dest / manifest)
        result, after = _compare(dest, files, before, access, directory)
        if not check:
            _apply(dest, files, result, (before, after), manifest=manifest, access=access, directory=directory, make=make)
    return result


def _compare(dest: Path, files: Sequence[File], before: Manifest, access: Access, directory: Access) -> tuple[Result, Manifest]:
    """Return what differs, and what the manifest is to hold."""
    result = Result()
    parents = _parents(files)
    missing = {path for path in parents if not _directory(dest / path)}
    result.directories = [path for path in parents if path in missing or directory.differs((dest / path).stat())]
    for file in files:
        found = _file(dest / file.path)
        there = (dest / file.path).read_bytes() if found else None
        rights = _of(file, access)
        if there != file.content.encode() or (found and rights.differs(found)):
            result.changed.append(file.path)
            result.diff += _differences(dest / file.path, file, file.secret or file.path in before["secret"], there, found, rights)
    for path in sorted({*before["files"]} - {file.path for file in files}):
        if (dest / path).is_symlink() or not (dest / path).is_file():
            continue  # it is not what was written
        result.removed.append(path)
        text = f"{SECRET}\n" if path in before["secret"] else _text((dest / path).read_bytes())
        result.diff.append({"before_header": str(dest / path), "after_header": "(removed)", "before": text, "after": ""})
    after = Manifest(
        files=sorted(file.path for file in files),
        secret=sorted(file.path for file in files if file.secret),
        directories=sorted(({*before["directories"]} | missing) & {*parents} - {"."}),
    )
    return result, after


def _apply(
    dest: Path,
    files: Sequence[File],
    result: Result,
    manifests: tuple[Manifest, Manifest],
    *,
    manifest: str,
    access: Access,
    directory: Access,
    make: Access,
) -> None:
    before, after = manifests
    for path in result.directories:
        if not (dest / path).is_dir():
            (dest / path).mkdir(0o700, parents=path == ".")
            make.give(dest / path)
        directory.give(dest / path)
    # whoever is broken off in between still knows what is ours
    between = Manifest(
        files=sorted({*before["files"], *after["files"]}),
        secret=sorted({*before["secret"], *after["secret"]}),
        directories=sorted({*before["directories"], *after["directories"]}),
    )
    _note(dest / manifest, before, between)
    for file in files:
        if file.path in result.changed:
            write(dest / file.path, file.content.encode(), _of(file, access))
    for path in result.removed:
        (dest / path).unlink()
    for path in sorted({*before["directories"]} - {*after["directories"]}, reverse=True):
        if (dest / path).is_dir() and not any((dest / path).iterdir()):
            (dest / path).rmdir()
    _note(dest / manifest, between, after)


def _parents(files: Sequence[File]) -> list[str]:
    """Return the directories that files need, the tree's own (`.`) first, each before what is in it."""
    found = {parent for file in files for parent in PurePosixPath(file.path).parents}
    return [str(path) for path in sorted(found, key=lambda path: (len(path.parts), path))]


def _of(file: File, access: Access) -> Access:
    if not file.executable or access.mode is None:
        return access
    return Access(access.owner, access.group, access.mode | (access.mode & 0o444) >> 2)


def _directory(path: Path) -> os.stat_result | None:
    if not path.exists():
        return None
    if not path.is_dir():
        raise KcError(f"{path} is not a directory", hint="move what stands there away")
    return path.stat()


def _file(path: Path) -> os.stat_result | None:
    """Return what lies at a path: None where there is nothing, or a link, which is replaced."""
    if path.is_symlink() or not path.exists():
        return None
    if not path.is_file():
        raise KcError(f"{path} is not a file", hint="move what stands there away")
    return path.stat()


def write(path: Path, content: bytes, access: Access) -> None:
    """Write a file beside its place, and put it there when it is whole and on the disk."""
    beside = path.with_name(f".{path.name}.kc-new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            access.give(stream.fileno())
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


class Manifest(TypedDict):
    """What was written into a tree's directory: files, those of them that are secret, and directories made for them."""

    files: list[str]
    secret: list[str]
    directories: list[str]


def _manifest(path: Path) -> Manifest:
    try:
        found = json.loads(path.read_bytes())
        return Manifest(files=list(found["files"]), secret=list(found["secret"]), directories=list(found["directories"]))
    except (FileNotFoundError, NotADirectoryError):
        return Manifest(files=[], secret=[], directories=[])
    except (ValueError, KeyError, TypeError):
        raise KcError(
            f"{path} can't be read as a manifest", hint="delete it; what is not wanted any more is then left where it is"
        ) from None


def _note(path: Path, there: Manifest, wanted: Manifest) -> None:
    if there != wanted:
        write(path, (json.dumps(wanted, indent=1) + "\n").encode(), Access(mode=0o600))


def _differences(
    path: Path, file: File, secret: bool, there: bytes | None, found: os.stat_result | None, rights: Access
) -> Iterator[dict[str, str]]:
    header = {"before_header": "(none)" if there is None else str(path), "after_header": str(path)}
    if there is None:
        yield {**header, "before": "", "after": f"{SECRET}\n" if secret else file.content}
    elif there != file.content.encode():
        yield {
            **header,
            "before": f"{SECRET}\n" if secret else _text(there),
            "after": f"{SECRET}, another one\n" if secret else file.content,
        }
    if found and rights.differs(found):
        was = Access(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
        yield {**header, "before": rights_text(was), "after": rights_text(rights.over(was))}


def rights_text(access: Access) -> str:
    """Return owner, group and mode as a difference shows them."""
    return f"owner {_name(pwd.getpwuid, access.owner)}, group {_name(grp.getgrgid, access.group)}, mode {access.mode or 0:04o}\n"


def _name(look: Any, number: int | None) -> str:
    try:
        return str(look(number)[0])
    except KeyError:
        return "(not there yet)" if number == ABSENT else str(number)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"({len(content)} bytes that are no text)\n"


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn what the system refuses into one line."""
    try:
        yield
    except OSError as error:
        raise KcError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from error
