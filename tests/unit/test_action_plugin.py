"""The action plugin runs a unit in Ansible's process as the module would."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar

from tests.loading import loaded

ROOT = Path(__file__).parents[2]
SCOPE = {"platform": "kc", "environment": "lab", "account": "123456789012", "region": "me-west-1"}
Act = Callable[..., dict[str, Any]]


@pytest.fixture
def plugin() -> ModuleType:
    """The action of the unit `parameters`, loaded as Ansible loads it: by its file's name."""
    return loaded("plugins/action/kc_parameters.py")  # type: ignore[no-any-return]


@pytest.fixture
def seen(plugin: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the unit was run with; it runs nothing and plans one change."""
    calls: list[dict[str, Any]] = []

    def run(unit: Any, params: Any, *, check: bool, progress: Any) -> dict[str, Any]:
        calls.append({"unit": unit.name, "params": params, "check": check})
        progress("create parameter x")
        return {"changed": True, "plan": [{"action": "create"}]}

    monkeypatch.setattr(plugin, "run", run)
    return calls


@pytest.fixture
def act(plugin: ModuleType) -> Act:
    def go(args: dict[str, Any], check: bool = False, background: int = 0, **variables: Any) -> dict[str, Any]:
        task = Task()
        task.args = args
        task.check_mode = check
        task.async_val, task.poll = background, 0
        task.action = "kc_parameters"
        templar = Templar(loader=DataLoader())
        action = plugin.ActionModule(task, MagicMock(), MagicMock(), DataLoader(), templar, None)
        result: dict[str, Any] = action.run(task_vars={"inventory_hostname": "me-west-1", **variables})
        return result

    return go


def test_the_unit_is_run_with_checked_options_and_their_defaults(act: Act, seen: list[dict[str, Any]]) -> None:
    act({"scope": SCOPE, "values": {"a": "1"}})
    (call,) = seen
    assert (call["unit"], call["check"]) == ("parameters", False)
    assert call["params"]["values"] == {"a": "1"}
    assert (call["params"]["state"], call["params"]["data"]) == ("present", "keep")
    assert type(call["params"]["scope"]) is dict and type(call["params"]["scope"]["region"]) is str


def test_check_mode_is_passed_on(act: Act, seen: list[dict[str, Any]]) -> None:
    act({"scope": SCOPE}, check=True)
    assert seen[0]["check"] is True


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({}, "missing required arguments: scope"),
        ({"scope": SCOPE, "state": "gone"}, "value of state must be one of"),
        ({"scope": SCOPE, "value": {}}, "Unsupported parameters"),
        ({"scope": {**SCOPE, "regoin": "x"}}, "regoin"),
        ({"scope": {k: v for k, v in SCOPE.items() if k != "region"}}, "region"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_run(act: Act, seen: list[dict[str, Any]], args: dict[str, Any], text: str) -> None:
    with pytest.raises(Exception, match=text):
        act(args)
    assert seen == []


def test_plans_are_gathered_by_unit_and_region_for_the_end_of_the_play(act: Act, seen: list[dict[str, Any]]) -> None:
    result = act(
        {"scope": SCOPE}, ansible_facts={"kc_plans": {"network": {"eu-west-1": []}, "parameters": {"me-west-1": [1], "eu-west-1": [2]}}}
    )
    plans = result["ansible_facts"]["kc_plans"]
    assert plans == {"network": {"eu-west-1": []}, "parameters": {"me-west-1": [{"action": "create"}], "eu-west-1": [2]}}
    assert result["changed"] is True


def test_the_module_can_be_run_instead(act: Act, seen: list[dict[str, Any]], plugin: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin.ActionModule, "_execute_module", lambda self, **options: {"changed": False})
    result = act({"scope": SCOPE}, kc_in_process=False)
    assert seen == [] and result == {"changed": False, "ansible_facts": {"kc_plans": {"parameters": {"me-west-1": []}}}}


@pytest.fixture
def begun(plugin: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names of the jobs that were begun; none works."""
    names: list[str] = []

    def begin(directory: Path, name: str, work: Any) -> Path:
        names.append(name)
        return tmp_path / f"{name}.0"

    monkeypatch.setattr(plugin.jobs, "begin", begin)
    monkeypatch.setattr(plugin.ActionModule, "get_shell_option", lambda self, option, default: default)
    return names


def test_a_task_that_is_not_waited_for_begins_a_job(act: Act, seen: list[dict[str, Any]], begun: list[str]) -> None:
    result = act({"scope": {**SCOPE, "client": "acme"}}, background=600)
    assert begun == ["kc-parameters-kc-lab-acme-me-west-1"] and seen == []
    assert (result["changed"], result["unit"], result["limit"], result["finished"]) == (False, "parameters", 600, 0)
    assert result["results_file"].endswith(result["ansible_job_id"])
    assert "plan" not in result, "it is counted once, when it is waited for"


def test_a_unit_of_several_regions_has_one_turn_wherever_it_begins(
    act: Act, begun: list[str], plugin: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = dataclasses.replace(plugin.UNIT, regions=lambda scope, params: ["me-west-1", "eu-central-1"])
    monkeypatch.setattr(plugin, "UNIT", both)
    act({"scope": SCOPE}, background=600)
    act({"scope": {**SCOPE, "region": "eu-central-1"}}, background=600)
    assert begun == ["kc-parameters-kc-lab", "kc-parameters-kc-lab"]


@pytest.mark.parametrize(("check", "variables"), [(True, {}), (False, {"kc_in_process": False})])
def test_check_mode_and_modules_work_at_once(
    act: Act, seen: list[dict[str, Any]], begun: list[str], plugin: ModuleType, monkeypatch: pytest.MonkeyPatch, check: bool, variables: Any
) -> None:
    monkeypatch.setattr(plugin.ActionModule, "_execute_module", lambda self, **options: {"changed": False, "async": self._task.async_val})
    result = act({"scope": SCOPE}, check=check, background=600, **variables)
    assert begun == []
    assert (len(seen), result.get("async")) == ((1, None) if check else (0, 0))


def test_a_wrong_option_is_refused_before_a_job_begins(act: Act, begun: list[str]) -> None:
    with pytest.raises(Exception, match="Unsupported parameters"):
        act({"scope": SCOPE, "value": {}}, background=600)
    assert begun == []


@pytest.mark.parametrize("link", sorted(path.name for path in (ROOT / "library").glob("kc_*.py")))
def test_every_unit_has_its_action(link: str) -> None:
    unit = (ROOT / "module_utils" / "kc" / "units" / link.removeprefix("kc_")).exists()
    assert not unit or (ROOT / "plugins" / "action" / link).resolve().name == "kc_unit.py"
