"""Where the platform answers, and how to ask it there: `python -m lab address`."""

from __future__ import annotations

from .world.behaviour import World
from .world.ca import CA
from .world.net import EDGE, OUTSIDE


def addresses(world: World) -> list[str]:
    """Return the names of the distributions that are enabled, first of those that people look at: they have error pages."""
    listed = world.client("cloudfront").list_distributions()["DistributionList"].get("Items") or []
    ordered = sorted(listed, key=lambda one: not one["CustomErrorResponses"]["Quantity"])
    return [alias for one in ordered if one["Enabled"] for alias in one["Aliases"].get("Items") or ()]


def text(world: World) -> str:
    """Return what a reader needs to open them, as lines."""
    found = addresses(world)
    if not found:
        return "nothing answers yet: `make site` first"
    first, edge = found[0], OUTSIDE[EDGE][1]
    return "\n".join(
        [
            *(f"https://{name}/" for name in found),
            "",
            f"names   DNS at 127.0.0.1:{world.settings.dns_port}",
            f"trust   {CA(world.home).pem}",
            f"try     curl --cacert {CA(world.home).pem} --resolve {first}:443:{edge} https://{first}/",
        ]
    )
