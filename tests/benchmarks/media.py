"""How much video is cut and encrypted in a second of the processor, beside ffmpeg, libav's own encryption and shaka-packager; and how soon
what is meant to harm is refused. `make bench-media`.

All read the same file from memory (tmpfs). Ours gives its segments to nobody, in the place of an upload; the others write them to memory. Each
contender is a process of its own, and runs once a round; ratios are of medians. What Python takes to import is left out for those that are
Python's, ours and libav's: a worker runs for days. The start of a cell is in it; our program is compiled, as it is in its image.
Renditions that ours would encode are left out.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).absolute().parents[2] / "module_utils")]

from .harness import Failed, bar  # noqa: E402

PROGRAM = Path(__file__).absolute().parents[2] / "media_server"
SHAKA = "shaka-packager@3.4.2"
CLIP_SECONDS, COPIES = 30, 20
MEMORY = 150 << 20
REFUSED_SECONDS, REFUSED_MEMORY = 2.0, 256 << 20
CELL_USER = 65_533


@dataclass(frozen=True)
class Used:
    """What a contender took: seconds of the processor; bytes of memory, if it says so."""

    seconds: float
    memory: int


class NoStore:
    """Takes what is made, and keeps none of it."""

    def find(self, path: str) -> None:
        """Nothing is there."""

    def put(self, path: str, data: object, sha256: str) -> None:
        """Forget it."""


def ours(source: Path, profile: str, container: str) -> None:
    """Package a file (in a process of its own)."""
    from media_server.cell.client import Cell
    from media_server.keys import Keys
    from media_server.package import package
    from media_server.video.offer import Offer, Wanted
    from media_server.video.plan import plan

    began = processor()
    with Cell(source, CELL_USER if os.geteuid() == 0 else None) as cell:
        whole = plan(cell.probe())
        copied = replace(whole, renditions=tuple(one for one in whole.renditions if not one.level), pictures=None)
        wanted = Wanted(Offer(profile, container), copied, Keys(uuid.UUID(int=1), bytes(32)), lambda place: "key", "licence")
        package([cell], [wanted], NoStore())
        told = Path(f"/proc/{cell.pid}/status").read_text()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + int(told.split("VmHWM:")[1].split()[0])
    print(json.dumps({"seconds": processor() - began, "memory": memory << 10}))


def libav(source: Path, directory: str, hashed: str = "") -> None:
    """Have libav's own multiplexer of HLS encrypt a file (in a process of its own); `hashed`: and say the SHA-256 of each segment."""
    import av

    top = Path(directory)
    began = processor()
    (top / "key").write_bytes(b"k" * 16)
    (top / "info").write_text(f"key\n{top / 'key'}\n")
    options = {"hls_time": "4", "hls_playlist_type": "vod", "hls_key_info_file": str(top / "info")}
    with av.open(str(source)) as file, av.open(str(top / "x.m3u8"), "w", format="hls", options=options) as out:
        to = {stream.index: out.add_stream_from_template(stream) for stream in file.streams}
        for packet in file.demux():
            if packet.dts is not None:
                packet.stream = to[packet.stream_index]
                out.mux(packet)
    for segment in top.glob("*.ts") if hashed else ():
        with segment.open("rb") as file_of_it:
            hashlib.file_digest(file_of_it, "sha256")
    print(json.dumps({"seconds": processor() - began, "memory": 0}))


def hostile(source: Path, reason: str) -> None:
    """Have a cell refuse a file (in a process of its own, whose memory a child has for a moment: less than that it never says)."""
    from media_server.cell.client import Cell
    from media_server.package import package
    from media_server.video.plan import Refused
    from tests.media.test_package import TS, wanted

    began = time.monotonic()
    try:
        with Cell(source, CELL_USER if os.geteuid() == 0 else None) as cell:
            package([cell], [wanted(cell, TS)], NoStore())
    except Refused as refused:
        seconds, memory = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        if not re.search(reason, str(refused)):
            raise Failed(f"{source} was refused because {refused}, not because {reason}") from None
        print(json.dumps({"seconds": seconds, "memory": memory << 10}))
    else:
        raise Failed(f"{source} was not refused")


def processor() -> float:
    """Return the seconds of the processor that this process took, and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run(*words: str | Path) -> Used:
    """Run a contender; return what it took.

    Raises:
        Failed: It failed.
    """
    before = processor()
    command = [*map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return Used(**json.loads(done.stdout)) if done.stdout.startswith('{"seconds"') else Used(processor() - before, 0)


def itself(*words: str | Path) -> Used:
    """Run a part of this file as a contender."""
    return run(sys.executable, "-m", "tests.benchmarks.media", *words)


def source(top: Path) -> Path:
    """Make a file of some 620 MB: H.264 at 8 Mbit/s and AAC, a key frame in 2 s."""
    clip, whole = top / "clip.mp4", top / "source.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30,noise=alls=12:allf=t", "-f", "lavfi", "-i", "sine=f=440:r=48000"]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "8M", "-maxrate", "8M", "-bufsize", "8M", "-g", "60", "-sc_threshold", "0"]
    run("ffmpeg", "-v", "error", "-y", *picture, "-t", str(CLIP_SECONDS), *video, "-pix_fmt", "yuv420p", "-c:a", "aac", clip)
    run("ffmpeg", "-v", "error", "-y", "-stream_loop", str(COPIES - 1), "-i", clip, "-c", "copy", "-movflags", "+faststart", whole)
    return whole


def shaka(top: Path) -> Path:
    """Fetch shaka-packager, as npm has it."""
    run("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", top, SHAKA)
    return next(path for path in (top / "node_modules" / "shaka-packager" / "bin").glob("packager-linux-x64*"))


def refusals(top: Path, rounds: int) -> None:
    """Say how long it takes until each file that is meant to harm is refused, and how much memory of the cell's."""
    from tests.media.test_cell import CORPUS

    print(f"\nuntil it is refused, the start of a cell with it: the slowest of {rounds}, load {os.getloadavg()[0]:.1f} at the beginning\n")
    for number, (maker, said) in enumerate(CORPUS.items()):
        here = top / f"hostile{number}"
        here.mkdir()
        file = here / "video.mp4"
        file.write_bytes(maker(here).replace(b"{port}", b"9"))
        used = [itself("hostile", file, said) for _ in range(rounds)]
        shutil.rmtree(here)
        seconds, memory = max(each.seconds for each in used), max(each.memory for each in used)
        what = maker.__name__.replace("_", " ")
        met = seconds <= REFUSED_SECONDS and memory <= REFUSED_MEMORY
        goal = f"at most {REFUSED_SECONDS:.0f} s, {REFUSED_MEMORY >> 20} MiB"
        bar(f"{seconds:4.2f} s, {memory / 2**20:3.0f} MiB  {what}", goal, met)


def main() -> int:
    """Run the benchmark; 1 if something failed to run, whatever the bars say."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.media", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of all contenders (5)")
    parser.add_argument("--only", choices=PARTS, help="a part of it; else all")
    parser.add_argument("part", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        {"ours": ours, "libav": libav, "hostile": hostile}[args.part[0]](Path(args.part[1]), *args.part[2:])  # type: ignore[operator]
        return 0
    top = Path(tempfile.mkdtemp(prefix="kc-bench-media-", dir="/dev/shm"))
    try:
        for name, part in PARTS.items():
            if args.only in (None, name):
                part(top, args.rounds)
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(top)
    return 0


def report(top: Path, rounds: int) -> None:
    """Run all, and say how they compare."""
    compileall.compile_dir(PROGRAM, quiet=1)
    whole, packager, out = source(top), shaka(top), top / "out"
    key = out / "key"

    def ffmpeg() -> Used:
        key.write_bytes(b"k" * 16)
        (out / "info").write_text(f"key\n{key}\n")
        hls = ["-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod", "-hls_key_info_file", out / "info"]
        return run("ffmpeg", "-v", "error", "-i", whole, "-c", "copy", *hls, out / "x.m3u8")

    def shaka_cbcs() -> Used:
        streams = [
            f"in={whole},stream={kind},init_segment={out}/{kind}.mp4,segment_template={out}/{kind}$Number$.m4s"
            for kind in ("video", "audio")
        ]
        keys = [
            "--enable_raw_key_encryption",
            "--keys",
            f"label=:key_id={'07' * 16}:key={'6b' * 16}",
            "--protection_scheme",
            "cbcs",
            "--clear_lead",
            "0",
        ]
        told = ["--mpd_output", f"{out}/x.mpd", "--hls_master_playlist_output", f"{out}/x.m3u8"]
        return run(packager, *streams, "--segment_duration", "4", *keys, *told)

    contenders: dict[str, Callable[[], Used]] = {
        "ours, aes128 in TS": lambda: itself("ours", whole, "aes128", "ts"),
        "ffmpeg, aes128 in TS": ffmpeg,
        "libav's own, aes128 in TS": lambda: itself("libav", whole, out),
        "the same, and SHA-256": lambda: itself("libav", whole, out, "hashed"),
        "ours, aes128 in fMP4": lambda: itself("ours", whole, "aes128", "fmp4"),
        "ours, cbcs": lambda: itself("ours", whole, "cbcs", "fmp4"),
        "shaka-packager, cbcs": shaka_cbcs,
    }
    size = whole.stat().st_size / 1e6
    took: dict[str, list[Used]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, contender in contenders.items():
            out.mkdir()
            took[name].append(contender())
            shutil.rmtree(out)
        print(f"round {number + 1} of {rounds}", flush=True)
    rates = {name: size / statistics.median(each.seconds for each in used) for name, used in took.items()}
    print(f"\n{size:.0f} MB, {rounds} rounds, load {os.getloadavg()[0]:.1f} at the end\n")
    for name, rate in rates.items():
        print(f"  {name:26} {rate:6.0f} MB a second of the processor")
    alike = rates["ours, aes128 in TS"] / rates["the same, and SHA-256"]
    print(f"\nours hashes each segment, which libav's own does not: of libav's own and that hash it has {alike:.2f}\n")
    ours_ts, ours_fmp4, ours_cbcs = rates["ours, aes128 in TS"], rates["ours, aes128 in fMP4"], rates["ours, cbcs"]
    for what, ratio, least in (
        ("aes128 in TS, of ffmpeg's", ours_ts / rates["ffmpeg, aes128 in TS"], 3.0),
        ("aes128 in TS, of libav's own", ours_ts / rates["libav's own, aes128 in TS"], 1.0),
        ("aes128 in fMP4, of shaka-packager's cbcs", ours_fmp4 / rates["shaka-packager, cbcs"], 1.1),
        ("cbcs, of shaka-packager's", ours_cbcs / rates["shaka-packager, cbcs"], 1.0),
    ):
        bar(f"{what}: {ratio:.2f}", f"at least {least}", ratio >= least)
    memory = max(each.memory for name, used in took.items() if name.startswith("ours") for each in used)
    bar(f"memory of worker and cell {memory / 2**20:.0f} MiB", f"at most {MEMORY >> 20}", 0 < memory <= MEMORY)


PARTS: dict[str, Callable[[Path, int], None]] = {"speed": report, "hostile": refusals}


if __name__ == "__main__":
    sys.exit(main())
