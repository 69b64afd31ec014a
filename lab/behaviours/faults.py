"""The behaviour `faults`: keeps broken what was broken on purpose.

A command carries a fault out itself. This is for what is made anew meanwhile: a host that is attached again while it is killed,
a delay whose process has ended.
"""

from __future__ import annotations

from ..world.behaviour import Behaviour
from ..world.delay import ensure
from ..world.enact import enact
from ..world.faults import Faults, changing


class KeptFaults(Behaviour):
    """Carries out the faults' file again while there is something in it."""

    name = "faults"
    services = frozenset[str]()
    every = 5.0

    def look(self) -> None:
        if Faults.read(self.world.settings.home) != Faults():
            with changing(self.world.settings.home) as faults:
                enact(self.world.net, faults)

    def down(self) -> None:
        """End what holds packets back; the rest ends with the networks."""
        for region in self.world.regions:
            ensure(self.world.net, region, 0)
