"""`python -m lab load`: the command, and what it takes from the lab before it goes among the users."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..control import Lab, LabError
from ..files import write
from ..processes import Process
from ..site import Unreached, domain
from ..video import Backend, VideoError, made
from ..world.behaviour import World
from ..world.ca import CA
from ..world.net import NETNS, USER, enter
from .actions import KINDS, MEDIA, Stage, Users
from .check import UPLOAD, acknowledged, check
from .drive import Drive
from .figures import figures, text
from .record import Record, read

RATES = {"page": 0.5, "read": 2.0, "write": 2.0, "report": 0.5, "video": 0.05, "upload": 0.02}
"""Actions a second: what two cores do beside all else. A video that was uploaded is encoded, which takes longer than it plays."""

ENDING = 60
"""Seconds that a run may take to end: what is under way is waited for."""

WATCHED, UPLOADED = 20, 2
"""Seconds of the video that is made to be watched where there is none yet, and of the one that is uploaded."""


def add(commands: Any) -> None:
    """Add the command to the lab's parser."""
    load = commands.add_parser("load", help="do what users do, and record every acknowledged write; `load check` asks for each of them")
    load.add_argument(
        "what", nargs="?", choices=["run", "end", "check"], default="run", help="run: until its time is over, or SIGTERM (default)"
    )
    load.add_argument(
        "--record", type=Path, help="its file, or the one that is checked (default: a new one in <lab>/load, and the last one there)"
    )
    load.add_argument("--replace", action="store_true", help="begin a record anew that is there; who writes it is ended")
    load.add_argument("--seconds", type=float, default=0, help="that a run lasts; 0: until SIGTERM (default)")
    load.add_argument("--asset", default="", help="the video that is watched; default: one that is ready, or a new one")
    load.add_argument("--json", action="store_true", help="print the report as data")
    for kind, rate in RATES.items():
        load.add_argument(f"--{kind}", type=_rate, default=rate, metavar="N", help=f"a second (default: {rate:g})")


def load(lab: Lab, args: argparse.Namespace) -> int:
    """Run the load, or check what it wrote. Returns an exit code: 1 if something that was acknowledged is not there.

    Raises:
        LabError: There is no world, no platform in it, or no record.
    """
    if not (NETNS / USER).exists():
        raise LabError("the world is not up, so there are no users: `python -m lab up --world`, then `make site`")
    try:
        return {"run": _run, "end": _end, "check": _check}[args.what](lab, args)
    except (VideoError, Unreached, OSError) as error:
        raise LabError(str(error)) from error


def report_of(record: Path) -> Path:
    """Return where a record's report is."""
    return record.with_suffix(".report.json")


def _run(lab: Lab, args: argparse.Namespace) -> int:
    run = f"load-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    path = args.record or _records(lab) / f"{run}.jsonl"
    rates = {kind: getattr(args, kind) for kind in KINDS}
    stage = _stage(lab, run, rates, args.asset)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    me = Process.of(os.getpid())
    assert me is not None  # noqa: S101 - this one runs
    if args.replace:
        make_room(path)
    with Record(path, {"run": run, "domain": stage.domain, "rates": rates, "process": asdict(me)}) as record:
        print(f"record  {path}", flush=True)
        enter(USER)
        asyncio.run(Drive(Users(stage, record), rates, args.seconds).run())
    _tell(path, figures(read(path)), args.json)
    return 0


def make_room(record: Path) -> None:
    """End who writes a record, and take it away, with its report; there may be none, or one that was cut right at its begin."""
    with contextlib.suppress(OSError, ValueError):
        _of(record).stop(ENDING)
    for each in (record, report_of(record)):
        each.unlink(missing_ok=True)


def _end(lab: Lab, args: argparse.Namespace) -> int:
    """End a run, and wait until it has."""
    path = _record(lab, args)
    _of(path).stop(ENDING)
    print(path)
    return 0


def _of(record: Path) -> Process:
    """Return the run that writes a record, or wrote it."""
    return Process(**read(record)[0]["process"])


def _record(lab: Lab, args: argparse.Namespace) -> Path:
    path: Path | None = args.record or max(_records(lab).glob("*.jsonl"), default=None, key=lambda each: each.stat().st_mtime)
    if path is None:
        raise LabError(f"there is no record in {_records(lab)}: `python -m lab load` first, or `--record FILE`")
    return path


def _check(lab: Lab, args: argparse.Namespace) -> int:
    path = _record(lab, args)
    lines = read(path)
    uploads = any(line["kind"] == UPLOAD for line in acknowledged(lines))
    stage = _stage(lab, lines[0]["run"], {}, token=uploads)
    enter(USER)
    verdict = asyncio.run(check(stage, lines))
    _tell(path, {**figures(lines), "check": verdict.data}, args.json, verdict.text)
    return 0 if verdict.kept else 1


def _stage(lab: Lab, run: str, rates: Mapping[str, float], asset: str = "", token: bool = False) -> Stage:
    """Return what users find: taken from the lab, as long as its AWS can be reached."""
    world = World.of(lab.settings)
    trusted = ssl.create_default_context(cafile=str(CA(world.home).pem))
    if not token and not any(rates.get(kind) for kind in MEDIA):
        return Stage(domain(), trusted, run)
    backend = Backend(world)
    with tempfile.TemporaryDirectory() as directory:
        film = made(Path(directory) / "film.mp4", UPLOADED).read_bytes() if rates.get("upload") else b""
        if rates.get("video") and not asset:
            asset = _asset(backend, Path(directory))
    return Stage(domain(), trusted, run, backend.token, asset, film)


def _asset(backend: Backend, directory: Path) -> str:
    """Return a video that can be watched for some time; it is sent where there is none."""
    ready = [each for each in backend.ask("GET", "/assets")["assets"] if each["state"] == "ready" and each["seconds"] >= WATCHED / 2]
    if not ready:
        *_, last = backend.send(made(directory / "watched.mp4", WATCHED), "What users watch")
        if last["state"] != "ready":
            raise VideoError(f"the video that users were to watch can't be played: {last['reason']}")
        ready = [last]
    return str(ready[0]["id"])


def _tell(record: Path, found: Mapping[str, Any], as_data: bool, more: str = "") -> None:
    data = json.dumps(found, indent=2)
    write(report_of(record), data + "\n")
    print(data if as_data else "\n".join(filter(None, [text(found), more, f"report  {report_of(record)}"])))


def _records(lab: Lab) -> Path:
    return lab.home / "load"


def _rate(given: str) -> float:
    """Return a rate.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        found = float(given)
    except ValueError:
        found = -1
    if not 0 <= found <= 1000:
        raise argparse.ArgumentTypeError(f"`{given}` is no number of actions a second, from 0 (none) to 1000")
    return found
