"""Which region is primary now: the role flags that the runbooks keep, and what they say together. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .aws.session import Aws
from .aws.ssm import STATE, text_of
from .errors import KcError
from .scope import Scope

PRIMARY = "primary"

UNTOLD = None
"""The flag of a region that gave no answer."""

Flags = Mapping[str, str | None]


def flag_name(scope: Scope) -> str:
    """Return the name of the parameter that says what a region is now."""
    return f"/{scope.path}{STATE}role"


def read_flag(aws: Aws, scope: Scope) -> str:
    """Return what a region's flag says; empty where none stands."""
    return text_of(aws.at(scope.region), flag_name(scope))


def read_flags(aws: Aws, scope: Scope, regions: Sequence[str]) -> Flags:
    """Return each region's flag: what it says, "" where none stands, `UNTOLD` where the region does not answer.

    Raises:
        KcError: A region answers, but not this question (credentials, permissions).
    """

    def flag(region: str) -> str | None:
        try:
            return read_flag(aws, scope.at(region))
        except KcError as error:
            if error.transient:
                return UNTOLD
            raise

    return dict(zip(regions, aws.map(flag, regions), strict=True))


def primary_of(flags: Flags, home: str, name: str = "state/role") -> str:
    """Return the region that is primary now.

    That is the one whose flag says so. While the home region has no flag and no other claims to be primary, it is
    the home region: so it is on a first run, and on the run after one that broke off. A region that does not answer
    is primary where the flags of all others say that they are not.

    Args:
        flags: As `read_flags` returns them.
        home: The region that is primary at home.
        name: What an error calls the flag.

    Raises:
        KcError: Two regions say that they are primary; or none does although flags stand; or the one that may be
            does not answer.
    """
    primaries = sorted(region for region, role in flags.items() if role == PRIMARY)
    if len(primaries) == 1:
        return primaries[0]
    if primaries:
        raise KcError(
            f"{' and '.join(primaries)} both say that they are primary (SSM parameter {name})",
            hint="find out which one takes writes, and let the failover or failback runbook make the other one secondary",
        )
    silent = sorted(region for region, role in flags.items() if role is UNTOLD)
    if silent:
        if len(silent) == 1 and all(role for region, role in flags.items() if region not in silent):
            return silent[0]
        raise KcError(
            f"which region is primary can't be told: {' and '.join(silent)} gave no answer, and no other says that it is primary",
            hint="see that the region's endpoint can be reached from here; if the region is lost, run the failover runbook",
        )
    if not flags.get(home):
        return home
    said = ", ".join(f"{region} says `{role}`" if role else f"{region} has none" for region, role in sorted(flags.items()))
    raise KcError(
        f"no region says that it is primary (SSM parameter {name}: {said})",
        hint=f"a runbook broke off: let it go on, or, knowing which region takes writes, write `{PRIMARY}` there by hand",
    )
