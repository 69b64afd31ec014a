"""Videos that tests package, made with Debian's ffmpeg, and what it says of the outcome."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

from media_server import records
from media_server.keys import Keys

VideoOf = Callable[[str], Path]
KEYS = Keys(uuid.UUID("5d3c9a60-6f0a-4b8c-9c57-0b1f6f1f7c11"), bytes(range(32)))
FFMPEG = shutil.which("ffmpeg") or "ffmpeg"
CELL_USER = 65_533
"""Who cells run as, where the tests are root."""
USER = CELL_USER if os.geteuid() == 0 else None

KINDS = {
    # B-frames, so that pictures are decoded in another order than they are shown; a key frame a second
    "mp4": (["-bf", "2", "-g", "25"], "mp4"),
    "faststart": (["-bf", "2", "-g", "25", "-movflags", "+faststart"], "mp4"),
    "fragmented": (["-bf", "2", "-g", "25", "-movflags", "+frag_keyframe+empty_moov"], "mp4"),
    "slices": (["-bf", "0", "-g", "50", "-slices", "4", "-x264-params", "cabac=0:weightp=2"], "mp4"),
    "mkv": (["-bf", "2", "-g", "25"], "mkv"),
    "ts": (["-bf", "2", "-g", "25"], "ts"),
}
SECONDS = 13


def run(*words: str | Path) -> str:
    """Run ffmpeg; return what it prints."""
    done = subprocess.run([FFMPEG, "-nostdin", "-v", "error", "-y", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(path: Path, *more: str, seconds: float = SECONDS, size: str = "320x180", audio: bool = True) -> Path:
    """Make a video: a picture that changes, with a tone."""
    sound = ["-f", "lavfi", "-i", "sine=f=330:r=48000"] if audio else []
    picture = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25,noise=alls=20:allf=t"]
    encoded = ["-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-sc_threshold", "0", "-pix_fmt", "yuv420p"]
    run(*picture, *sound, "-t", str(seconds), *encoded, *more, *(["-c:a", "aac", "-ac", "2"] if audio else []), path)
    return path


def frames(source: Path, stream: str, *options: str) -> list[str]:
    """Return the hash of every frame of a stream as it is decoded; with options of ffmpeg for the source."""
    said = run(*options, "-i", source, "-map", f"0:{stream}", "-f", "framehash", "-")
    return [line.rsplit(",", 1)[1].strip() for line in said.splitlines() if not line.startswith("#")]


def sealed(key: bytes, data: bytes) -> bytes:
    """Return a file as an upload of it lies in its bucket."""
    out = b""
    for number in range(records.parts(len(data))):
        sealer = records.Sealer(key, number)
        out += sealer.feed(data[number * records.PART : (number + 1) * records.PART]) + sealer.end()
    return out
