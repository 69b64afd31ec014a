"""Applications: what the inventory may say of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kc.applications import Capacity, Count, Health, applications
from kc.errors import KcError

ROOT = Path(__file__).parents[2]

SMALL: dict[str, Any] = {"cpu": 256, "memory": 512, "role": "app", "count": {"min": 1, "max": 2, "warm": 0}}
WEB: dict[str, Any] = {**SMALL, "port": 8080, "hosts": ["app"], "priority": 1, "health": {"path": "/healthz"}}


def test_what_is_left_out_has_its_default() -> None:
    web = applications({"web": WEB})["web"]
    assert (web.architecture, web.execution_role, web.user) == ("arm64", "task-execution", "10001:10001")
    assert web.counts == Count(min=1, max=2, warm=0)
    assert web.healthy == Health(path="/healthz")
    assert web.placed == Capacity(base=0, on_demand=1, spot=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "`applications.web` has no setting `colour`"),
        ({"cpu": 300}, "Fargate has no size of 300 CPU units"),
        ({"memory": 8192}, "Fargate gives 256 CPU units no 8192 MiB"),
        ({"count": {"min": 1, "max": 2}}, "`applications.web.count` lacks the setting `warm`"),
        ({"count": {"min": 3, "max": 2, "warm": 0}}, "`applications.web.count` is 3 (warm 0) to 2"),
        ({"count": {"min": 1, "max": 2, "warm": 3}}, "`applications.web.count` is 1 (warm 3) to 2"),
        ({"architecture": "mips"}, "`applications.web.architecture` is `mips`"),
        ({"user": "0"}, "`applications.web.user` is `0`"),
        ({"user": "root"}, "`applications.web.user` is `root`"),
        ({"user": "0:10001"}, "`applications.web.user` is `0:10001`"),
        ({"hosts": []}, "has only some of port, hosts and priority"),
        ({"priority": 0}, "has only some of port, hosts and priority"),
        ({"health": {}}, "`applications.web.health` has no path"),
        ({"health": {"path": 1}}, "`applications.web.health.path` must be a text"),
        ({"scaling": {"cpu": "much"}}, "`applications.web.scaling.cpu` must be a whole number"),
        ({"capacity": {"spots": 1}}, "`applications.web.capacity` has no setting `spots`"),
        ({"capacity": {"on_demand": 0}}, "`applications.web.capacity` has no weight"),
        ({"capacity": {"base": -1}}, "`applications.web.capacity.base`: AWS takes 0 to 100000, not -1"),
        ({"stop": 121}, "`applications.web.stop`: AWS takes 2 to 120, not 121"),
        ({"health": {"path": "/", "grace": 301}}, "`applications.web.health.grace`: AWS takes 0 to 300, not 301"),
        ({"health": {"path": "/", "interval": 4}}, "`applications.web.health.interval`: AWS takes 5 to 300, not 4"),
        ({"scaling": {"schedules": {"x": {"at": "cron(0 6 * * *)", "min": 1}}}}, "`applications.web.scaling.schedules.x.at` is"),
        ({"scaling": {"schedules": {"x": {"at": "cron(0 6 * * ? *)", "min": 3}}}}, "`applications.web.scaling.schedules.x.min` is 3"),
        ({"scaling": {"schedules": {"X y": {"at": "rate(1 day)", "min": 1}}}}, "`applications.web.scaling.schedules.X y` is no name"),
        (
            {"scaling": {"schedules": {"x": {"at": "rate(1 day)", "min": 1, "timezone": "Riyadh"}}}},
            "`applications.web.scaling.schedules.x.timezone` is `Riyadh`",
        ),
        ({"environment": {"A": "1"}, "secrets": {"A": "s"}}, "`applications.web.secrets.A` is in `environment` too"),
        ({"secrets": {"A": "s"}, "parameters": {"A": "p"}}, "`applications.web.parameters.A` is in `secrets` too"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        applications({"web": {**WEB, **change}})
    assert message in str(caught.value)


def test_requests_are_counted_only_where_they_are_taken() -> None:
    with pytest.raises(KcError, match=r"`applications\.job\.scaling\.requests` is for what takes requests"):
        applications({"job": {**SMALL, "scaling": {"requests": 1}}})


def test_no_two_rules_have_one_place() -> None:
    with pytest.raises(KcError) as caught:
        applications({"web": WEB, "api": {**WEB, "hosts": ["api"]}})
    assert "`applications.web.priority` is 1, and so is that of api" in str(caught.value)


def test_the_reference_inventory_is_right() -> None:
    given = yaml.safe_load((ROOT / "inventories/common/all/applications.yml").read_text())["kc_applications"]
    assert list(applications(given)) == ["media-server", "media-worker", "php-api", "react-spa", "reporting", "sentinel", "svelte-spa"]
