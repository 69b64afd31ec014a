"""Secrets as playbooks read them, and that nothing of them is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.playbooks import Run

HOME, OTHER = "me-west-1", "eu-central-1"
ADMIN, ACME, KEY = "pw-Zk81vQ_main.opens~nothing", "pw-b7Ty~acme-opens.nothing", "key-9f.Xr2~opens-nothing"

PLAY = """
- name: Nodes | configuration
  hosts: {hosts}
  gather_facts: false
  tasks:
    - name: Secrets
      kc_secret_values:
        scope: "{{{{ hostvars[kc_home].kc_scope | combine({scope}) }}}}"
        regions: [{regions}]
        secrets: [clickhouse-admin]
        shared: [{shared}]
      run_once: true
      register: known

    - name: They are what they are
      ansible.builtin.assert:
        that: "{{{{ {that} }}}}"
        quiet: true

    - name: A module whose option is secret gets one
      kc_primary:
        scope: "{{{{ hostvars[kc_home].kc_scope
          | combine({{'aws': hostvars[kc_home].kc_scope.aws | combine({{'secret_access_key': known.secrets['clickhouse-admin'].password}})}}) }}}}"
        regions: "{{{{ groups['regions'] }}}}"
        home: "{{{{ kc_home }}}}"
"""


@pytest.fixture
def secrets(client: Callable[..., Any]) -> Callable[[str], None]:
    """Return a function that makes the secrets that the plays read, in a region."""

    def make(region: str) -> None:
        manager = client("secretsmanager", region)
        for name, value in {
            "kc/lab/clickhouse-admin": {"username": "operator", "password": ADMIN},
            "kc/lab/clients/acme/clickhouse-admin": {"username": "operator", "password": ACME},
            "kc/lab/authority": {"certificate": "c", "private_key": KEY},
        }.items():
            manager.create_secret(Name=name, SecretString=json.dumps(value))

    return make


@pytest.fixture
def read(play: Callable[..., Run], tmp_path: Path) -> Callable[..., Run]:
    """Return a function that runs a play that reads secrets, with options of `ansible-playbook`."""

    def go(that: str, *options: str, scope: str = "{}", shared: str = "", regions: str = f"{HOME}, {OTHER}") -> Run:
        file = tmp_path / "read.yml"
        file.write_text(PLAY.format(hosts="regions", scope=scope, that=that, shared=shared, regions=regions))
        return play(str(file), *options)

    return go


IS_ADMIN = f"known.secrets['clickhouse-admin'] == {{'username': 'operator', 'password': '{ADMIN[:3]}' ~ '{ADMIN[3:]}'}}"


@pytest.mark.parametrize("region", [HOME, OTHER])
def test_what_they_hold_reaches_every_host_and_is_never_shown(
    secrets: Callable[[str], None], read: Callable[..., Run], region: str
) -> None:
    """Read from whichever region has them, at the highest verbosity, with a diff."""
    secrets(region)
    done = read(IS_ADMIN, "-vvvv", "--diff")
    assert (done.status, done.changed) == (0, 0), done.output
    assert ADMIN not in done.output
    assert "the output has been hidden" in done.output


def test_a_client_s_secrets_beside_the_platform_s(secrets: Callable[[str], None], read: Callable[..., Run]) -> None:
    secrets(HOME)
    is_acme = f"known.secrets['clickhouse-admin'].password == '{ACME[:5]}' ~ '{ACME[5:]}' and known.secrets.authority.trusted == 'c'"
    done = read(is_acme, "-vvv", scope="{'client': 'acme'}", shared="authority")
    assert done.status == 0, done.output
    assert [secret for secret in (ADMIN, ACME, KEY) if secret in done.output] == []


def test_one_that_does_not_stand_is_an_error_that_says_what_to_do(secrets: Callable[[str], None], read: Callable[..., Run]) -> None:
    secrets(HOME)
    done = read("true", shared="clickhouse-x")
    assert done.status != 0
    assert "secret kc/lab/clickhouse-x does not stand" in done.output
    assert "Run site.yml --tags secrets: it makes what the inventory names" in done.output


def test_an_empty_account_can_be_planned(read: Callable[..., Run]) -> None:
    done = read("known.secrets['clickhouse-admin'].password == '(known after apply)'", "--check")
    assert done.status == 0, done.output
