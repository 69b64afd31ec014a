"""The modules as Ansible runs them: packed, with their options checked, and with the password in nothing that is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lab.settings import ROOT
from tests.clickhouse.reporting import DATABASE, EVENTS
from tests.clickhouse.world import CLUSTER, PASSWORD, USER, World
from tests.play import play


def test_the_inventory_s_tables_are_made_by_its_task(world: World, tmp_path: Path) -> None:
    inventory = yaml.safe_load((ROOT / "inventories/common/clickhouse.yml").read_text())
    given = {
        "clickhouse_replicas": [{"host": world.nodes[0], "replica": "elsewhere"}, {"host": world.nodes[1], "replica": "localhost"}],
        "clickhouse_administrator": {"username": USER, "password": PASSWORD},
        "clickhouse_cluster": CLUSTER,
        "clickhouse_database": inventory["clickhouse_database"],
        "clickhouse_tables": inventory["clickhouse_tables"],
    }
    task = {"ansible.builtin.import_tasks": str(ROOT / "playbooks/tasks/clickhouse_database.yml")}
    tasks = [
        {"ansible.builtin.set_fact": given, "no_log": True},
        {**task, "module_defaults": {"kc_clickhouse_database": {"ca": world.options["ca"]}}},
    ]
    for changes in (1, 0):
        done = play(tmp_path, tasks, "--diff")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"ok=2    changed={changes} " in done.stdout
        assert ("+`learners` AggregateFunction(uniq, String)" in done.stdout) is bool(changes)
    with world.replicas[0].server() as server:
        assert server.rows("SELECT name FROM system.tables WHERE database = 'reporting' ORDER BY name") == [
            ("daily",),
            ("events",),
            ("incoming",),
            ("incoming_to_daily",),
            ("incoming_to_events",),
        ]
    # a plan leaves a server alone that is only planned
    tasks[0]["ansible.builtin.set_fact"] = {**given, "clickhouse_server": {"done": ["start"]}, "clickhouse_database": "other"}
    assert "changed=0 " in play(tmp_path, tasks, "--check").stdout


def test_what_is_not_ready_is_said_in_a_sentence(world: World, tmp_path: Path) -> None:
    account = {"secrets": {"clickhouse-admin": {"username": USER, "password": PASSWORD}}}
    task = {
        "ansible.builtin.import_tasks": str(ROOT / "playbooks/tasks/clickhouse_ready.yml"),
        "module_defaults": {"kc_clickhouse_info": {"ca": world.options["ca"]}},
    }
    for asked, said in ((world.nodes, ""), ([*world.nodes, "localhost:1"], "Action failed: localhost:1: it does not listen")):
        given = {"clickhouse_asked": asked, "node_secrets": account, "ready_wait": 0}
        done = play(tmp_path, [{"ansible.builtin.set_fact": given, "no_log": True}, task])
        assert (done.returncode == 0) is not bool(said), done.stdout + done.stderr
        assert said in done.stdout + done.stderr


def given(options: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in options.items() if each is not None}


def test_modules_run_under_ansible(world: World, tmp_path: Path) -> None:
    common = {key: each for key, each in world.options.items() if key != "port"}
    tasks = [{"kc_clickhouse_database": {**common, **given(DATABASE)}}]
    tasks += [{"kc_clickhouse_table": {**common, **given(EVENTS)}}]
    for args, changes in ((("--check", "--diff"), 2), (("--diff",), 2), ((), 0)):
        done = play(tmp_path, tasks, *args)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"ok=2    changed={changes} " in done.stdout
        assert PASSWORD not in done.stdout + done.stderr
        assert json.dumps(PASSWORD)[1:-1] not in done.stdout + done.stderr
        assert ("+`course` UInt32" in done.stdout) is bool(changes)


def test_an_error_is_one_line(world: World, tmp_path: Path) -> None:
    wrong = "another-password-of-somebody"
    done = play(tmp_path, [{"kc_clickhouse_database": {**world.options, "password": wrong, "name": "x"}}])
    assert done.returncode == 2
    assert "Wrong password for user operator" in done.stdout
    assert wrong not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    done = play(tmp_path, [{"kc_clickhouse_table": {**world.options, "database": "x", "name": "y", "columns": [{"name": "a"}]}}])
    assert "missing required arguments: type found in columns" in done.stdout
