"""How fast the media server gives out keys and segments: keys a second, and segments of 2 MB beside nginx. `make bench-serve`.

The server is the real one, with one worker, as `python -m media_server server` runs it; AWS is the lab's. `wrk` asks over loopback, with a
session's token. Segments are asked for by as many connections of nginx (one worker, sendfile, the same bytes as files), of a server
that has them in memory, and of one that has them in a directory, in turns; ratios are of medians.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

sys.path[:0] = [str(Path(__file__).absolute().parents[2] / "module_utils")]

from media_server.video.plan import Plan, Rendition  # noqa: E402
from tests import ports  # noqa: E402
from tests.media.place import made_at  # noqa: E402
from tests.media.server import running, session  # noqa: E402

from .harness import Failed, Server, bar  # noqa: E402

SEGMENTS, SEGMENT = 16, 2_000_000
CONNECTIONS = 16
KEYS, KEYS_MILLISECONDS = 8_000, 10.0
IN_MEMORY, ON_DISK = 1.2, 0.6
PLAN = Plan((Rendition("720p", 720, False, 1280, 8_000_000, ("avc1.64001f",)),), tuple(map(Fraction, range(0, 68, 4))), Fraction(0), 8)

NGINX = """
daemon off; worker_processes 1; pid {top}/nginx.pid; error_log {top}/nginx.log;{user}
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000; types {{ video/mp2t ts; }}
  client_body_temp_path {top}/body; proxy_temp_path {top}/proxy; fastcgi_temp_path {top}/fastcgi; uwsgi_temp_path {top}/uwsgi;
  scgi_temp_path {top}/scgi;
  server {{ listen 127.0.0.1:{port}; root {top}/files; }}
}}
"""
TURNS = """
local paths = {{{paths}}}
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
"""


@dataclass(frozen=True)
class Measured:
    """What wrk saw.

    Attributes:
        rate: Requests a second.
        slow: Milliseconds within which 99 of 100 were answered.
        seconds: Of the processor that the server took for each request.
    """

    rate: float
    slow: float
    seconds: float


@dataclass(frozen=True)
class Contender:
    """A server that runs: its process, and what is asked of it."""

    pid: int
    url: str
    script: Path

    def run(self, seconds: int, token: str = "") -> Measured:
        """Ask it for so long.

        Raises:
            Failed: It answers something else than what it is asked for.
        """
        before = processor(self.pid)
        words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(self.script)]
        words += ["-H", f"Authorization: Bearer {token}"] if token else []
        said = subprocess.run([*words, self.url], capture_output=True, text=True).stdout
        done, rate = re.search(r"(\d+) requests in", said), re.search(r"Requests/sec:\s+([\d.]+)", said)
        slow = re.search(r"99%\s+([\d.]+)(us|ms|s)\n", said)
        if not (done and rate and slow) or "Non-2xx" in said or "Socket errors" in said or not int(done[1]):
            raise Failed(f"{self.url}:\n{said}")
        return Measured(
            float(rate[1]), float(slow[1]) * {"us": 0.001, "ms": 1, "s": 1000}[slow[2]], (processor(self.pid) - before) / int(done[1])
        )


def processor(pid: int) -> float:
    """Return the seconds of the processor that a process and its children have taken."""
    found = subprocess.run(["ps", "-o", "pid=", "--pid", str(pid), "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in found]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def turns(file: Path, paths: list[str]) -> Path:
    """Write what makes wrk ask for one path after the other."""
    file.write_text(TURNS.format(paths=", ".join(f'"{path}"' for path in paths)))
    return file


@contextmanager
def nginx(top: Path) -> Iterator[tuple[int, str]]:
    """Run nginx on a directory's `files`."""
    port = ports.free()
    user = " user root;" if os.geteuid() == 0 else ""
    (top / "nginx.conf").write_text(NGINX.format(top=top, port=port, user=user))
    process = subprocess.Popen(["nginx", "-e", top / "nginx.log", "-c", top / "nginx.conf"])
    try:
        yield process.pid, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    """Run the benchmark; 1 if something failed to run, whatever the bars say."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.serve", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of all contenders (9)")
    parser.add_argument("--seconds", type=int, default=3, help="that each is asked in a round (3)")
    args = parser.parse_args()
    for program, package in (("wrk", "wrk"), ("nginx", "nginx-light")):
        if shutil.which(program) is None:
            print(f"{program} is missing: apt-get install {package}", file=sys.stderr)
            return 1
    top = Path(tempfile.mkdtemp(prefix="kc-bench-serve-", dir="/dev/shm"))
    aws = Server()
    try:
        report(top, aws.url, args.rounds, args.seconds)
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    finally:
        aws.stop()
        shutil.rmtree(top)
    return 0


def report(top: Path, url: str, rounds: int, seconds: int) -> None:
    """Run all, and say how they compare."""
    place = made_at(url)
    objects = {f"aes128/720p/{number:05}.ts": os.urandom(SEGMENT) for number in range(SEGMENTS)}
    asset = place.published(objects, PLAN)
    token = session("acme", asset.id, 3600)
    for path, data in objects.items():
        file = top / "files" / "v" / asset.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    segments = turns(top / "segments.lua", [f"/v/{asset.path}/{path}" for path in objects])
    keys = turns(top / "keys.lua", [f"/keys/{asset.path}/aes128/720p/{period}" for period in range(PLAN.periods)])
    with ExitStack() as stack:
        pid, at = stack.enter_context(nginx(top))
        memory = stack.enter_context(running(place.environment, top / "memory.log"))
        more = {"MEDIA_MEMORY_MIB": "0", "MEDIA_CACHE": str(top / "cache")}
        disk = stack.enter_context(running(place.environment, top / "disk.log", **more))
        for server in (memory, disk):
            for path, data in objects.items():
                if server.ask("GET", f"/v/{asset.path}/{path}", token).content != data:
                    raise Failed(f"{server.url} gives out something else")
        contenders = {
            "keys": Contender(memory.process.pid, memory.url, keys),
            "segments, nginx": Contender(pid, at, segments),
            "segments from memory": Contender(memory.process.pid, memory.url, segments),
            "segments from a directory": Contender(disk.process.pid, disk.url, segments),
        }
        took: dict[str, list[Measured]] = {name: [] for name in contenders}
        for number in range(rounds):
            for name, contender in contenders.items():
                took[name].append(contender.run(seconds, token))
            print(f"round {number + 1} of {rounds}", flush=True)
        asked = {
            name: server.number(f'media_segments_total{{outcome="{name}"}}') for name, server in (("memory", memory), ("directory", disk))
        }
        if min(asked.values()) <= SEGMENTS:
            raise Failed(f"segments came from elsewhere: {asked}")
    print(f"\n{rounds} rounds of {seconds} s, {CONNECTIONS} connections, load {os.getloadavg()[0]:.1f} at the end\n")
    rates = {name: statistics.median(each.rate for each in some) for name, some in took.items()}
    slow = statistics.median(each.slow for each in took["keys"])
    for name, some in took.items():
        used = statistics.median(each.seconds for each in some)
        low, high = min(each.rate for each in some), max(each.rate for each in some)
        print(f"  {name:26} {rates[name]:8.0f} a second ({low:.0f} to {high:.0f}), {used * 1e6:6.0f} µs of the processor each")
    print()
    bar(f"keys a second {rates['keys']:.0f}", f"at least {KEYS}", rates["keys"] >= KEYS)
    bar(f"99 of 100 keys within {slow:.1f} ms", f"at most {KEYS_MILLISECONDS:.0f}", slow <= KEYS_MILLISECONDS)
    for name, least in (("segments from memory", IN_MEMORY), ("segments from a directory", ON_DISK)):
        ratio = rates[name] / rates["segments, nginx"]
        bar(f"{name}, of nginx's: {ratio:.2f}", f"at least {least}", ratio >= least)


if __name__ == "__main__":
    sys.exit(main())
