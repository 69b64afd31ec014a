"""Who asks what has changed learns it, also of an AWS that was started anew."""

from __future__ import annotations

from lab.changes import ANOTHER, Changes


def test_what_changed_since_is_named_once() -> None:
    changes = Changes()
    version = changes.wait(-1, 0)["version"]
    assert changes.wait(version, 0) == {"version": version, "services": []}
    changes.note("ecs")
    changes.note("ec2")
    changes.note("ecs")
    assert changes.wait(version, 0) == {"version": version + 3, "services": ["ec2", "ecs"]}
    assert changes.wait(version + 2, 0)["services"] == ["ecs"]


def test_who_knows_no_version_is_told_that_all_may_be_new() -> None:
    assert Changes().wait(-1, 0)["services"] == [ANOTHER]


def test_another_servers_version_is_known_as_such_however_much_either_did() -> None:
    earlier, later = Changes(), Changes()
    later._began = later._version = earlier._version + 10
    for _ in range(5):
        earlier.note("ecs")
    for _ in range(50):
        later.note("rds")
    assert later.wait(earlier.wait(-1, 0)["version"], 20)["services"] == [ANOTHER]
    assert earlier.wait(later.wait(-1, 0)["version"], 0)["services"] == [ANOTHER]
