"""Every mistake in an inventory gives one clear problem, at its path."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from kc.inventory import Host, needs_of, problems
from kc.inventory.built import desired
from kc.inventory.model import FEEDS, GROUPS, UNITS, feeds
from kc.options import check, filled

from tests.inventory import COMMON, GONE, HOSTS, MODULES, ROOT, VARIABLES, acme, acmes, hosts, node


def told(given: list[Host]) -> list[str]:
    """Each problem once, as the plugin shows them."""
    return list(dict.fromkeys(f"{one.key}: {one.text}" for one in problems(given, VARIABLES, MODULES)))


def test_a_right_inventory() -> None:
    assert told(hosts()) == []


RULES = "kc_network_security_groups"


@pytest.mark.parametrize(
    ("where", "path", "value", "says"),
    [
        # the platform
        ("", ("kc_platform",), "KC", "kc_platform: `KC` can't begin a name: use lower-case letters"),
        ("", ("kc_environment",), "-lab", "kc_environment: `-lab` can't begin a name"),
        ("", ("kc_account",), 5349, "kc_account: `5349` is no account id: write its 12 digits in quotes"),
        ("", ("kc_account",), GONE, "kc_account: is missing on me-west-1, eu-central-1, eu-west-1, us-east-1: AWS account id"),
        ("", ("kc_account",), None, "kc_account: has no value"),
        ("", ("kc_environment",), True, "kc_environment: must be text, not `true` (put it in quotes)"),
        ("", ("kc_tags",), ["a"], "kc_tags: must be a mapping of names to values, not a list"),
        ("", ("kc_aws", "endpoint"), "x", "kc_aws.endpoint: is not known here: did you mean `endpoint_url`?"),
        ("", ("kc_aws", "attempts"), "many", "kc_aws.attempts: must be a whole number, not `many`"),
        ("", ("kc_home",), "eu-west-1", "kc_home: `eu-west-1` is no host of the group regions: did you mean"),
        ("", ("kc_nettwork_nat",), "one", "kc_nettwork_nat: is no variable of the platform: did you mean `kc_network_nat`?"),
        # network
        ("me-west-1", ("kc_network_cidr",), "10.1.0.0/33", "kc_network_cidr: 10.1.0.0/33 is no IPv4 network"),
        ("me-west-1", ("kc_network_cidr",), "10.10.0.0/26", "kc_network_cidr: 10.10.0.0/26 is too small to be split"),
        ("eu-west-1", ("kc_network_cidr",), "10.10.128.0/20", "10.10.128.0/20 overlaps 10.10.0.0/16 of me-west-1"),
        ("eu-central-1", ("kc_network_cidr",), GONE, "kc_network_cidr: is missing on eu-central-1"),
        ("", ("kc_network_nat",), "zones", "kc_network_nat: `zones` is no choice: did you mean `zone`?"),
        ("", ("kc_network_zones",), 3, "kc_network_zones: must be a list, not `3`"),
        ("me-west-1", ("kc_network_zones",), ["a"], "kc_network_zones: a region needs two zones at least"),
        ("me-west-1", ("kc_network_zones",), list("abcde"), "network: a network has room for 4 tiers of 4 zones"),
        ("", ("kc_network_tiers", "data", "acl"), "closed", "kc_network_tiers.data.acl: `closed` is no choice"),
        ("", ("kc_network_tiers", "data", "inet"), "x", "kc_network_tiers.data.inet: is not known here: did you mean `internet`?"),
        ("", ("kc_network_tiers", "data", "internet"), GONE, "kc_network_tiers.data: lacks `internet`"),
        ("", (RULES, "data", "ingress", 0, "peer"), "aap", f"{RULES}.data.ingress[0].peer: `aap` is no peer: did you mean `app`?"),
        ("", (RULES, "data", "ingress", 0, "port"), "http", f"{RULES}.data.ingress: `http` is no port"),
        ("", (RULES, "data", "ingress", 0, "why"), GONE, f"{RULES}.data.ingress[0]: lacks `why`"),
        ("", ("kc_network_endpoints", "security_group"), "door", "kc_network_endpoints.security_group: `door` is no security group"),
        (
            "",
            ("kc_network_flow_log_bucket",),
            "log",
            "kc_network_flow_log_bucket: `log` is not in kc_storage_buckets: did you mean `logs`?",
        ),
        ("me-west-1", ("kc_peering_peers", 0), "eu-central-2", "kc_peering_peers[0]: `eu-central-2` is no other region of this inventory"),
        # nodes
        ("me-west-1", ("kc_nodes", "keeper-1", "zone"), "d", "kc_nodes.keeper-1.zone: the network has no zone `d`: choose one of"),
        ("", ("kc_nodes", "keeper-1", "adress"), 5, "kc_nodes.keeper-1.adress: is not known here: did you mean `address`?"),
        ("me-west-1", ("kc_nodes", "keeper-1", "address"), 2, "kc_nodes.keeper-1.address: 2 is no host of 10."),
        ("", ("kc_nodes", "keeper-1", "service"), "kepper", "`kepper` is not in kc_nodes_services: did you mean `keeper`?"),
        (
            "me-west-1",
            ("kc_nodes", "keeper-2"),
            {"service": "keeper", "zone": "a", "address": 21},
            "kc_nodes.keeper-2.address: 10.10.128.21 is keeper-1's already: give it another number",
        ),
        ("", ("kc_nodes_services", "keeper", "type"), "m99.large", "kc_nodes_services.keeper.type: m99.large is of no family known here"),
        ("", ("kc_nodes_services", "keeper", "volume", "sise"), 1, "kc_nodes_services.keeper.volume.sise: is not known here"),
        ("", ("kc_nodes_services", "keeper", "role"), "ape", "kc_nodes_services.keeper.role: `ape` is not in kc_identity_roles"),
        # data and identity
        ("", ("kc_keys", "media", "rotaton"), True, "kc_keys.media.rotaton: is not known here: did you mean `rotation`?"),
        ("", ("kc_keys", "media", "rotation_days"), 5, "kc_keys.media.rotation_days: is 5: KMS takes 90 to 2560"),
        ("", ("kc_keys", "media", "rotation"), "often", "kc_keys.media.rotation: must be true or false, not `often`"),
        (
            "",
            ("kc_storage_buckets", "media", "key"),
            "medai",
            "kc_storage_buckets.media.key: `medai` is not in kc_keys: did you mean `media`?",
        ),
        ("", ("kc_storage_buckets", "logs", "receives"), ["flowlogs"], "kc_storage_buckets.logs.receives: `flowlogs` is nothing"),
        ("", ("kc_replication_buckets", "static"), "media", "kc_replication_buckets.static: `static` is not in kc_storage_buckets"),
        (
            "",
            ("kc_identity_roles", "api", "grants", "buckets_read"),
            ["medium"],
            "kc_identity_roles.api.grants.buckets_read[0]: `medium` is not in kc_storage_buckets",
        ),
        ("", ("kc_identity_roles", "api", "trust"), GONE, "kc_identity_roles.api: lacks `trust`"),
        ("", ("kc_secrets", "mysql", "lenght"), 20, "kc_secrets.mysql.lenght: is not known here: did you mean `length`?"),
        ("", ("kc_registry_repositories",), "api", "kc_registry_repositories: must be a list, not `api`"),
        ("", ("kc_backup_rules", "daily", "delete_days"), GONE, "kc_backup_rules.daily: lacks `delete_days`"),
        ("", ("kc_backup_rules", "daily", "start_minutes"), 30, "kc_backup_rules.daily.start_minutes: is 30: it takes 60 or more"),
        ("", ("kc_backup_selections", "mysql", "resources"), ["table"], "kc_backup_selections.mysql.resources: `table` can't be backed up"),
        ("", ("kc_vaults_lock",), {"min_days": 0}, "kc_vaults_lock.min_days: is 0"),
        ("", ("kc_vaults_key",), "dta", "kc_vaults_key: `dta` is not in kc_keys: did you mean `data`?"),
        ("", ("kc_budgets", "platform", "amount"), GONE, "kc_budgets.platform: lacks `amount`"),
        ("", ("kc_budgets", "platform", "actual"), [80, "half"], "kc_budgets.platform.actual[1]: must be a whole number, not `half`"),
        ("", ("kc_budgets", "platform", "emails"), ["nobody"], "kc_budgets.platform.emails: is ['nobody']: give addresses"),
        (
            "",
            ("kc_mysql_instances", "main", "size"),
            "db.r6g.huge",
            "kc_mysql_instances.main.size: the RDS class family r6g has no size huge",
        ),
        ("", ("kc_mysql_instances", "main", "storage"), "much", "kc_mysql_instances.main.storage: must be a whole number, not `much`"),
        ("", ("kc_queues", "jobs", "visibility"), 60, "kc_queues.jobs.visibility: is not known here: did you mean `visibility_seconds`?"),
        ("", ("kc_queues", "jobs", "max_receives"), 0, "kc_queues.jobs.max_receives: is 0: SQS takes 1 to 1000"),
        ("", ("kc_queues", "jobs", "key"), "medai", "kc_queues.jobs.key: `medai` is not in kc_keys: did you mean `media`?"),
        ("", ("kc_applications", "api", "memory"), 300, "kc_applications.api: Fargate gives 256 CPU units no 300 MiB"),
        ("", ("kc_applications", "api", "colour"), "red", "kc_applications.api.colour: is not known here"),
        ("", ("kc_applications", "api", "count", "warm"), 3, "kc_applications.api.count: is 1 (warm 3) to 2"),
        ("", ("kc_applications", "api", "role"), "apy", "kc_applications.api.role: `apy` is not in kc_identity_roles: did you mean `api`?"),
        ("", ("kc_applications", "api", "scaling", "queue"), "job", "kc_applications.api.scaling.queue: `job` is not in kc_queues"),
        (
            "",
            ("kc_mysql_accounts", "app", "instance"),
            "mian",
            "kc_mysql_accounts.app.instance: `mian` is not in kc_mysql_instances: did you mean `main`?",
        ),
        (
            "",
            ("kc_mysql_accounts", "app", "secret"),
            "mysqll",
            "kc_mysql_accounts.app.secret: `mysqll` is not in kc_secrets: did you mean `mysql`?",
        ),
        (
            "",
            ("kc_mysql_accounts", "other"),
            {"instance": "main", "secret": "mysql", "databases": {}},
            "kc_mysql_accounts.other.secret: `mysql` is app's: make one of its own",
        ),
        ("", ("kc_mysql_accounts", "app", "databases"), {"app": "all"}, "kc_mysql_accounts.app.databases.app: `all` is no access"),
        (
            "",
            ("kc_mysql_accounts", "app", "databases"),
            {"MySQL": "own"},
            "kc_mysql_accounts.app.databases.MySQL: `MySQL` is the server's own",
        ),
        ("", ("kc_mysql_accounts", "app", "databases"), {"a" * 65: "own"}, "65 characters, 64 are possible"),
        ("", ("kc_mysql_accounts", "app", "limit"), 3, "kc_mysql_accounts.app.limit: "),
        (
            "",
            ("kc_applications", "api", "secrets", "MYSQL_PASSWORD"),
            "mysqll:password",
            "kc_applications.api.secrets.MYSQL_PASSWORD: `mysqll` is not in kc_secrets: did you mean `mysql`?",
        ),
        (
            "",
            ("kc_secrets", "mysql", "kind"),
            "authority",
            "kc_identity_roles.api.grants.secrets_read[0]: `mysql` is of the kind authority, which no role may read",
        ),
        ("", ("kc_applications", "api", "scaling", "cpu"), "much", "kc_applications.api.scaling.cpu: must be a whole number"),
        ("", ("kc_images", "api"), "latest", "kc_images.api: is `latest`: an image is named by its digest"),
        ("", ("kc_images",), {}, "kc_images: has no image for `api`"),
        (
            "",
            ("kc_identity_roles", "api", "grants", "queues_send"),
            ["job"],
            "queues_send[0]: `job` is not in kc_queues: did you mean `jobs`?",
        ),
        ("", ("kc_balancer_health_application",), "apo", "kc_balancer_health_application: there is no application `apo`"),
        ("", ("kc_applications", "api", "priority"), 3, "kc_applications.api.priority: is 3: places up to 9 are the health check's"),
        ("", ("kc_balancer_waf_rates", "viewer", "by"), "ip", "kc_balancer_waf_rates.viewer.by: is `ip`: it is one of address, forwarded"),
        ("", ("kc_balancer_waf_groups",), {"Common": {"priority": 1}}, "kc_balancer_waf_groups: Common is no rule group"),
        ("", ("kc_parameters", "bad name"), "x", "kc_parameters.bad name: `/kc/test/bad name` is no name for a parameter"),
    ],
)
def test_one_mistake_is_one_problem(where: str, path: tuple[Any, ...], value: Any, says: str) -> None:
    found = told(hosts(where, path, value))
    assert len(found) == 1, found
    assert says in found[0]


def test_a_host_that_is_no_region() -> None:
    given = [*hosts(), Host("me-west-9", frozenset({"all", "global"}), COMMON)]
    assert told(given) == [": `me-west-9` is no AWS region: did you mean `me-west-1`?"]


@pytest.mark.parametrize(
    ("left_out", "more", "says"),
    [
        ("keeper-1.eu-west-1", [], "kc_nodes.keeper-1: has no host: add `keeper-1.eu-west-1:` to the group keeper"),
        ("", [node("keeper-7.me-west-1", "keeper")], ": `keeper-7.me-west-1` is no node of kc_nodes: did you mean `keeper-1.me-west-1`?"),
        (
            "keeper-1.me-west-1",
            [node("keeper-1.me-west-1", "other")],
            "kc_nodes.keeper-1: has no host: add `keeper-1.me-west-1:` to the group keeper",
        ),
        (
            "acme-keeper-9.me-west-1",
            [node("acme-keeper-9.me-west-1", "keeper_clients")],
            "kc_client: say whose node it is: `acme-keeper-9.me-west-1: {kc_client: acme}`",
        ),
        (
            "acme-keeper-9.me-west-1",
            [Host("acme-keeper-9.me-west-1", frozenset({"nodes", "keeper", "keeper_clients"}), {"kc_client": "acme"})],
            ": `acme-keeper-9.me-west-1` is of the group keeper_clients, and not of keeper: take it out there",
        ),
    ],
)
def test_nodes_and_their_hosts_are_the_same(left_out: str, more: list[Host], says: str) -> None:
    given = [*hosts(), acme(), acmes()]
    assert told([*(host for host in given if host.name != left_out), *more]) == [says]


def test_a_client_lives_in_its_platforms_region() -> None:
    assert told([*hosts(), acme(), acmes()]) == []
    alone, both = (needs_of(given, MODULES) for given in (hosts(), [*hosts(), acme()]))
    assert both.keys() == alone.keys()
    assert both["me-west-1"]["gp3_gib"] > alone["me-west-1"]["gp3_gib"]
    assert both["eu-central-1"] == alone["eu-central-1"]
    made = [one for one in desired(acme(), "nodes", MODULES, [*hosts(), acme()]) if one.kind.name == "instance"]
    assert [(one.name, one.region) for one in made] == [("kc-test-acme-keeper-9", "me-west-1")]


def test_a_clients_name() -> None:
    assert any("`Acme_Corp` can't be a client's name" in one for one in told([*hosts(), acme("Acme_Corp")]))


def test_a_clients_node_takes_no_address_of_another() -> None:
    taken = {"kc_nodes": {"keeper-9": {"service": "keeper", "zone": "a", "address": 21}}}
    assert told([*hosts(), acme(**taken), acmes()]) == [
        "kc_nodes.keeper-9.address: 21 in zone a is keeper-1's of me-west-1: give it another number"
    ]
    assert told([*hosts(), acme(), acmes(), acme("other"), acmes("other")]) == [
        "kc_nodes.keeper-9.address: 31 in zone b is keeper-9's of acme: give it another number"
    ]


def test_several_mistakes_are_all_told() -> None:
    given = hosts("", ("kc_platform",), "KC")
    for host in given[: len(HOSTS)]:
        host.values["kc_keys"]["media"]["rotaton"] = True  # type: ignore[index]
        host.values["kc_network_nat"] = "all"  # type: ignore[index]
    assert [line.split(":")[0] for line in told(given)] == ["kc_keys.media.rotaton", "kc_network_nat", "kc_platform"]


def test_what_can_not_be_resolved() -> None:
    given = hosts()
    given[0] = Host(given[0].name, given[0].groups, {**given[0].values}, {"kc_network_peer_cidrs": "'nobody' is undefined"})
    assert told(given) == ["kc_network_peer_cidrs: can't be resolved: 'nobody' is undefined"]


def test_what_can_not_be_resolved_because_something_is_missing_is_told_once() -> None:
    given = hosts("eu-central-1", ("kc_network_cidr",), GONE)
    given[0] = Host(given[0].name, given[0].groups, given[0].values, {"kc_network_peer_cidrs": "no attribute 'kc_network_cidr'"})
    assert [line.split(":")[0] for line in told(given)] == ["kc_network_cidr"]


def test_what_can_not_be_resolved_because_of_a_wrong_name_is_told_once() -> None:
    given = hosts("", ("kc_environment",), "Test")
    reason = f"`{given[0].values['kc_platform']}-Test-media` is no name for a bucket"
    given[0] = Host(given[0].name, given[0].groups, given[0].values, {"kc_applications": reason, "kc_nodes": "'nobody' is undefined"})
    assert {line.split(":")[0] for line in told(given)} == {"kc_environment", "kc_nodes"}


def test_a_secret_is_never_told() -> None:
    found = told(hosts("", ("kc_aws", "secret_access_key"), ["opensesame-91-xyz"]))
    assert len(found) == 1
    assert "opensesame" not in found[0]


@pytest.mark.parametrize("platform", ["k", "kc", "averylongnameofaplatformthatgoesonandonandonandon"])
@pytest.mark.parametrize("environment", ["t", "production", "anenvironmentwhosenameishardlyeverwrittensolong"])
def test_every_derived_name_fits(platform: str, environment: str) -> None:
    given = hosts("", ("kc_platform",), platform)
    for host in given:
        host.values["kc_environment"] = environment  # type: ignore[index]
    assert told(given) == []


def test_needs() -> None:
    found = needs_of(hosts(), MODULES)
    assert found["me-west-1"] == {
        "zones": ["me-west-1a", "me-west-1b", "me-west-1c"],
        "vpcs": 1,
        "addresses": 3,
        "nat_gateways": 1,
        "interface_endpoints": 2,
        "rules": 1,
        "types": ["m7g.large in me-west-1a"],
        "vcpus": 2,
        "gp3_gib": 36,
        "fargate": 512,
        "fargate_spot": 0,
        "buckets": [],
        "roles": [],
    }
    assert found["eu-west-1"]["zones"] == ["eu-west-1a"]
    assert found["us-east-1"]["roles"] == ["kc-test-api"]
    assert "kc-test-media-123456789012-eu-central-1" in found["us-east-1"]["buckets"]


# --- the descriptions agree with each other


def layers() -> list[tuple[str, str, dict[str, Any]]]:
    """Every unit's task in the layers that site.yml imports: hosts, unit, options."""
    files = [layer["import_playbook"] for layer in yaml.safe_load((ROOT / "site.yml").read_text())]
    plays = [play for file in files if "preflight" not in file for play in yaml.safe_load((ROOT / file).read_text())]
    tasks = [(play["hosts"], task) for play in plays for task in play.get("tasks", [])]
    tasks += [("clients", task) for task in yaml.safe_load((ROOT / "playbooks/tasks/client_present.yml").read_text())]
    # a unit runs in process; other modules are nodes' and roles'
    units = [(hosts, key, task[key]) for hosts, task in tasks for key in task if (ROOT / "plugins/action" / f"{key}.py").is_symlink()]
    # which region is primary is known only when it runs
    return [("regions" if hosts == "primary" else hosts, unit.removeprefix("kc_"), options) for hosts, unit, options in units]


@pytest.mark.parametrize(("groups", "unit", "options"), layers(), ids=lambda value: value if isinstance(value, str) else "")
def test_playbooks_feed_what_is_checked(groups: str, unit: str, options: dict[str, Any]) -> None:
    assert groups == "clients" or set(groups.split(":")) == set(UNITS[unit]) - {"clients"}
    assert (groups == "clients") <= ("clients" in UNITS[unit])
    for option, value in options.items():
        variable = str(value).strip("{} ")
        if option != "scope" and variable.startswith("kc_"):
            assert (unit, option) in feeds(variable, MODULES), f"{variable} feeds {unit}.{option}"
        elif variable.startswith("groups["):
            assert variable == f"groups['{GROUPS[unit, option]}']"


def test_every_unit_of_the_layers_is_checked() -> None:
    assert {unit for _, unit, _ in layers()} == set(UNITS)


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_a_variable_is_described_as_the_option_that_it_feeds(variable: str) -> None:
    for unit, option in feeds(variable, MODULES):
        fed = MODULES[unit][option]
        assert [VARIABLES[variable].get(key) for key in ("type", "elements")] == [fed.get(key) for key in ("type", "elements")]


def test_every_feeding_variable_is_described() -> None:
    assert set(FEEDS) <= set(VARIABLES)


# --- values against specs


@pytest.mark.parametrize(
    ("kind", "value", "right"),
    [
        ("int", 3, True),
        ("int", "3", True),
        ("int", "-3", True),
        ("int", "three", False),
        ("int", True, False),
        ("int", 3.5, False),
        ("float", "2.5", True),
        ("bool", "yes", True),
        ("bool", False, True),
        ("bool", "maybe", False),
        ("str", "x", True),
        ("str", 443, True),
        ("str", False, False),
        ("str", ["x"], False),
        ("list", ["x"], True),
        ("list", "x", False),
        ("dict", {}, True),
        ("dict", [], False),
        ("raw", [False], True),
        ("raw", False, True),
    ],
)
def test_types(kind: str, value: Any, right: bool) -> None:
    assert (list(check({"type": kind}, value, ("kc_x",))) == []) is right


def test_filled_gives_what_ansible_gives() -> None:
    spec = {
        "a": {"type": "str", "default": "x"},
        "b": {"type": "dict", "options": {"c": {"type": "int", "default": 3}, "d": {"type": "str"}}},
    }
    assert filled(spec, {"b": {"d": "y"}}) == {"a": "x", "b": {"c": 3, "d": "y"}}
    assert filled(spec, {}) == {"a": "x", "b": None}


def test_builders_get_the_hosts_own_region() -> None:
    assert {resource.region for resource in desired(hosts()[1], "network", MODULES, hosts())} == {"eu-central-1"}
