"""The lab's AWS, counting calls: `GET /benchmark/calls`."""

from __future__ import annotations

import sys
from pathlib import Path

from lab import aws

serve = aws.serve


def counting(port: int, home: Path | None) -> int:
    """Serve as the lab does, and count."""
    from lab import server  # imports moto, which reads the environment that `aws.main` has just set

    class Counting(server.OneAtATime):
        def __init__(self, log: bool = False) -> None:
            super().__init__(log)
            self.calls = 0
            self.after.append(self.count)
            self.own["/benchmark/calls"] = lambda: str(self.calls).encode()

        def count(self, call: server.Call) -> None:
            self.calls += not call.path.startswith("/moto-api")

    server.OneAtATime = Counting  # type: ignore[misc]
    return serve(port, home)


if __name__ == "__main__":
    aws.serve = counting
    sys.exit(aws.main())
