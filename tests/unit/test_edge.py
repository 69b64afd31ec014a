"""The edge: what the inventory says, as CloudFront takes it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc import limits
from kc.aws.cloudfront import Each, Maybe, bare, begins, counted, edge_name, overlaid, shaped
from kc.aws.signing_keys import PROPAGATION
from kc.errors import KcError
from kc.model import Key, Ref, Resource
from kc.scope import Scope
from kc.units.edge import UNIT, build, distribution_of

from tests.integration.platform import options
from tests.reference import variables

SCOPE = Scope("kc", "lab", "123456789012", "us-east-1", UNIT.name)
OPTIONS = options("edge")


def built(**changed: Any) -> dict[tuple[str, str], Resource]:
    made = build(SCOPE, {**OPTIONS, **changed})
    return {(each.key.kind, each.name): each for each in made if each.key.kind != "signer"}


def distribution(short: str = "web", **changed: Any) -> dict[str, Any]:
    desired = built(**changed)["distribution", f"kc-lab-edge-{short}"].desired
    assert desired is not None
    return dict(desired)


def with_path(path: dict[str, Any], **of: Any) -> dict[str, Any]:
    """Return options with one distribution that has one path."""
    return {"distributions": {"web": {"description": "x", "hosts": ["app"], "default": {"to": "writer"}, "paths": {"/x/*": path}, **of}}}


def test_everything_stands_in_us_east_1_but_what_signers_read() -> None:
    made = build(Scope("kc", "lab", "123456789012", "me-west-1", UNIT.name), OPTIONS)
    regions = {each.key.kind: set[str]() for each in made}
    for each in made:
        if each.desired is not None:
            regions[each.key.kind].add(each.region)
    assert regions.pop("signer") == {"me-west-1", "eu-central-1"}
    assert {region for of in regions.values() for region in of} == {"us-east-1"}
    assert UNIT.regions(SCOPE, OPTIONS) == ["us-east-1", "eu-central-1", "me-west-1"]


def test_what_is_looked_up() -> None:
    looked_up = {each.key: each.component for each in build(SCOPE, OPTIONS) if each.desired is None}
    assert looked_up == {
        Key("certificate", "us-east-1", "kc-lab.test"): "certificates",
        Key("bucket", "me-west-1", "kc-lab-media-123456789012-me-west-1"): "storage",
        Key("bucket", "eu-central-1", "kc-lab-media-123456789012-eu-central-1"): "storage",
        Key("bucket", "me-west-1", "kc-lab-logs-123456789012-me-west-1"): "storage",
        Key("secret", "me-west-1", "kc/lab/cookies"): "secrets",
        Key("key", "us-east-1", "kc-lab-logs"): "keys",
    }
    found = distribution_of(SCOPE.at("me-west-1", "dns"), "web")
    assert (found.key, found.component) == (Key("distribution", "us-east-1", "kc-lab-edge-web"), "edge")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ({"to": "writer"}, ("writer", 7, limits.CACHING_DISABLED, limits.ALL_VIEWER, False)),
        ({"to": "readers"}, ("readers", 3, limits.CACHING_DISABLED, limits.ALL_VIEWER, False)),
        ({"to": "readers", "cache": "pages"}, ("readers", 3, Ref("cache_policy", "kc-lab-edge-pages"), None, True)),
        # a viewer's Host must not reach S3, which knows its buckets by theirs
        ({"to": "bucket/static"}, ("bucket/static", 3, limits.CACHING_DISABLED, None, False)),
        ({"to": "bucket/static", "cache": "segments"}, ("bucket/static", 3, Ref("cache_policy", "kc-lab-edge-segments"), None, True)),
    ],
)
def test_a_path(path: dict[str, Any], expected: tuple[Any, ...]) -> None:
    made = distribution(**with_path(path))["paths"]["/x/*"]
    assert (
        made["TargetOriginId"],
        len(made["AllowedMethods"]["Items"]),
        made["CachePolicyId"],
        made["OriginRequestPolicyId"],
        made["Compress"],
    ) == expected
    assert made["ViewerProtocolPolicy"] == "redirect-to-https"
    assert made["TrustedKeyGroups"] == {"Enabled": False, "Items": []}


def test_an_origin_group_takes_reads_only() -> None:
    """CloudFront fails over GET, HEAD and OPTIONS, and refuses anything else to a group."""
    made = distribution(**with_path({"to": "readers"}))
    assert {to for to in ("writer", "readers") if to in made["groups"]} == {"readers"}
    for behaviour in (made["default"], *made["paths"].values()):
        if behaviour["TargetOriginId"] in made["groups"]:
            assert behaviour["AllowedMethods"]["Items"] == ["GET", "HEAD", "OPTIONS"]


def test_the_primary_is_asked_first() -> None:
    for regions in (["me-west-1", "eu-central-1"], ["eu-central-1", "me-west-1"]):
        made = distribution(regions=regions)
        assert made["groups"] == {"readers": {"codes": [500, 502, 503, 504], "members": [f"readers-{region}" for region in regions]}}


def test_what_one_bucket_lacks_is_read_from_the_other() -> None:
    assert distribution("media")["groups"]["bucket/media"]["codes"] == [403, 404, 500, 502, 503, 504]


def test_one_region_needs_no_group() -> None:
    made = distribution(regions=["eu-central-1"])
    assert (made["groups"], made["default"]["TargetOriginId"]) == ({}, "readers-eu-central-1")


@pytest.mark.parametrize(
    ("regions", "origin", "shields"),
    [
        (["me-west-1", "eu-central-1"], {}, [None, "eu-central-1"]),
        (["me-south-1", "eu-north-1"], {}, ["ap-south-1", "eu-west-2"]),
        (["me-west-1", "eu-central-1"], {"shield": False}, [None, None]),
    ],
)
def test_origin_shield_where_there_is_one(regions: list[str], origin: dict[str, Any], shields: list[str | None]) -> None:
    origins = distribution(regions=regions, origin=origin)["origins"]
    assert [origins[f"readers-{region}"]["OriginShield"] for region in regions] == [
        {"Enabled": shield is not None, "OriginShieldRegion": shield} for shield in shields
    ]
    assert origins["writer"]["OriginShield"]["Enabled"] is False


def test_origins() -> None:
    origins = distribution("media")["origins"]
    assert set(origins) == {"writer", "bucket/media-me-west-1", "bucket/media-eu-central-1"}
    writer, bucket = origins["writer"], origins["bucket/media-eu-central-1"]
    assert (writer["DomainName"], writer["S3OriginConfig"], writer["OriginAccessControlId"]) == ("origin.kc-lab.test", None, "")
    assert writer["CustomOriginConfig"] == {
        "HTTPPort": 80,
        "HTTPSPort": 443,
        "OriginProtocolPolicy": "https-only",
        "OriginSslProtocols": ["TLSv1.2"],
        "OriginReadTimeout": 60,
        "OriginKeepaliveTimeout": 30,
    }
    assert (writer["ConnectionAttempts"], writer["ConnectionTimeout"]) == (2, 3)
    assert bucket["DomainName"] == "kc-lab-media-123456789012-eu-central-1.s3.eu-central-1.amazonaws.com"
    assert bucket["OriginAccessControlId"] == Ref("origin_access_control", "kc-lab-edge-s3")
    assert (bucket["S3OriginConfig"], bucket["CustomOriginConfig"]) == ({"OriginAccessIdentity": "", "OriginReadTimeout": 5}, None)


def test_signed_paths() -> None:
    made = built()
    keys = made["signing_keys", "kc-lab-edge-cookies"]
    version = Ref("secret", "kc/lab/cookies", "version", region="me-west-1")
    assert keys.desired == {
        "version": version,
        "foreign": [],
        "superseded": [],
        "source": {"secret": "kc/lab/cookies", "region": "me-west-1"},
    }
    trusted = distribution("media")["paths"]["/v/*"]["TrustedKeyGroups"]
    assert trusted == {"Enabled": True, "Items": [Ref("signing_keys", "kc-lab-edge-cookies")]}
    # signers are told only once every edge knows the key
    signers = [each for each in build(SCOPE, OPTIONS) if each.key.kind == "signer"]
    assert {(each.name, each.after) for each in signers} == {("/kc/lab/edge/cookies", (keys.key,))}
    assert [each.desired for each in signers] == [{"version": version, "tags": SCOPE.tags()}] * 2
    waits = {each.kind.propagation for each in build(SCOPE, {**OPTIONS, "propagation": PROPAGATION}) if each.key == keys.key}  # type: ignore[attr-defined]
    assert waits == {300}


def test_headers() -> None:
    pages, media = (built()["response_headers_policy", f"kc-lab-edge-{name}"].desired for name in ("pages", "media"))
    assert pages is not None
    assert media is not None
    security = pages["SecurityHeadersConfig"]
    assert security["StrictTransportSecurity"] == {
        "Override": True,
        "IncludeSubdomains": True,
        "Preload": True,
        "AccessControlMaxAgeSec": 63072000,
    }
    assert security["ContentSecurityPolicy"]["ContentSecurityPolicy"] == "default-src 'self'; connect-src https://api.kc-lab.test"
    assert pages["CustomHeadersConfig"] == [{"Header": "Permissions-Policy", "Value": "camera=()", "Override": True}]
    assert pages["RemoveHeadersConfig"] == [{"Header": "Server"}, {"Header": "X-Powered-By"}]
    assert (pages["CorsConfig"], media["CustomHeadersConfig"]) == (None, [])
    cors = media["CorsConfig"]
    assert (cors["AccessControlAllowOrigins"], cors["AccessControlAllowCredentials"]) == (["https://app.kc-lab.test"], True)


@pytest.mark.parametrize(
    ("given", "behaviour", "names"),
    [([], "none", []), (["*"], "all", []), (["b", "a"], "whitelist", ["a", "b"])],
)
def test_cache_key(given: list[str], behaviour: str, names: list[str]) -> None:
    desired = built(cache={**OPTIONS["cache"], "x": {"default": 1, "max": 2, "query": given}})["cache_policy", "kc-lab-edge-x"].desired
    assert desired is not None
    key = desired["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": behaviour, "QueryStrings": names}
    assert (key["EnableAcceptEncodingBrotli"], key["EnableAcceptEncodingGzip"]) == (True, True)
    assert (desired["MinTTL"], desired["DefaultTTL"], desired["MaxTTL"]) == (0, 1, 2)


def test_a_web_acl_where_there_are_rules() -> None:
    acl = Ref("web_acl", "kc-lab-edge", "arn")
    assert [distribution(waf_rates=rates, waf_groups={})["web_acl"] for rates in (OPTIONS["waf_rates"], {})] == [acl, ""]
    web = {**OPTIONS["distributions"]["web"], "waf": False}
    assert distribution(distributions={"web": web})["web_acl"] == ""


def test_pages_of_errors() -> None:
    assert distribution()["errors"] == [
        {"ErrorCode": 503, "ResponsePagePath": "/sorry.html", "ResponseCode": "503", "ErrorCachingMinTTL": 5}
    ]


def test_without_a_log_bucket_there_are_no_logs() -> None:
    assert {kind for kind, _ in built(log_bucket=None)} & {"log_source", "log_destination", "log_delivery"} == set()
    desired = built(log_region="eu-central-1")["log_destination", "kc-lab-edge-logs"].desired
    assert desired is not None
    assert desired["to"] == "arn:aws:s3:::kc-lab-logs-123456789012-eu-central-1/edge"


WEB = {"description": "x", "hosts": ["app"], "default": {"to": "writer"}}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"regions": []}, "`regions` is empty"),
        ({"viewer_tls": "TLSv1"}, "`viewer_tls` is `TLSv1`"),
        ({"origin": {"connect_attempts": 4}}, "`origin.connect_attempts` is 4"),
        ({"origin": {"patience": 4}}, "`origin` has no setting `patience`"),
        ({"cache": {"none": {"default": 1, "max": 1}}}, "`cache.none` can't be set"),
        ({"cache": {"A": {"default": 1, "max": 1}}}, "`cache` names `A`"),
        ({"cache": {"a": {"default": 2, "max": 1}}}, "`cache.a`: min, default and max are 0, 2 and 1 s"),
        ({"headers": {"a": {"csp": "x", "frame": "ALLOW"}}}, "`headers.a.frame` is `ALLOW`"),
        ({"headers": {"a": {}}}, "`headers.a` lacks the setting `csp`"),
        ({"headers": {"a": {"csp": "x", "cors": {"origins": ["*"], "credentials": True}}}}, "`headers.a.cors` lets every origin in"),
        ({"distributions": {"web": {**WEB, "hosts": []}}}, "`distributions.web.hosts` is empty"),
        ({"distributions": {"web": {**WEB, "http": "allow"}}}, "`distributions.web.http` is `allow`"),
        ({"distributions": {"web": {**WEB, "price_class": "free"}}}, "`distributions.web.price_class` is `free`"),
        ({"distributions": {"web": {**WEB, "errors": {"418": {"page": "/", "status": 200}}}}}, "`distributions.web.errors` names 418"),
        (with_path({"to": "static"}), "`distributions.web.paths./x/*.to` is `static`"),
        (with_path({"to": "readers", "cache": "x"}), "`distributions.web.paths./x/*.cache` is `x`"),
        (with_path({"to": "readers", "headers": "x"}), "`distributions.web.paths./x/*.headers` is `x`"),
        (with_path({"to": "writer", "cache": "pages"}), "`distributions.web.paths./x/*` keeps answers of the writer"),
        (with_path({"to": "bucket/static", "cache": "pages"}), "`distributions.web.paths./x/*` sends the viewer's Host to a bucket"),
        (with_path({"to": "readers", "cache": "segments"}), "`distributions.web.paths./x/*` keeps answers of load balancers without"),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError) as caught:
        build(SCOPE, {**OPTIONS, **changed})
    assert message in caught.value.message


def test_the_reference_platform() -> None:
    given = {name.removeprefix("kc_edge_"): value for name, value in variables().items() if name.startswith("kc_edge_")}
    made = build(SCOPE, {**OPTIONS, **given, "regions": ["me-west-1", "eu-central-1"], "log_region": "me-west-1"})
    aliases = [alias for each in made if each.key.kind == "distribution" and each.desired for alias in each.desired["aliases"]]
    assert sorted(aliases) == [f"{host}.kc-lab.test" for host in ("api", "app", "learn", "media", "reports")]
    assert [each.name for each in made if each.key.kind == "signing_keys"] == ["kc-lab-edge-media-cookies"]


@pytest.mark.parametrize("platform", ["k", "kc" * 30])
def test_names_begin_so_that_they_are_found(platform: str) -> None:
    scope = Scope(platform, "production", "123456789012", "us-east-1", UNIT.name)
    name = edge_name(scope, "a-name-that-is-much-longer-than-anybody-would-have-thought")
    assert len(name) <= 64
    assert name.startswith(begins(scope))


# --- CloudFront's way to write things

ANSWER = {
    "Aliases": {"Quantity": 2, "Items": ["a", "b"]},
    "Origins": {"Quantity": 1, "Items": [{"Id": "o", "CustomHeaders": {"Quantity": 0}}]},
    "Default": {"AllowedMethods": {"Quantity": 1, "Items": ["GET"], "CachedMethods": {"Quantity": 1, "Items": ["GET"]}}},
    "Trusted": {"Enabled": False, "Quantity": 0},
    "Comment": "",
}


def test_lists_are_counted() -> None:
    assert bare(ANSWER) == {
        "Aliases": ["a", "b"],
        "Origins": [{"Id": "o", "CustomHeaders": []}],
        "Default": {"AllowedMethods": {"Items": ["GET"], "CachedMethods": ["GET"]}},
        "Trusted": {"Enabled": False, "Items": []},
        "Comment": "",
    }
    assert counted(bare(ANSWER), empty=True) == ANSWER
    # a policy's behaviour `none` must have no list with it
    assert counted({"a": [], "b": {"c": []}, "d": None}, empty=False) == {"b": {}}


_NAMES = st.sampled_from(["Id", "Name", "Origins", "Config"])
_VALUES = st.recursive(
    st.sampled_from(["", "x", 0, 1, False]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(_NAMES, _VALUES))
def test_what_is_sent_comes_back(config: dict[str, Any]) -> None:
    assert bare(counted(config, empty=True)) == config


def test_only_what_is_managed_is_compared() -> None:
    shape = {"A": 1, "B": {"C": "x", "D": []}, "E": Maybe({"F": 0}), "G": Each({"H": ""})}
    assert shaped({}, shape) == {"A": 1, "B": {"C": "x", "D": []}, "E": None, "G": []}
    answer = {"A": 2, "New": 1, "B": {"D": ["b", "a"], "New": 1}, "E": {}, "G": [{"H": "z"}, {"H": "y", "New": 1}]}
    assert shaped(answer, shape) == {"A": 2, "B": {"C": "x", "D": ["a", "b"]}, "E": {"F": 0}, "G": [{"H": "y"}, {"H": "z"}]}


def test_what_nobody_names_stays() -> None:
    current = {"A": 1, "B": {"C": 1, "D": [1]}, "E": 2}
    before = copy.deepcopy(current)
    assert overlaid(current, {"A": 3, "B": {"D": [2]}}) == {"A": 3, "B": {"C": 1, "D": [2]}, "E": 2}
    assert overlaid(None, {"A": 1}) == {"A": 1}
    assert current == before
