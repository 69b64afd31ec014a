"""ACM certificates, validated over DNS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import KcError
from ..model import Kind, Live
from ..scope import Scope
from . import route53
from .session import Aws
from .tags import tag_dict, tag_list
from .zones import HostedZone, name_servers

ALGORITHMS = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
"""Every key algorithm: ListCertificates names only RSA_1024 and RSA_2048 unless it is asked for more."""

DEAD = frozenset({"INACTIVE", "EXPIRED", "VALIDATION_TIMED_OUT", "REVOKED", "FAILED"})
"""States that a certificate never leaves: another one has to be requested."""

ISSUANCE = 1800
"""Seconds. ACM issues a few minutes after the records can be seen; delegating a domain may take longer."""

RECORDS = 120
"""Seconds until ACM tells the records of a new certificate: a few, says its API reference (RequestCertificate)."""


class Certificate(Kind):
    """A public certificate, named by its domain, with the records that it is validated by.

    `validation` says in which hosted zone the record of each domain stands: ACM renews a certificate through it, so
    one that was taken away is drift. An account has one record a domain, whatever the region: it stays with the
    zone when a certificate goes, because another region's certificate may live on it.

    Names and key can't be changed, so then another certificate is requested and issued first. From then on it is
    the one that others look up; its predecessor (`superseded`) is deleted as soon as nothing uses it any more.
    """

    name = "certificate"
    outputs_of = ("id", "arn")
    settles = frozenset({"RequestInProgressException", "ResourceInUseException"})

    def __init__(self, timeout: float = ISSUANCE) -> None:
        self.timeout = timeout

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        by_domain: dict[str, list[dict[str, Any]]] = {}
        for detail in self._owned(aws, scope):
            by_domain.setdefault(detail["DomainName"], []).append(detail)
        zones = self._zones(aws, scope) if by_domain else []
        return {domain: self._live(aws, zones, details) for domain, details in by_domain.items()}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        arn = self._request(aws, name, want)
        self._validate(aws, arn, want["validation"])
        return Live(dict(want), {"id": arn, "arn": arn})

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until the certificate is issued.

        Raises:
            KcError: ACM refused it, or it was not issued in time; with the name servers that the domain needs.
        """
        detail: dict[str, Any] = {}

        def state() -> str:
            detail.update(self._describe(aws, live.id))
            return str(detail["Status"])

        if state() == "PENDING_VALIDATION":
            aws.progress(f"certificate {name}: issued once {self._delegation(aws, live)}")
        try:
            aws.wait(f"certificate {name}", state, until={"ISSUED"}, unless=DEAD, timeout=self.timeout, pause=5)
        except KcError as error:
            if detail["Status"] in DEAD:
                reason = f"{error.message}: {detail.get('FailureReason', 'no reason given')}"
                raise KcError(reason, hint="mend what ACM names, then run again: another one is requested", region=error.region) from error
            if detail["Status"] == "PENDING_VALIDATION":
                raise KcError(error.message, hint=f"see that {self._delegation(aws, live)}, then run again", region=error.region) from error
            raise
        live.outputs["arn"] = live.id

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed & {"names", "key_algorithm"} or live.attrs["status"] in DEAD:
            live.outputs["id"] = self._request(aws, name, want, instead_of=live.id)
        else:
            if "tags" in changed:
                aws.call("acm", "add_tags_to_certificate", CertificateArn=live.id, Tags=tag_list(want["tags"]))
            if "transparency_logging" in changed:
                options = {"CertificateTransparencyLoggingPreference": want["transparency_logging"]}
                aws.call("acm", "update_certificate_options", CertificateArn=live.id, Options=options)
        self._validate(aws, live.id, want["validation"])
        for arn in live.attrs["superseded"]:
            aws.find("acm", "delete_certificate", CertificateArn=arn)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Delete the certificate and its predecessors; who used them may take minutes to be forgotten."""
        for detail in self._owned(aws, scope):
            if detail["DomainName"] == name:
                self._delete(aws, detail)

    def _delete(self, aws: Aws, detail: Mapping[str, Any]) -> None:
        try:
            aws.find("acm", "delete_certificate", CertificateArn=detail["CertificateArn"])
        except KcError as error:
            if error.code != "ResourceInUseException":
                raise
            users = ", ".join(detail.get("InUseBy") or ["something"])
            raise KcError(error.message, code=error.code, hint=f"it is still used by {users}: converge or delete that first") from error

    def _owned(self, aws: Aws, scope: Scope) -> list[dict[str, Any]]:
        """Return the scope's certificates, newest first, with their tags as `Tags`."""
        summaries = aws.pages("acm", "list_certificates", "CertificateSummaryList", Includes={"keyTypes": ALGORITHMS})
        found = [each for each in summaries if each["Type"] == "AMAZON_ISSUED"]

        def tags(item: dict[str, Any]) -> dict[str, str]:
            answer = aws.find("acm", "list_tags_for_certificate", CertificateArn=item["CertificateArn"])
            return tag_dict(answer["Tags"] if answer else [])

        def detail(item: tuple[dict[str, Any], dict[str, str]]) -> dict[str, Any]:
            return {**self._describe(aws, item[0]["CertificateArn"]), "Tags": item[1]}

        tagged = zip(found, aws.map(tags, found), strict=True)
        own = aws.map(detail, [(item, its) for item, its in tagged if scope.owns(its)])
        return sorted((each for each in own if "CreatedAt" in each), key=lambda each: each["CreatedAt"], reverse=True)

    def _live(self, aws: Aws, zones: list[str], details: list[dict[str, Any]]) -> Live:
        """Return the newest certificate of a domain that is not dead; others get the newest that is issued."""
        current = next((each for each in details if each["Status"] not in DEAD), details[0])
        issued = next((each for each in details if each["Status"] == "ISSUED"), current)
        older = [each for each in details if each is not current and not each.get("InUseBy")]
        attrs = {
            "names": sorted(current["SubjectAlternativeNames"]),
            "key_algorithm": current["KeyAlgorithm"].replace("-", "_"),  # described as EC-prime256v1, requested as EC_prime256v1
            "transparency_logging": current.get("Options", {}).get("CertificateTransparencyLoggingPreference", "ENABLED"),
            "validation": _standing(aws.at(route53.GLOBAL), zones, current),
            "status": current["Status"],
            "superseded": sorted(each["CertificateArn"] for each in older),
            "tags": current["Tags"],
        }
        return Live(attrs, {"id": current["CertificateArn"], "arn": issued["CertificateArn"]})

    def _delegation(self, aws: Aws, live: Live) -> str:
        """Say what must be true outside of AWS for the certificate to be issued."""
        zones = sorted(set(live.attrs["validation"].values()))
        servers = " and ".join(", ".join(name_servers(aws.at(route53.GLOBAL), zone)) for zone in zones)
        return f"the domain's registrar (or the zone above) names exactly these name servers: {servers}"

    def _request(self, aws: Aws, name: str, want: Mapping[str, Any], instead_of: str = "") -> str:
        others = [each for each in want["names"] if each != name]
        made = aws.call(
            "acm",
            "request_certificate",
            DomainName=name,
            **({"SubjectAlternativeNames": others} if others else {}),
            ValidationMethod="DNS",
            KeyAlgorithm=want["key_algorithm"],
            Options={"CertificateTransparencyLoggingPreference": want["transparency_logging"]},
            IdempotencyToken=aws.token("certificate", instead_of, want["key_algorithm"], *want["names"]),
            Tags=tag_list(want["tags"]),
        )
        return str(made["CertificateArn"])

    def _validate(self, aws: Aws, arn: str, zones: Mapping[str, str]) -> None:
        """Put the records that ACM asks for into the hosted zone of each domain."""
        records: dict[str, dict[str, str]] = {}

        def state() -> str:
            records.update(_records(self._describe(aws, arn)))
            return "told" if zones.keys() <= records.keys() else "not told yet"

        aws.wait(f"the validation records of {arn}", state, until={"told"}, timeout=RECORDS)
        for zone in sorted(set(zones.values())):
            mine = {name: value for domain in zones if zones[domain] == zone for name, value in records[domain].items()}
            route53.put_validation(aws.at(route53.GLOBAL), zone, mine)

    def _describe(self, aws: Aws, arn: str) -> dict[str, Any]:
        """Describe a certificate; one that was requested a moment ago may not be known yet."""
        answer = aws.find("acm", "describe_certificate", CertificateArn=arn)
        return dict(answer["Certificate"]) if answer else {"Status": "not known yet"}

    def _zones(self, aws: Aws, scope: Scope) -> list[str]:
        """Return the ids of the platform's hosted zones."""
        return sorted(HostedZone().ids(aws.at(route53.GLOBAL), scope).values())


def validated_by(name: str) -> str:
    """Return the domain whose record validates `name`: a wildcard shares that of its domain."""
    return name.removeprefix("*.")


def _records(detail: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the validation record, value by name, of each domain for which ACM has told it."""
    told = [each for each in detail.get("DomainValidationOptions") or [] if "ResourceRecord" in each]
    return {validated_by(each["DomainName"]): {each["ResourceRecord"]["Name"]: each["ResourceRecord"]["Value"]} for each in told}


def _standing(aws: Aws, zones: list[str], detail: Mapping[str, Any]) -> dict[str, str]:
    """Return the zone in which each domain's record stands, without those that stand in none."""
    looks = [(domain, zone, *record) for domain, by_name in _records(detail).items() for record in by_name.items() for zone in zones]
    found = aws.map(lambda look: route53.validation_stands(aws, *look[1:]), looks)
    return {look[0]: look[1] for look, stands in zip(looks, found, strict=True) if stands}
