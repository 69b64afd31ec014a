"""Argument specs from a module's documentation, so that an option is described once."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .errors import KcError

AWS = """\
aws:
  description: How to reach AWS; what is left out is botocore's own chain (environment, profile, instance role).
  type: dict
  default: {}
  suboptions:
    endpoint_url:
      description: Where all AWS APIs answer, instead of AWS's own addresses.
      type: str
    profile:
      description: A profile of the AWS configuration file.
      type: str
    access_key_id:
      description: Access key, where no profile and no role gives one.
      type: str
    secret_access_key:
      description: The key's secret.
      type: str
    connect_timeout:
      description: Seconds to wait for a connection.
      type: float
    read_timeout:
      description: Seconds to wait for an answer.
      type: float
    attempts:
      description: Tries of a call that is safe to repeat.
      type: int
"""
"""The option `aws`, not indented: how a module reaches AWS, its secret among it."""

COMMON = (
    r"""
options:
  scope:
    description: Whose resources these are and where; the inventory's C(kc_scope).
    type: dict
    required: true
    suboptions:
      platform:
        description: Short name of the platform; the beginning of every name and the tag C(Platform).
        type: str
        required: true
      environment:
        description: The tag C(Environment) and the second part of every name.
        type: str
        required: true
      account:
        description: AWS account id, 12 digits.
        type: str
        required: true
      region:
        description: Region code.
        type: str
        required: true
      client:
        description: The special client that all of it is dedicated to.
        type: str
      tags:
        description: Tags that everything gets on top of the toolkit's own.
        type: dict
        default: {}
"""
    + textwrap.indent(AWS, 6 * " ")
    + r"""  state:
    description: C(absent) deletes everything of the unit, in reverse order.
    type: str
    choices: [present, absent]
    default: present
  data:
    description: Whether C(absent), or a resource that the inventory no longer names, may delete what holds data.
    type: str
    choices: [keep, delete]
    default: keep
"""
)

SECRET = {"secret_access_key", "rendered", "private_key", "account_password"}
"""Options whose value is never shown."""
OPEN = {"password_days"}
"""Options whose value is no secret, though Ansible would warn of their name."""


def documentation(module: Path) -> str:
    """Return the `DOCUMENTATION` of a module's file, without running it."""
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            return str(ast.literal_eval(node.value))
    raise KcError(f"{module.name} has no DOCUMENTATION")


def spec_of(*documentation: str) -> dict[str, dict[str, Any]]:
    """Return the argument spec that documentations (YAML, as in `DOCUMENTATION`) describe together."""
    result: dict[str, dict[str, Any]] = {}
    for text in documentation:
        about = yaml.load(text, Loader=_LOADER)  # noqa: S506 (a safe loader)
        result.update(_options(about.get("options") or {}))
    return result


def arguments(documentation: str) -> dict[str, Any]:
    """Return a unit's options as Ansible takes them: `argument_spec` and `required_if`.

    An option of the unit that is required is so for `state: present` only: what is taken away needs no description.
    """
    own = spec_of(documentation)
    required = [name for name, spec in own.items() if spec.pop("required", False)]
    return {"argument_spec": {**spec_of(COMMON), **own}, "required_if": [("state", "present", required)] if required else []}


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _options(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    result = {}
    for name, about in options.items():
        spec = {key: about[key] for key in ("type", "required", "default", "choices", "elements") if key in about}
        if name in SECRET:
            spec["no_log"] = True
        elif name in OPEN:
            spec["no_log"] = False
        if "suboptions" in about:
            spec["options"] = _options(about["suboptions"])
        result[name] = spec
    return result
