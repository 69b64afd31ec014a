"""Names are valid for their service whatever the inventory calls the platform, and two names never become one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc import names
from kc.errors import KcError
from kc.scope import Scope

PLATFORMS = st.from_regex(names.PLATFORM, fullmatch=True)
PARTS = st.from_regex(r"[a-z][a-z0-9]{0,300}", fullmatch=True)
PATHS = {"alias": "alias/", "parameter": "/"}


@given(PLATFORMS, PLATFORMS, PARTS, st.sampled_from(sorted(names.RULES)))
def test_any_platform_and_environment_gives_a_valid_name(platform: str, environment: str, part: str, service: str) -> None:
    rule = names.RULES[service]
    name = names.fit(service, f"{PATHS.get(service, '')}{platform}-{environment}-{part}")
    assert len(name) <= rule.longest
    assert re.fullmatch(rule.allowed, name)
    assert names.fit(service, name) == name


@given(st.sampled_from(sorted(names.RULES)), st.text("ab-", min_size=1, max_size=80), st.text("ab-", min_size=1, max_size=80))
def test_two_names_stay_two_names(service: str, one: str, other: str) -> None:
    long = PATHS.get(service, "") + "a" * names.RULES[service].longest
    fitted = [names.fit(service, f"{long}{end}") for end in (one, other)]
    assert (fitted[0] == fitted[1]) is (one == other)


@pytest.mark.parametrize(
    ("service", "name", "expected"),
    [
        ("load_balancer", "kc-lab-web", "kc-lab-web"),
        ("load_balancer", "a" * 32, "a" * 32),
        ("load_balancer", "a" * 33, f"{'a' * 25}-852785"),
        ("bucket", "k" * 55 + "-" * 10 + "x", f"{'k' * 55}-635815"),
    ],
)
def test_only_what_is_too_long_is_cut(service: str, name: str, expected: str) -> None:
    assert names.fit(service, name) == expected


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("role", "kc-lab-señal"),
        ("security_group", "sg-lab"),
        ("security_group", "kc-lab-señal"),
        ("load_balancer", "internal-web"),
        ("bucket", "KC-lab"),
        ("bucket", "xn--lab"),
        ("bucket", "kc.lab"),
        ("alias", "alias/aws/s3"),
        ("db", "1kc"),
        ("db", "kc--lab"),
        ("parameter", "kc/lab"),
        ("parameter", "/aws/lab"),
        ("parameter", "/Ssm-lab"),
        ("repository", "kc/Lab"),
        ("queue", "kc lab"),
    ],
)
def test_a_name_that_the_service_refuses_is_refused_with_its_rule(service: str, name: str) -> None:
    with pytest.raises(KcError, match="is no name for a") as raised:
        names.fit(service, name)
    assert names.RULES[service].source in raised.value.hint


@pytest.mark.parametrize("name", ["aws", "awsome", "ssm", "sg", "internal", "kc-lab", "Kc", "1kc", "", "kc_lab", "ké"])
def test_a_platform_that_some_service_refuses_is_no_platform(name: str) -> None:
    assert not re.fullmatch(names.PLATFORM, name)


SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "storage", extra_tags={"Owner": "ops", "Platform": "other"})


def test_a_scope_names_and_tags_what_is_its_own() -> None:
    assert SCOPE.name("role", "app") == "kc-lab-app"
    assert SCOPE.tags("n") == {"Owner": "ops", "Platform": "kc", "Environment": "lab", "Component": "storage", "Name": "n"}
    assert SCOPE.arn("s3", "b", region="", account="") == "arn:aws:s3:::b"
    assert Scope("kc", "lab", "1", "cn-north-1", "x").arn("iam", "role/r", region="") == "arn:aws-cn:iam::1:role/r"


@pytest.mark.parametrize(
    ("client", "changed", "owned"),
    [
        ("", {}, True),
        ("", {"Other": "x"}, True),
        ("", {"Component": "network"}, False),
        ("", {"Environment": "production"}, False),
        ("", {"Client": "acme"}, False),
        ("acme", {"Client": "acme"}, True),
        ("acme", {}, False),
        ("acme", {"Client": "other"}, False),
    ],
)
def test_a_scope_owns_what_bears_its_tags_and_no_clients_things_but_its_own(client: str, changed: dict[str, str], owned: bool) -> None:
    tags = {"Platform": "kc", "Environment": "lab", "Component": "storage", **changed}
    assert Scope("kc", "lab", "1", "me-west-1", "storage", client).owns(tags) is owned


@pytest.mark.parametrize(
    ("client", "name", "tags", "owned"),
    [
        ("", "/kc/lab/log", {}, True),
        ("", "/kc/lab/log", {"Platform": "other", "Environment": "other"}, True),
        ("", "/kc/lab/log", {"Client": "acme"}, False),
        ("", "/kc/lab/log", {"Component": "other"}, False),
        ("", "/kc/lab/clients/acme/log", {}, False),
        ("acme", "/kc/lab/clients/acme/log", {}, True),
        ("acme", "kc/lab/clients/acme/log", {"Client": "other"}, True),
        ("acme", "/kc/lab/clients/acme2/log", {"Client": "acme"}, False),
        ("acme", "/kc/lab/log", {"Client": "acme"}, True),
        ("acme", "/kc/lab/log", {}, False),
    ],
)
def test_below_the_path_the_name_says_whose_it_is(client: str, name: str, tags: dict[str, str], owned: bool) -> None:
    assert Scope("kc", "lab", "1", "me-west-1", "parameters", client).owns_below(name, {"Component": "parameters", **tags}) is owned


def test_a_clients_things_are_named_after_it_and_share_networks_and_roles() -> None:
    scope = Scope("kc", "lab", "123456789012", "me-west-1", "nodes", "acme")
    assert (scope.prefix, scope.path) == ("kc-lab-acme-", "kc/lab/clients/acme/")
    assert scope.name("db", "main") == "kc-lab-acme-main"
    assert (scope.shared.prefix, scope.shared.shared.path) == ("kc-lab-", "kc/lab/")
    assert scope.role_arn("node") == "arn:aws:iam::123456789012:role/kc/lab/kc-lab-node"
