"""Elastic Load Balancing: names and ports are taken once, what is protected stays, certificates know who uses them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .. import observed


def one_balancer_a_name() -> None:
    """CreateLoadBalancer with a name that is taken answers with what stands, or DuplicateLoadBalancerName where it is another.

    moto 5.2.5 makes another one: it compares ARNs, which end in something random.
    """
    from moto.elbv2.exceptions import DuplicateLoadBalancerName
    from moto.elbv2.models import ELBv2Backend

    create = ELBv2Backend.create_load_balancer

    def create_load_balancer(self: Any, name: str, security_groups: list[str], subnet_ids: list[str], *args: Any, **more: Any) -> Any:
        standing = next((each for each in self.load_balancers.values() if each.name == name), None)
        if standing is None:
            return create(self, name, security_groups, subnet_ids, *args, **more)
        have = sorted(standing.security_groups), sorted(subnet.id for subnet in standing.subnets), standing.scheme
        if have != (sorted(security_groups), sorted(subnet_ids), more.get("scheme")):
            raise DuplicateLoadBalancerName
        return standing

    ELBv2Backend.create_load_balancer = create_load_balancer


def one_listener_a_port() -> None:
    """CreateListener on a port that is taken answers with what stands, or DuplicateListener where it is another.

    moto 5.2.5 makes another one: it looks the port up among ARNs.
    """
    from moto.elbv2.exceptions import DuplicateListenerError
    from moto.elbv2.models import ELBv2Backend

    create = ELBv2Backend.create_listener

    def create_listener(self: Any, load_balancer_arn: str, protocol: str, port: Any, *args: Any, **more: Any) -> Any:
        balancer = self.load_balancers.get(load_balancer_arn)
        standing = next((each for each in balancer.listeners.values() if str(each.port) == str(port)), None) if balancer else None
        if standing is None:
            return create(self, load_balancer_arn, protocol, port, *args, **more)
        if standing.protocol != protocol:
            raise DuplicateListenerError
        return standing

    ELBv2Backend.create_listener = create_listener


def protected_from_deletion() -> None:
    """DeleteLoadBalancer answers OperationNotPermitted while `deletion_protection.enabled` is true; moto 5.2.5 deletes it."""
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend

    delete = ELBv2Backend.delete_load_balancer

    def delete_load_balancer(self: Any, arn: str) -> None:
        balancer = self.load_balancers.get(arn)
        if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise ELBClientError("OperationNotPermitted", message)
        delete(self, arn)

    ELBv2Backend.delete_load_balancer = delete_load_balancer


def certificates_know_their_balancers() -> None:
    """DescribeCertificate names the load balancers that use a certificate (`InUseBy`), as their listeners are now.

    moto 5.2.5 adds a listener when it is made with the certificate, and never again: not when it gets one later, nor
    when it gets another or is gone.
    """
    from moto.acm.models import CertBundle
    from moto.elbv2.models import elbv2_backends

    describe = CertBundle.describe

    def described(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = describe(self)
        _, _, _, region, account, _ = self.arn.split(":", 5)
        balancers = elbv2_backends[account][region].load_balancers.values()
        answer["Certificate"]["InUseBy"] = [
            balancer.arn for balancer in balancers if any(self.arn in each.certificates for each in balancer.listeners.values())
        ]
        return answer

    CertBundle.describe = described


DEFAULTS = {
    "access_logs.s3.enabled": "false",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
"""Attributes of an application load balancer that nobody has set (ELB API, LoadBalancerAttribute)."""


def attributes_have_defaults() -> None:
    """DescribeLoadBalancerAttributes answers with all attributes; moto 5.2.5 with those that were set."""
    from moto.elbv2.models import FakeLoadBalancer

    begin = FakeLoadBalancer.__init__

    def __init__(self: Any, *args: Any, **more: Any) -> None:
        begin(self, *args, **more)
        if self.type == "application":
            self.attrs.update(DEFAULTS)

    FakeLoadBalancer.__init__ = __init__


def targets_as_observed() -> None:
    """DescribeTargetHealth tells what health checks found, and what drains; moto 5.2.5 has every target healthy at once.

    Only where a behaviour asks the targets.
    """
    from moto.elbv2.exceptions import TargetGroupNotFoundError
    from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup, elbv2_backends

    if not observed.live:
        return
    deregister, register = FakeTargetGroup.deregister, FakeTargetGroup.register

    def hear(told: dict[str, dict[str, dict[str, str]]]) -> None:
        for by_region in elbv2_backends.values():
            for backend in by_region.values():
                for arn, group in backend.target_groups.items():
                    group.seen = told.get(arn, {})

    def drain(self: Any, targets: list[dict[str, Any]]) -> None:
        leaving = [self.targets[target["Id"]] for target in targets if target["Id"] in self.targets]
        deregister(self, targets)
        seconds = int(self.attributes.get("deregistration_delay.timeout_seconds") or 300)
        self.draining = {**vars(self).get("draining", {}), **{target["Id"]: (target["Port"], time.time() + seconds) for target in leaving}}

    def come(self: Any, targets: list[dict[str, Any]]) -> None:
        register(self, targets)
        again = {target["Id"] for target in targets}
        self.draining = {id: until for id, until in vars(self).get("draining", {}).items() if id not in again}

    def health(group: Any) -> Iterator[Any]:
        seen = vars(group).get("seen", {})

        def one(id: str, port: Any, state: str, reason: str = "", text: str = "") -> Any:
            return FakeHealthStatus(id, port, group.health_check_port, state, reason or None, text or None)

        for target in group.targets.values():
            told = seen.get(f"{target['Id']}:{target['Port']}")
            if told:
                yield one(target["Id"], target["Port"], told["State"], told["Reason"], told["Description"])
            else:
                yield one(target["Id"], target["Port"], "initial", "Elb.RegistrationInProgress", "Target registration is in progress")
        for id, (port, until) in vars(group).get("draining", {}).items():
            if until > time.time():
                yield one(id, port, "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")

    def describe_target_health(self: Any, target_group_arn: str, targets: list[dict[str, Any]]) -> list[Any]:
        group = self.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError()
        known = list(health(group))
        if not targets:
            return known
        asked = {target["Id"] for target in targets}
        found = [each for each in known if each.instance_id in asked]
        text = "Target is not registered to the target group"
        missing = asked - {each.instance_id for each in found}
        return [*found, *(FakeHealthStatus(id, group.port, None, "unused", "Target.NotRegistered", text) for id in sorted(missing))]

    observed.on("elb", hear)
    FakeTargetGroup.deregister, FakeTargetGroup.register = drain, come
    ELBv2Backend.describe_target_health = describe_target_health


ALL = (
    one_balancer_a_name,
    one_listener_a_port,
    protected_from_deletion,
    certificates_know_their_balancers,
    attributes_have_defaults,
    targets_as_observed,
)
