"""The AWS of the scenario's node: the lab's, on the loopback of the node's own network, where nobody else reaches it.

python aws.py start CONTAINER | stop
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lab.world.net import enter  # noqa: E402
from tests.media.place import made_at  # noqa: E402

HOME = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
PORT = "5566"


def start(namespace: str) -> None:
    """Serve in a container's network until it is stopped, with the buckets, the key and the queues that are in the inventory."""
    enter(namespace)
    with (HOME / "aws.log").open("w+") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "lab.aws", "--port", PORT], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
        (HOME / "aws.pid").write_text(str(server.pid))
        while not (said := (HOME / "aws.log").read_text()).startswith("listening on "):
            if server.poll() is not None:
                raise SystemExit(f"AWS did not start: {said}")
            os.sched_yield()
    place = made_at(f"http://127.0.0.1:{PORT}")
    place.clients.kms.create_alias(AliasName="alias/kc-media", TargetKeyId=place.key)


def stop() -> None:
    """End it, if it is there."""
    file = HOME / "aws.pid"
    if file.exists():
        pid = int(file.read_text())
        about = Path(f"/proc/{pid}/cmdline")
        if about.exists() and b"lab.aws" in about.read_bytes():
            os.kill(pid, signal.SIGTERM)
        file.unlink()


if __name__ == "__main__":
    start(sys.argv[2]) if sys.argv[1] == "start" else stop()
