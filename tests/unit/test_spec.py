"""A module's documentation is its argument spec."""

from __future__ import annotations

from pathlib import Path

import pytest
from kc.errors import KcError
from kc.mysql.options import RDS
from kc.spec import COMMON, arguments, documentation, spec_of

DOCUMENTATION = """
options:
  name: {description: A name., type: str, required: true}
  sizes: {description: Sizes., type: list, elements: int, default: [1]}
  how: {description: How., type: str, choices: [a, b]}
  more:
    description: More.
    type: dict
    suboptions:
      secret_access_key: {description: A secret., type: str}
"""


def test_options_become_arguments_without_their_words() -> None:
    assert spec_of(DOCUMENTATION) == {
        "name": {"type": "str", "required": True},
        "sizes": {"type": "list", "elements": "int", "default": [1]},
        "how": {"type": "str", "choices": ["a", "b"]},
        "more": {"type": "dict", "options": {"secret_access_key": {"type": "str", "no_log": True}}},
    }


def test_what_describes_a_unit_is_required_only_where_it_is_to_be_present() -> None:
    found = arguments(DOCUMENTATION)
    assert found["required_if"] == [("state", "present", ["name"])]
    assert "required" not in found["argument_spec"]["name"]
    assert found["argument_spec"]["scope"]["required"] is True
    assert arguments("options: {}")["required_if"] == []


def test_the_key_s_secret_is_hidden_in_modules_of_rds_too() -> None:
    aws = spec_of(RDS)["rds"]["options"]["aws"]["options"]
    assert aws == spec_of(COMMON)["scope"]["options"]["aws"]["options"]
    assert aws["secret_access_key"]["no_log"] is True


def test_a_number_of_days_is_no_password() -> None:
    assert spec_of("options: {password_days: {description: Days., type: int}}") == {"password_days": {"type": "int", "no_log": False}}


def test_the_only_secret_of_every_unit_is_hidden() -> None:
    aws = spec_of(COMMON)["scope"]["options"]["aws"]["options"]
    assert {name for name, spec in aws.items() if spec.get("no_log")} == {"secret_access_key"}


def test_documentation_is_read_without_running_the_module(tmp_path: Path) -> None:
    module = tmp_path / "kc_x.py"
    module.write_text("raise SystemExit\nDOCUMENTATION = 'options: {}'\n")
    assert documentation(module) == "options: {}"
    module.write_text("X = 1\n")
    with pytest.raises(KcError, match=r"kc_x.py has no DOCUMENTATION"):
        documentation(module)
