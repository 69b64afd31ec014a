"""CloudFront: what is put is kept as it was put, with the rules that a toolkit meets.

moto 5.2.5 knows no cache policies and no response headers policies, loses an origin's access control and S3
configuration, takes no origin group as a target, never changes an ETag nor looks at one, and deletes what is enabled or
in use. Here every sort of thing is a row of `SORTS`, kept as the dict that the request held.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import pace

Config = dict[str, Any]


class Sort(NamedTuple):
    """A sort of things that CloudFront keeps.

    Attributes:
        name: The API's name of it.
        several: Of several, as in `List<several>`.
        path: In its URL.
        missing: The error where one is not there.
        taken: The error where one of this name is there already.
        used: The error where one that is to be deleted is referred to.
        listed: What a list shows of one.
    """

    name: str
    several: str
    path: str
    missing: str
    taken: str
    used: str
    listed: Callable[[Config], Config]

    @property
    def config(self) -> str:
        return f"{self.name}Config"

    @property
    def list(self) -> str:
        return f"{self.name}List"


def _flat(name: str) -> Callable[[Config], Config]:
    return lambda shown: {**shown[f"{name}Config"], **{key: value for key, value in shown.items() if key != f"{name}Config"}}


def _custom(name: str) -> Callable[[Config], Config]:
    return lambda shown: {"Type": "custom", name: shown}


def _sort(name: str, several: str, path: str, listed: Callable[[Config], Config], **errors: str) -> Sort:
    usual = {"missing": f"NoSuch{name}", "taken": f"{name}AlreadyExists", "used": f"{name}InUse"}
    return Sort(name, several, path, listed=listed, **{**usual, **errors})


OAC = "OriginAccessControl"
SORTS = (
    _sort("CachePolicy", "CachePolicies", "cache-policy", _custom("CachePolicy")),
    _sort("ResponseHeadersPolicy", "ResponseHeadersPolicies", "response-headers-policy", _custom("ResponseHeadersPolicy")),
    _sort(OAC, "OriginAccessControls", "origin-access-control", _flat(OAC)),
    _sort("PublicKey", "PublicKeys", "public-key", _flat("PublicKey")),
    _sort("KeyGroup", "KeyGroups", "key-group", lambda shown: {"KeyGroup": shown}, missing="NoSuchResource", used="ResourceInUse"),
    _sort("Distribution", "Distributions", "distribution", _flat("Distribution"), used="ResourceInUse"),
)

MANAGED = {"4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "658327ea-f89d-4fab-a63d-7e88639e58f6"}
"""Cache policies that AWS brings along."""

REFERENCES = {
    "CachePolicyId": ("CachePolicy", "NoSuchCachePolicy"),
    "ResponseHeadersPolicyId": ("ResponseHeadersPolicy", "NoSuchResponseHeadersPolicy"),
    "OriginAccessControlId": ("OriginAccessControl", "InvalidOriginAccessControl"),
}
"""Members that hold an id, of what sort, and the error where that is not there."""

NONE = {"Quantity": 0}
ORIGIN: Config = {
    "OriginPath": "", "CustomHeaders": NONE, "ConnectionAttempts": 3, "ConnectionTimeout": 10, "OriginShield": {"Enabled": False},
    "OriginAccessControlId": "",
}  # fmt: skip
BEHAVIOUR: Config = {
    "TrustedSigners": {"Enabled": False, **NONE}, "TrustedKeyGroups": {"Enabled": False, **NONE},
    "SmoothStreaming": False, "Compress": False,
    "LambdaFunctionAssociations": NONE, "FunctionAssociations": NONE, "FieldLevelEncryptionId": "", "GrpcConfig": {"Enabled": False},
}  # fmt: skip
DISTRIBUTION: Config = {
    "Aliases": NONE, "DefaultRootObject": "", "OriginGroups": NONE, "CacheBehaviors": NONE, "CustomErrorResponses": NONE,
    "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""}, "PriceClass": "PriceClass_All",
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", **NONE}}, "WebACLId": "", "HttpVersion": "http2", "IsIPV6Enabled": True,
    "ContinuousDeploymentPolicyId": "", "Staging": False,
}  # fmt: skip
"""What CloudFront fills in where a request says nothing."""


@dataclass
class Item:
    """One thing that is kept. `more` is what is shown of it beside its configuration."""

    id: str
    config: Config
    etag: str
    more: Config = field(default_factory=dict)
    settling: bool = False


def kept_as_put() -> None:
    """Everything that is put is answered as it was put, in all sorts; see the head of this file."""
    from moto.cloudfront.responses import CloudFrontResponse
    from moto.cloudfront.urls import url_paths

    for sort in SORTS:
        for end in ("", "/(?P<id>[^/]+)", "/(?P<id>[^/]+)/config"):
            url_paths[f"{{0}}/2020-05-31/{sort.path}{end}$"] = CloudFrontResponse.dispatch
        for name, answer in _operations(sort):
            setattr(CloudFrontResponse, name, answer)
    CloudFrontResponse.create_distribution_with_tags = _create_with_tags


def _operations(sort: Sort) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    from botocore import xform_name

    def answering(act: Callable[[Any, Sort], Config]) -> Callable[[Any], Any]:
        def answer(self: Any) -> Any:
            from moto.core.responses import ActionResult

            return ActionResult(act(self, sort))

        return answer

    for name, act in {
        f"Create{sort.name}": _create,
        f"Get{sort.name}": _get,
        f"Get{sort.config}": _get_config,
        f"Update{sort.name}": _update,
        f"Delete{sort.name}": _delete,
        f"List{sort.several}": _list,
    }.items():
        yield xform_name(name), answering(act)


def _kept(self: Any, sort: str) -> dict[str, Item]:
    items: dict[str, Item] = vars(self.backend).setdefault("as_put", {}).setdefault(sort, {})
    return items


def _refuse(code: str, text: str) -> Any:
    from moto.cloudfront.exceptions import CloudFrontException

    raise CloudFrontException(code, text)


def _found(self: Any, sort: Sort, *, changing: bool = False) -> Item:
    item: Item = _kept(self, sort.name).get(self._get_param("Id")) or _refuse(sort.missing, f"The {sort.name} does not exist.")
    if changing and self._get_param("IfMatch") != item.etag:
        _refuse(
            "PreconditionFailed" if self._get_param("IfMatch") else "InvalidIfMatchVersion", "The If-Match version is not the current one."
        )
    return item


def _shown(sort: Sort, item: Item) -> Config:
    return {"Id": item.id, sort.config: copy.deepcopy(item.config), **item.more}


def _answer(sort: Sort, item: Item) -> Config:
    return {
        sort.name: _shown(sort, item),
        "ETag": item.etag,
        "Location": f"https://cloudfront.amazonaws.com/2020-05-31/{sort.path}/{item.id}",
    }


def _put(self: Any, sort: Sort, item: Item, config: Config) -> None:
    from moto.cloudfront.models import random_id

    if sort.name == "Distribution":
        _check(self, item.id, config)
        config = _filled(config)
        item.more["Status"], item.settling = "InProgress", True
        pace.begin(item, "distribution", item.id)
    item.config, item.etag = config, random_id()
    item.more["CreatedTime" if sort.name == "PublicKey" else "LastModifiedTime"] = datetime.datetime.now(datetime.UTC)


def _create(self: Any, sort: Sort, config: Config | None = None) -> Config:
    from moto.cloudfront.models import random_id
    from moto.utilities.utils import get_partition

    config = config or self._get_param(sort.config)
    named = "CallerReference" if sort.name == "Distribution" else "Name"
    if any(item.config[named] == config[named] for item in _kept(self, sort.name).values()):
        _refuse(sort.taken, f"A {sort.name} with this {named} exists.")
    item = Item(random_id(length=14), {}, "")
    if sort.name == "Distribution":
        arn = f"arn:{get_partition(self.region)}:cloudfront::{self.current_account}:distribution/{item.id}"
        item.more = {
            "ARN": arn, "DomainName": f"{item.id.lower()}.cloudfront.net", "InProgressInvalidationBatches": 0,
            "ActiveTrustedSigners": {"Enabled": False, **NONE}, "ActiveTrustedKeyGroups": {"Enabled": False, **NONE},
        }  # fmt: skip
    _put(self, sort, item, config)
    _kept(self, sort.name)[item.id] = item
    return _answer(sort, item)


def _create_with_tags(self: Any) -> Any:
    from moto.core.responses import ActionResult

    given = self._get_param("DistributionConfigWithTags")
    made = _create(self, SORTS[-1], given["DistributionConfig"])
    self.backend.tagger.tag_resource(made["Distribution"]["ARN"], given["Tags"].get("Items") or [])
    return ActionResult(made)


def _get(self: Any, sort: Sort) -> Config:
    item = _found(self, sort)
    answer = _answer(sort, item)
    if item.settling and not pace.coming(item):  # seen once on its way, it has arrived
        item.more["Status"], item.settling = "Deployed", False
    return answer


def _get_config(self: Any, sort: Sort) -> Config:
    item = _found(self, sort)
    return {sort.config: copy.deepcopy(item.config), "ETag": item.etag}


def _update(self: Any, sort: Sort) -> Config:
    item = _found(self, sort, changing=True)
    _put(self, sort, item, self._get_param(sort.config))
    return _answer(sort, item)


def _delete(self: Any, sort: Sort) -> Config:
    item = _found(self, sort, changing=True)
    if item.config.get("Enabled") or item.settling:
        _refuse("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.")
    others = [other.config for other_sort in SORTS for other in _kept(self, other_sort.name).values() if other is not item]
    if any(item.id in _texts(config) for config in others):
        _refuse(sort.used, f"The {sort.name} is in use.")
    del _kept(self, sort.name)[item.id]
    return {}


def _list(self: Any, sort: Sort) -> Config:
    items = [sort.listed(_shown(sort, item)) for item in _kept(self, sort.name).values()]
    return {sort.list: {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(items), "Items": items or None}}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every member with its name, at any depth."""
    for item in value if isinstance(value, list) else ():
        yield from _members(item)
    for name, item in value.items() if isinstance(value, dict) else ():
        yield name, item
        yield from _members(item)


def _items(config: Mapping[str, Any], name: str) -> list[Any]:
    return list((config.get(name) or {}).get("Items") or [])


def _check(self: Any, id: str, config: Config) -> None:
    """Refuse what CloudFront refuses (CloudFront API, CreateDistribution: errors)."""
    for name, (sort, error) in REFERENCES.items():
        for at, value in _members(config):
            if at == name and value and value not in MANAGED and value not in _kept(self, sort):
                _refuse(error, f"{value} does not exist.")
    behaviours = [config["DefaultCacheBehavior"], *_items(config, "CacheBehaviors")]
    groups = {each["Id"] for each in _items(config, "OriginGroups")}
    targets = {each["Id"] for each in _items(config, "Origins")} | groups
    for each in behaviours:
        methods = set(_items(each, "AllowedMethods"))
        if each["TargetOriginId"] not in targets:
            _refuse("NoSuchOrigin", "One or more of your origins or origin groups do not exist.")
        if each["TargetOriginId"] in groups and methods - {"GET", "HEAD", "OPTIONS"}:
            _refuse("InvalidArgument", "AllowedMethods cannot include POST, PUT, PATCH or DELETE where the target is an origin group.")
        if set(_items(each, "TrustedKeyGroups")) - set(_kept(self, "KeyGroup")):
            _refuse("TrustedKeyGroupDoesNotExist", "The specified key group does not exist.")
    others = [other.config for other in _kept(self, "Distribution").values() if other.id != id]
    if set(_items(config, "Aliases")) & {alias for other in others for alias in _items(other, "Aliases")}:
        _refuse("CNAMEAlreadyExists", "The CNAME is already associated with another distribution.")


def _filled(config: Config) -> Config:
    """Return a distribution's configuration with what CloudFront fills in."""
    found = {**copy.deepcopy(DISTRIBUTION), **config}
    found["DefaultCacheBehavior"] = {**copy.deepcopy(BEHAVIOUR), **found["DefaultCacheBehavior"]}
    for name, defaults in (("CacheBehaviors", BEHAVIOUR), ("Origins", ORIGIN)):
        if _items(found, name):
            found[name] = {**found[name], "Items": [{**copy.deepcopy(defaults), **each} for each in found[name]["Items"]]}
    for origin in _items(found, "Origins"):
        if "CustomOriginConfig" in origin:
            origin["CustomOriginConfig"].setdefault("IpAddressType", "ipv4")
        else:
            origin["S3OriginConfig"].setdefault("OriginReadTimeout", 30)
    certificate = found.get("ViewerCertificate") or {"CloudFrontDefaultCertificate": True, "MinimumProtocolVersion": "TLSv1"}
    if certificate.get("ACMCertificateArn"):
        certificate = {**certificate, "Certificate": certificate["ACMCertificateArn"], "CertificateSource": "acm"}
    return {**found, "ViewerCertificate": {"CloudFrontDefaultCertificate": False, **certificate}}


ALL = (kept_as_put,)
