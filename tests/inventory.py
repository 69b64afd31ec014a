"""A small inventory in which everything is right, for tests that make one thing of it different."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from kc.inventory import Host, described

ROOT = Path(__file__).parents[1]
VARIABLES, MODULES = described(ROOT)

HOSTS = {"me-west-1": "regions", "eu-central-1": "regions", "eu-west-1": "witness", "us-east-1": "global"}
COMMON: dict[str, Any] = {
    "kc_platform": "kc",
    "kc_environment": "test",
    "kc_account": "123456789012",
    "kc_tags": {"Owner": "operations"},
    "kc_aws": {},
    "kc_domain": "kc.test",
    "kc_home": "me-west-1",
    "kc_network_zones": ["a", "b", "c"],
    "kc_network_nat": "zone",
    "kc_network_tiers": {
        "public": {"internet": "direct", "acl": "open"},
        "private": {"internet": "nat", "acl": "open"},
        "data": {"internet": "none", "acl": "internal"},
    },
    "kc_network_security_groups": {
        "app": {"description": "Tasks", "egress": [{"port": 3306, "peer": "data", "why": "MySQL"}]},
        "data": {"description": "Databases", "ingress": [{"port": "3306-3307", "peer": "app", "why": "MySQL"}]},
        "endpoints": {"description": "Endpoints", "ingress": [{"port": 443, "peer": "vpc", "why": "AWS"}]},
    },
    "kc_network_endpoints": {"gateway": ["s3"], "interface": ["kms", "ssm"], "security_group": "endpoints"},
    "kc_network_flow_log_bucket": "logs",
    "kc_identity_roles": {"api": {"trust": "ecs-tasks.amazonaws.com", "grants": {"buckets_read": ["media"], "secrets_read": ["mysql"]}}},
    "kc_observability_thresholds": dict.fromkeys(MODULES["observability"]["thresholds"]["options"], 1),
    "kc_observability_databases": ["main"],
    "kc_observability_queues": ["jobs"],
    "kc_keys": {"media": {"description": "Videos"}, "secrets": {"description": "Secrets"}, "data": {"description": "Images"}},
    "kc_storage_buckets": {"media": {"key": "media"}, "logs": {"receives": ["flow_logs"]}},
    "kc_replication_buckets": {"media": "media"},
    "kc_registry_repositories": ["api"],
    "kc_secrets": {"mysql": {"description": "MySQL's password"}},
    "kc_parameters": {"log_level": "info"},
    "kc_queues": {"jobs": {}},
    "kc_mysql_instances": {"main": {"size": "db.r6g.large", "version": "8.4.7", "storage": 100}},
    "kc_mysql_accounts": {"app": {"instance": "main", "secret": "mysql", "databases": {"app": "own"}}},
    "kc_backup_rules": {"daily": {"schedule": "cron(0 2 ? * * *)", "delete_days": 35, "copy_days": 14}},
    "kc_backup_selections": {"mysql": {"resources": ["database"], "component": "mysql"}},
    "kc_budgets": {"platform": {"amount": 16000, "emails": ["money@kc.test"]}},
    "kc_applications": {
        "api": {
            "cpu": 256,
            "memory": 512,
            "role": "api",
            "execution_role": "api",
            "port": 80,
            "hosts": ["api"],
            "priority": 10,
            "health": {"path": "/health"},
            "count": {"min": 1, "max": 2, "warm": 1},
            "scaling": {"queue": "jobs"},
            "secrets": {"MYSQL_PASSWORD": "mysql:password"},
        },
    },
    "kc_images": {"api": f"sha256:{'0' * 64}"},
    "kc_parameters_runbook_values": {"role": "primary"},
    "kc_nodes_services": {"keeper": {"type": "m7g.large", "role": "api", "volume": {"size": 20}}},
    "kc_nodes": {"keeper-1": {"service": "keeper", "zone": "a", "address": 21}},
    "kc_balancer_health_application": "api",
    "kc_balancer_waf_groups": {"AWSManagedRulesCommonRuleSet": {"priority": 10}},
    "kc_balancer_waf_rates": {"viewer": {"priority": 1, "limit": 1000, "by": "forwarded"}},
    "kc_edge_regions": ["me-west-1", "eu-central-1"],
    "kc_edge_log_bucket": "logs",
    "kc_edge_distributions": {
        "media": {
            "description": "Videos",
            "hosts": ["media"],
            "default": {"to": "writer"},
            "paths": {"/v/*": {"to": "bucket/media", "signed_by": "mysql"}},
        }
    },
}
OWN = {
    "me-west-1": {"kc_network_cidr": "10.10.0.0/16", "kc_peering_peers": ["eu-central-1", "eu-west-1"], "kc_other_region": "eu-central-1"},
    "eu-central-1": {"kc_network_cidr": "10.11.0.0/16", "kc_other_region": "me-west-1"},
    "eu-west-1": {"kc_network_cidr": "10.12.0.0/16", "kc_network_zones": ["a"], "kc_other_region": "me-west-1"},
    "us-east-1": {},
}
EVERYWHERE = ""
GONE = object()


def hosts(where: str = EVERYWHERE, path: tuple[Any, ...] = (), value: Any = None) -> list[Host]:
    """A right inventory with one value changed, at a path, on one host or everywhere."""
    result = []
    for name, group in HOSTS.items():
        values = copy.deepcopy({**COMMON, **OWN[name]})
        if path and where in (EVERYWHERE, name):
            into: Any = values
            for part in path[:-1]:
                into = into[part]
            if value is GONE:
                into.pop(path[-1], None)
            else:
                into[path[-1]] = value
        result.append(Host(name, frozenset({"all", group}), values))
    return [*result, *(node(f"keeper-1.{region}", "keeper") for region, group in HOSTS.items() if group != "global")]


def node(name: str, group: str, **values: Any) -> Host:
    return Host(name, frozenset({"all", "nodes", group}), values)


def acme(name: str = "acme", **values: Any) -> Host:
    """A client of the platform that is right."""
    given = {**COMMON, **OWN["me-west-1"], "kc_nodes": {"keeper-9": {"service": "keeper", "zone": "b", "address": 31}}, **values}
    return Host(name, frozenset({"all", "clients"}), given)


def acmes(name: str = "acme") -> Host:
    """Its node."""
    return node(f"{name}-keeper-9.me-west-1", "keeper_clients", kc_client=name)
