"""Elastic Load Balancing: application load balancers, target groups, listeners and their rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..model import Kind, Live
from ..scope import Scope
from .session import Aws
from .tags import tag_dict, tag_list

Item = dict[str, Any]

TAGS_A_CALL = 20
"""Resources whose tags are told at once, at most (ELBv2 API, DescribeTags)."""

RUNBOOK_PRIORITIES = range(2, 10)
"""Places among a listener's rules that belong to runbooks (a page that says when service is back): not ours to read."""

BALANCER_ATTRIBUTES = (
    "access_logs.s3.bucket",
    "access_logs.s3.enabled",
    "access_logs.s3.prefix",
    "client_keep_alive.seconds",
    "connection_logs.s3.enabled",
    "deletion_protection.enabled",
    "idle_timeout.timeout_seconds",
    "routing.http.desync_mitigation_mode",
    "routing.http.drop_invalid_header_fields.enabled",
    "routing.http.preserve_host_header.enabled",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
    "routing.http.xff_client_port.enabled",
    "routing.http.xff_header_processing.mode",
    "routing.http2.enabled",
    "waf.fail_open.enabled",
)
"""Attributes of a load balancer that are compared (ELBv2 API, LoadBalancerAttribute)."""

GROUP_ATTRIBUTES = (
    "deregistration_delay.timeout_seconds",
    "load_balancing.algorithm.type",
    "load_balancing.cross_zone.enabled",
    "slow_start.duration_seconds",
    "stickiness.enabled",
)
"""Attributes of a target group that are compared (ELBv2 API, TargetGroupAttribute)."""

LISTENER_ATTRIBUTES = ("routing.http.response.server.enabled", "routing.http.response.strict_transport_security.header_value")
"""Attributes of a listener that are compared (ELBv2 API, ListenerAttribute)."""

HEALTH = (
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "Matcher",
    "UnhealthyThresholdCount",
)
"""A target group's health check, as the API calls its parts (ELBv2 API, ModifyTargetGroup)."""

UNAVAILABLE = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "Unavailable"},
}
"""What a rule answers while its target group is replaced."""


class ElbKind(Kind):
    """What the kinds share: tags of several resources by one call, attributes as a list of keys and values."""

    def owned(self, aws: Aws, scope: Scope, items: Sequence[Item], key: str) -> list[Item]:
        """Return the scope's own among descriptions, each with its tags as `Tags`; `key` holds its ARN."""
        return [item for item in self.tagged(aws, items, key) if scope.owns(item["Tags"])]

    def tagged(self, aws: Aws, items: Sequence[Item], key: str) -> list[Item]:
        """Return descriptions, each with its tags as `Tags`, without those that are gone by now."""
        arns = [item[key] for item in items]
        batches = [arns[start : start + TAGS_A_CALL] for start in range(0, len(arns), TAGS_A_CALL)]
        tags = {arn: its for found in aws.map(lambda batch: _tags(aws, batch), batches) for arn, its in found.items()}
        return [{**item, "Tags": tags[item[key]]} for item in items if item[key] in tags]

    def balancers(self, aws: Aws, scope: Scope) -> list[Item]:
        """Return the scope's load balancers."""
        return self.owned(aws, scope, aws.pages("elbv2", "describe_load_balancers", "LoadBalancers"), "LoadBalancerArn")

    def listeners(self, aws: Aws, scope: Scope) -> list[tuple[str, Item]]:
        """Return every listener of the scope's load balancers, whoever made it, by its name `<load balancer>:<port>`."""

        def of(balancer: Item) -> list[tuple[str, Item]]:
            found = aws.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"])
            return [(f"{balancer['LoadBalancerName']}:{item['Port']}", item) for item in found]

        return [each for found in aws.map(of, self.balancers(aws, scope)) for each in found]

    def retag(self, aws: Aws, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        """Put the tags back where they differ."""
        if "tags" in changed:
            aws.call("elbv2", "add_tags", ResourceArns=[live.id], Tags=tag_list(want["tags"]))


def _tags(aws: Aws, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the tags of several resources by ARN; AWS tells none where one is gone, so then each is asked for alone."""
    answer = aws.find("elbv2", "describe_tags", ResourceArns=list(arns))
    if answer is None and len(arns) > 1:
        return {arn: tags for each in arns for arn, tags in _tags(aws, [each]).items()}
    return {item["ResourceArn"]: tag_dict(item["Tags"]) for item in (answer or {"TagDescriptions": []})["TagDescriptions"]}


def _attributes(answer: Mapping[str, Any] | None, managed: Iterable[str]) -> dict[str, str]:
    """Return the managed attributes of an answer; an empty value is the same as none."""
    have = {each["Key"]: str(each.get("Value", "")) for each in (answer or {}).get("Attributes") or []}
    return {name: have[name] for name in managed if have.get(name)}


def _differing(live: Live, want: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the attributes to set; one that is not wanted is emptied."""
    have, wanted = live.attrs["attributes"], {**dict.fromkeys(live.attrs["attributes"], ""), **want["attributes"]}
    return [{"Key": name, "Value": value} for name, value in sorted(wanted.items()) if have.get(name) != value]


class LoadBalancer(ElbKind):
    """An application load balancer, protected against deletion until it is deleted here.

    Another scheme would be another load balancer with another address, so it is refused.
    """

    name = "load_balancer"
    immutable = frozenset({"scheme"})
    outputs_of = ("id", "arn", "suffix", "dns", "zone")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def look(item: Item) -> Live:
            answer = aws.find("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=item["LoadBalancerArn"])
            attrs = {
                "scheme": item["Scheme"],
                "subnets": sorted(zone["SubnetId"] for zone in item["AvailabilityZones"]),
                "groups": sorted(item.get("SecurityGroups") or []),
                "attributes": _attributes(answer, BALANCER_ATTRIBUTES),
                "tags": item["Tags"],
            }
            return Live(attrs, _balancer_outputs(item))

        found = self.balancers(aws, scope)
        return {item["LoadBalancerName"]: live for item, live in zip(found, aws.map(look, found), strict=True)}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "elbv2",
            "create_load_balancer",
            Name=name,
            Type="application",
            Scheme=want["scheme"],
            IpAddressType="ipv4",
            Subnets=want["subnets"],
            SecurityGroups=want["groups"],
            Tags=tag_list(want["tags"]),
        )
        live = Live({**want, "attributes": {}}, _balancer_outputs(answer["LoadBalancers"][0]))
        self.update(aws, scope, name, live, want, frozenset({"attributes"}))
        return Live(dict(want), live.outputs)

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until it takes requests: two or three minutes on AWS."""
        until = {"active", "active_impaired"}
        aws.wait(f"load_balancer {name}", lambda: _state(aws, live.id), until=until, unless={"failed", "deleted"}, pause=5)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "subnets" in changed:
            aws.call("elbv2", "set_subnets", LoadBalancerArn=live.id, Subnets=want["subnets"])
        if "groups" in changed:
            aws.call("elbv2", "set_security_groups", LoadBalancerArn=live.id, SecurityGroups=want["groups"])
        if "attributes" in changed:
            aws.call("elbv2", "modify_load_balancer_attributes", LoadBalancerArn=live.id, Attributes=_differing(live, want))
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Delete it, and wait until it no longer holds addresses in its subnets."""
        if live.attrs["attributes"].get("deletion_protection.enabled") == "true":
            off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
            aws.find("elbv2", "modify_load_balancer_attributes", LoadBalancerArn=live.id, Attributes=off)
        aws.find("elbv2", "delete_load_balancer", LoadBalancerArn=live.id)
        aws.wait(f"end of load_balancer {name}", lambda: _state(aws, live.id), until={"deleted"}, pause=5)


def _state(aws: Aws, arn: str) -> str:
    answer = aws.find("elbv2", "describe_load_balancers", LoadBalancerArns=[arn])
    found = (answer or {}).get("LoadBalancers") or []
    return str(found[0]["State"]["Code"]) if found else "deleted"


def _balancer_outputs(item: Mapping[str, Any]) -> dict[str, str]:
    """Return what others need: `suffix` names it in CloudWatch, `dns` and `zone` (Route 53's) in alias records."""
    arn = str(item["LoadBalancerArn"])
    suffix = arn.partition(":loadbalancer/")[2]
    return {"id": arn, "arn": arn, "suffix": suffix, "dns": item["DNSName"], "zone": item["CanonicalHostedZoneId"]}


class TargetGroup(ElbKind):
    """A target group. What it speaks, where and on which port can't be changed: then it is replaced."""

    name = "target_group"
    immutable = frozenset({"vpc", "target_type", "protocol", "protocol_version", "port"})
    replaceable = True
    outputs_of = ("id", "arn", "suffix")
    # the rule that used it is gone, and not yet everywhere
    settles = frozenset({"ResourceInUse"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def look(item: Item) -> Live:
            answer = aws.find("elbv2", "describe_target_group_attributes", TargetGroupArn=item["TargetGroupArn"])
            attrs = {
                "vpc": item.get("VpcId"),
                "target_type": item["TargetType"],
                "protocol": item.get("Protocol"),
                "protocol_version": item.get("ProtocolVersion"),
                "port": item.get("Port"),
                "health": {name: item[name] for name in HEALTH if name in item},
                "attributes": _attributes(answer, GROUP_ATTRIBUTES),
                "tags": item["Tags"],
            }
            return Live(attrs, _group_outputs(item))

        found = self.owned(aws, scope, aws.pages("elbv2", "describe_target_groups", "TargetGroups"), "TargetGroupArn")
        return {item["TargetGroupName"]: live for item, live in zip(found, aws.map(look, found), strict=True)}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "elbv2",
            "create_target_group",
            Name=name,
            VpcId=want["vpc"],
            TargetType=want["target_type"],
            Protocol=want["protocol"],
            ProtocolVersion=want["protocol_version"],
            Port=want["port"],
            **want["health"],
            Tags=tag_list(want["tags"]),
        )
        live = Live({**want, "attributes": {}}, _group_outputs(answer["TargetGroups"][0]))
        self.update(aws, scope, name, live, want, frozenset({"attributes"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "health" in changed:
            aws.call("elbv2", "modify_target_group", TargetGroupArn=live.id, **want["health"])
        if "attributes" in changed:
            aws.call("elbv2", "modify_target_group_attributes", TargetGroupArn=live.id, Attributes=_differing(live, want))
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Delete it. A rule that still leads to it answers 503 from now on; in a replacement it is changed right after."""
        answer = aws.find("elbv2", "describe_target_groups", TargetGroupArns=[live.id])
        balancers = answer["TargetGroups"][0].get("LoadBalancerArns") or [] if answer else []
        for rule in [rule for arn in balancers for rule in _leading_to(aws, arn, live.id)]:
            aws.find("elbv2", "modify_rule", RuleArn=rule, Actions=[UNAVAILABLE])
        aws.find("elbv2", "delete_target_group", TargetGroupArn=live.id)


def _leading_to(aws: Aws, balancer: str, group: str) -> list[str]:
    """Return the rules of a load balancer that forward to a target group."""
    listeners = (aws.find("elbv2", "describe_listeners", LoadBalancerArn=balancer) or {"Listeners": []})["Listeners"]
    rules = [rule for item in listeners for rule in aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=item["ListenerArn"])]
    return [rule["RuleArn"] for rule in rules if any(action.get("TargetGroupArn") == group for action in rule["Actions"])]


def _group_outputs(item: Mapping[str, Any]) -> dict[str, str]:
    arn = str(item["TargetGroupArn"])
    return {"id": arn, "arn": arn, "suffix": arn.rpartition(":")[2]}


class Listener(ElbKind):
    """A listener of one of the scope's load balancers, called `<load balancer>:<port>`; one that nobody named is drift."""

    name = "listener"
    immutable = frozenset({"load_balancer", "port"})
    # a certificate that was issued a moment ago
    settles = frozenset({"CertificateNotFound", "UnsupportedCertificate"})
    outputs_of = ("id", "arn")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def look(item: Item) -> Live:
            answer = aws.find("elbv2", "describe_listener_attributes", ListenerArn=item["ListenerArn"])
            attrs = {
                "load_balancer": item["LoadBalancerArn"],
                "port": item["Port"],
                "protocol": item["Protocol"],
                "certificate": next((each["CertificateArn"] for each in item.get("Certificates") or []), None),
                "tls_policy": item.get("SslPolicy") if item["Protocol"] == "HTTPS" else None,
                "actions": [_action(each) for each in item["DefaultActions"]],
                "attributes": _attributes(answer, LISTENER_ATTRIBUTES),
                "tags": item["Tags"],
            }
            return Live(attrs, {"id": item["ListenerArn"], "arn": item["ListenerArn"]})

        found = [{**item, "Name": name} for name, item in self.listeners(aws, scope)]
        found = self.tagged(aws, found, "ListenerArn")
        return {item["Name"]: live for item, live in zip(found, aws.map(look, found), strict=True)}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call("elbv2", "create_listener", LoadBalancerArn=want["load_balancer"], **_listener(want), Tags=tag_list(want["tags"]))
        arn = answer["Listeners"][0]["ListenerArn"]
        live = Live({**want, "attributes": {}}, {"id": arn, "arn": arn})
        self.update(aws, scope, name, live, want, frozenset({"attributes"}))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed & {"protocol", "certificate", "tls_policy", "actions"}:
            aws.call("elbv2", "modify_listener", ListenerArn=live.id, **_listener(want))
        if "attributes" in changed:
            aws.call("elbv2", "modify_listener_attributes", ListenerArn=live.id, Attributes=_differing(live, want))
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("elbv2", "delete_listener", ListenerArn=live.id)


def _listener(want: Mapping[str, Any]) -> dict[str, Any]:
    """Return a listener's parameters."""
    given = {"Protocol": want["protocol"], "Port": want["port"], "DefaultActions": want["actions"]}
    if want["protocol"] == "HTTPS":
        given |= {"SslPolicy": want["tls_policy"], "Certificates": [{"CertificateArn": want["certificate"]}]}
    return given


class ListenerRule(ElbKind):
    """A rule of one of the scope's listeners, called by its place: `<load balancer>:<port>:<priority>`.

    A place that nobody named but the runbooks' own is drift: what a load balancer leads to is in the inventory.
    """

    name = "listener_rule"
    immutable = frozenset({"listener", "priority"})
    outputs_of = ("id", "arn")

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        def of(listener: tuple[str, Item]) -> list[Item]:
            name, item = listener
            found = aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=item["ListenerArn"])
            ours = [rule for rule in found if not rule["IsDefault"] and int(rule["Priority"]) not in RUNBOOK_PRIORITIES]
            return [{**rule, "Name": f"{name}:{rule['Priority']}", "ListenerArn": item["ListenerArn"]} for rule in ours]

        rules = [rule for found in aws.map(of, self.listeners(aws, scope)) for rule in found]
        return {rule["Name"]: _rule(rule) for rule in self.tagged(aws, rules, "RuleArn")}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "elbv2",
            "create_rule",
            ListenerArn=want["listener"],
            Priority=want["priority"],
            Conditions=_conditions(want),
            Actions=want["actions"],
            Tags=tag_list(want["tags"]),
        )
        arn = answer["Rules"][0]["RuleArn"]
        return Live(dict(want), {"id": arn, "arn": arn})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed & {"conditions", "actions"}:
            aws.call("elbv2", "modify_rule", RuleArn=live.id, Conditions=_conditions(want), Actions=want["actions"])
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("elbv2", "delete_rule", RuleArn=live.id)


_CONFIGS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}
"""Where a condition's values stand (ELBv2 API, RuleCondition)."""


def _rule(item: Mapping[str, Any]) -> Live:
    attrs = {
        "listener": item["ListenerArn"],
        "priority": int(item["Priority"]),
        "conditions": dict(_condition(each) for each in item["Conditions"]),
        "actions": [_action(each) for each in item["Actions"]],
        "tags": item["Tags"],
    }
    return Live(attrs, {"id": item["RuleArn"], "arn": item["RuleArn"]})


def _condition(item: Mapping[str, Any]) -> tuple[str, Any]:
    """Return a condition as field and values. AWS tells those of hosts and paths twice; what else there is, as it is told."""
    config = dict(item.get(_CONFIGS.get(item["Field"], ""), {}))
    values = config.pop("Values", None) or item.get("Values")
    return item["Field"], sorted(values) if values and not config else {key: each for key, each in item.items() if key != "Field"}


def _conditions(want: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"Field": field, _CONFIGS[field]: {"Values": values}} for field, values in sorted(want["conditions"].items())]


def _action(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an action as it is given: AWS numbers it, and tells a target group a second time, with weights."""
    action = {key: value for key, value in item.items() if key not in ("Order", "ForwardConfig")}
    forward = item.get("ForwardConfig") or {}
    if len(forward.get("TargetGroups") or []) > 1 or forward.get("TargetGroupStickinessConfig", {}).get("Enabled"):
        action["ForwardConfig"] = forward
    elif item["Type"] == "forward" and "TargetGroupArn" not in item:
        action["TargetGroupArn"] = forward["TargetGroups"][0]["TargetGroupArn"]
    return action
