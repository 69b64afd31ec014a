"""Videos that tests package, made with Debian's ffmpeg, and what it says of the outcome."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Kind:
    """A source that browsers don't play as it is.

    Attributes:
        video, audio: How it is encoded, in ffmpeg's words; no audio: it has none.
        suffix: Of its file.
        picture: What is done with the picture first, in ffmpeg's words.
        size, rate: The picture's.
        seconds: It lasts, and what of it the audio lasts.
        copied: What its file is copied with, in ffmpeg's words.
    """

    video: str
    audio: str = ""
    suffix: str = "mkv"
    picture: str = ""
    size: str = "192x108"
    rate: int = 25
    seconds: float = 6
    audio_seconds: float = 6
    copied: str = ""


_H264 = "libx264 -preset veryfast -threads 1 -bf 2 -g 30 -sc_threshold 0"
_X265 = "libx265 -preset ultrafast -x265-params log-level=error:keyint=30:pools=1"

SOURCES = {
    "hevc, 10 bit, opus": Kind(f"{_X265} -pix_fmt yuv420p10le", "libopus"),
    "hevc with aac": Kind(f"{_X265} -tag:v hvc1", "aac -ac 2", "mp4"),
    "vp9 of odd size, opus": Kind("libvpx-vp9 -deadline realtime -cpu-used 8 -g 30", "libopus", "webm", size="191x107"),
    "vp8 without audio": Kind("libvpx -deadline realtime -cpu-used 8 -g 30 -b:v 1M", "", "webm"),
    "av1, flac": Kind("libsvtav1 -preset 12 -g 30", "flac"),
    "prores, pcm": Kind("prores_ks -profile:v 2", "pcm_s16le -ar 22050", "mov"),
    "mpeg2, interlaced, ac3 5.1": Kind("mpeg2video -b:v 3M -g 15 -flags +ildct+ilme", "ac3 -ac 6", "ts", "setfield=tff", size="192x144"),
    "h264, interlaced, in mpeg-ts": Kind(f"{_H264} -flags +ildct+ilme", "aac -ac 2", "ts", "setfield=tff", size="192x144"),
    "mpeg4 in pixels that are not square, mp3": Kind(
        "mpeg4 -q:v 2 -g 30", "libmp3lame -ac 1 -ar 22050", "mp4", "setsar=4/3", size="144x108"
    ),
    "h264 in 4:4:4, vorbis": Kind(f"{_H264} -pix_fmt yuv444p", "libvorbis"),
    "h264 with mp3": Kind(_H264, "libmp3lame -ar 44100", "mp4"),
    "h264, turned": Kind(_H264, "aac -ac 2", "mp4", copied="-metadata:s:v rotate=90"),
    "hevc, portrait": Kind(_X265, "aac -ac 2", "mp4", size="108x192"),
    "hevc, variable rate": Kind(_X265, "libopus", "mkv", "select='mod(n,3)+lt(n,60)'"),
    "hevc, 100 a second": Kind(_X265, "libopus", "mp4", rate=100),
    "hevc, audio ends early": Kind(_X265, "aac -ac 2", "mp4", audio_seconds=1.5),
    "h264, audio ends early": Kind(_H264, "aac -ac 2", "mp4", audio_seconds=1.5),
    "hevc, audio ends late": Kind(_X265, "aac -ac 2", "mp4", audio_seconds=9),
    "hevc, audio ends late in matroska": Kind(_X265, "libopus", audio_seconds=9),
    "hevc, 450 lines": Kind(f"{_X265}:bframes=3", "libopus", size="480x450", seconds=5, audio_seconds=5),
    "h264, 450 lines": Kind(
        f"{_H264} -x264-params open-gop=1:bframes=3:b-adapt=0", "aac -ac 2", size="480x450", seconds=5, audio_seconds=5
    ),
}


def encoded(path: Path, kind: Kind) -> Path:
    """Make a source: every picture differs much from its neighbours, and a tone begins at second 1."""
    picture = ",".join([f"testsrc2=s={kind.size}:r={kind.rate}", "hue=b='(mod(5*n,7)-3)*0.7'", *([kind.picture] if kind.picture else [])])
    sound = f"sine=f=330:r=48000:d={kind.audio_seconds},volume=0:enable='lt(t,1)'"
    words = ["-f", "lavfi", "-t", str(kind.seconds), "-i", picture, *(["-f", "lavfi", "-i", sound] if kind.audio else [])]
    first = path.with_stem("first") if kind.copied else path
    run(*words, "-fps_mode", "vfr", "-c:v", *kind.video.split(), *(["-c:a", *kind.audio.split()] if kind.audio else []), first)
    if kind.copied:
        run("-i", first, "-c", "copy", *kind.copied.split(), path)
    return path


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
