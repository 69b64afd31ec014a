"""MySQL in two regions: what is wanted of each, and what a failover leaves to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc import limits
from kc.errors import KcError
from kc.model import Key, Live, Resource
from kc.names import RULES
from kc.plan import lookup_in, make_plan, ordered, resolve
from kc.scope import Scope
from kc.spec import COMMON, documentation, spec_of
from kc.units.mysql import UNIT, build, endpoint_name, instance_name

from tests.integration.platform import ROOT

HOME, OTHER = "me-west-1", "eu-central-1"
SCOPE = Scope("kc", "lab", "123456789012", HOME, "mysql")
DEFAULTS = {
    name: about.get("default")
    for name, about in spec_of(COMMON, documentation(ROOT / "library" / "kc_mysql.py")).items()
    if name != "scope"
}
MAIN = {"size": "db.r6g.2xlarge", "version": "8.4.7", "storage": 1000, "max_storage": 4000}


def wanted(primary: str = HOME, scope: Scope = SCOPE, main: dict[str, Any] | None = None, **options: Any) -> list[Resource]:
    """What the unit wants while `primary` is the primary region."""
    other = OTHER if primary == HOME else HOME
    params = {**DEFAULTS, "instances": {"main": {**MAIN, **(main or {})}}, "replica_region": other, **options}
    return list(build(replace(scope, region=primary), params))


def one(resources: Sequence[Resource], kind: str, region: str = HOME) -> Resource:
    (found,) = (each for each in resources if (each.kind.name, each.region) == (kind, region) and each.desired is not None)
    return found


def test_each_region_has_what_an_instance_stands_on() -> None:
    resources = wanted()
    made = sorted((each.region, each.kind.name, each.name) for each in resources if each.desired is not None)
    for region, kind in ((HOME, "db_instance"), (OTHER, "db_replica")):
        assert {each[1:] for each in made if each[0] == region} == {
            (kind, "kc-lab-main"),
            ("db_parameter_group", "kc-lab-main-mysql8-4"),
            ("db_subnet_group", "kc-lab-main"),
            ("log_group", "/aws/rds/instance/kc-lab-main/error"),
            ("log_group", "/aws/rds/instance/kc-lab-main/slowquery"),
            ("parameter", "/kc/lab/mysql/main/endpoint"),
        }
    looked_up = {(each.kind.name, each.name, each.region) for each in resources if each.desired is None}
    both = [("key", "kc-lab-data"), ("key", "kc-lab-logs"), ("tier", "data"), ("security_group", "kc-lab-data")]
    assert looked_up == {("secret", "kc/lab/mysql-admin", HOME)} | {(*each, region) for each in both for region in (HOME, OTHER)}


def test_an_instance_and_its_replica_differ_in_their_role_only() -> None:
    """Or a failover would leave something to put right that is not its affair."""
    resources = wanted(main={"replica_size": "db.r6g.xlarge"})
    source, replica = one(resources, "db_instance").desired, one(resources, "db_replica", OTHER).desired
    assert source and replica
    assert {name for name in source.keys() | replica.keys() if source.get(name) != replica.get(name)} == {
        "admin_secret",
        "class",
        "database",
        "multi_az",
        "source",
    }
    assert (source["class"], source["multi_az"], replica["class"], replica["multi_az"]) == ("db.r6g.2xlarge", True, "db.r6g.xlarge", False)
    assert one(resources, "db_parameter_group").desired == one(resources, "db_parameter_group", OTHER).desired


def test_nothing_is_public_and_all_is_encrypted_and_protected() -> None:
    for kind, region in (("db_instance", HOME), ("db_replica", OTHER)):
        about = one(wanted(), kind, region).desired
        assert about
        assert (about["public"], about["deletion_protection"], about["minor_upgrades"], about["copy_tags"]) == (False, True, False, True)
        assert (about["key"].name, about["key"].region, about["insights"]["key"]) == ("kc-lab-data", "", about["key"])
        assert about["backup_days"] >= 1, "a replica that is promoted has backups"
        assert about["monitoring"]["role"] == "arn:aws:iam::123456789012:role/kc/lab/kc-lab-rds-monitoring"


def test_which_region_takes_writes_is_not_the_inventorys() -> None:
    resources = wanted(primary=OTHER)
    assert one(resources, "db_replica", HOME).desired["source"].region == OTHER  # type: ignore[index]
    assert one(resources, "db_instance", OTHER).unless == (Key("db_replica", OTHER, "kc-lab-main"),)
    assert one(resources, "db_replica", HOME).unless == (Key("db_instance", HOME, "kc-lab-main"),)


def test_what_is_dedicated_to_a_client() -> None:
    scope = replace(SCOPE, client="acme")
    resources = wanted(scope=scope, main={"replica": False})
    assert {each.region for each in resources} == {HOME}
    assert one(resources, "db_instance").name == "kc-lab-acme-main"
    assert one(resources, "parameter").name == "/kc/lab/clients/acme/mysql/main/endpoint"
    assert {each.desired["tags"]["Client"] for each in resources if each.desired} == {"acme"}
    looked_up = {(each.kind.name, each.name, each.client) for each in resources if each.desired is None}
    assert looked_up == {
        ("key", "kc-lab-acme-data", "acme"),
        ("key", "kc-lab-acme-logs", "acme"),
        ("secret", "kc/lab/clients/acme/mysql-admin", "acme"),
        ("tier", "data", ""),
        ("security_group", "kc-lab-data", ""),
    }


def test_parameters_are_text_and_an_instances_own_come_on_top() -> None:
    resources = wanted(
        main={"parameters": {"max_connections": 500, "long_query_time": 0.5}},
        parameters={"performance_schema": True, "max_connections": 100},
    )
    assert one(resources, "db_parameter_group").desired["parameters"] == {  # type: ignore[index]
        "long_query_time": "0.5",
        "max_connections": "500",
        "performance_schema": "1",
    }


def test_without_instances_nothing_is_looked_up() -> None:
    assert wanted(instances={}) == []


@pytest.mark.parametrize(
    ("main", "options", "says"),
    [
        ({"size": "db.r6g.huge"}, {}, "`instances.main.size`: the RDS class family r6g has no size huge"),
        ({"replica_size": "r6g.large"}, {}, "`instances.main.replica_size`: r6g.large is no RDS instance class"),
        ({"version": "8.4"}, {}, "`instances.main.version`: 8.4 is not a whole version"),
        ({"storage": 10}, {}, "`instances.main.storage`: 10 GiB is no size of a volume"),
        ({"max_storage": 1050}, {}, "`instances.main.max_storage`: 1050 GiB is no room to grow from 1000"),
        ({"storage": 100, "max_storage": 200, "iops": 12000, "throughput": 500}, {}, "`instances.main.iops`: it can be set from 400 GiB"),
        ({"iops": 12000}, {}, "`instances.main.throughput`: it lacks beside `iops`"),
        ({"iops": 12000, "throughput": 3500}, {}, "`instances.main.throughput`: 3500 MiB/s need 14000 IOPS"),
        ({"backup_days": 0}, {}, "`instances.main.backup_days`: 0 is no choice: it takes 1 to 35"),
        ({"logs": ["error", "slow"]}, {}, "`instances.main.logs`: slow is no choice: it takes one of audit, error"),
        ({"insights_days": 30}, {}, "`instances.main.insights_days`: 30 is no choice"),
        ({"monitoring_seconds": 2}, {}, "`instances.main.monitoring_seconds`: 2 is no choice"),
        ({"apply": "tonight"}, {}, "`instances.main.apply`: tonight is no choice: it takes one of window, now"),
        ({"backup_window": "22-23"}, {}, "`instances.main.backup_window`: `22-23` is no window of a day"),
        ({"maintenance_window": "fri:22:10-fri:22:50"}, {}, "`instances.main.maintenance_window`: it overlaps the backup window"),
        ({"parameters": {"sql_mode": ["A"]}}, {}, "`instances.main.parameters.sql_mode` must be a text"),
        ({"class": "db.r6g.large"}, {}, "`instances.main` has no setting `class`"),
        ({}, {"replica_region": HOME}, "`replica_region` is me-west-1, the region itself"),
    ],
)
def test_mistakes_are_told_by_their_setting(main: dict[str, Any], options: dict[str, Any], says: str) -> None:
    with pytest.raises(KcError) as caught:
        wanted(main=main, **options)
    assert says in str(caught.value)


@given(st.from_regex(r"[a-z][a-z0-9]{0,80}", fullmatch=True), st.from_regex(r"[a-z]([a-z0-9]|-[a-z0-9]){0,80}", fullmatch=True))
def test_names_are_rds_names_however_long(platform: str, short: str) -> None:
    scope = replace(SCOPE, platform=platform)
    params = {**DEFAULTS, "instances": {short: MAIN}, "replica_region": OTHER}
    found = [each.name for each in build(scope, params) if each.kind.name.startswith("db_")]
    assert len(found) == 6 and all(len(name) <= RULES["db"].longest for name in found)
    assert len(set(found)) == 2, "instance and subnet group have one name, the parameter group has its own"
    assert instance_name(scope, short) in found and endpoint_name(scope, short).endswith("/endpoint")


# --- roles that swap -------------------------------------------------------------------------------------------

World = dict[Key, Live]


def world(resources: Sequence[Resource]) -> World:
    """What stands once everything wanted was made."""
    live: World = {}
    for each in ordered(resources):
        arn = f"arn:aws:rds:{each.region}:123456789012:db:{each.name}"
        outputs = {"id": each.name, "arn": arn, "address": f"{each.name}.{each.region}", "subnets": ["s1"]}
        live[each.key] = Live(dict(resolve(each.desired or {}, lookup_in(each, live, set()))), outputs)
    return live


def moved(live: World, old: Key, new: Key, **attrs: Any) -> World:
    """What stands when one instance has become another: promoted, or renamed."""
    rest = {key: each for key, each in live.items() if key != old}
    about = {name: value for name, value in {**live[old].attrs, **attrs}.items() if value is not None}
    outputs = {**live[old].outputs, "id": new.name, "arn": f"arn:aws:rds:{new.region}:123456789012:db:{new.name}"}
    return {**rest, new: Live(about, outputs)}


def instance(region: str, name: str = "kc-lab-main") -> Key:
    return Key("db_instance", region, name)


def replica(region: str) -> Key:
    return Key("db_replica", region, "kc-lab-main")


def failed_over(live: World) -> World:
    """The replica is promoted; what was the source still stands, fenced off."""
    return moved(live, replica(OTHER), instance(OTHER), source=None)


def fenced(live: World) -> World:
    """The old source has got another name, so that its successor can have it."""
    return moved(live, instance(HOME), instance(HOME, "kc-lab-main-fenced-1"))


def lost(live: World) -> World:
    """The old source is gone."""
    return {key: each for key, each in live.items() if key != instance(HOME)}


def planned(live: World, primary: str, **main: Any) -> tuple[list[str], list[str]]:
    plan, kept = make_plan(wanted(primary, main=main), live, UNIT.kinds)
    return [change.line for change in plan], [f"{key.kind} {key.name} ({key.region})" for key in kept]


REVERSE = ["create db_replica kc-lab-main (me-west-1)", "update parameter /kc/lab/mysql/main/endpoint (me-west-1)"]
"""A replica's address is known once it stands."""
OLD = "db_instance kc-lab-main (me-west-1)"


@pytest.mark.parametrize(
    ("happened", "primary", "plan", "kept"),
    [
        ([], HOME, [], []),
        # the flag is turned at the end of a failover: until then, and where it stays unfinished, nothing is turned
        ([failed_over], HOME, [], ["db_instance kc-lab-main (eu-central-1)"]),
        ([], OTHER, [], ["db_replica kc-lab-main (eu-central-1)", OLD]),
        # after it: the old source is left alone until failback has named it otherwise
        ([failed_over], OTHER, [], [OLD]),
        ([failed_over, fenced], OTHER, REVERSE, ["db_instance kc-lab-main-fenced-1 (me-west-1)"]),
        ([failed_over, lost], OTHER, REVERSE, []),
    ],
)
def test_no_role_is_ever_moved_back(happened: list[Callable[[World], World]], primary: str, plan: list[str], kept: list[str]) -> None:
    live = world(wanted(HOME, main={"multi_az": False}))
    for step in happened:
        live = step(live)
    assert planned(live, primary, multi_az=False) == (plan, kept)


def test_the_reverse_replica_follows_the_promoted_instance() -> None:
    live = fenced(failed_over(world(wanted(HOME, main={"multi_az": False}))))
    resources = wanted(OTHER, main={"multi_az": False})
    (change, _), _ = make_plan(resources, live, UNIT.kinds)
    assert change.after and change.after["source"] == f"arn:aws:rds:{OTHER}:123456789012:db:kc-lab-main"


def test_sizes_follow_the_roles() -> None:
    small = {"replica_size": "db.r6g.xlarge"}
    live = failed_over(world(wanted(HOME, main=small)))
    plan, _ = make_plan(wanted(OTHER, main=small), live, UNIT.kinds)
    (change,) = plan
    assert (change.line, change.after) == (
        "update db_instance kc-lab-main (eu-central-1)",
        {"class": "db.r6g.2xlarge", "multi_az": True},
    )


def test_failback_ends_where_it_began() -> None:
    live = world(wanted(OTHER))
    live = moved(live, replica(HOME), instance(HOME), source=None, multi_az=True)
    live = moved(live, instance(OTHER), replica(OTHER), source=f"arn:aws:rds:{HOME}:123456789012:db:kc-lab-main", multi_az=False)
    assert planned(live, HOME) == ([], [])


def test_a_replica_of_something_else_is_refused() -> None:
    live = world(wanted())
    live[replica(OTHER)].attrs["source"] = "arn:aws:rds:me-west-1:123456789012:db:another"
    with pytest.raises(KcError, match="`source` is 'arn:aws:rds:me-west-1:123456789012:db:another'"):
        planned(live, HOME)


# --- storage and versions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stands", "most", "now", "plan"),
    [
        (1000, 4000, {}, []),
        # it has grown by itself
        (1500, 4000, {}, []),
        (4000, 4000, {}, []),
        (500, 4000, {}, ["storage"]),
        (1000, 2000, {}, ["max_storage"]),
        (1000, 0, {}, ["max_storage"]),
        (1000, 4000, {"storage": 2000}, ["storage"]),
    ],
)
def test_storage_grows(stands: int, most: int, now: dict[str, Any], plan: list[str]) -> None:
    live = world(wanted())
    live[instance(HOME)].attrs |= {"storage": stands, "max_storage": most}
    live[replica(OTHER)].attrs |= {"storage": 4000}
    changes, _ = make_plan(wanted(main=now), live, UNIT.kinds)
    assert [sorted(change.after or {}) for change in changes] == ([plan] if plan else [])


@pytest.mark.parametrize(
    ("stands", "now", "says"),
    [
        ({"storage": 4500}, {}, "`storage` is 4500 GiB, the inventory allows 4000, and RDS can't shrink it. Write 4500 or more"),
        ({"storage": 1000}, {"storage": 500, "max_storage": None}, "`storage` is 1000 GiB, the inventory allows 500"),
        ({"engine_version": "8.0.40"}, {}, "`engine_version` is 8.0.40, the inventory wants 8.4.7: another major version"),
        ({"engine": "mariadb"}, {}, "`engine` is 'mariadb'"),
        ({"key": ""}, {}, "`key` is ''"),
        ({"subnet_group": "other"}, {}, "`subnet_group` is 'other'"),
    ],
)
def test_what_rds_can_not_do_is_refused_before_anything_is_touched(stands: dict[str, Any], now: dict[str, Any], says: str) -> None:
    live = world(wanted())
    live[instance(HOME)].attrs |= stands
    with pytest.raises(KcError) as caught:
        planned(live, HOME, **now)
    assert says in str(caught.value)
    assert "db_instance kc-lab-main (me-west-1)" in str(caught.value)


@pytest.mark.parametrize(
    ("backup", "maintenance", "wrong"),
    [
        ("22:00-22:30", "fri:23:00-fri:23:30", ""),
        ("23:45-00:15", "sun:00:15-sun:00:45", ""),
        ("22:00-22:30", "sun:23:45-mon:00:15", ""),
        ("23:45-00:15", "sun:23:30-mon:00:00", "maintenance_window"),
        ("00:00-00:30", "sun:23:45-mon:00:15", "maintenance_window"),
        ("22:00-22:20", "fri:23:00-fri:23:30", "backup_window"),
        ("22:00-22:30", "fri:23:00-sat:23:30", "maintenance_window"),
        ("22:00-22:30", "Fri:23:00-Fri:23:30", "maintenance_window"),
        ("24:00-24:30", "fri:23:00-fri:23:30", "backup_window"),
    ],
)
def test_windows(backup: str, maintenance: str, wrong: str) -> None:
    found = limits.rds_windows(backup, maintenance)
    assert (found[0] if found else "") == wrong


@pytest.mark.parametrize("primary", [HOME, OTHER])
def test_an_instance_without_a_replica_stays_in_its_home_region(primary: str) -> None:
    resources = wanted(primary, main={"replica": False}, home_region=HOME)
    assert {each.region for each in resources} == {HOME}, "what it stands on is looked up there too"
    assert one(resources, "db_instance").name == "kc-lab-main"
    both = wanted(primary, home_region=HOME)
    assert one(both, "db_instance", primary).name == one(both, "db_replica", OTHER if primary == HOME else HOME).name
