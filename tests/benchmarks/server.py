"""The lab's AWS, as far away as `KC_BENCH_LATENCY` says (ms), telling calls and waits at `/benchmark/calls` and `…/begun`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from lab import aws

LATENCY = float(os.environ.get("KC_BENCH_LATENCY", "0")) / 1000
"""Seconds on the way to AWS and back; requests wait side by side."""

serve = aws.serve


def counting(port: int, home: Path | None, world: bool = False) -> int:
    """Serve as the lab does, and count."""
    from lab import server  # imports moto, which reads the environment that `aws.main` has just set
    from lab.patches import pace

    class Counting(server.OneAtATime):
        def __init__(self, log: bool = False) -> None:
            super().__init__(log)
            self.calls = 0
            self.after.append(self.count)
            self.own["/benchmark/calls"] = lambda environ, body: str(self.calls).encode()
            self.own["/benchmark/begun"] = lambda environ, body: json.dumps(pace.begun).encode()

        def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
            time.sleep(LATENCY)
            return super().__call__(environ, start_response)

        def count(self, call: server.Call) -> None:
            self.calls += not call.path.startswith("/moto-api")

    server.OneAtATime = Counting  # type: ignore[misc]
    return serve(port, home, world)


if __name__ == "__main__":
    aws.serve = counting
    sys.exit(aws.main())
