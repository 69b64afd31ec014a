"""The unit `certificates`: a region's certificate, for its load balancers; in us-east-1, CloudFront's."""

from __future__ import annotations

from collections.abc import Sequence

from ..aws.acm import ISSUANCE, Certificate, validated_by
from ..aws.route53 import GLOBAL, domain_name
from ..aws.zones import HostedZone
from ..errors import KcError
from ..model import Ref, Resource
from ..scope import Scope
from ..unit import Params, Unit

LONGEST = 64
"""Characters of the domain, which is the certificate's common name (RFC 5280); `names` may be longer."""


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the certificate and the hosted zone that its validation records stand in."""
    domain = domain_name(params["domain"])
    zone = domain_name(params.get("zone") or domain)
    names = sorted({domain, *(certified_name(each) for each in params.get("names") or [])})
    outside = [each for each in names if not f".{validated_by(each)}".endswith(f".{zone}")]
    if outside:
        raise KcError(f"{outside[0]} is not in the hosted zone {zone}", hint="a name is validated by a record in the zone that it is in")
    if len(domain) > LONGEST:
        raise KcError(f"{domain} is longer than {LONGEST} characters", hint="give a shorter `domain`, and this one in `names`")
    desired = {
        "names": names,
        "key_algorithm": params.get("key_algorithm") or "EC_prime256v1",
        "transparency_logging": "ENABLED",
        "validation": {validated_by(each): Ref("hosted_zone", zone, region=GLOBAL) for each in names},
        "status": "ISSUED",
        "superseded": [],
        "tags": scope.tags(),
    }
    certificate = Certificate(params.get("timeout", ISSUANCE))
    return [Resource(HostedZone(), zone, None, GLOBAL, component="zone"), Resource(certificate, domain, desired, scope.region)]


def certificate_of(scope: Scope, domain: str) -> Resource:
    """Return the region's certificate as other units look it up: outputs `id` and `arn`."""
    return Resource(Certificate(), domain_name(domain), None, scope.region, component="certificates")


def certified_name(text: str) -> str:
    """Return a name of a certificate in the form that ACM gives it: a domain, or `*.` and a domain."""
    wildcard = "*." if str(text).startswith("*.") else ""
    return wildcard + domain_name(str(text).removeprefix(wildcard))


UNIT = Unit(name="certificates", kinds=(Certificate(),), build=build, services=("acm", "route53"))
