"""What copies and logs are together: sets of transactions, and the chain that goes on from a copy."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.errors import KcError
from kc.mysql import gtid
from kc.mysql.backup_manifest import Base, File, Log, chain, later, moment

A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "4e11fa47-71ca-11e1-9e33-c80aa9429562"
OBJECT = 64 * "a"


def text(numbers: dict[str, set[int]]) -> str:
    return gtid.normal(",".join(f"{source}:{number}" for source, each in numbers.items() for number in each))


SETS = st.fixed_dictionaries({A: st.sets(st.integers(1, 40)), B: st.sets(st.integers(1, 40))})


@given(SETS, SETS)
def test_sets_are_sets(these: dict[str, set[int]], those: dict[str, set[int]]) -> None:
    assert gtid.without(text(these), text(those)) == text({source: each - those[source] for source, each in these.items()})
    assert gtid.union(text(these), text(those)) == text({source: each | those[source] for source, each in these.items()})


def called(number: int, server: str = A) -> str:
    return f"{server}.20260131T2105{number:02d}Z.binlog.{number:06d}"


def log(number: int, before: range, own: range, server: str = A) -> Log:
    previous, executed = text({A: set(before)}), text({A: set(own)})
    return Log(called(number, server), previous, executed, moment(min(own)), moment(max(own)), moment(max(own)), 1, OBJECT)


def base(least: range) -> Base:
    return Base(
        "20260131T210500Z", "n:3306", A, "9.7.4", called(3), text({A: set(least)}), text({A: set(least)}), moment(max(least)), (), ()
    )


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.data())
def test_a_chain_has_all_logs_in_their_order_or_tells_what_is_missing(sizes: list[int], data: st.DataObject) -> None:
    """Logs of one server, in any order, and some of another one that begins elsewhere: what is applied is never out of order."""
    logs, end = [], 10
    for number, size in enumerate(sizes):
        logs.append(log(number, range(1, end + 1), range(end + 1, end + 1 + size)))
        end += size
    some = data.draw(st.permutations(logs))
    assert chain(f"{A}:1-10", some).logs == tuple(logs)
    assert chain(f"{A}:1-10", some).missing == ""
    gone = data.draw(st.sampled_from(logs))
    left = chain(f"{A}:1-10", [each for each in some if each != gone])
    assert left.logs == tuple(logs[: logs.index(gone)])
    assert left.missing == ("" if gone == logs[-1] else gone.executed)
    # another server that has all, in one log of its own, closes the gap
    whole = log(7, range(1, 11), range(11, end + 1), B)
    assert chain(f"{A}:1-10", [*(each for each in some if each != gone), whole]).missing == ""


def test_logs_that_a_copy_may_need() -> None:
    """Of its own server those from then on, whatever their files' numbers; of others any."""
    cloned = f"{A}.20260201T000000Z.binlog.000001"
    names = [called(1), called(3), called(4), called(1, B), cloned]
    assert later(base(range(1, 3)), names) == [called(3), called(4), called(1, B), cloned]


def test_logs_of_two_servers_are_applied_in_an_order_that_has_all() -> None:
    """What waits for another server's log follows it at once, before what is later."""
    first, second = log(1, range(1, 11), range(11, 13)), log(3, range(1, 15), range(15, 17))
    other = log(2, range(1, 13), range(13, 15), B)
    assert chain(f"{A}:1-10", [second, other, first]).logs == (first, other, second)
    early = dataclasses.replace(second, first=moment(1))
    assert chain(f"{A}:1-10", [early, other, first]).logs == (first, other, early)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "d/../../x"])
def test_no_file_lies_outside_of_the_data(path: str) -> None:
    with pytest.raises(ValueError, match=path):
        File(path, 1, OBJECT)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"files": [{"path": "../x", "size": 1, "object": OBJECT}]},
        {"files": [{"path": "x", "size": 1, "object": "../x"}]},
        {"folders": ["/tmp"]},  # noqa: S108
        {"another": 1},
    ],
)
def test_a_manifest_that_is_none_is_refused(change: dict[str, Any]) -> None:
    whole = base(range(1, 3))
    assert Base.parse(whole.text(), "here") == whole
    with pytest.raises(KcError, match=r"^here "):
        Base.parse(json.dumps({**json.loads(whole.text()), **change}), "here")
    one = log(1, range(1, 3), range(3, 5))
    assert Log.parse(one.text(), "here") == one
    with pytest.raises(KcError, match=r"^here "):
        Log.parse(one.text().replace(OBJECT, "../x"), "here")
