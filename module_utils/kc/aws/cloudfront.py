"""CloudFront: how its API wants things, and its policies.

CloudFront counts every list (`{"Quantity": 1, "Items": [...]}`), takes whole configurations only, and wants to be told
which version of one (its ETag) a change was made from. Policies have no tags: theirs begin with the scope's prefix and
the unit's name. A policy's attributes are called as the API calls them, with bare lists.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..model import Kind, Live, canonical
from ..names import DIGEST, RULES
from ..scope import Scope
from .session import Aws

GLOBAL = "us-east-1"
"""Where CloudFront has its control plane."""

EDGE = "edge"
"""The tag `Component` of what stands at the edge, and a part of its names."""

_WHOLE = RULES["edge"].longest - DIGEST - 2
"""Characters of a name that are never cut."""

Config = dict[str, Any]


def begins(scope: Scope) -> str:
    """Return how the names of what the scope has at the edge begin."""
    return f"{scope.prefix}{EDGE}-"[:_WHOLE]


def edge_name(scope: Scope, short: str) -> str:
    """Return the whole name of something at the edge."""
    return scope.name("edge", EDGE, short)


def listed(page: Callable[[dict[str, str]], Mapping[str, Any]]) -> list[Any]:
    """Return every item of a list; `page` gets the marker and returns the list's one member.

    botocore pages only some of CloudFront's lists.
    """
    items: list[Any] = []
    marker: dict[str, str] = {}
    while True:
        found = page(marker)
        items += found.get("Items") or []
        if not found.get("NextMarker"):
            return items
        marker = {"Marker": found["NextMarker"]}


def bare(value: Any) -> Any:
    """Return an answer without its counts: `{"Quantity": 1, "Items": [1]}` is `[1]`, with further members it stays a mapping."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: bare(item) for key, item in value.items() if key != "Quantity"}
    if "Quantity" not in value:
        return found
    found["Items"] = found.get("Items") or []
    return found["Items"] if found.keys() == {"Items"} else found


def counted(value: Any, *, empty: bool) -> Any:
    """Return what `bare` undoes; members that are None are left out, and empty lists unless `empty`."""
    if isinstance(value, list):
        return {"Quantity": len(value), **({"Items": [counted(item, empty=empty) for item in value]} if value else {})}
    if not isinstance(value, Mapping):
        return value
    left = {key: item for key, item in value.items() if item is not None and (empty or item != [])}
    items = left.pop("Items", None)
    return {**{key: counted(item, empty=empty) for key, item in left.items()}, **(counted(items, empty=empty) if items is not None else {})}


@dataclass(frozen=True)
class Maybe:
    """A structure of a shape that may be None."""

    shape: Mapping[str, Any]


@dataclass(frozen=True)
class Each:
    """A list of structures of a shape."""

    shape: Mapping[str, Any]


def shaped(value: Any, shape: Any) -> Any:
    """Return what is managed of a bare answer, in one form.

    Args:
        shape: Members that are managed, each with its default or the shape of what it holds. What AWS leaves out, in
            older resources or where it means the same, becomes the default; what it adds is left alone. Lists, whose
            order means nothing, are put into one.
    """
    if isinstance(shape, Maybe):
        return None if value is None else shaped(value, shape.shape)
    if isinstance(shape, Each):
        return canonical(shaped(item, shape.shape) for item in value or [])
    if isinstance(shape, Mapping):
        return {name: shaped((value or {}).get(name), inner) for name, inner in shape.items()}
    found = shape if value is None else value
    return canonical(found) if isinstance(found, list) else found


def overlaid(current: Any, want: Any) -> Any:
    """Return what stands with what is wanted laid over it; members that nobody names stay."""
    if isinstance(want, Mapping) and isinstance(current, Mapping):
        return {**current, **{key: overlaid(current.get(key), item) for key, item in want.items()}}
    return want


class Policy(Kind):
    """Something with a name and a configuration, found by how its name begins.

    Attributes:
        shape: What is managed of the configuration.
    """

    # another change came between the look and the act; what used it has gone, but not everywhere yet
    settles = frozenset({"PreconditionFailed", "OriginAccessControlInUse", "CachePolicyInUse", "ResponseHeadersPolicyInUse"})
    shape: ClassVar[Mapping[str, Any]]

    @abstractmethod
    def all(self, aws: Aws) -> Iterable[tuple[str, Config]]:
        """Yield the id and the configuration of each in the account."""

    @abstractmethod
    def make(self, aws: Aws, config: Config) -> str:
        """Create one and return its id."""

    @abstractmethod
    def version(self, aws: Aws, id: str) -> str:
        """Return which version stands, or nothing."""

    @abstractmethod
    def put(self, aws: Aws, id: str, version: str, config: Config) -> None:
        """Put a whole configuration in the place of a version."""

    @abstractmethod
    def drop(self, aws: Aws, id: str, version: str) -> None:
        """Delete it."""

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        if aws.region != GLOBAL:
            return {}
        own = {config["Name"]: (id, config) for id, config in self.all(aws) if config["Name"].startswith(begins(scope))}
        return {name: Live(shaped(bare(config), self.shape), {"id": id}) for name, (id, config) in own.items()}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        return Live(dict(want), {"id": self.make(aws, self._config(name, want))})

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        self.put(aws, live.id, self.version(aws, live.id), self._config(name, want))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        version = self.version(aws, live.id)
        if version:
            self.drop(aws, live.id, version)

    def _config(self, name: str, want: Mapping[str, Any]) -> Config:
        return {"Name": name, **counted(want, empty=False)}


class OriginAccessControl(Policy):
    """How CloudFront signs its requests to buckets."""

    name = "origin_access_control"
    shape: ClassVar = {"Description": "", "SigningProtocol": "", "SigningBehavior": "", "OriginAccessControlOriginType": ""}

    def all(self, aws: Aws) -> Iterable[tuple[str, Config]]:
        found = listed(lambda marker: aws.call("cloudfront", "list_origin_access_controls", **marker)["OriginAccessControlList"])
        return [(each["Id"], each) for each in found]

    def make(self, aws: Aws, config: Config) -> str:
        return str(aws.call("cloudfront", "create_origin_access_control", OriginAccessControlConfig=config)["OriginAccessControl"]["Id"])

    def version(self, aws: Aws, id: str) -> str:
        return str((aws.find("cloudfront", "get_origin_access_control", Id=id) or {}).get("ETag", ""))

    def put(self, aws: Aws, id: str, version: str, config: Config) -> None:
        aws.call("cloudfront", "update_origin_access_control", Id=id, IfMatch=version, OriginAccessControlConfig=config)

    def drop(self, aws: Aws, id: str, version: str) -> None:
        aws.find("cloudfront", "delete_origin_access_control", Id=id, IfMatch=version)


class CachePolicy(Policy):
    """What the edge keeps for how long, and what tells two requests apart."""

    name = "cache_policy"
    shape: ClassVar = {
        "Comment": "",
        "MinTTL": 0,
        "DefaultTTL": 0,
        "MaxTTL": 0,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": False,
            "EnableAcceptEncodingBrotli": False,
            "HeadersConfig": {"HeaderBehavior": "none", "Headers": []},
            "CookiesConfig": {"CookieBehavior": "none", "Cookies": []},
            "QueryStringsConfig": {"QueryStringBehavior": "none", "QueryStrings": []},
        },
    }

    def all(self, aws: Aws) -> Iterable[tuple[str, Config]]:
        found = listed(lambda marker: aws.call("cloudfront", "list_cache_policies", Type="custom", **marker)["CachePolicyList"])
        return [(each["CachePolicy"]["Id"], each["CachePolicy"]["CachePolicyConfig"]) for each in found]

    def make(self, aws: Aws, config: Config) -> str:
        return str(aws.call("cloudfront", "create_cache_policy", CachePolicyConfig=config)["CachePolicy"]["Id"])

    def version(self, aws: Aws, id: str) -> str:
        return str((aws.find("cloudfront", "get_cache_policy", Id=id) or {}).get("ETag", ""))

    def put(self, aws: Aws, id: str, version: str, config: Config) -> None:
        aws.call("cloudfront", "update_cache_policy", Id=id, IfMatch=version, CachePolicyConfig=config)

    def drop(self, aws: Aws, id: str, version: str) -> None:
        aws.find("cloudfront", "delete_cache_policy", Id=id, IfMatch=version)


class ResponseHeadersPolicy(Policy):
    """Headers that every answer bears, and such as none does."""

    name = "response_headers_policy"
    shape: ClassVar = {
        "Comment": "",
        "CorsConfig": Maybe(
            {
                "AccessControlAllowOrigins": [],
                "AccessControlAllowHeaders": [],
                "AccessControlAllowMethods": [],
                "AccessControlExposeHeaders": [],
                "AccessControlAllowCredentials": False,
                "AccessControlMaxAgeSec": 0,
                "OriginOverride": True,
            }
        ),
        "SecurityHeadersConfig": {
            "StrictTransportSecurity": None,
            "ContentSecurityPolicy": None,
            "ContentTypeOptions": None,
            "FrameOptions": None,
            "ReferrerPolicy": None,
            "XSSProtection": None,
        },
        "CustomHeadersConfig": Each({"Header": "", "Value": "", "Override": True}),
        "RemoveHeadersConfig": Each({"Header": ""}),
    }

    def all(self, aws: Aws) -> Iterable[tuple[str, Config]]:
        found = listed(
            lambda marker: aws.call("cloudfront", "list_response_headers_policies", Type="custom", **marker)["ResponseHeadersPolicyList"]
        )
        policies = [each["ResponseHeadersPolicy"] for each in found]
        return [(each["Id"], each["ResponseHeadersPolicyConfig"]) for each in policies]

    def make(self, aws: Aws, config: Config) -> str:
        made = aws.call("cloudfront", "create_response_headers_policy", ResponseHeadersPolicyConfig=config)
        return str(made["ResponseHeadersPolicy"]["Id"])

    def version(self, aws: Aws, id: str) -> str:
        return str((aws.find("cloudfront", "get_response_headers_policy", Id=id) or {}).get("ETag", ""))

    def put(self, aws: Aws, id: str, version: str, config: Config) -> None:
        aws.call("cloudfront", "update_response_headers_policy", Id=id, IfMatch=version, ResponseHeadersPolicyConfig=config)

    def drop(self, aws: Aws, id: str, version: str) -> None:
        aws.find("cloudfront", "delete_response_headers_policy", Id=id, IfMatch=version)
