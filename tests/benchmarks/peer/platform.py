"""The variables of `platform.yml`: attributes by the names of the modules' options, references as templates over facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..wanted import Wanted

Item = dict[str, Any]

FACTS = {
    ("certificate", "arn"): "certificate_arns['{region}']",
    ("instance", "id"): "instance_ids['{name}']",
    ("interface", "id"): "interface_ids['{name}']",
    ("key", "arn"): "key_arns['{name}']",
    ("load_balancer", "arn"): "load_balancer_arns['{name}']",
    ("load_balancer", "suffix"): "load_balancer_arns['{name}'] | regex_replace('.*:loadbalancer/', '')",
    ("nat_gateway", "id"): "nat_gateway_ids['{name}']",
    ("secret", "arn"): "secret_arns['{name}']",
    ("security_group", "id"): "group_ids['{name}']",
    ("subnet", "id"): "subnet_ids['{name}']",
    ("target_group", "arn"): "target_group_arns['{name}']",
    ("target_group", "suffix"): "target_group_arns['{name}'] | regex_replace('.*:', '')",
    ("task_definition", "arn"): "task_definition_arns['{name}']",
    ("vpc", "id"): "vpc_ids['{region}']",
}
"""Facts that the playbooks keep, by the kind and output that a reference points at. Anything else goes by its name."""

CONDITIONS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}
"""Where a rule's condition has its values (ELB API, RuleCondition)."""


def more(wanted: Wanted, foundation: Wanted) -> dict[str, Any]:
    """Return the playbook's variables.

    Args:
        wanted: All that is to be made.
        foundation: The part of it that `foundation.yml` makes.
    """
    tiers: dict[str, list[str]] = {}
    for subnet in foundation["subnet"]:
        tiers.setdefault(subnet["tags"]["Tier"], []).append(f"{{{{ subnet_ids['{subnet['name']}'] }}}}")
    rest = {kind: [one for one in items if one not in foundation.get(kind, [])] for kind, items in wanted.items()}
    rest["certificate"] = foundation["certificate"]
    data: dict[str, list[Item]] = {kind: [_templates(one, tiers) for one in items] for kind, items in rest.items()}
    for kind, shape in SHAPES.items():
        data[kind] = [shape(one, data) for one in data.get(kind, [])]
    data["networks"] = [{"region": vpc["region"]} for zone in rest["private_zone"] for vpc in zone["vpcs"]]
    return {"more": data}


def _templates(value: Any, tiers: Mapping[str, list[str]]) -> Any:
    """Return a value with its references as templates."""
    if isinstance(value, list):
        return [_templates(one, tiers) for one in value]
    if not isinstance(value, Mapping):
        return value
    if value.keys() != {"kind", "region", "name", "attr"}:
        return {key: _templates(one, tiers) for key, one in value.items()}
    if value["kind"] == "tier":
        return tiers[value["name"]]
    fact = FACTS.get((value["kind"], value["attr"]))
    return f"{{{{ {fact.format(**value)} }}}}" if fact else value["name"]


def _database(one: Item, data: Mapping[str, list[Item]]) -> Item:
    return {**one, "logs": [group.rpartition("/")[2] for group in one["logs"]]}


def _zone(one: Item, data: Mapping[str, list[Item]]) -> Item:
    return {**one, "vpcs": [{"id": vpc["id"], "region": vpc["region"]} for vpc in one["vpcs"]]}


def _template(one: Item, data: Mapping[str, list[Item]]) -> Item:
    disks = [
        {
            "device_name": disk["device"],
            "ebs": {
                "volume_type": disk["type"],
                "volume_size": disk["size"],
                "encrypted": disk["encrypted"],
                "kms_key_id": disk["key"],
                "delete_on_termination": disk["ends_with_instance"],
            },
        }
        for disk in one["disks"]
    ]
    return {**one, "disks": disks}


def _volume(one: Item, data: Mapping[str, list[Item]]) -> Item:
    return {**one, "device": next(each["device"] for each in data["volume_attachment"] if each["name"] == one["name"])}


def _record(one: Item, data: Mapping[str, list[Item]]) -> Item:
    name, kind = one["name"].split()
    return {**one, "name": name, "type": kind}


def _load_balancer(one: Item, data: Mapping[str, list[Item]]) -> Item:
    return {**one, "listeners": [_listener(each, data) for each in data["listener"] if f"'{one['name']}'" in each["load_balancer"]]}


def _listener(one: Item, data: Mapping[str, list[Item]]) -> Item:
    rules = [
        {
            "Priority": str(rule["priority"]),
            "Conditions": [{"Field": name, CONDITIONS[name]: {"Values": values}} for name, values in rule["conditions"].items()],
            "Actions": rule["actions"],
        }
        for rule in data["listener_rule"]
        if rule["listener"] == one["name"]
    ]
    tls = {"Certificates": [{"CertificateArn": one["certificate"]}], "SslPolicy": one["tls_policy"]} if one["certificate"] else {}
    return {"Port": one["port"], "Protocol": one["protocol"], **tls, "DefaultActions": one["actions"], "Rules": rules}


def _strategy(items: list[Item]) -> list[Item]:
    return [{"capacity_provider": each["capacityProvider"], "base": each["base"], "weight": each["weight"]} for each in items]


def _cluster(one: Item, data: Mapping[str, list[Item]]) -> Item:
    return {**one, "strategy": _strategy(one["strategy"])}


def _service(one: Item, data: Mapping[str, list[Item]]) -> Item:
    return {**one, "capacity": _strategy(one["capacity"])}


def _task_definition(one: Item, data: Mapping[str, list[Item]]) -> Item:
    log = one["log"]
    container: Item = {
        "name": one["container"],
        "image": one["image"],
        "essential": True,
        "user": one["user"],
        "readonlyRootFilesystem": one["read_only"],
        "linuxParameters": {"initProcessEnabled": one["init"], "capabilities": {"drop": one["drop"]}},
        "stopTimeout": one["stop"],
        "mountPoints": [{"sourceVolume": volume, "containerPath": path, "readOnly": False} for path, volume in one["mounts"].items()],
        "environment": [{"name": name, "value": value} for name, value in one["environment"].items()],
        "secrets": [
            {"name": name, "valueFrom": f"{about['from']}:{about['key']}::" if about["key"] else about["from"]}
            for name, about in one["secrets"].items()
        ],
        "portMappings": [{"containerPort": one["port"], "hostPort": one["port"], "protocol": "tcp"}] if one["port"] else [],
        "logConfiguration": {"logDriver": log["driver"], "options": {name: value for name, value in log.items() if name != "driver"}},
    }
    if one["health"]:
        about = one["health"]
        container["healthCheck"] = {
            "command": about["command"],
            "interval": about["interval"],
            "timeout": about["timeout"],
            "retries": about["unhealthy"],
            "startPeriod": about["grace"],
        }
    return {**one, "volumes": [{"name": name} for name in one["mounts"].values()], "containers": [container]}


def _scaling_policy(one: Item, data: Mapping[str, list[Item]]) -> Item:
    target = next(each for each in data["scalable_target"] if each["name"] == one["service"])
    metric = one["metric"]
    if "queries" in metric:
        about: Item = {"CustomizedMetricSpecification": {"Metrics": metric["queries"]}}
    else:
        predefined = {"PredefinedMetricType": metric["type"]}
        if "balancer" in metric:
            predefined["ResourceLabel"] = f"{metric['balancer']}/{metric['group']}"
        about = {"PredefinedMetricSpecification": predefined}
    configuration = {
        **about,
        "TargetValue": one["target"],
        "ScaleOutCooldown": one["out"],
        "ScaleInCooldown": one["in"],
        "DisableScaleIn": one["only_out"],
    }
    return {
        **one,
        "name": one["name"].rpartition("/")[2],
        "resource": target["service"],
        "min": target["min"],
        "max": target["max"],
        "configuration": configuration,
    }


def _event_rule(one: Item, data: Mapping[str, list[Item]]) -> Item:
    targets = [
        {
            "id": id,
            "arn": target["arn"],
            "input_transformer": {"input_paths_map": target["values"], "input_template": f'"{target["text"]}"'},
        }
        for id, target in one["targets"].items()
    ]
    return {**one, "targets": targets}


def _topic(one: Item, data: Mapping[str, list[Item]]) -> Item:
    own = [each for each in data["subscription"] if (each["topic"], each["region"]) == (one["name"], one["region"])]
    return {**one, "subscriptions": [{"protocol": each["protocol"], "endpoint": each["endpoint"]} for each in own]}


def _web_acl(one: Item, data: Mapping[str, list[Item]]) -> Item:
    return {**one, "rules": _snake(one["Rules"])}


def _snake(value: Any) -> Any:
    """Return members with the names that Ansible's modules have for them."""
    if isinstance(value, list):
        return [_snake(one) for one in value]
    return {_word(key): _snake(one) for key, one in value.items()} if isinstance(value, Mapping) else value


def _word(name: str) -> str:
    """Return `cloud_watch_metrics_enabled` for `CloudWatchMetricsEnabled`, `forwarded_ip_config` for `ForwardedIPConfig`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


SHAPES: dict[str, Callable[[Item, Mapping[str, list[Item]]], Item]] = {
    "cluster": _cluster,
    "db_instance": _database,
    "event_rule": _event_rule,
    "launch_template": _template,
    "load_balancer": _load_balancer,
    "private_zone": _zone,
    "record": _record,
    "scaling_policy": _scaling_policy,
    "service": _service,
    "task_definition": _task_definition,
    "topic": _topic,
    "web_acl": _web_acl,
    "volume": _volume,
}
"""Kinds whose attributes the modules want in another shape."""
