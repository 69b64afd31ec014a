"""The unit `edge`: CloudFront before the load balancers and the buckets of both regions."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .. import limits
from ..aws.cloudfront import EDGE, GLOBAL, CachePolicy, OriginAccessControl, ResponseHeadersPolicy, edge_name
from ..aws.distributions import BEHAVIOUR, ORIGIN, Distribution
from ..aws.log_delivery import LogDelivery, LogDestination, LogSource
from ..aws.route53 import domain_name
from ..aws.signing_keys import PROPAGATION, Signer, SigningKeys, signer_name
from ..aws.wafv2 import WebAcl
from ..errors import KcError
from ..model import Key, Ref, Resource, canonical
from ..scope import Scope
from ..settings import settings
from ..unit import Params, Unit
from ..waf import LOG_GROUP, web_acl
from .certificates import certificate_of
from .keys import key_of
from .secrets import secret_name, secret_of
from .storage import bucket_of

ACCESS, CACHE, HEADERS, DISTRIBUTION = OriginAccessControl(), CachePolicy(), ResponseHeadersPolicy(), Distribution()
SOURCE, DESTINATION, DELIVERY, SIGNER, WEB_ACL = LogSource(), LogDestination(), LogDelivery(), Signer(), WebAcl(cloudfront=True)

READS = ["GET", "HEAD", "OPTIONS"]
WRITES = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
"""Methods of a behaviour; CloudFront takes these two lists, or GET and HEAD alone (CloudFront API, AllowedMethods)."""

WRITER, READERS, BUCKET = "writer", "readers", "bucket/"
"""Where requests go: the region that is primary now; any region, one after the other; a bucket of any region."""

NOTHING = "none"
"""The cache policy of what must never be kept."""

FAILOVER = [500, 502, 503, 504]
"""Answers, beside none at all, that have CloudFront ask the other region."""

LACKING = [403, 404]
"""Further ones of a bucket: what replication has not brought there yet may stand in the other region's."""

LOG_PATH = "{DistributionId}/{yyyy}/{MM}/{dd}"
"""Where, in the log bucket, a distribution's logs stand (Amazon CloudFront developer guide, "Configure standard logging (v2)")."""

HTTP = {"redirect": "redirect-to-https", "refuse": "https-only"}
"""What becomes of a request without TLS."""

SHORT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclasses.dataclass(frozen=True)
class CacheSettings:
    """What the inventory says of one cache policy; the module's documentation explains each."""

    default: int
    max: int
    min: int = 0
    host: bool = False
    query: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class CorsSettings:
    """Which pages of other origins may read answers."""

    origins: list[str]
    headers: list[str] = dataclasses.field(default_factory=list)
    expose: list[str] = dataclasses.field(default_factory=list)
    credentials: bool = False
    seconds: int = 600


@dataclasses.dataclass(frozen=True)
class HeaderSettings:
    """What the inventory says of one response headers policy; the module's documentation explains each."""

    csp: str
    frame: str = "DENY"
    referrer: str = "strict-origin-when-cross-origin"
    permissions: str = ""
    hsts_days: int = 730
    remove: list[str] = dataclasses.field(default_factory=lambda: ["Server", "X-Powered-By"])
    cors: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class OriginSettings:
    """What the inventory says of how the edge asks; the module's documentation explains each."""

    connect_attempts: int = 2
    connect_seconds: int = 3
    read_seconds: int = 20
    write_seconds: int = 60
    bucket_seconds: int = 5
    keepalive_seconds: int = 30
    shield: bool = True


@dataclasses.dataclass(frozen=True)
class PathSettings:
    """What the inventory says of the requests of one path."""

    to: str
    cache: str = NOTHING
    headers: str = ""
    signed_by: str = ""


@dataclasses.dataclass(frozen=True)
class ErrorSettings:
    """What the inventory says of an error's page."""

    page: str
    status: int
    seconds: int = 5


@dataclasses.dataclass(frozen=True)
class DistributionSettings:
    """What the inventory says of one distribution; the module's documentation explains each."""

    description: str
    hosts: list[str]
    default: dict[str, Any]
    paths: dict[str, Any] = dataclasses.field(default_factory=dict)
    errors: dict[str, Any] = dataclasses.field(default_factory=dict)
    root: str = ""
    http: str = "redirect"
    price_class: str = "all"
    waf: bool = True


def distribution_of(scope: Scope, short: str) -> Resource:
    """Return a distribution as other units look it up: outputs `id`, `arn` and `domain`."""
    return Resource(DISTRIBUTION, edge_name(scope, short), None, GLOBAL, component=UNIT.name)


def build(scope: Scope, params: Params) -> Sequence[Resource]:
    """Return the distributions and what they are made of, in us-east-1 whatever the scope's region."""
    return list(Edge(scope.at(GLOBAL), params).resources())


class Edge:
    """Builds the unit from its options, which are checked on the way."""

    def __init__(self, scope: Scope, params: Params) -> None:
        self.scope = scope
        self.params = params
        self.domain = domain_name(params["domain"])
        self.regions: list[str] = list(params["regions"])
        if not self.regions:
            raise KcError("`regions` is empty", hint="name the regions that requests go to, the primary first")
        self.cache = {name: self._cache(name, given) for name, given in sorted(params["cache"].items())}
        self.headers = {name: self._headers(name, given) for name, given in sorted(params["headers"].items())}
        self.distributions = {
            name: settings(DistributionSettings, f"distributions.{_short('distributions', name)}", given)
            for name, given in sorted(params["distributions"].items())
        }
        self.waf = bool(params.get("waf_groups") or params.get("waf_rates"))
        self.origin = settings(OriginSettings, "origin", params.get("origin"))
        for option, (least, most) in limits.EDGE_SECONDS.items():
            if not least <= getattr(self.origin, option) <= most:
                raise KcError(f"`origin.{option}` is {getattr(self.origin, option)}", hint=f"CloudFront takes {least} to {most}")
        if params["viewer_tls"] not in limits.VIEWER_TLS:
            raise KcError(f"`viewer_tls` is `{params['viewer_tls']}`", hint=f"it is one of {', '.join(limits.VIEWER_TLS)}")

    def resources(self) -> Iterator[Resource]:
        """Yield what is looked up, then what is made."""
        made = [self._distribution(name, about) for name, about in self.distributions.items()]
        used = [path for about in self.distributions.values() for path in self._paths(about).values()]
        buckets = sorted({path.to.removeprefix(BUCKET) for path in used if path.to.startswith(BUCKET)})
        yield certificate_of(self.scope, self.domain)
        if self.waf:
            yield key_of(self.scope, "logs")
            groups, rates, days = (self.params[f"waf_{option}"] for option in ("groups", "rates", "log_days"))
            yield from web_acl(self.scope, EDGE, WEB_ACL, groups, rates, days=days)
        for bucket in buckets:
            yield from (bucket_of(self.scope.at(region), bucket) for region in self.regions)
        if buckets:
            yield self._access()
        yield from (Resource(CACHE, edge_name(self.scope, name), about, GLOBAL) for name, about in self.cache.items())
        yield from (Resource(HEADERS, edge_name(self.scope, name), about, GLOBAL) for name, about in self.headers.items())
        for secret in sorted({path.signed_by for path in used if path.signed_by}):
            yield from self._signing(secret)
        yield from made
        if self.params.get("log_bucket") and made:
            yield from self._logs(self.params["log_bucket"], self.params.get("log_region") or self.regions[0])

    # --- policies

    def _cache(self, name: str, given: Any) -> dict[str, Any]:
        where = f"cache.{_short('cache', name)}"
        about = settings(CacheSettings, where, given)
        if name == NOTHING:
            raise KcError(f"`{where}` can't be set", hint="it is AWS's own policy that keeps nothing")
        if not 0 <= about.min <= about.default <= about.max:
            raise KcError(
                f"`{where}`: min, default and max are {about.min}, {about.default} and {about.max} s",
                hint="each is at least the one before",
            )
        behaviour = "all" if about.query == ["*"] else "whitelist" if about.query else "none"
        return {
            "Comment": f"{self.scope.prefix}{EDGE}: {name}",
            "MinTTL": about.min,
            "DefaultTTL": about.default,
            "MaxTTL": about.max,
            "ParametersInCacheKeyAndForwardedToOrigin": {
                "EnableAcceptEncodingGzip": True,
                "EnableAcceptEncodingBrotli": True,
                "HeadersConfig": {"HeaderBehavior": "whitelist" if about.host else "none", "Headers": ["Host"] if about.host else []},
                "CookiesConfig": {"CookieBehavior": "none", "Cookies": []},
                "QueryStringsConfig": {
                    "QueryStringBehavior": behaviour,
                    "QueryStrings": canonical(about.query) if behaviour == "whitelist" else [],
                },
            },
        }

    def _headers(self, name: str, given: Any) -> dict[str, Any]:
        where = f"headers.{_short('headers', name)}"
        about = settings(HeaderSettings, where, given)
        if about.frame not in ("DENY", "SAMEORIGIN"):
            raise KcError(f"`{where}.frame` is `{about.frame}`", hint="it is DENY or SAMEORIGIN")
        security = {
            "StrictTransportSecurity": {
                "Override": True,
                "IncludeSubdomains": True,
                "Preload": True,
                "AccessControlMaxAgeSec": about.hsts_days * 86400,
            },
            "ContentSecurityPolicy": {
                "Override": True,
                "ContentSecurityPolicy": " ".join(about.csp.replace("{domain}", self.domain).split()),
            },
            "ContentTypeOptions": {"Override": True},
            "FrameOptions": {"Override": True, "FrameOption": about.frame},
            "ReferrerPolicy": {"Override": True, "ReferrerPolicy": about.referrer},
            # browsers have dropped it, and where they have not it opens holes (OWASP, HTTP Headers Cheat Sheet)
            "XSSProtection": None,
        }
        permissions = [{"Header": "Permissions-Policy", "Value": about.permissions, "Override": True}] if about.permissions else []
        return {
            "Comment": f"{self.scope.prefix}{EDGE}: {name}",
            "CorsConfig": self._cors(f"{where}.cors", about.cors) if about.cors else None,
            "SecurityHeadersConfig": security,
            "CustomHeadersConfig": permissions,
            "RemoveHeadersConfig": canonical({"Header": header} for header in about.remove),
        }

    def _cors(self, where: str, given: Any) -> dict[str, Any]:
        about = settings(CorsSettings, where, given)
        if "*" in [*about.origins, *about.headers] and about.credentials:
            raise KcError(
                f"`{where}` lets every origin in with its cookies",
                hint="name the hosts below the domain; browsers refuse `*` with credentials",
            )
        return {
            "AccessControlAllowOrigins": canonical(f"https://{host}.{self.domain}" if host != "*" else "*" for host in about.origins),
            # CloudFront wants one at least
            "AccessControlAllowHeaders": canonical(about.headers or ["Range"]),
            "AccessControlAllowMethods": READS,
            "AccessControlExposeHeaders": canonical(about.expose),
            "AccessControlAllowCredentials": about.credentials,
            "AccessControlMaxAgeSec": about.seconds,
            "OriginOverride": True,
        }

    def _access(self) -> Resource:
        desired = {
            "Description": "Requests to buckets are signed",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
        return Resource(ACCESS, edge_name(self.scope, "s3"), desired, GLOBAL)

    # --- signed cookies

    def _signing(self, secret: str) -> Iterator[Resource]:
        home = self.regions[0]
        version = Ref("secret", secret_name(self.scope, secret), "version", region=home)
        name = edge_name(self.scope, secret)
        desired = {
            "version": version,
            "foreign": [],
            "superseded": [],
            "source": {"secret": secret_name(self.scope, secret), "region": home},
        }
        kind = SigningKeys(self.params.get("propagation", PROPAGATION))
        yield secret_of(self.scope.at(home), secret)
        yield Resource(kind, name, desired, GLOBAL)
        told = {"version": version, "tags": self.scope.tags()}
        for region in self.regions:
            yield Resource(SIGNER, signer_name(self.scope, secret), told, region, after=(Key(kind.name, GLOBAL, name),))

    # --- distributions

    def _paths(self, about: DistributionSettings) -> dict[str, PathSettings]:
        """Return a distribution's settings by path; the default's is empty."""
        return {path: settings(PathSettings, "path", given) for path, given in {"": about.default, **about.paths}.items()}

    def _distribution(self, name: str, about: DistributionSettings) -> Resource:
        where = f"distributions.{name}"
        if not about.hosts:
            raise KcError(f"`{where}.hosts` is empty", hint="name what is below the domain, such as `app`")
        for option, allowed in (("http", HTTP), ("price_class", limits.PRICE_CLASSES)):
            if getattr(about, option) not in allowed:
                raise KcError(f"`{where}.{option}` is `{getattr(about, option)}`", hint=f"it is one of {', '.join(allowed)}")
        default = self._behaviour(f"{where}.default", about.default, about.http)
        paths = {path: self._behaviour(f"{where}.paths.{path}", given, about.http) for path, given in about.paths.items()}
        used = canonical({path.to for path in self._paths(about).values()})
        groups = {to: self._members(to) for to in used if to != WRITER and len(self.regions) > 1}
        desired = {
            "aliases": canonical(f"{host}.{self.domain}" for host in about.hosts),
            "comment": about.description,
            "default": default,
            "paths": paths,
            "order": list(paths),
            "origins": {id: origin for to in used for id, origin in self._origins(to).items()},
            "groups": {
                to: {"codes": FAILOVER if to == READERS else [*LACKING, *FAILOVER], "members": members} for to, members in groups.items()
            },
            "errors": canonical(self._error(where, code, given) for code, given in about.errors.items()),
            "root": about.root,
            "certificate": {
                "ACMCertificateArn": Ref("certificate", self.domain, "arn"),
                "SSLSupportMethod": "sni-only",
                "MinimumProtocolVersion": self.params["viewer_tls"],
            },
            "enabled": True,
            "http": "http2and3",
            "ipv6": True,
            "price_class": limits.PRICE_CLASSES[about.price_class],
            "restrictions": {"GeoRestriction": {"RestrictionType": "none", "Items": []}},
            "web_acl": Ref(WEB_ACL.name, self.scope.name("web_acl", EDGE), "arn") if self.waf and about.waf else "",
            "tags": self.scope.tags(edge_name(self.scope, name)),
        }
        return Resource(DISTRIBUTION, edge_name(self.scope, name), desired, GLOBAL)

    def _behaviour(self, where: str, given: Any, http: str) -> dict[str, Any]:
        about = settings(PathSettings, where, given)
        if about.to not in (WRITER, READERS) and not about.to.startswith(BUCKET):
            raise KcError(f"`{where}.to` is `{about.to}`", hint=f"it is {WRITER}, {READERS}, or {BUCKET} and a bucket's name")
        for option, name, known in (("cache", about.cache, {NOTHING, *self.cache}), ("headers", about.headers, {"", *self.headers})):
            if name not in known:
                raise KcError(f"`{where}.{option}` is `{name}`", hint=f"it is one of {', '.join(sorted(known - {''}))}")
        if about.to == WRITER and about.cache != NOTHING:
            raise KcError(
                f"`{where}` keeps answers of the {WRITER}", hint="what may be kept may be read from any region: let it go to readers"
            )
        by_host = about.cache != NOTHING and self.params["cache"][about.cache].get("host")
        if by_host and about.to.startswith(BUCKET):
            raise KcError(
                f"`{where}` sends the viewer's Host to a bucket",
                hint="S3 knows its buckets by their own: use a cache policy without `host`",
            )
        if about.to == READERS and about.cache != NOTHING and not by_host:
            raise KcError(
                f"`{where}` keeps answers of load balancers without their Host", hint="they answer by it: set `host` in its cache policy"
            )
        passes = about.cache == NOTHING and not about.to.startswith(BUCKET)
        trusted = [Ref(SigningKeys.name, edge_name(self.scope, about.signed_by))] if about.signed_by else []
        return {
            **BEHAVIOUR,
            "TargetOriginId": about.to if about.to == WRITER or len(self.regions) > 1 else self._members(about.to)[0],
            "ViewerProtocolPolicy": HTTP[http],
            "AllowedMethods": {"Items": WRITES if about.to == WRITER else READS, "CachedMethods": ["GET", "HEAD"]},
            "CachePolicyId": limits.CACHING_DISABLED if about.cache == NOTHING else Ref(CACHE.name, edge_name(self.scope, about.cache)),
            "OriginRequestPolicyId": limits.ALL_VIEWER if passes else None,
            "ResponseHeadersPolicyId": Ref(HEADERS.name, edge_name(self.scope, about.headers)) if about.headers else None,
            "TrustedKeyGroups": {"Enabled": bool(trusted), "Items": trusted},
            "Compress": about.cache != NOTHING,
        }

    def _error(self, where: str, code: Any, given: Any) -> dict[str, Any]:
        about = settings(ErrorSettings, f"{where}.errors.{code}", given)
        if str(code) not in map(str, limits.ERROR_PAGES):
            raise KcError(f"`{where}.errors` names {code}", hint=f"CloudFront has pages for {', '.join(map(str, limits.ERROR_PAGES))}")
        return {
            "ErrorCode": int(code),
            "ResponsePagePath": about.page,
            "ResponseCode": str(about.status),
            "ErrorCachingMinTTL": about.seconds,
        }

    # --- origins

    def _members(self, to: str) -> list[str]:
        return [f"{to}-{region}" for region in self.regions]

    def _origins(self, to: str) -> dict[str, dict[str, Any]]:
        """Return the origins, by id, that `to` consists of."""
        if to == WRITER:
            return {to: self._balancer(f"origin.{self.domain}", self.origin.write_seconds, region="")}
        if to == READERS:
            return {
                id: self._balancer(f"origin-{region}.{self.domain}", self.origin.read_seconds, region)
                for id, region in zip(self._members(to), self.regions, strict=True)
            }
        return {id: self._bucket(to.removeprefix(BUCKET), region) for id, region in zip(self._members(to), self.regions, strict=True)}

    def _balancer(self, name: str, seconds: int, region: str) -> dict[str, Any]:
        custom = {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
            "OriginSslProtocols": ["TLSv1.2"],
            "OriginReadTimeout": seconds,
            "OriginKeepaliveTimeout": self.origin.keepalive_seconds,
        }
        return {**self._asked(name, region), "S3OriginConfig": None, "CustomOriginConfig": custom}

    def _bucket(self, short: str, region: str) -> dict[str, Any]:
        name = f"{self.scope.at(region).bucket(short)}.s3.{region}.amazonaws.com"
        access = Ref(ACCESS.name, edge_name(self.scope, "s3"))
        identity = {"OriginAccessIdentity": "", "OriginReadTimeout": self.origin.bucket_seconds}
        return {**self._asked(name, region), "OriginAccessControlId": access, "S3OriginConfig": identity, "CustomOriginConfig": None}

    def _asked(self, name: str, region: str) -> dict[str, Any]:
        """Return what all origins have; `region` is empty where answers are not kept, so that a shield keeps none either."""
        shield = limits.ORIGIN_SHIELD.get(region) if self.origin.shield else None
        return {
            **ORIGIN,
            "DomainName": name,
            "ConnectionAttempts": self.origin.connect_attempts,
            "ConnectionTimeout": self.origin.connect_seconds,
            "OriginShield": {"Enabled": bool(shield), "OriginShieldRegion": shield},
        }

    # --- logs

    def _logs(self, bucket: str, region: str) -> Iterator[Resource]:
        at = self.scope.at(region)
        destination = self.scope.name("delivery", EDGE, "logs")
        to = {"to": f"{at.arn('s3', at.bucket(bucket), region='', account='')}/{EDGE}", "format": "json", "tags": self.scope.tags()}
        yield bucket_of(at, bucket)
        yield Resource(DESTINATION, destination, to, GLOBAL)
        for short in self.distributions:
            name = self.scope.name("delivery", EDGE, short)
            source = {
                "resource": Ref(DISTRIBUTION.name, edge_name(self.scope, short), "arn"),
                "log": "ACCESS_LOGS",
                "tags": self.scope.tags(),
            }
            yield Resource(SOURCE, name, source, GLOBAL)
            sent = {"destination": Ref(DESTINATION.name, destination, "arn"), "path": LOG_PATH, "tags": self.scope.tags()}
            yield Resource(DELIVERY, name, sent, GLOBAL, after=(Key(SOURCE.name, GLOBAL, name),))


def _short(where: str, name: str) -> str:
    """Return a short name that may be part of AWS's."""
    if not SHORT.fullmatch(name):
        raise KcError(f"`{where}` names `{name}`", hint="use lower case letters, digits and single hyphens, a letter first")
    return name


def _regions(scope: Scope, params: Params) -> list[str]:
    return [GLOBAL, *sorted({*(params.get("regions") or [])} - {GLOBAL})]


UNIT = Unit(
    name=EDGE,
    kinds=(ACCESS, CACHE, HEADERS, LOG_GROUP, WEB_ACL, SigningKeys(), SIGNER, DISTRIBUTION, SOURCE, DESTINATION, DELIVERY),
    build=build,
    services=("cloudfront", "wafv2", "logs", "s3", "secretsmanager", "ssm", "acm", "kms"),
    regions=_regions,
)
