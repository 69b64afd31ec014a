"""The unit `balancer`: a region's load balancer, what it leads to, and the web ACL in front of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import limits
from ..applications import Application, applications
from ..aws.elbv2 import RUNBOOK_PRIORITIES, Listener, ListenerRule, LoadBalancer, TargetGroup
from ..aws.route53 import domain_name
from ..aws.wafv2 import WebAcl
from ..errors import KcError
from ..model import Ref, Resource
from ..scope import Scope
from ..unit import Params, Unit
from ..waf import LOG_GROUP, web_acl
from .certificates import certificate_of
from .keys import key_of
from .network import group_of, tier_of, vpc_of
from .storage import bucket_of

BALANCER, TARGET_GROUP, LISTENER, RULE, WEB_ACL = LoadBalancer(), TargetGroup(), Listener(), ListenerRule(), WebAcl()

SHORT = "public"
"""What the region's load balancer is called."""

HEALTH_PATH = "/health"
"""What the region's health is asked at, on the names of `origins`."""

HEALTH_PRIORITY = 1
"""The place of the rule for it; others' begin behind the runbooks' places."""

LOG_PREFIX = "balancer"
"""Where in the log bucket the access logs stand."""


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the load balancer, its listeners, a target group and a rule an application, and its web ACL."""
    domain = domain_name(params["domain"])
    served = {name: about for name, about in applications(params["applications"]).items() if about.hosts}
    _check(scope, params, domain, served)
    looked_up = [
        tier_of(scope, params["tier"]),
        group_of(scope, params["security_group"]),
        bucket_of(scope, params["log_bucket"]),
        certificate_of(scope, domain),
        key_of(scope, "logs"),
        *([vpc_of(scope)] if served else []),
    ]
    balancer = Resource(BALANCER, _name(scope), _balancer(scope, params), scope.region)
    return [
        *looked_up,
        balancer,
        *(_target_group(scope, params, name, about) for name, about in served.items()),
        *_listeners(scope, params, domain),
        *_rules(scope, params, domain, served),
        *web_acl(
            scope,
            "balancer",
            WEB_ACL,
            params["waf_groups"],
            params["waf_rates"],
            days=params["waf_log_days"],
            balancers=[Ref(BALANCER.name, balancer.name, "arn")],
        ),
    ]


def balancer_of(scope: Scope, region: str = "") -> Resource:
    """Return a region's load balancer (the scope's own where empty) as other units look it up.

    Outputs: `id`, `arn`, `suffix` (`app/<name>/<id>`), `dns` and `zone` for alias records.
    """
    return Resource(BALANCER, _name(scope), None, region or scope.region, component=UNIT.name)


def target_group_of(scope: Scope, application: str) -> Resource:
    """Return an application's target group as other units look it up: outputs `id`, `arn`, `suffix` (`targetgroup/<name>/<id>`)."""
    return Resource(TARGET_GROUP, scope.name("target_group", application), None, scope.region, component=UNIT.name)


def origins(scope: Scope, domain: str) -> list[str]:
    """Return the load balancer's own names: of the region that is primary now, and of this region."""
    return [f"origin.{domain}", f"origin-{scope.region}.{domain}"]


def _name(scope: Scope) -> str:
    return scope.name("load_balancer", SHORT)


def _check(scope: Scope, params: Params, domain: str, served: Mapping[str, Application]) -> None:
    for option, bounds in (("idle_timeout", limits.IDLE), ("deregistration_delay", limits.DRAINING), ("healthy", limits.HEALTHY)):
        _within(option, params[option], bounds)
    wrong = limits.within(params["slow_start"], limits.SLOW_START) if params["slow_start"] else None
    if wrong:
        raise KcError(f"`slow_start`: {wrong}", hint="0 switches it off")
    wrong = limits.tls_policy(params["tls_policy"])
    if wrong:
        raise KcError(f"`tls_policy`: {wrong}")
    if len(served) >= limits.RULES:
        raise KcError(f"`applications` has {len(served)} that take requests", hint=f"a load balancer leads to {limits.RULES - 1} at most")
    for name, about in served.items():
        _check_application(f"applications.{name}", domain, about)
    _check_reached(scope, domain, served)
    _check_health(params["health_application"], served)


def _within(where: str, value: int, bounds: tuple[int, int]) -> None:
    wrong = limits.within(value, bounds)
    if wrong:
        raise KcError(f"`{where}`: {wrong}")


def _check_application(where: str, domain: str, about: Application) -> None:
    if about.priority <= RUNBOOK_PRIORITIES[-1]:
        raise KcError(
            f"`{where}.priority` is {about.priority}",
            hint=f"places up to {RUNBOOK_PRIORITIES[-1]} are the health check's and the runbooks': begin behind them",
        )
    values = [*_hosts(domain, about), *about.paths]
    if len(values) > limits.RULE_VALUES:
        raise KcError(
            f"`{where}` has {len(values)} hosts and paths", hint=f"a rule takes {limits.RULE_VALUES} in all: split the application or use *"
        )
    long = next((value for value in values if len(value) > limits.RULE_VALUE), None)
    if long:
        raise KcError(f"`{where}`: {long} is longer than {limits.RULE_VALUE} characters")
    relative = next((path for path in about.paths if not path.startswith(("/", "*"))), None)
    if relative is not None:
        raise KcError(f"`{where}.paths`: `{relative}` meets no request", hint="a path begins with /")
    health = about.healthy
    for setting, bounds in limits.HEALTH_CHECK.items():
        _within(f"{where}.health.{setting}", getattr(health, setting), bounds)
    if health.timeout >= health.interval:
        raise KcError(
            f"`{where}.health.timeout` is {health.timeout} s, `interval` {health.interval} s",
            hint="a look must end before the next one begins",
        )


def _check_reached(scope: Scope, domain: str, served: Mapping[str, Application]) -> None:
    """Refuse what no request would reach, because another application or the health check takes all of its host."""
    taken = dict.fromkeys(origins(scope, domain), "the health check")
    for name, about in sorted(served.items(), key=lambda item: item[1].priority):
        for host in _hosts(domain, about):
            if host in taken:
                raise KcError(
                    f"`applications.{name}.hosts`: {host} leads to {taken[host]} already", hint="give `paths` to the one that comes first"
                )
        if not about.paths:
            taken |= dict.fromkeys(_hosts(domain, about), name)


def _check_health(application: str, served: Mapping[str, Application]) -> None:
    if application and application not in served:
        raise KcError(
            f"`health_application`: there is no application `{application}` that takes requests", hint=f"it is one of {', '.join(served)}"
        )
    if application and served[application].healthy.path != HEALTH_PATH:
        raise KcError(
            f"`health_application` is `{application}`, which answers for its health at {served[application].healthy.path}",
            hint=f"a region is asked at {HEALTH_PATH}, and a load balancer passes the path on as it is: let it answer there",
        )


def _hosts(domain: str, about: Application) -> list[str]:
    return sorted({domain_name(f"{host}.{domain}") for host in about.hosts})


def _balancer(scope: Scope, params: Params) -> dict[str, Any]:
    attributes = {
        "access_logs.s3.bucket": scope.bucket(params["log_bucket"]),
        "access_logs.s3.enabled": "true",
        "access_logs.s3.prefix": LOG_PREFIX,
        "client_keep_alive.seconds": "3600",
        # the access logs name the TLS version and cipher of each request
        "connection_logs.s3.enabled": "false",
        "deletion_protection.enabled": _flag(params["deletion_protection"]),
        "idle_timeout.timeout_seconds": str(params["idle_timeout"]),
        # ambiguous requests go on over a connection of their own; `strictest` would refuse what browsers send
        "routing.http.desync_mitigation_mode": "defensive",
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http.preserve_host_header.enabled": "true",
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true",
        "routing.http.xff_client_port.enabled": "false",
        # behind what CloudFront wrote stands CloudFront's own address
        "routing.http.xff_header_processing.mode": "append",
        "routing.http2.enabled": "true",
        # where WAF gives no answer, no request passes
        "waf.fail_open.enabled": "false",
    }
    return {
        "scheme": "internet-facing",
        "subnets": Ref("tier", params["tier"], "subnets"),
        "groups": [Ref("security_group", scope.name("security_group", params["security_group"]))],
        "attributes": attributes,
        "tags": scope.tags(_name(scope)),
    }


def _target_group(scope: Scope, params: Params, application: str, about: Application) -> Resource:
    name, health = scope.name("target_group", application), about.healthy
    desired = {
        "vpc": Ref("vpc", vpc_of(scope).name),
        "target_type": "ip",
        "protocol": "HTTP",
        "protocol_version": "HTTP1",
        "port": about.port,
        "health": {
            "HealthCheckEnabled": True,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckPath": health.path,
            "HealthCheckIntervalSeconds": health.interval,
            "HealthCheckTimeoutSeconds": health.timeout,
            "HealthyThresholdCount": params["healthy"],
            "UnhealthyThresholdCount": health.unhealthy,
            "Matcher": {"HttpCode": "200"},
        },
        "attributes": {
            "deregistration_delay.timeout_seconds": str(params["deregistration_delay"]),
            # one or the other: AWS starts slowly only where requests go round
            "load_balancing.algorithm.type": "round_robin" if params["slow_start"] else "least_outstanding_requests",
            "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
            "slow_start.duration_seconds": str(params["slow_start"]),
            # tasks keep no sessions: any of them may answer
            "stickiness.enabled": "false",
        },
        "tags": scope.tags(name),
    }
    return Resource(TARGET_GROUP, name, desired, scope.region)


def _listeners(scope: Scope, params: Params, domain: str) -> Iterator[Resource]:
    """HTTPS leads where its rules say and nowhere else; HTTP leads to HTTPS."""
    unknown = {
        "Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "Not found"},
    }
    secure = {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301"}
    hsts = {"routing.http.response.strict_transport_security.header_value": f"max-age={params['hsts']}"} if params["hsts"] else {}
    https = {"certificate": Ref("certificate", domain, "arn"), "tls_policy": params["tls_policy"], "actions": [unknown]}
    http = {"certificate": None, "tls_policy": None, "actions": [{"Type": "redirect", "RedirectConfig": secure}]}
    for protocol, port, about, headers in (("HTTPS", 443, https, hsts), ("HTTP", 80, http, {})):
        desired = {
            "load_balancer": Ref(BALANCER.name, _name(scope), "arn"),
            "port": port,
            "protocol": protocol,
            **about,
            "attributes": {"routing.http.response.server.enabled": "false", **headers},
            "tags": scope.tags(_listener(scope, port)),
        }
        yield Resource(LISTENER, _listener(scope, port), desired, scope.region)


def _rules(scope: Scope, params: Params, domain: str, served: Mapping[str, Application]) -> Iterator[Resource]:
    health = params["health_application"]
    if health:
        asked = {"host-header": sorted(origins(scope, domain)), "path-pattern": [HEALTH_PATH]}
        yield _rule(scope, HEALTH_PRIORITY, "health", health, asked)
    for name, about in served.items():
        paths = {"path-pattern": sorted(about.paths)} if about.paths else {}
        yield _rule(scope, about.priority, name, name, {"host-header": _hosts(domain, about), **paths})


def _rule(scope: Scope, priority: int, short: str, application: str, conditions: Mapping[str, Any]) -> Resource:
    desired = {
        "listener": Ref(LISTENER.name, _listener(scope, 443), "arn"),
        "priority": priority,
        "conditions": conditions,
        "actions": [{"Type": "forward", "TargetGroupArn": Ref(TARGET_GROUP.name, scope.name("target_group", application), "arn")}],
        "tags": scope.tags(scope.name("tag", short)),
    }
    return Resource(RULE, f"{_listener(scope, 443)}:{priority}", desired, scope.region)


def _listener(scope: Scope, port: int) -> str:
    return f"{_name(scope)}:{port}"


def _flag(value: bool) -> str:
    return "true" if value else "false"


UNIT = Unit(
    name="balancer",
    kinds=(LOG_GROUP, BALANCER, TARGET_GROUP, LISTENER, RULE, WEB_ACL),
    build=build,
    services=("elbv2", "wafv2", "logs", "acm", "ec2", "kms", "route53", "s3"),
)
