"""Plans and facts as JSON: between a cell and its worker, and in an asset's record. Fractions are texts, so that they stay exact."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import Any

from ..video.plan import Audio, Facts, Pictures, Plan, Rendition, Video
from ..video.storyboard import Still


def encode(value: Plan | Facts | Still) -> dict[str, Any]:
    """Return a plan, facts or what a picture is made of as JSON knows it."""
    return {name: _plain(each) for name, each in asdict(value).items()}


def plan(said: dict[str, Any]) -> Plan:
    """Return a plan of its JSON.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    renditions = tuple(
        Rendition(**{**each, "codecs": tuple(each["codecs"]), "rate": Fraction(each["rate"])}) for each in said["renditions"]
    )
    bounds, wait, pictures = _fractions(said["bounds"]), Fraction(said["wait"]), _pictures(said["pictures"])
    return Plan(renditions, bounds, wait, int(said["period"]), pictures, bool(said["audio_encoded"]))


def facts(said: dict[str, Any]) -> Facts:
    """Return facts of their JSON.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    video = dict(said["video"])
    video |= {"rate": Fraction(video["rate"]), "wait": Fraction(video["wait"]), "keys": _fractions(video["keys"])}
    video["colors"] = tuple(video["colors"])
    return Facts(Fraction(said["begin"]), Fraction(said["end"]), Video(**video), _audio(said["audio"]))


def still(said: dict[str, Any]) -> Still:
    """Return what a picture is made of, of its JSON.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    return Still(**{**said, "keys": _fractions(said["keys"]), "wait": Fraction(said["wait"])})


def _audio(said: dict[str, Any] | None) -> Audio | None:
    return Audio(**{**said, "begin": Fraction(said["begin"]), "end": Fraction(said["end"])}) if said else None


def _pictures(said: dict[str, Any] | None) -> Pictures | None:
    if not said:
        return None
    return Pictures(**{**said, "rate": Fraction(said["rate"]), "keys": _fractions(said["keys"]), "colors": tuple(said["colors"])})


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
