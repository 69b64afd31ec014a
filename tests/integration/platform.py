"""Every unit with small options that use all it can, and what has to stand before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from kc.spec import COMMON, documentation, spec_of
from kc.unit import Unit

ROOT = Path(__file__).parents[2]
HOME, OTHER, GLOBAL = "me-west-1", "eu-central-1", "us-east-1"
DOMAIN = "kc-lab.test"

APPLICATIONS: dict[str, Any] = {
    "api": {
        "cpu": 256,
        "memory": 512,
        "role": "app",
        "count": {"min": 2, "warm": 1, "max": 4},
        "port": 8080,
        "hosts": ["api"],
        "priority": 10,
        "health": {"path": "/health"},
    },
    "worker": {"cpu": 256, "memory": 512, "role": "app", "count": {"min": 1, "warm": 0, "max": 2}, "health": {"command": ["true"]}},
}
"""One that takes requests and one that does not."""

Where = tuple[str, str]
"""A unit's name and a region."""

NEEDS: dict[str, list[Where]] = {
    "identity": [],
    "zone": [],
    "keys": [],
    "parameters": [],
    "storage": [("keys", HOME)],
    "replication": [("keys", HOME), ("keys", OTHER), ("storage", HOME), ("storage", OTHER)],
    "network": [("keys", HOME), ("storage", HOME)],
    "peering": [("network", HOME), ("network", OTHER)],
    "registry": [("keys", HOME)],
    "secrets": [("keys", HOME), ("keys", OTHER)],
    "certificates": [("zone", HOME)],
    "edge": [
        ("certificates", GLOBAL),
        ("keys", GLOBAL),
        *((unit, region) for region in (HOME, OTHER) for unit in ("keys", "storage")),
        ("secrets", HOME),
    ],
    "private_zone": [("network", HOME), ("network", OTHER)],
    "nodes": [("identity", HOME), ("private_zone", HOME)],
    "cluster": [("keys", HOME)],
    "queues": [("keys", HOME)],
    "balancer": [("keys", HOME), ("storage", HOME), ("network", HOME), ("certificates", HOME)],
    "services": [("cluster", HOME), ("balancer", HOME), ("secrets", HOME)],
    "dns": [("zone", HOME), ("balancer", HOME), ("balancer", OTHER)],
    "vaults": [("keys", HOME)],
    "backup": [("vaults", HOME)],
    "budgets": [],
    "mysql": [("keys", HOME), ("keys", OTHER), ("network", HOME), ("network", OTHER), ("secrets", HOME)],
    "observability": [("keys", HOME), ("network", HOME), ("nodes", HOME), ("balancer", HOME)],
}
"""Units in the order of the foundation, each with what has to stand before it."""

UNITS = list(NEEDS)


def unit(name: str) -> Unit:
    """Return a unit by its name."""
    found: Unit = import_module(f"kc.units.{name}").UNIT
    return found


def defaults(name: str) -> dict[str, Any]:
    """Return the defaults of a unit's options, as its module documents them."""
    about_all = spec_of(COMMON, documentation(ROOT / "library" / f"kc_{name}.py"))
    return {option: about.get("default") for option, about in about_all.items() if option != "scope"}


def options(name: str, region: str = HOME) -> dict[str, Any]:
    """Return a unit's options without its scope."""
    there = OTHER if region == HOME else HOME
    cidr, peer_cidr = ("10.10.0.0/16", "10.11.0.0/16") if region == HOME else ("10.11.0.0/16", "10.10.0.0/16")
    small: dict[str, dict[str, Any]] = {
        "identity": {
            "regions": [HOME, OTHER],
            "roles": {
                "app": {"trust": "ecs-tasks.amazonaws.com", "description": "An application", "grants": {"parameters_read": True}},
                "node": {"trust": "ec2.amazonaws.com", "instance_profile": True, "managed": ["AmazonSSMManagedInstanceCore"]},
            },
        },
        "zone": {"domain": DOMAIN},
        "keys": {
            "keys": {
                "media": {"description": "Media", "multi_region": True},
                "data": {"description": "Data"},
                "logs": {"description": "Log groups", "services": ["logs"]},
                "secrets": {"description": "Secrets"},
                "alerts": {"description": "Notifications", "services": ["cloudwatch", "events"]},
            },
            "home_region": HOME,
            "replica_regions": [HOME, OTHER],
        },
        "parameters": {"values": {"log/level": "info", "region/home": HOME}, "runbook_values": {"role": "primary"}},
        "storage": {
            "buckets": {
                "media": {"key": "media", "serves": ["cloudfront"], "intelligent_tiering_days": 30},
                "logs": {"receives": ["access_logs", "flow_logs", "load_balancer_logs", "edge_logs"], "expire_days": 30},
            }
        },
        "replication": {"buckets": {"media": "media"}, "to_region": there},
        "network": {
            "cidr": cidr,
            "peer_cidrs": [peer_cidr],
            "zones": ["a"],
            "tiers": {"public": {"internet": "direct", "acl": "open"}, "data": {"internet": "nat", "acl": "internal"}},
            "nat": "one",
            "security_groups": {
                "app": {
                    "description": "Applications",
                    "ingress": [{"port": 443, "peer": "world", "why": "Users"}],
                    "egress": [{"port": 3306, "peer": "data", "why": "MySQL"}],
                },
                "data": {"description": "Databases", "ingress": [{"port": 3306, "peer": "app", "why": "MySQL"}]},
            },
            "endpoints": {"gateway": ["s3"], "interface": ["kms"], "security_group": "data"},
            "flow_log_bucket": "logs",
        },
        "peering": {"peers": [OTHER]},
        "registry": {"repositories": ["api", "web"], "replicate_to": [there]},
        "secrets": {
            "secrets": {
                "mysql": {"description": "MySQL", "username": "app"},
                "signing": {"description": "Links", "kind": "random"},
                "cookies": {"description": "Cookies", "kind": "rsa"},
                "authority": {"description": "Certificates", "kind": "authority"},
            },
            "replicate_to": [there],
        },
        "vaults": {"lock": {"min_days": 7}},
        "backup": {
            "rules": {
                "daily": {"schedule": "cron(0 2 ? * * *)", "delete_days": 35, "copy_days": 14},
                "monthly": {"schedule": "cron(0 4 1 * ? *)", "delete_days": 365, "cold_days": 30},
            },
            "selections": {
                "mysql": {"resources": ["database"], "component": "mysql"},
                "nodes": {"resources": ["volume"], "component": "nodes", "except_names": ["*-root"]},
            },
            "copy_to": there,
        },
        "budgets": {
            "budgets": {"platform": {"amount": 16000}, "account": {"amount": 20000, "whole_account": True, "emails": ["a@b.test"]}}
        },
        "queues": {"queues": {"jobs": {}, "mails": {"key": "data", "delay_seconds": 5}}},
        "certificates": {"domain": DOMAIN, "names": [f"*.{DOMAIN}"]},
        "edge": {
            "domain": DOMAIN,
            "regions": [HOME, OTHER],
            "cache": {"pages": {"default": 60, "max": 300, "host": True}, "segments": {"default": 86400, "max": 86400}},
            "headers": {
                "pages": {"csp": "default-src 'self'; connect-src https://api.{domain}", "permissions": "camera=()"},
                "media": {"csp": "default-src 'none'", "cors": {"origins": ["app"], "credentials": True}},
            },
            "distributions": {
                "web": {
                    "description": "Pages",
                    "hosts": ["app", "learn"],
                    "default": {"to": "readers", "cache": "pages", "headers": "pages"},
                    "paths": {"/api/*": {"to": "writer"}, "/a*": {"to": "readers"}},
                    "errors": {"503": {"page": "/sorry.html", "status": 503}},
                },
                "media": {
                    "description": "Videos",
                    "hosts": ["media"],
                    "default": {"to": "writer"},
                    "paths": {"/v/*": {"to": "bucket/media", "cache": "segments", "headers": "media", "signed_by": "cookies"}},
                    "http": "refuse",
                },
            },
            "propagation": 0,
            "log_bucket": "logs",
            "waf_groups": {"AWSManagedRulesAmazonIpReputationList": {"priority": 20}},
            "waf_rates": {"viewer": {"priority": 10, "limit": 2000}},
        },
        "private_zone": {"regions": [HOME, OTHER], "comment": "Nodes"},
        "dns": {
            "domain": DOMAIN,
            "home": HOME,
            "regions": [HOME, OTHER],
            "certificate_authorities": ["amazon.com"],
            "records": {"@ MX": {"values": ["10 mail.example.net."]}, "_dmarc TXT": {"values": ["v=DMARC1; p=reject"], "ttl": 60}},
        },
        "balancer": {
            "domain": DOMAIN,
            "applications": APPLICATIONS,
            "health_application": "api",
            "security_group": "app",
            "waf_groups": {"AWSManagedRulesCommonRuleSet": {"priority": 20, "count_rules": ["SizeRestrictions_BODY"]}},
            "waf_rates": {"viewer": {"priority": 10, "limit": 2000, "by": "forwarded"}},
        },
        "cluster": {"insights": "enabled", "session_days": 30},
        "services": {
            "images": dict.fromkeys(("api", "worker"), f"sha256:{'0' * 64}"),
            "tier": "data",
            "applications": {
                "api": {**APPLICATIONS["api"], "scaling": {"requests": 100}},
                "worker": {
                    "cpu": 256,
                    "memory": 512,
                    "role": "app",
                    "secrets": {"MYSQL_PASSWORD": "mysql:password"},
                    "parameters": {"LOG_LEVEL": "log/level"},
                    "scratch": ["/tmp"],  # noqa: S108
                    "health": {"command": ["worker", "health"]},
                    "count": {"min": 1, "warm": 0, "max": 4},
                    "capacity": {"base": 1, "spot": 1},
                    "scaling": {
                        "cpu": 60,
                        "queue": "jobs",
                        "schedules": {"morning": {"at": "cron(0 6 * * ? *)", "min": 2, "timezone": "Asia/Riyadh"}},
                    },
                },
            },
        },
        "observability": {
            "subscriptions": {"pages": [f"on-call@{DOMAIN}"], "alerts": [f"https://alerts.{DOMAIN}/key"]},
            "applications": APPLICATIONS,
            "queues": ["jobs"],
            "nodes": ["keeper-1"],
            "nat_zones": ["a"],
            "domain": DOMAIN,
            "thresholds": dict.fromkeys(spec_of(documentation(ROOT / "library/kc_observability.py"))["thresholds"]["options"], 1.0),
        },
        "mysql": {
            "instances": {
                "main": {
                    "size": "db.m6g.large",
                    "version": "8.4.7",
                    "storage": 100,
                    "max_storage": 200,
                    "logs": ["error"],
                    "deletion_protection": False,
                }
            },
            "replica_region": there,
            "parameters": {"require_secure_transport": True, "gtid-mode": "ON"},
            "admin_secret": "mysql",
            "log_key": "data",
            "final_snapshot": False,
        },
    }
    small["nodes"] = {
        **{option: small["network"][option] for option in ("cidr", "zones", "tiers")},
        "services": {"keeper": {"type": "m7g.large", "role": "node", "volume": {"size": 10}}},
        "nodes": {"keeper-1": {"service": "keeper", "zone": "a", "address": 21}},
    }
    if name == "network" and region != HOME:  # for what spans regions; the rest is tested at home
        tiers = {"public": {"internet": "direct", "acl": "open"}, "data": {"internet": "none", "acl": "internal"}}
        small[name] |= {"tiers": tiers, "nat": "none", "flow_log_bucket": None}
        small[name]["endpoints"] = {"gateway": ["s3"], "interface": [], "security_group": "data"}
    return {**defaults(name), **small[name]}


def before(name: str) -> Iterator[Where]:
    """Yield what has to stand before a unit, in its order."""
    seen: list[Where] = []
    for where in NEEDS[name]:
        for each in (*before(where[0]), where):
            each = each if each == where or where[1] == HOME else (each[0], where[1])
            if each not in seen:
                seen.append(each)
                yield each


def prepare(name: str, converge: Callable[..., dict[str, Any]], scope_option: Callable[..., dict[str, Any]]) -> None:
    """Converge what has to stand before a unit, through the fixtures of that name."""
    for needed, region in before(name):
        converge(needed, {**options(needed, region), "scope": scope_option(region)})
