"""Plans and facts as JSON: between a cell and its worker, and in an asset's record. Fractions are texts, so that they stay exact."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import Any

from ..video.plan import Audio, Facts, Plan, Rendition, Video


def encode(value: Plan | Facts) -> dict[str, Any]:
    """Return a plan or facts as JSON knows it."""
    return {name: _plain(each) for name, each in asdict(value).items()}


def plan(said: dict[str, Any]) -> Plan:
    """Return a plan of its JSON.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    renditions = tuple(Rendition(**each) for each in said["renditions"])
    return Plan(renditions, _fractions(said["bounds"]), Fraction(said["wait"]), int(said["period"]))


def facts(said: dict[str, Any]) -> Facts:
    """Return facts of their JSON.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    video = dict(said["video"])
    video |= {"rate": Fraction(video["rate"]), "wait": Fraction(video["wait"]), "keys": _fractions(video["keys"])}
    audio = said["audio"]
    return Facts(Fraction(said["begin"]), Fraction(said["end"]), Video(**video), Audio(**audio) if audio else None)


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value


def _fractions(said: list[str]) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, said))
