"""The lab's faults as data: what is kept, healed, shown, and what the router is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.world.faults import INTERNET, Cut, Faults, changing, rules

HOME, OTHER = "me-west-1", "eu-central-1"


def links(region: str) -> tuple[str, str]:
    number = [HOME, OTHER].index(region)
    return f"r{number}", f"slow{number}"


CUTS: list[tuple[Cut, list[str]]] = [
    (Cut(HOME), ['oifname { "r0", "slow0" } drop', 'iifname { "r0", "slow0" } drop']),
    (Cut(HOME, outgoing=False), ['oifname { "r0", "slow0" } drop']),
    (Cut(HOME, incoming=False), ['iifname { "r0", "slow0" } drop']),
    (
        Cut(HOME, OTHER),
        [
            'iifname { "r1", "slow1" } oifname { "r0", "slow0" } drop',
            'iifname { "r0", "slow0" } oifname { "r1", "slow1" } drop',
        ],
    ),
    (Cut(HOME, INTERNET, outgoing=False), ['iifname { "inet", "edge", "user" } oifname { "r0", "slow0" } drop']),
]


@pytest.mark.parametrize(("cut", "lines"), CUTS)
def test_a_cut_is_dropped_before_all_else(cut: Cut, lines: list[str]) -> None:
    found = [line.strip() for line in rules([cut], links).splitlines()]
    first = found.index("type filter hook forward priority filter - 10; policy accept;")
    assert found[first + 1 : -2] == lines


def test_without_cuts_nothing_is_dropped() -> None:
    assert "drop" not in rules([], links)


def test_cuts_of_the_same_ends_add_up() -> None:
    faults = Faults()
    assert faults.cut(Cut(HOME, outgoing=False)) == Cut(HOME, outgoing=False)
    assert faults.cut(Cut(HOME, incoming=False)) == Cut(HOME)
    assert faults.cut(Cut(HOME)) == Cut(HOME)
    faults.cut(Cut(HOME, OTHER))
    assert faults.cuts == [Cut(HOME), Cut(HOME, OTHER)]


def broken() -> Faults:
    return Faults([Cut(HOME), Cut(OTHER, HOME), Cut(OTHER, INTERNET)], {HOME: 50, OTHER: 7}, [HOME], {"db-1": HOME, "db-2": OTHER})


HEALED = [
    ("", Faults()),
    (HOME, Faults([Cut(OTHER, INTERNET)], {OTHER: 7}, [], {"db-2": OTHER})),
    (OTHER, Faults([Cut(HOME)], {HOME: 50}, [HOME], {"db-1": HOME})),
    ("eu-west-1", broken()),
]


@pytest.mark.parametrize(("region", "left"), HEALED)
def test_a_region_or_everything_is_healed(region: str, left: Faults) -> None:
    faults = broken()
    faults.heal(region)
    assert faults == left


def test_faults_are_kept_as_they_are(tmp_path: Path) -> None:
    assert Faults.read(tmp_path) == Faults()
    with changing(tmp_path) as faults:
        faults.cuts, faults.delays, faults.stopped, faults.killed = vars(broken()).values()
    assert Faults.read(tmp_path) == broken()
    with pytest.raises(ZeroDivisionError), changing(tmp_path) as faults:
        faults.heal()
        raise ZeroDivisionError  # what could not be carried out is not kept
    assert Faults.read(tmp_path) == broken()


def test_faults_are_said_a_line_each() -> None:
    assert str(broken()).splitlines() == [
        "me-west-1 is cut off from everything: both ways",
        "eu-central-1 is cut off from me-west-1: both ways",
        "eu-central-1 is cut off from the Internet: both ways",
        "me-west-1 is delayed: 50 ms each way",
        "eu-central-1 is delayed: 7 ms each way",
        "me-west-1's API does not answer",
        "db-1 (me-west-1) is killed",
        "db-2 (eu-central-1) is killed",
    ]
