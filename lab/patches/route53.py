"""Route 53: changes of records are whole and checked, health checks keep what they are given, associations conflict."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

from .. import observed

CLOUDFRONT = "Z2FDTNDATAQYW2"
"""The zone id of every CloudFront distribution (Amazon CloudFront endpoints and quotas)."""


def changes_are_whole() -> None:
    """A change of records is carried out as a whole or not at all, and only if every record may stand.

    ChangeResourceRecordSets refuses to create what stands, to delete what does not stand exactly like that, a CNAME
    beside others, a second PRIMARY or SECONDARY, a failover record beside a simple one, and a health check that does
    not exist. moto 5.2.5 compares with its journal of changes instead of what stands, accepts each of these, and
    deletes all records of a set identifier, whatever their names.
    """
    from moto.route53.models import Route53Backend

    def change_resource_record_sets(self: Any, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        zone = self.get_hosted_zone(zoneid)
        standing = copy.copy(zone.rrsets)
        for change in change_list:
            standing = _changed(zone, standing, change["Action"], copy.deepcopy(change["ResourceRecordSet"]))
        for record in standing:
            if record.health_check_id and record not in zone.rrsets:
                self.get_health_check(record.health_check_id)
        _may_stand(zone, standing)
        zone.rrsets = standing

    Route53Backend.change_resource_record_sets = change_resource_record_sets


def _changed(zone: Any, standing: list[Any], action: str, given: dict[str, Any]) -> list[Any]:
    """Return the records that stand after one change."""
    from moto.route53.models import RecordSet

    given["Name"] = given["Name"].lower().rstrip(".") + "."
    given["ResourceRecords"] = [each["Value"] for each in given.get("ResourceRecords") or []]
    if "AliasTarget" in given:
        given["AliasTarget"]["DNSName"] = given["AliasTarget"]["DNSName"].lower().rstrip(".") + "."
    record = RecordSet(given)
    if not f".{record.name}".endswith(f".{zone.name}"):
        raise _refused(f"RRSet with DNS name {record.name} is not permitted in zone {zone.name}")
    same = next((each for each in standing if _identity(each) == _identity(record)), None)
    what = f"resource record set [name='{record.name}', type='{record.type}'{_set(record)}]"
    if action == "CREATE" and same:
        raise _refused(f"Tried to create {what} but it already exists")
    if action == "DELETE" and not same:
        raise _refused(f"Tried to delete {what} but it was not found")
    if action == "DELETE" and _values(same) != _values(record):
        raise _refused(f"Tried to delete {what} but the values provided do not match the current values")
    return [each for each in standing if each is not same] + ([] if action == "DELETE" else [record])


def _may_stand(zone: Any, records: list[Any]) -> None:
    """Refuse records that can't stand beside each other."""
    for record in records:
        beside = [each for each in records if each is not record and each.name == record.name]
        alike = [each for each in beside if each.type == record.type]
        what = f"RRSet with DNS name {record.name}, type {record.type}{_set(record)}"
        if record.type == "CNAME" and (record.name == zone.name or any(each.type != "CNAME" for each in beside)):
            raise _refused(f"{what} is not permitted as it conflicts with other records with the same DNS name in zone {zone.name}")
        if any(bool(each.failover) != bool(record.failover) for each in alike):
            raise _refused(f"{what} cannot be created as a RRSet with the same name and type and another routing policy exists")
        if record.failover and any(each.failover == record.failover for each in alike):
            raise _refused(f"{what} cannot be created as another {record.failover} failover RRSet exists with the same name and type")
        alias = record.alias_target or {}
        if alias.get("HostedZoneId") == CLOUDFRONT and alias["EvaluateTargetHealth"]:
            raise _refused(f"{what}: EvaluateTargetHealth must be false for a CloudFront distribution")


def _refused(message: str) -> Exception:
    from moto.route53.exceptions import Route53ClientError

    return Route53ClientError("InvalidChangeBatch", f"[{message}]")


def _identity(record: Any) -> tuple[str, str, str]:
    return record.name.lower(), record.type, record.set_identifier or ""


def _values(record: Any) -> tuple[Any, ...]:
    return int(record.ttl or 0), sorted(record.records or []), record.alias_target, record.failover, record.health_check_id


def _set(record: Any) -> str:
    return f", set-identifier='{record.set_identifier}'" if record.set_identifier else ""


def health_checks_keep_all() -> None:
    """A health check keeps every setting, and one of an alarm notes the alarm's settings down whenever it is changed.

    moto 5.2.5 drops AlarmIdentifier and InsufficientDataHealthStatus, empties child checks and regions at each update,
    and gives every type the settings of an endpoint's check.
    """
    from moto.core.responses import ActionResult
    from moto.route53.models import HealthCheck, Route53Backend
    from moto.route53.responses import Route53

    def create_health_check(self: Any) -> ActionResult:
        config = self._get_param("HealthCheckConfig")
        check = self.backend.create_health_check(self._get_param("CallerReference"), {"type": config["Type"]})
        check.given = {"Inverted": False, "Disabled": False, **_of_endpoint(config), **config}
        check.noted = _noted(self, check.given)
        return ActionResult({"HealthCheck": check})

    def update_health_check(self: Any) -> ActionResult:
        check = self.backend.get_health_check(self._get_param("HealthCheckId"))
        given = {name: self._get_param(name) for name in _UPDATED}
        check.given = {**check.given, **{name: value for name, value in given.items() if value is not None}}
        check.noted = _noted(self, check.given)
        check.health_check_version += 1
        return ActionResult({"HealthCheck": check})

    def delete_health_check(self: Any, health_check_id: str) -> None:
        self.get_health_check(health_check_id)
        del self.health_checks[health_check_id]

    HealthCheck.health_check_config = property(lambda self: self.given)
    HealthCheck.cloud_watch_alarm_configuration = property(lambda self: self.noted)
    Route53.create_health_check = create_health_check
    Route53.update_health_check = update_health_check
    Route53Backend.delete_health_check = delete_health_check


_UPDATED = (
    *("IPAddress", "Port", "ResourcePath", "FullyQualifiedDomainName", "SearchString", "FailureThreshold", "Inverted", "Disabled"),
    *("HealthThreshold", "ChildHealthChecks", "EnableSNI", "Regions", "AlarmIdentifier", "InsufficientDataHealthStatus"),
)
"""What UpdateHealthCheck changes. Route 53 API."""


def _of_endpoint(config: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults of a check of an endpoint."""
    if config["Type"] in ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"):
        return {}
    secure = config["Type"].startswith("HTTPS")
    return {"Port": 443 if secure else 80, "RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False, "EnableSNI": secure}


def _noted(response: Any, config: dict[str, Any]) -> dict[str, Any] | None:
    """Return the settings of the alarm that a check watches."""
    from moto.cloudwatch.models import cloudwatch_backends
    from moto.route53.exceptions import InvalidInput

    watched = config.get("AlarmIdentifier")
    if not watched:
        return None
    alarm = cloudwatch_backends[response.current_account][watched["Region"]].alarms.get(watched["Name"])
    if alarm is None:
        raise InvalidInput(f"the alarm {watched['Name']} does not exist in {watched['Region']}")
    return {
        "EvaluationPeriods": alarm.evaluation_periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison_operator,
        "Period": alarm.period,
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        "Statistic": alarm.statistic,
        "Dimensions": [{"Name": each.name, "Value": each.value} for each in alarm.dimensions],
    }


def associations_conflict() -> None:
    """A VPC is associated with one private zone of a name. moto 5.2.5 associates it again, with the same zone too."""
    from moto.route53.exceptions import Route53ClientError
    from moto.route53.models import Route53Backend

    associate, create = Route53Backend.associate_vpc_with_hosted_zone, Route53Backend.create_hosted_zone

    def free(self: Any, name: str, vpc: str) -> None:
        for zone in self.zones.values():
            if zone.name == name and zone.private_zone and any(each["vpc_id"] == vpc for each in zone.vpcs):
                message = f"The VPC {vpc} is associated with the hosted zone {zone.resource_id} of the same domain name"
                raise Route53ClientError("ConflictingDomainExists", message)

    def associate_vpc_with_hosted_zone(self: Any, zone_id: str, vpcid: str, vpcregion: str) -> Any:
        free(self, self.get_hosted_zone(zone_id).name, vpcid)
        return associate(self, zone_id, vpcid, vpcregion)

    def create_hosted_zone(self: Any, name: str, private_zone: bool, **more: Any) -> Any:
        if private_zone and more.get("vpcid"):
            free(self, name, more["vpcid"])
        return create(self, name, private_zone, **more)

    Route53Backend.associate_vpc_with_hosted_zone = associate_vpc_with_hosted_zone
    Route53Backend.create_hosted_zone = create_hosted_zone


def zones_have_an_soa() -> None:
    """A zone's SOA record is one; moto 5.2.5 tells the Python form of a record that holds it."""
    from moto.route53.models import RecordSet

    def resource_records(self: Any) -> list[dict[str, Any]] | None:
        return [each if isinstance(each, dict) else {"Value": each} for each in self.records or []] or None

    RecordSet.resource_records = property(resource_records)


def health_checks_tell_what_is_seen() -> None:
    """GetHealthCheckStatus and GetHealthCheckLastFailureReason tell what the checkers last saw, and not of calculated ones.

    moto 5.2.5 answers the one with Success, and lacks the other. Without behaviours everything is a success here too.
    """
    from moto.core.responses import ActionResult
    from moto.route53 import urls
    from moto.route53.exceptions import InvalidInput
    from moto.route53.responses import Route53

    seen: dict[str, dict[str, Any]] = {}

    def hear(what: dict[str, dict[str, Any]]) -> None:
        seen.clear()
        seen.update(what)

    def about(self: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        check = self.backend.get_health_check(self._get_param("HealthCheckId"))
        config = check.health_check_config
        if config["Type"] == "CALCULATED":
            raise InvalidInput("the status of a calculated health check is told by CloudWatch's metric HealthCheckStatus alone")
        return config, seen.get(check.id, {})

    def told(config: dict[str, Any], text: str, at: float) -> ActionResult:
        report = {"Status": text, "CheckedTime": datetime.fromtimestamp(at, UTC)}
        places = config.get("Regions") or [_CHECKERS]
        return ActionResult(
            {"HealthCheckObservations": [{"Region": each, "IPAddress": _CHECKER, "StatusReport": report} for each in places if text]}
        )

    def get_health_check_status(self: Any) -> ActionResult:
        config, known = about(self)
        text = known.get("text", "") if observed.live else "Success: HTTP Status Code 200, OK"
        return told(config, text, known.get("at") or datetime.now(UTC).timestamp())

    def get_health_check_last_failure_reason(self: Any) -> ActionResult:
        config, known = about(self)
        return told(config, known.get("failure", ""), known.get("failed", 0.0))

    Route53.get_health_check_status = get_health_check_status
    Route53.get_health_check_last_failure_reason = get_health_check_last_failure_reason
    urls.url_paths[r"{0}/(?P<api_version>[\d_-]+)/healthcheck/(?P<health_check_id>[^/]+)/lastfailurereason$"] = Route53.dispatch
    observed.on("route53", hear, kept=False)


_CHECKER, _CHECKERS = "198.18.0.1", "us-east-1"
"""The lab's one health checker, which stands for those of each region."""

ALL = (changes_are_whole, health_checks_keep_all, associations_conflict, zones_have_an_soa, health_checks_tell_what_is_seen)
