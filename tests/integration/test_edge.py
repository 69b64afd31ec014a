"""The edge on an AWS API: made, put back, turned round at a failover, its keys rotated, taken away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kc import limits
from kc.unit import run
from kc.units.edge import UNIT

from tests.integration.census import inventory_of
from tests.integration.platform import GLOBAL, HOME, OTHER, options, prepare

Fixture = Callable[..., Any]
Line = tuple[str, str, str, list[str]]

WEB, MEDIA, COOKIES = "kc-lab-edge-web", "kc-lab-edge-media", "kc-lab-edge-cookies"
PARAMETER = "/kc/lab/edge/cookies"


@pytest.fixture
def params(converge: Fixture, scope_option: Fixture) -> dict[str, Any]:
    prepare("edge", converge, scope_option)
    return {**options("edge"), "scope": scope_option(GLOBAL, tags={"Owner": "operations"})}


class Hand:
    """CloudFront and its neighbours, as somebody uses them by hand."""

    def __init__(self, client: Fixture) -> None:
        self.client = client
        self.cloudfront = client("cloudfront", GLOBAL)
        self.logs = client("logs", GLOBAL)

    def distributions(self) -> dict[str, dict[str, Any]]:
        found = self.cloudfront.list_distributions()["DistributionList"].get("Items") or []
        return {config["CallerReference"].partition("/")[0]: config for config in (self.config(each["Id"]) for each in found)}

    def config(self, id: str) -> dict[str, Any]:
        found = self.cloudfront.get_distribution_config(Id=id)
        return {**found["DistributionConfig"], "id": id, "etag": found["ETag"]}

    def change(self, name: str, **members: Any) -> None:
        """Put members of a distribution's configuration."""
        config = self.distributions()[name] | members
        self.cloudfront.update_distribution(Id=config.pop("id"), IfMatch=config.pop("etag"), DistributionConfig=config)

    def change_default(self, name: str, **members: Any) -> None:
        self.change(name, DefaultCacheBehavior=self.distributions()[name]["DefaultCacheBehavior"] | members)

    def change_origin(self, name: str, id: str, **members: Any) -> None:
        origins = [each | members if each["Id"] == id else each for each in self.distributions()[name]["Origins"]["Items"]]
        self.change(name, Origins={"Quantity": len(origins), "Items": origins})

    def change_policy(self, sort: str, several: str, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change a policy's configuration in place."""
        listed = getattr(self.cloudfront, f"list_{several}")()
        (items,) = (each["Items"] for key, each in listed.items() if key != "ResponseMetadata")
        ids = [each["Id"] for each in (next((v for v in item.values() if isinstance(v, dict)), item) for item in items)]
        for id in ids:
            found = getattr(self.cloudfront, f"get_{sort}")(Id=id)
            (config,) = (
                value for key, value in next(v for k, v in found.items() if isinstance(v, dict) and "Id" in v).items() if "Config" in key
            )
            if config["Name"] == name:
                change(config)
                member = {"cache_policy": "CachePolicyConfig", "response_headers_policy": "ResponseHeadersPolicyConfig"}
                given = {member.get(sort, "OriginAccessControlConfig"): config}
                getattr(self.cloudfront, f"update_{sort}")(Id=id, IfMatch=found["ETag"], **given)

    def group(self) -> dict[str, Any]:
        (group,) = self.cloudfront.list_key_groups()["KeyGroupList"]["Items"]
        return {**group["KeyGroup"]["KeyGroupConfig"], "id": group["KeyGroup"]["Id"]}

    def change_group(self, **members: Any) -> None:
        config = self.group()
        etag = self.cloudfront.get_key_group(Id=config["id"])["ETag"]
        self.cloudfront.update_key_group(Id=config.pop("id"), IfMatch=etag, KeyGroupConfig=config | members)

    def keys(self) -> dict[str, str]:
        """Return the public keys, PEM by id."""
        found = self.cloudfront.list_public_keys()["PublicKeyList"].get("Items") or []
        return {each["Id"]: each["EncodedKey"].strip() for each in found}

    def stray_key(self, name: str) -> str:
        config = {"CallerReference": name, "Name": name, "EncodedKey": "-----BEGIN PUBLIC KEY-----"}
        return str(self.cloudfront.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"])

    def told(self, region: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.client("ssm", region).get_parameter(Name=PARAMETER)["Parameter"]["Value"])
        return found

    def untag(self, name: str, tag: str) -> None:
        arn = f"arn:aws:cloudfront::123456789012:distribution/{self.distributions()[name]['id']}"
        self.cloudfront.untag_resource(Resource=arn, TagKeys={"Items": [tag]})

    def delivery(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.logs.describe_deliveries()["deliveries"]
        return next(each for each in found if each["deliverySourceName"] == name)


@pytest.fixture
def hand(client: Fixture) -> Hand:
    return Hand(client)


def lines(result: dict[str, Any]) -> list[Line]:
    return [(one["action"], one["kind"], one["name"], sorted(one["after"] or {})) for one in result["plan"]]


def test_an_empty_account_can_be_planned(converge: Fixture, scope_option: Fixture) -> None:
    """Neither certificate nor bucket nor secret stands."""
    plan = converge("edge", {**options("edge"), "scope": scope_option(GLOBAL)}, check=True)["plan"]
    web = next(each for each in plan if each["name"] == WEB and each["kind"] == "distribution")
    assert web["after"]["certificate"]["ACMCertificateArn"] == "(known after apply)"
    refused = run(UNIT, {**options("edge"), "scope": scope_option(GLOBAL)}, check=False)
    assert "converge the unit `storage` of me-west-1 first" in refused["msg"].lower()


def test_the_edge(converge: Fixture, params: dict[str, Any], hand: Hand, client: Fixture) -> None:
    planned = converge("edge", params, check=True)
    assert hand.distributions() == {}
    made = converge("edge", params)
    assert made["plan"] == planned["plan"]
    again = converge("edge", params)
    assert (again["plan"], again["outputs"]) == ([], made["outputs"])

    web, media = hand.distributions()[WEB], hand.distributions()[MEDIA]
    certificate = client("acm", GLOBAL).list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"][0]
    for each in (web, media):
        assert each["ViewerCertificate"]["ACMCertificateArn"] == certificate["CertificateArn"]
        assert (each["ViewerCertificate"]["MinimumProtocolVersion"], each["HttpVersion"]) == ("TLSv1.2_2025", "http2and3")
    assert web["Aliases"]["Items"] == ["app.kc-lab.test", "learn.kc-lab.test"]
    assert made["outputs"]["distribution"][WEB]["domain"] == f"{web['id'].lower()}.cloudfront.net"

    (acl,) = client("wafv2", GLOBAL).list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
    assert web["WebACLId"] == media["WebACLId"] == acl["ARN"]

    # reads of pages go to any region, writes to the one that is primary
    (readers,) = web["OriginGroups"]["Items"]
    assert [each["OriginId"] for each in readers["Members"]["Items"]] == ["readers-me-west-1", "readers-eu-central-1"]
    origins = {each["Id"]: each for each in web["Origins"]["Items"]}
    assert origins["readers-eu-central-1"]["DomainName"] == "origin-eu-central-1.kc-lab.test"
    assert origins["writer"]["DomainName"] == "origin.kc-lab.test"
    assert origins["readers-eu-central-1"]["OriginShield"] == {"Enabled": True, "OriginShieldRegion": "eu-central-1"}
    assert origins["readers-me-west-1"]["OriginShield"] == origins["writer"]["OriginShield"] == {"Enabled": False}
    assert web["DefaultCacheBehavior"]["TargetOriginId"] == "readers"
    # which pattern goes first is as the inventory says it, not the alphabet
    assert [(each["PathPattern"], each["TargetOriginId"]) for each in web["CacheBehaviors"]["Items"]] == [
        ("/api/*", "writer"),
        ("/a*", "readers"),
    ]
    assert "POST" in web["CacheBehaviors"]["Items"][0]["AllowedMethods"]["Items"]

    # segments come from the buckets, with signed requests for signed cookies
    (segments,) = media["CacheBehaviors"]["Items"]
    assert segments["TrustedKeyGroups"]["Items"] == [hand.group()["id"]]
    buckets = [each for each in media["Origins"]["Items"] if each["Id"].startswith("bucket/media-")]
    (access,) = hand.cloudfront.list_origin_access_controls()["OriginAccessControlList"]["Items"]
    assert {each["OriginAccessControlId"] for each in buckets} == {access["Id"]}
    assert (access["SigningProtocol"], access["SigningBehavior"]) == ("sigv4", "always")
    assert buckets[0]["DomainName"].endswith(".amazonaws.com")
    for region in (HOME, OTHER):
        policy = json.loads(client("s3", region).get_bucket_policy(Bucket=f"kc-lab-media-123456789012-{region}")["Policy"])
        (reads,) = (each for each in policy["Statement"] if each["Sid"] == "EdgeReads")
        assert reads["Condition"]["ArnLike"] == {"aws:SourceArn": ["arn:aws:cloudfront::123456789012:distribution/*"]}

    # the edge knows the public half, and signers are told which it is
    secret = client("secretsmanager", HOME).get_secret_value(SecretId="kc/lab/cookies")
    (key,) = hand.group()["Items"]
    assert hand.keys() == {key: json.loads(secret["SecretString"])["public_key"].strip()}
    assert hand.told(HOME) == hand.told(OTHER) == {"key": key, "version": secret["VersionId"]}
    assert "PRIVATE" not in json.dumps(made)

    (destination,) = hand.logs.describe_delivery_destinations()["deliveryDestinations"]
    to = {"destinationResourceArn": "arn:aws:s3:::kc-lab-logs-123456789012-me-west-1/edge"}
    assert destination["deliveryDestinationConfiguration"] == to
    assert {each["resourceArns"][0] for each in hand.logs.describe_delivery_sources()["deliverySources"]} == {
        each["arn"] for each in made["outputs"]["distribution"].values()
    }
    assert len(hand.logs.describe_deliveries()["deliveries"]) == 2


def _open_cors(config: dict[str, Any]) -> None:
    config["CorsConfig"]["AccessControlAllowOrigins"]["Items"][0] = "https://evil.example"


NO_ITEMS: dict[str, Any] = {"Quantity": 0}
DRIFT: dict[str, tuple[Callable[[Hand], Any], list[Line]]] = {
    "http let in": (
        lambda hand: hand.change_default(MEDIA, ViewerProtocolPolicy="allow-all"),
        [("update", "distribution", MEDIA, ["default"])],
    ),
    "another host": (
        lambda hand: hand.change(WEB, Aliases={"Quantity": 1, "Items": ["app.kc-lab.test"]}),
        [("update", "distribution", WEB, ["aliases"])],
    ),
    "old TLS": (
        lambda hand: hand.change(
            WEB, ViewerCertificate=hand.distributions()[WEB]["ViewerCertificate"] | {"MinimumProtocolVersion": "TLSv1"}
        ),
        [("update", "distribution", WEB, ["certificate"])],
    ),
    "no web ACL": (lambda hand: hand.change(MEDIA, WebACLId=""), [("update", "distribution", MEDIA, ["web_acl"])]),
    "disabled": (lambda hand: hand.change(WEB, Enabled=False), [("update", "distribution", WEB, ["enabled"])]),
    "its words": (
        lambda hand: hand.change(WEB, Comment="x", DefaultRootObject="index.html"),
        [("update", "distribution", WEB, ["comment", "root"])],
    ),
    "its reach": (
        lambda hand: hand.change(WEB, HttpVersion="http1.1", IsIPV6Enabled=False, PriceClass="PriceClass_100"),
        [("update", "distribution", WEB, ["http", "ipv6", "price_class"])],
    ),
    "a country": (
        lambda hand: hand.change(
            WEB,
            Restrictions={"GeoRestriction": {"RestrictionType": "blacklist", "Quantity": 1, "Items": ["SA"]}},
            CustomErrorResponses=NO_ITEMS,
        ),
        [("update", "distribution", WEB, ["errors", "restrictions"])],
    ),
    "a path away": (lambda hand: hand.change(WEB, CacheBehaviors=NO_ITEMS), [("update", "distribution", WEB, ["order", "paths"])]),
    "another order": (
        lambda hand: hand.change(WEB, CacheBehaviors={"Quantity": 2, "Items": hand.distributions()[WEB]["CacheBehaviors"]["Items"][::-1]}),
        [("update", "distribution", WEB, ["order"])],
    ),
    "segments for anybody": (
        lambda hand: hand.change(
            MEDIA,
            CacheBehaviors={
                "Quantity": 1,
                "Items": [
                    {**each, "TrustedKeyGroups": {"Enabled": False, "Quantity": 0}}
                    for each in hand.distributions()[MEDIA]["CacheBehaviors"]["Items"]
                ],
            },
        ),
        [("update", "distribution", MEDIA, ["paths"])],
    ),
    "code at the edge": (
        lambda hand: hand.change_default(
            WEB,
            FunctionAssociations={
                "Quantity": 1,
                "Items": [{"FunctionARN": "arn:aws:cloudfront::1:function/x", "EventType": "viewer-request"}],
            },
        ),
        [("update", "distribution", WEB, ["default"])],
    ),
    "the old way to cache": (
        lambda hand: hand.change_default(
            MEDIA, CachePolicyId="", ForwardedValues={"QueryString": True, "Cookies": {"Forward": "all"}}, MinTTL=1, DefaultTTL=2, MaxTTL=3
        ),
        [("update", "distribution", MEDIA, ["default"])],
    ),
    "another origin": (
        lambda hand: hand.change_origin(MEDIA, "writer", DomainName="evil.example"),
        [("update", "distribution", MEDIA, ["origins"])],
    ),
    "unsigned": (
        lambda hand: hand.change_origin(MEDIA, "bucket/media-me-west-1", OriginAccessControlId=""),
        [("update", "distribution", MEDIA, ["origins"])],
    ),
    "no failover on 500": (
        lambda hand: hand.change(
            WEB,
            OriginGroups={
                "Quantity": 1,
                "Items": [
                    each | {"FailoverCriteria": {"StatusCodes": {"Quantity": 1, "Items": [502]}}}
                    for each in hand.distributions()[WEB]["OriginGroups"]["Items"]
                ],
            },
        ),
        [("update", "distribution", WEB, ["groups"])],
    ),
    "a tag": (lambda hand: hand.untag(MEDIA, "Owner"), [("update", "distribution", MEDIA, ["tags"])]),
    "a tag that says whose it is": (lambda hand: hand.untag(MEDIA, "Platform"), [("update", "distribution", MEDIA, ["tags"])]),
    "pages kept longer": (
        lambda hand: hand.change_policy(
            "cache_policy",
            "cache_policies",
            "kc-lab-edge-pages",
            lambda config: config.update(DefaultTTL=9, MaxTTL=10, MinTTL=1, Comment="x"),
        ),
        [("update", "cache_policy", "kc-lab-edge-pages", ["Comment", "DefaultTTL", "MaxTTL", "MinTTL"])],
    ),
    "cookies in the key": (
        lambda hand: hand.change_policy(
            "cache_policy",
            "cache_policies",
            "kc-lab-edge-pages",
            lambda config: config["ParametersInCacheKeyAndForwardedToOrigin"].update(CookiesConfig={"CookieBehavior": "all"}),
        ),
        [("update", "cache_policy", "kc-lab-edge-pages", ["ParametersInCacheKeyAndForwardedToOrigin"])],
    ),
    "everybody's pages": (
        lambda hand: hand.change_policy("response_headers_policy", "response_headers_policies", MEDIA, _open_cors),
        [("update", "response_headers_policy", MEDIA, ["CorsConfig"])],
    ),
    "no CSP": (
        lambda hand: hand.change_policy(
            "response_headers_policy",
            "response_headers_policies",
            "kc-lab-edge-pages",
            lambda config: (config["SecurityHeadersConfig"].pop("ContentSecurityPolicy"), config.pop("CustomHeadersConfig")),
        ),
        [("update", "response_headers_policy", "kc-lab-edge-pages", ["CustomHeadersConfig", "SecurityHeadersConfig"])],
    ),
    "Server shown": (
        lambda hand: hand.change_policy(
            "response_headers_policy",
            "response_headers_policies",
            "kc-lab-edge-pages",
            lambda config: config.update(Comment="x", RemoveHeadersConfig={"Quantity": 0}),
        ),
        [("update", "response_headers_policy", "kc-lab-edge-pages", ["Comment", "RemoveHeadersConfig"])],
    ),
    "nothing signed": (
        lambda hand: hand.change_policy(
            "origin_access_control", "origin_access_controls", "kc-lab-edge-s3", lambda config: config.update(SigningBehavior="never")
        ),
        [("update", "origin_access_control", "kc-lab-edge-s3", ["SigningBehavior"])],
    ),
    "a stranger's key": (
        lambda hand: hand.change_group(Items=[*hand.group()["Items"], hand.stray_key("evil")]),
        [("update", "signing_keys", COOKIES, ["foreign"])],
    ),
    "another version said": (lambda hand: hand.change_group(Comment="x"), [("update", "signing_keys", COOKIES, ["version"])]),
    "a key too many": (lambda hand: hand.stray_key(f"{COOKIES}_old"), [("update", "signing_keys", COOKIES, ["superseded"])]),
    "signers told nonsense": (
        lambda hand: hand.client("ssm", OTHER).put_parameter(Name=PARAMETER, Value="x", Type="String", Overwrite=True),
        [("update", "signer", PARAMETER, ["version"])],
    ),
    "signers told another key": (
        lambda hand: hand.client("ssm", HOME).put_parameter(
            Name=PARAMETER, Value=json.dumps({**hand.told(HOME), "key": "K0"}), Type="String", Overwrite=True
        ),
        [("update", "signer", PARAMETER, ["version"])],
    ),
    "signers not told": (
        lambda hand: hand.client("ssm", HOME).delete_parameter(Name=PARAMETER),
        [("create", "signer", PARAMETER, ["tags", "version"])],
    ),
    "logs sent elsewhere": (
        lambda hand: hand.logs.put_delivery_destination(
            name="kc-lab-edge-logs", outputFormat="json", deliveryDestinationConfiguration={"destinationResourceArn": "arn:aws:s3:::evil"}
        ),
        [("update", "log_destination", "kc-lab-edge-logs", ["to"])],
    ),
    "logs not sent": (
        lambda hand: hand.logs.delete_delivery(id=hand.delivery(MEDIA)["id"]),
        [("create", "log_delivery", MEDIA, ["destination", "path", "tags"])],
    ),
    "a log's tag": (
        lambda hand: hand.logs.tag_resource(resourceArn=hand.delivery(MEDIA)["arn"], tags={"Owner": "x"}),
        [("update", "log_delivery", MEDIA, ["tags"])],
    ),
}


def rounds() -> Iterator[dict[str, tuple[Callable[[Hand], Any], list[Line]]]]:
    """Yield the drifts some at once, so that each resource has one a round."""
    left = dict(DRIFT)
    while left:
        found: dict[tuple[str, str], str] = {}
        for what, (_, ((_, kind, name, _),)) in left.items():
            found.setdefault((kind, name), what)
        yield {what: left.pop(what) for what in found.values()}


def test_drift_is_seen_and_put_back(converge: Fixture, params: dict[str, Any], hand: Hand) -> None:
    made = converge("edge", params)
    for drifts in rounds():
        for by_hand, _ in drifts.values():
            by_hand(hand)
        expected = sorted(line for _, lines in drifts.values() for line in lines)
        assert sorted(lines(converge("edge", params))) == expected, ", ".join(drifts)
    again = converge("edge", params)
    assert again["plan"] == []
    assert again["outputs"]["distribution"] == made["outputs"]["distribution"]


def test_what_the_toolkit_does_not_know_stays(converge: Fixture, params: dict[str, Any], hand: Hand) -> None:
    converge("edge", params)
    custom = next(each for each in hand.distributions()[WEB]["Origins"]["Items"] if each["Id"] == "writer")["CustomOriginConfig"]
    hand.change_origin(WEB, "writer", CustomOriginConfig={**custom, "IpAddressType": "dualstack"}, ResponseCompletionTimeout=90)
    hand.change(WEB, Logging={"Enabled": True, "IncludeCookies": False, "Bucket": "theirs.s3.amazonaws.com", "Prefix": ""})
    assert converge("edge", params)["plan"] == []
    hand.change_origin(WEB, "writer", DomainName="evil.example")
    assert lines(converge("edge", params)) == [("update", "distribution", WEB, ["origins"])]
    after = hand.distributions()[WEB]
    writer = next(each for each in after["Origins"]["Items"] if each["Id"] == "writer")
    assert (writer["DomainName"], writer["CustomOriginConfig"]["IpAddressType"], writer["ResponseCompletionTimeout"]) == (
        "origin.kc-lab.test",
        "dualstack",
        90,
    )
    assert after["Logging"]["Bucket"] == "theirs.s3.amazonaws.com"


def test_another_primary_turns_the_order_round(converge: Fixture, params: dict[str, Any], hand: Hand) -> None:
    params = {**params, "log_region": HOME}
    converge("edge", params)
    turned = converge("edge", {**params, "regions": [OTHER, HOME]})
    assert lines(turned) == [("update", "distribution", MEDIA, ["groups"]), ("update", "distribution", WEB, ["groups"])]
    (readers,) = hand.distributions()[WEB]["OriginGroups"]["Items"]
    assert [each["OriginId"] for each in readers["Members"]["Items"]] == ["readers-eu-central-1", "readers-me-west-1"]


def test_a_rotation_keeps_what_was_signed_good(converge: Fixture, params: dict[str, Any], hand: Hand, scope_option: Fixture) -> None:
    def rotate() -> str:
        converge("secrets", {**options("secrets"), "scope": scope_option(), "rotate": ["cookies"]})
        rotated = converge("edge", params)
        expected = [("update", "signing_keys", COOKIES, ["version"]), *[("update", "signer", PARAMETER, ["version"])] * 2]
        assert lines(rotated) == expected
        assert [each["region"] for each in rotated["plan"]] == [GLOBAL, HOME, OTHER]
        assert converge("edge", params)["plan"] == []
        assert hand.told(HOME) == hand.told(OTHER)
        return hand.told(HOME)["key"]

    converge("edge", params)
    first = hand.told(HOME)["key"]
    second = rotate()
    assert set(hand.group()["Items"]) == set(hand.keys()) == {first, second}
    third = rotate()
    assert set(hand.group()["Items"]) == set(hand.keys()) == {second, third}, "the first is good no more"


THEIRS: dict[str, Any] = {
    "CallerReference": "kc-labs-edge-web/1",
    "Comment": "theirs",
    "Enabled": True,
    "Origins": {
        "Quantity": 1,
        "Items": [
            {
                "Id": "app",
                "DomainName": "app.example",
                "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
            }
        ],
    },
    "DefaultCacheBehavior": {"TargetOriginId": "app", "ViewerProtocolPolicy": "https-only", "CachePolicyId": limits.CACHING_DISABLED},
}


def test_absent_takes_away_ours_alone(converge: Fixture, params: dict[str, Any], hand: Hand, client: Fixture) -> None:
    services = ["cloudfront", "wafv2", "logs", "ssm"]
    hand.cloudfront.create_distribution(DistributionConfig=THEIRS)
    hand.stray_key("kc-lab_edge")
    hand.cloudfront.create_cache_policy(CachePolicyConfig={"Name": "kc-labs-edge-pages", "MinTTL": 0})
    theirs = inventory_of(client, services=services)
    converge("edge", params)
    fewer = {**params, "distributions": {"media": params["distributions"]["media"]}}
    assert lines(converge("edge", fewer)) == [("delete", kind, WEB, []) for kind in ("log_delivery", "log_source", "distribution")]
    kept = converge("edge", {**params, "state": "absent"})
    assert {action for action, *_ in lines(kept)} == {"delete"}
    assert kept["kept"] == ["waf_log_group aws-waf-logs-kc-lab-edge (us-east-1)"], "logs are data"
    gone = converge("edge", {**params, "state": "absent", "data": "delete"})
    assert (gone["standing"], gone["kept"]) == ({}, [])
    assert inventory_of(client, services=services) == theirs
    assert converge("edge", {**params, "state": "absent"})["plan"] == []
