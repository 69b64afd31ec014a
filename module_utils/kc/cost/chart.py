"""Bars of a chart, measured: what a page draws as SVG. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

WIDTH = 1000
"""Units across a bar's picture; the page stretches it to its own width."""

COLOURS = 8
"""How many can be told apart; the last one is everything else's."""


@dataclass(frozen=True)
class Palette:
    """Which part has which colour."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Palette:
        """Give the first names a colour each, and all others the last one."""
        return cls(tuple(names))

    def colour(self, name: str) -> int:
        """Return the number of a name's colour, from 1."""
        place = self.names.index(name) + 1 if name in self.names else COLOURS
        return place if len(self.names) <= COLOURS else min(place, COLOURS)

    @property
    def legend(self) -> tuple[tuple[int, str], ...]:
        """The colours that are used, in words."""
        if len(self.names) <= COLOURS:
            return tuple(enumerate(self.names, 1))
        return (*enumerate(self.names[: COLOURS - 1], 1), (COLOURS, f"{len(self.names) - COLOURS + 1} others"))


@dataclass(frozen=True)
class Piece:
    """A part of a bar: where it begins, and how long it is."""

    name: str
    amount: Decimal
    colour: int
    at: float
    width: float


@dataclass(frozen=True)
class Bar:
    """A row.

    Attributes:
        amount: Its bounds, as the estimate has them.
        low, upper: Where they are on the chart.
    """

    name: str
    amount: Mapping[str, str]
    pieces: tuple[Piece, ...]
    low: float
    upper: float


@dataclass(frozen=True)
class Chart:
    """Rows of one scale.

    Attributes:
        limit: What no bar should be longer than, and where that is; None where nothing is.
        legend: What the colours of this chart mean; empty where the page says it.
    """

    title: str
    bars: tuple[Bar, ...]
    limit: float | None = None
    legend: tuple[tuple[int, str], ...] = ()


def stacks(
    title: str,
    parts: Mapping[str, Mapping[str, Decimal]],
    amounts: Mapping[str, Mapping[str, str]],
    palette: Palette,
    *,
    scale: Decimal | None = None,
    limit: Decimal | None = None,
    ordered: bool = False,
    legend: bool = False,
) -> Chart:
    """Return a chart whose bars have parts.

    Args:
        title: Its caption.
        parts: What each row is made of.
        amounts: Each row's bounds.
        palette: The parts' colours, and their order.
        scale: What the chart's whole width stands for; what its longest row needs where it is None.
        limit: What no bar should be longer than.
        ordered: Whether the dearest row comes first.
        legend: Whether the chart says itself what its colours mean.
    """
    longest = max((Decimal(amount["upper"]) for amount in amounts.values()), default=Decimal(0))
    whole = max(scale or longest, limit or Decimal(0))
    names = sorted(parts, key=lambda name: (-Decimal(amounts[name]["expected"]), name)) if ordered else list(parts)
    made = tuple(
        Bar(name, amounts[name], _pieces(parts[name], palette, whole), _at(amounts[name]["low"], whole), _at(amounts[name]["upper"], whole))
        for name in names
    )
    return Chart(title, made, None if limit is None else _at(limit, whole), palette.legend if legend else ())


def bars(title: str, amounts: Mapping[str, Mapping[str, str]], *, scale: Decimal) -> Chart:
    """Return a chart whose rows have a colour each, in their order."""
    parts = {name: {name: Decimal(amount["expected"])} for name, amount in amounts.items()}
    return stacks(title, parts, amounts, Palette.of(amounts), scale=scale)


def _pieces(parts: Mapping[str, Decimal], palette: Palette, whole: Decimal) -> tuple[Piece, ...]:
    """Return parts one after the other, in the palette's order."""
    made: list[Piece] = []
    so_far = Decimal(0)
    for name in sorted(parts, key=lambda name: (palette.colour(name), -parts[name], name)):
        if parts[name]:
            made.append(Piece(name, parts[name], palette.colour(name), _at(so_far, whole), _at(parts[name], whole)))
            so_far += parts[name]
    return tuple(made)


def _at(amount: Decimal | str, whole: Decimal) -> float:
    return round(float(WIDTH * Decimal(amount) / whole), 1) if whole else 0.0
