"""CloudFront: distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from .cloudfront import GLOBAL, Config, Maybe, bare, begins, counted, listed, overlaid, shaped
from .session import Aws
from .tags import tag_dict, tag_list

DEPLOYMENT = 1800
"""Seconds until a change has reached every edge; it takes about five minutes."""

ORIGIN: Mapping[str, Any] = {
    "DomainName": "",
    "OriginPath": "",
    "CustomHeaders": [],
    "ConnectionAttempts": 3,
    "ConnectionTimeout": 10,
    "OriginShield": {"Enabled": False, "OriginShieldRegion": None},
    "OriginAccessControlId": "",
    "S3OriginConfig": Maybe({"OriginAccessIdentity": "", "OriginReadTimeout": 30}),
    "CustomOriginConfig": Maybe(
        {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
            "OriginSslProtocols": ["TLSv1.2"],
            "OriginReadTimeout": 30,
            "OriginKeepaliveTimeout": 5,
        }
    ),
}
"""An origin, and what it is where nothing is said (CloudFront API, Origin)."""

BEHAVIOUR: Mapping[str, Any] = {
    "TargetOriginId": "",
    "ViewerProtocolPolicy": "https-only",
    "AllowedMethods": {"Items": [], "CachedMethods": ["GET", "HEAD"]},
    "CachePolicyId": "",
    "OriginRequestPolicyId": None,
    "ResponseHeadersPolicyId": None,
    "TrustedKeyGroups": {"Enabled": False, "Items": []},
    "TrustedSigners": {"Enabled": False, "Items": []},
    "Compress": False,
    "SmoothStreaming": False,
    "FieldLevelEncryptionId": "",
    "LambdaFunctionAssociations": [],
    "FunctionAssociations": [],
    "GrpcConfig": {"Enabled": False},
}
"""A cache behaviour, and what it is where nothing is said (CloudFront API, CacheBehavior). Code at the edge and other
people's signatures are in it, so that such are drift."""

MEMBERS = {
    "aliases": "Aliases",
    "comment": "Comment",
    "default": "DefaultCacheBehavior",
    "enabled": "Enabled",
    "errors": "CustomErrorResponses",
    "http": "HttpVersion",
    "ipv6": "IsIPV6Enabled",
    "price_class": "PriceClass",
    "restrictions": "Restrictions",
    "root": "DefaultRootObject",
    "certificate": "ViewerCertificate",
    "web_acl": "WebACLId",
}
"""Attributes that are one member of a distribution's configuration each."""

SHAPES: Mapping[str, Any] = {
    "aliases": [],
    "comment": "",
    "default": BEHAVIOUR,
    "enabled": True,
    "errors": [],
    "http": "",
    "ipv6": False,
    "price_class": "",
    "restrictions": {"GeoRestriction": {"RestrictionType": "none", "Items": []}},
    "root": "",
    "certificate": {"ACMCertificateArn": "", "SSLSupportMethod": "", "MinimumProtocolVersion": ""},
    "web_acl": "",
}

SUPERSEDED = {"ForwardedValues", "MinTTL", "DefaultTTL", "MaxTTL", "Certificate", "CertificateSource", "IAMCertificateId"}
"""Members of behaviours and certificates that stand beside what replaced them, and must not contradict it."""


class Distribution(Kind):
    """A distribution. Below its attributes, members are called as the API calls them, with bare lists.

    Its CallerReference, which nobody can change, begins with its name: by that it is found, and a tag that was changed
    by hand hides nothing. `paths` are behaviours by pattern; `order` says which of two patterns goes first.

    A change is made to the configuration that stands, so that members that this toolkit does not know stay.
    """

    name = "distribution"
    outputs_of = ("id", "arn", "domain")
    # another change came in between; a certificate or a web ACL of a moment ago is not seen everywhere
    settles = frozenset({"PreconditionFailed", "DistributionNotDisabled", "InvalidViewerCertificate", "InvalidWebACLId"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        if aws.region != GLOBAL:
            return {}
        found = listed(lambda marker: aws.call("cloudfront", "list_distributions", **marker)["DistributionList"])
        configs = aws.map(lambda each: self._config(aws, each["Id"])[0], found)
        own = [
            (each, config)
            for each, config in zip(found, configs, strict=True)
            if config.get("CallerReference", "").startswith(begins(scope))
        ]

        def one(item: tuple[dict[str, Any], Config]) -> tuple[str, Live]:
            about, config = item
            tags = aws.call("cloudfront", "list_tags_for_resource", Resource=about["ARN"])["Tags"]
            return config["CallerReference"].partition("/")[0], Live(
                {**_attrs(config), "tags": tag_dict(tags.get("Items"))}, _outputs(about)
            )

        return dict(aws.map(one, own))

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        reference = f"{name}/{aws.token('distribution', name)}"
        given = {"DistributionConfig": _laid({"CallerReference": reference}, want), "Tags": {"Items": tag_list(want["tags"])}}
        made = aws.call("cloudfront", "create_distribution_with_tags", DistributionConfigWithTags=given)["Distribution"]
        return Live(dict(want), _outputs(made))

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until every edge has it."""
        aws.wait(
            f"distribution {name}", lambda: self._status(aws, live.id), until={"Deployed"}, unless={"gone"}, timeout=DEPLOYMENT, pause=10
        )

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "tags" in changed:
            aws.call("cloudfront", "tag_resource", Resource=live.outputs["arn"], Tags={"Items": tag_list(want["tags"])})
        # an order without the paths says nothing, nor do these without it
        changed |= {"paths", "order"} if changed & {"paths", "order"} else frozenset()
        self._change(aws, live.id, {key: want[key] for key in changed - {"tags"}})

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Disable it, wait until every edge knows, and delete it (CloudFront API, DeleteDistribution)."""
        self._change(aws, live.id, {"enabled": False})
        aws.wait(
            f"the disabling of distribution {name}",
            lambda: self._status(aws, live.id),
            until={"Deployed", "gone"},
            timeout=DEPLOYMENT,
            pause=10,
        )
        _, version = self._config(aws, live.id)
        if version:
            aws.find("cloudfront", "delete_distribution", Id=live.id, IfMatch=version)

    def _change(self, aws: Aws, id: str, want: Mapping[str, Any]) -> None:
        config, version = self._config(aws, id)
        after = _laid(config, want)
        if version and after != _laid(config, {}):
            aws.call("cloudfront", "update_distribution", Id=id, IfMatch=version, DistributionConfig=after)

    def _config(self, aws: Aws, id: str) -> tuple[Config, str]:
        """Return a distribution's configuration and its version; both empty where it is gone."""
        found = aws.find("cloudfront", "get_distribution_config", Id=id) or {}
        return dict(found.get("DistributionConfig") or {}), str(found.get("ETag", ""))

    def _status(self, aws: Aws, id: str) -> str:
        found = aws.find("cloudfront", "get_distribution", Id=id)
        return str(found["Distribution"]["Status"]) if found else "gone"


def _outputs(distribution: Mapping[str, Any]) -> dict[str, str]:
    return {"id": distribution["Id"], "arn": distribution["ARN"], "domain": distribution["DomainName"]}


def _attrs(config: Config) -> dict[str, Any]:
    """Return a configuration as it is compared."""
    given = bare(config)
    paths = given.get("CacheBehaviors") or []
    return {
        **{name: shaped(given.get(member), SHAPES[name]) for name, member in MEMBERS.items()},
        "origins": {each["Id"]: shaped(each, ORIGIN) for each in given.get("Origins") or []},
        "groups": {
            each["Id"]: {
                "codes": canonical(each["FailoverCriteria"]["StatusCodes"]),
                "members": [member["OriginId"] for member in each["Members"]],
            }
            for each in given.get("OriginGroups") or []
        },
        "paths": {each["PathPattern"]: shaped(each, BEHAVIOUR) for each in paths},
        "order": [each["PathPattern"] for each in paths],
    }


def _laid(config: Config, want: Mapping[str, Any]) -> Config:
    """Return a configuration, as the API takes it, with attributes laid over it."""
    given = _without(bare(config))
    standing = {
        key: {each[id]: each for each in given.get(key) or []} for key, id in (("Origins", "Id"), ("CacheBehaviors", "PathPattern"))
    }
    for name, member in MEMBERS.items():
        if name in want:
            given[member] = overlaid(given.get(member), want[name])
    if "origins" in want:
        given["Origins"] = [{"Id": id, **overlaid(standing["Origins"].get(id), about)} for id, about in sorted(want["origins"].items())]
    if "groups" in want:
        given["OriginGroups"] = [
            {
                "Id": id,
                "FailoverCriteria": {"StatusCodes": about["codes"]},
                "Members": [{"OriginId": member} for member in about["members"]],
            }
            for id, about in sorted(want["groups"].items())
        ]
    if "paths" in want:
        given["CacheBehaviors"] = [
            {"PathPattern": path, **overlaid(standing["CacheBehaviors"].get(path), want["paths"][path])} for path in want["order"]
        ]
    return dict(counted(given, empty=True))


def _without(value: Any) -> Any:
    if isinstance(value, list):
        return [_without(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _without(item) for key, item in value.items() if key not in SUPERSEDED}
    return value
