"""An instance as it was at a second: which are seconds, and what is left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from kc.errors import KcError
from kc.mysql import snapshot
from kc.mysql.restore import second, work
from kc.sql.report import Report, outcome

ABOUT = {
    "DBInstanceIdentifier": "kc-lab-main",
    "DBInstanceStatus": "available",
    "DBInstanceClass": "db.r6g.large",
    "DBSubnetGroup": {"DBSubnetGroupName": "data"},
    "DBParameterGroups": [{"DBParameterGroupName": "own"}],
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}],
    "Endpoint": {"Address": "somewhere", "Port": 3306},
}


class Aws:
    """Instances by name."""

    def __init__(self) -> None:
        self.instances: dict[str, dict[str, Any]] = {"kc-lab-main": ABOUT}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def find(self, service: str, operation: str, /, **params: Any) -> dict[str, Any] | None:
        found = self.instances.get(params["DBInstanceIdentifier"])
        return {"DBInstances": [found]} if found else None

    def call(self, service: str, operation: str, /, **params: Any) -> None:
        self.calls.append((operation, params))
        if operation == "delete_db_instance":
            del self.instances[params["DBInstanceIdentifier"]]
        else:
            self.instances[params["TargetDBInstanceIdentifier"]] = {**ABOUT, "TagList": params["Tags"]}

    def wait(self, what: str, state: Any, *, until: set[str], **_: Any) -> None:
        assert state() in until


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    found = Aws()
    monkeypatch.setattr("kc.aws.session.Aws", lambda connection, region: found)
    return found


def restore(check: bool = False, **params: Any) -> dict[str, Any]:
    report = Report(check=check)
    given = {
        "rds": {"instance": "kc-lab-main", "region": "me-west-1"},
        "at": "2026-01-31T21:05:00Z",
        "snapshot": "",
        "name": "",
        "state": "present",
        "wait": 9,
    }
    return outcome(report, lambda: work({**given, **params}, report))


@pytest.mark.parametrize("text", ["2026-01-31T21:05:00Z", "2026-02-01T00:05:00+03:00", "2026-01-31 21:05:00+00:00"])
def test_a_second_is_told_with_its_zone(text: str) -> None:
    assert second(text) == datetime(2026, 1, 31, 21, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("yesterday", "no moment"),
        ("2026-01-31T21:05:00", "says no zone"),
        ("2026-01-31T21:05:00.5Z", "within a second"),
        ("2126-01-31T21:05:00Z", "still to come"),
    ],
)
def test_what_is_no_second_is_refused(text: str, says: str) -> None:
    with pytest.raises(KcError, match=says):
        second(text)


def test_it_is_made_beside_and_taken_away_again(aws: Aws) -> None:
    planned = restore(check=True)
    assert (planned["changed"], aws.calls, "address" in planned) == (True, [], False)
    done = restore()
    assert (done["instance"], done["address"], done["statements"]) == ("kc-lab-main-at-20260131-210500", "somewhere", planned["statements"])
    ((_, told),) = aws.calls
    assert (told["DBParameterGroupName"], told["VpcSecurityGroupIds"], told["PubliclyAccessible"]) == ("own", ["sg-1"], False)
    assert restore()["changed"] is False, "as a run does that comes after one that was killed"
    assert restore(at="2026-01-31T21:05:01Z", name=done["instance"])["failed"], "it is of another second"
    gone = [restore(state="absent", check=check)["changed"] for check in (True, False, False)]
    assert (gone, {*aws.instances}) == ([True, True, False], {"kc-lab-main"})


def test_nothing_else_is_taken_for_it(aws: Aws) -> None:
    for state in ("present", "absent"):
        assert "is there, and is not kc-lab-main as it was" in restore(name="kc-lab-main", state=state)["msg"]
    for options in ({"at": ""}, {"snapshot": "one"}):
        assert "one of `at` and `snapshot`" in restore(**options)["msg"].lower()
    assert "longer than 63" in restore(name="a" * 64)["msg"]
    assert "there is no instance gone in" in restore(rds={"instance": "gone", "region": "me-west-1"})["msg"]
    assert aws.calls == []


class Snapshots(Aws):
    """Snapshots too."""

    def __init__(self, *standing: tuple[str, str]) -> None:
        super().__init__()
        self.snapshots = {name: self.about(name, status) for name, status in standing}

    def about(self, name: str, status: str) -> dict[str, Any]:
        tags = [{"Key": "SnapshotOf", "Value": "kc-lab-main"}] if name.startswith("kc-lab-main") else []
        return {"DBSnapshotIdentifier": name, "Status": status, "TagList": tags}

    def pages(self, service: str, operation: str, key: str, **params: Any) -> list[dict[str, Any]]:
        return list(self.snapshots.values())

    def call(self, service: str, operation: str, /, **params: Any) -> None:
        self.calls.append((operation, params))
        name = params["DBSnapshotIdentifier"]
        if operation == "delete_db_snapshot":
            del self.snapshots[name]
        else:
            self.snapshots[name] = self.about(name, "creating")

    def wait(self, what: str, state: Any, *, until: set[str], **_: Any) -> None:
        for each in self.snapshots.values():
            each["Status"] = "available"
        assert state() in until


def take(monkeypatch: pytest.MonkeyPatch, aws: Snapshots, check: bool = False, **params: Any) -> dict[str, Any]:
    monkeypatch.setattr("kc.aws.session.Aws", lambda connection, region: aws)
    report = Report(check=check)
    given = {"rds": {"instance": "kc-lab-main", "region": "me-west-1"}, "state": "made", "keep": 2, "wait": 9}
    return outcome(report, lambda: snapshot.work({**given, **params}, report))


def test_as_many_snapshots_stay_as_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Snapshots(*((f"kc-lab-main-2026010{day}-010203", "available") for day in (1, 2)), ("somebody's", "available"))
    planned = take(monkeypatch, aws, check=True)
    assert (planned["changed"], aws.calls) == (True, [])
    done = take(monkeypatch, aws)
    assert done["gone"] == ["kc-lab-main-20260101-010203"]
    assert [operation for operation, _ in aws.calls] == ["create_db_snapshot", "delete_db_snapshot"]
    assert [each["name"] for each in done["snapshots"]] == ["kc-lab-main-20260102-010203", done["snapshot"]]
    assert "somebody's" in aws.snapshots
    assert take(monkeypatch, aws, state="listed")["changed"] is False
    assert "`keep` is 0" in take(monkeypatch, aws, keep=0)["msg"]


def test_a_snapshot_that_is_on_its_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Snapshots(("kc-lab-main-20260101-010203", "creating"))
    assert take(monkeypatch, aws)["snapshot"] == "kc-lab-main-20260101-010203"
    assert aws.calls == []
