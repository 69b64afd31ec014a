"""What has been broken on purpose: cuts, delays, stopped APIs, killed hosts.

A file keeps it, so that `status` shows it, what is started anew keeps to it, and `heal` takes it back.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..files import write
from .net import OUTER

FILE = "faults.json"
INTERNET = "internet"
TABLE = "faults"


@dataclass(frozen=True)
class Cut:
    """Traffic of a region that is dropped.

    Attributes:
        region: Region code.
        other: The far end: a region, `internet`, or "" for everything.
        incoming: Whether what comes into the region is dropped.
        outgoing: Whether what goes out of it is dropped.
    """

    region: str
    other: str = ""
    incoming: bool = True
    outgoing: bool = True

    def __str__(self) -> str:
        ways = "both ways" if self.incoming and self.outgoing else "what comes in" if self.incoming else "what goes out"
        return f"{self.region} is cut off from {'the Internet' if self.other == INTERNET else self.other or 'everything'}: {ways}"


@dataclass
class Faults:
    """All faults.

    Attributes:
        cuts: At most one for each two ends.
        delays: Milliseconds for which a region's uplink holds each packet back, by region.
        stopped: Regions whose API does not answer.
        killed: Hosts, by name and region.
    """

    cuts: list[Cut] = field(default_factory=list)
    delays: dict[str, int] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    killed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, home: Path) -> Faults:
        """Return those of the lab in `home`; none, where there is no file."""
        try:
            found = json.loads((home / FILE).read_text())
        except FileNotFoundError:
            return cls()
        return cls(**{**found, "cuts": [Cut(**one) for one in found["cuts"]]})

    def write(self, home: Path) -> None:
        write(home / FILE, json.dumps(self.data))

    @property
    def data(self) -> dict[str, Any]:
        return asdict(self)

    def cut(self, new: Cut) -> Cut:
        """Add a cut to one that has the same ends, and return what is cut now."""
        same = next((one for one in self.cuts if (one.region, one.other) == (new.region, new.other)), None)
        whole = Cut(new.region, new.other, new.incoming or bool(same and same.incoming), new.outgoing or bool(same and same.outgoing))
        self.cuts = [*(one for one in self.cuts if one != same), whole]
        return whole

    def heal(self, region: str = "") -> None:
        """Take back all faults of a region; of all of them where empty. A cut is of both its ends."""
        self.cuts = [one for one in self.cuts if region and region not in (one.region, one.other)]
        self.delays = {name: delay for name, delay in self.delays.items() if region and name != region}
        self.stopped = [name for name in self.stopped if region and name != region]
        self.killed = {host: where for host, where in self.killed.items() if region and where != region}

    def __str__(self) -> str:
        return "\n".join(
            [
                *map(str, self.cuts),
                *(f"{region} is delayed: {delay} ms each way" for region, delay in self.delays.items()),
                *(f"{region}'s API does not answer" for region in self.stopped),
                *(f"{host} ({region}) is killed" for host, region in self.killed.items()),
            ]
        )


@contextmanager
def changing(home: Path) -> Iterator[Faults]:
    """Give the faults to be changed, or to be carried out; nobody else does so meanwhile."""
    with (home / f"{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        faults = Faults.read(home)
        before = faults.data
        yield faults
        if faults.data != before:
            faults.write(home)


def rules(cuts: Iterable[Cut], links: Callable[[str], Sequence[str]]) -> str:
    """Return the script that makes the router drop what is cut, before it looks at anything else.

    Args:
        cuts: What is cut.
        links: Gives the names of the router's links to a region.
    """
    lines = []
    for cut in cuts:
        here = links(cut.region)
        there = OUTER if cut.other == INTERNET else links(cut.other) if cut.other else ()
        ways = ((cut.incoming, there, here), (cut.outgoing, here, there))
        lines += [" ".join([*_match("iifname", source), *_match("oifname", target), "drop"]) for cuts, source, target in ways if cuts]
    body = "".join(f"    {line}\n" for line in lines)
    chain = f"  chain cut {{\n    type filter hook forward priority filter - 10; policy accept;\n{body}  }}\n"
    return f"table inet {TABLE} {{}}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n{chain}}}\n"


def _match(word: str, names: Sequence[str]) -> list[str]:
    quoted = ", ".join(f'"{name}"' for name in names)
    return [f"{word} {{ {quoted} }}"] if names else []
