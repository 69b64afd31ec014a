"""`python -m lab.video`: a video goes into the lab's platform as a tenant's backend sends it, until it can be played.

Without a file ffmpeg makes one: a picture that moves, with a tone. What is printed at the end is where to look at it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from media_server.api import tokens
from media_server.records import PART

from .settings import Settings
from .site import Site, Unreached
from .world.behaviour import World

TENANT = "platform"
TOKEN_SECONDS = 12 * 3600
POLL_SECONDS = 0.5
MADE = (
    *("-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000"),
    *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "-ac", "2"),
)
"""What ffmpeg is told to make."""


class VideoError(Exception):
    """Something that the user can act on."""


class Backend:
    """A tenant's backend: it has a token of the tenant's, and orders with it.

    Args:
        world: The lab's, whose secret signs the token.
        tenant: Whose.
    """

    def __init__(self, world: World, tenant: str = TENANT) -> None:
        self.site = Site(world.home, "media")
        about = world.client("secretsmanager", world.regions[0]).get_secret_value(SecretId="kc/lab/media-signing")
        signing = tokens.Tokens(json.loads(about["SecretString"])["random"].encode())
        self.token = signing.make(tokens.TENANT, tenant, "", TOKEN_SECONDS)[0]

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Order something, and return the answer.

        Raises:
            VideoError: It was refused.
            Unreached: Nobody answers.
        """
        answer = self.site.ask(method, path, self.token, **more)
        if not answer.is_success:
            raise VideoError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def send(self, file: Path, title: str) -> Iterator[dict[str, Any]]:
        """Upload a video, and yield what is told of its asset until it is ready, or has failed."""
        asset = self.ask("POST", "/assets", json={"title": title, "length": file.stat().st_size})
        with file.open("rb") as source:
            for offset in range(0, asset["length"], PART):
                headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
                self.ask("PATCH", f"/uploads/{asset['id']}", headers=headers, content=source.read(PART))
        while True:
            asset = self.ask("GET", f"/assets/{asset['id']}")
            yield asset
            if asset["state"] in ("ready", "failed"):
                return
            time.sleep(POLL_SECONDS)

    def session(self, asset: str) -> dict[str, Any]:
        """Let a viewer play an asset."""
        found: dict[str, Any] = self.ask("POST", "/sessions", json={"asset": asset})
        return found


def made(path: Path, seconds: float) -> Path:
    """Have ffmpeg make a video.

    Raises:
        VideoError: It can't.
    """
    try:
        done = subprocess.run(["ffmpeg", "-v", "error", "-y", *MADE, "-t", f"{seconds:g}", str(path)], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise VideoError("ffmpeg is not installed: name a video file, or `make packages ARGS=tests`") from error
    if done.returncode:
        raise VideoError(f"ffmpeg: {done.stderr.strip()}")
    return path


def main() -> int:
    """Send a video. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.video", description="A video goes into the lab's platform until it can be played.")
    parser.add_argument("file", type=Path, nargs="?", help="a video; without one a picture that moves is made")
    parser.add_argument("--seconds", type=float, default=30, help="of the one that is made")
    parser.add_argument("--title", default="", help="what it is called; the file's name where this is not given")
    args = parser.parse_args()
    try:
        backend = Backend(World.of(Settings.load()))
        with tempfile.TemporaryDirectory() as directory:
            file = args.file or made(Path(directory) / "a moving picture.mp4", args.seconds)
            said = ""
            for asset in backend.send(file, args.title or file.stem):
                now = f"{asset['state']}: {asset['done']} of {asset['total']} segments" if asset["total"] else asset["state"]
                if now != said:
                    print(now, flush=True)
                said = now
        if asset["state"] == "failed":
            raise VideoError(asset["reason"])
        print(f"asset   {asset['id']}\nplay    {backend.session(asset['id'])['play']}")
        print(f"sign in https://{backend.site.name}/ with the token {backend.token}")
    except (VideoError, Unreached, OSError) as error:
        print(f"lab.video: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
