"""MySQL modules that work inside Ansible's own process: with the module's options, and its answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from kc.spec import documentation

from tests.actions import act
from tests.loading import loaded

ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / "plugins" / "action"
LINKS = sorted(path.stem for path in ACTIONS.glob("kc_mysql_*.py") if path.is_symlink() and path.readlink().name == "kc_mysql_act.py")


def test_those_that_are_linked_are_those_that_it_knows() -> None:
    assert sorted(loaded("plugins/action/kc_mysql_act.py").MORE) == LINKS


@pytest.mark.parametrize("name", LINKS)
def test_options_are_the_modules(name: str) -> None:
    about = yaml.safe_load(documentation(ROOT / "library" / f"{name}.py"))
    spec = loaded(f"plugins/action/{name}.py").SPEC
    own = {*about["options"]} | {"host", "port", "ca", "via", "user", "password"}
    assert own <= {*spec} and ("rds" in spec) is any("rds" in each for each in about["extends_documentation_fragment"])
    assert spec["password"]["no_log"]


def test_an_error_is_the_modules_answer(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    answer = act("kc_mysql_info", host="localhost", user="admin", password="not-shown", ca=str(tmp_path / "ca.pem"), timeout=1)
    assert answer["failed"] and "holds no certificate" in answer["msg"] and answer["errors"] and answer["applied"] == []
    assert "not-shown" not in str(answer)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(AnsibleError, match="missing required arguments: host"):
        act("kc_mysql_info", hots="localhost", user="admin", password="not-shown")
