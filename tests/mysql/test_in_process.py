"""What Ansible does inside its own process is what the module does, on real servers."""

from __future__ import annotations

from typing import Any

from kc.mysql import info
from kc.mysql.connection import Server

from tests.actions import act
from tests.mysql.world import World


def test_a_replica_is_asked_and_promoted(world: World, pair: list[Server], go: Any) -> None:
    first, second = world.servers
    told = act("kc_mysql_info", **world.options, host=second.host, source=first.host)
    asked = {"source": first.host, "expected_source": "", "heartbeat": "kc", "max_lag": 10, "wait": 0}
    module = go(info.work, host=second.host, **asked)
    assert (told["role"], told["ready"], {*told}) == ("replica", True, {*module})
    uuid = told["server"]["channels"][0]["source_uuid"]
    pair[0].run("SET GLOBAL super_read_only = ON")
    done = act("kc_mysql_promotion", **world.options, host=second.host, source=first.host, expected_source=uuid, mode="planned")
    assert (done["changed"], done["lost_count"], done["resumed"]) == (True, 0, False)
    assert not pair[1].one("SELECT @@read_only")
