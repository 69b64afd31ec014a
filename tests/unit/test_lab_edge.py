"""What the lab's edge makes of CloudFront's API: nginx's configuration, in parts and as a whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.behaviours.cloudfront import may_read
from lab.behaviours.edge.nginx import Edge, guards, signed
from lab.behaviours.edge.policies import ALL, MANAGED_CACHING, MANAGED_REQUESTS, Caching, Parts, Unsupported, caching
from lab.behaviours.edge.responses import HeadersPolicy
from lab.behaviours.edge.targets import Distribution, Target, bucket_of, turning
from lab.behaviours.edge.text import block, literal, pattern, quoted
from lab.behaviours.edge.ttl import above, below, error_map

DISABLED, ALL_VIEWER = next(iter(MANAGED_CACHING)), next(iter(MANAGED_REQUESTS))


def counted(*items: Any) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": list(items)}


def behaviour(target: str = "one", policy: str = "POLICY", **more: Any) -> dict[str, Any]:
    return {"TargetOriginId": target, "CachePolicyId": policy, "ViewerProtocolPolicy": "https-only", **more}


def custom(id: str, **more: Any) -> dict[str, Any]:
    about = {"HTTPSPort": 443, "OriginProtocolPolicy": "https-only", "OriginSslProtocols": counted("TLSv1.2"), "OriginReadTimeout": 20}
    timing = {"ConnectionAttempts": 2, "ConnectionTimeout": 3}
    return {"Id": id, "DomainName": f"{id}.kc.test", **timing, "CustomOriginConfig": {**about, **more}}


def distribution(default: dict[str, Any] | None = None, readable: frozenset[str] = frozenset({"bucket"}), **members: Any) -> Distribution:
    bucket = {"Id": "bucket", "DomainName": "kc-media.s3.me-west-1.amazonaws.com", "S3OriginConfig": {}}
    config = {"Origins": counted(custom("one"), custom("two"), bucket), "DefaultCacheBehavior": default or behaviour(), **members}
    return Distribution("D1", "d1.cloudfront.net", config, (Path("/c.pem"), Path("/c.key")), readable)


def text(*distributions: Distribution, headers: dict[str, Any] | None = None, policy: Caching | None = None) -> str:
    made = policy or Caching("POLICY", 1, 60, 300, gzip=True)
    policies = {id: HeadersPolicy(id, config) for id, config in (headers or {}).items()}
    return Edge(Path("/edge"), Path("/ca.pem"), "198.18.0.1", {made.id: made}, policies).text(distributions or (distribution(),))


def location(found: str, head: str) -> str:
    """Return the lines of a location."""
    begin = found.index(f"location {head} {{")
    return found[begin : found.index("\n        }\n", begin)]


@pytest.mark.parametrize(
    "given_path, matching, others",
    [
        ("/v/*", ["/v/", "/v/a/b.ts"], ["/v", "/V/a", "/x/v/a"]),
        ("images/*.jpg", ["/images/a.jpg", "/images/b/a.jpg"], ["/images/a.jpgx", "/images/a-jpg"]),
        ("/a??.x", ["/a12.x"], ["/a1.x", "/a123.x", "/a12-x"]),
        ("*", ["/", "/anything"], []),
    ],
)
def test_path_patterns(given_path: str, matching: list[str], others: list[str]) -> None:
    told = re.compile(pattern(given_path))
    assert all(told.match(path) for path in matching)
    assert not any(told.match(path) for path in others)
    assert "\\" not in pattern(given_path)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_are_compared(limit: int, number: int) -> None:
    assert bool(re.fullmatch(above(limit), str(number))) == (number > limit)
    assert bool(re.fullmatch(below(limit), str(number))) == (number < limit)


@pytest.mark.parametrize("limit", [0, 1, 9, 10, 99, 100, 300, 31536000])
def test_numbers_beside_the_limit_are_compared(limit: int) -> None:
    for number in {max(limit - 1, 0), limit, limit + 1}:
        assert bool(re.fullmatch(above(limit), str(number))) == (number > limit)
        assert bool(re.fullmatch(below(limit), str(number))) == (number < limit)


def test_quotes() -> None:
    assert quoted('a "b" \\ $c') == '"a \\"b\\" \\\\ $c"'
    assert literal("costs $1") == '"costs ${dollar}1"'
    assert block("a", block("b", ["c;"])) == ["a {", "    b {", "        c;", "    }", "}"]


def test_a_cache_policy() -> None:
    sent = {
        "EnableAcceptEncodingGzip": True,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": counted("Host", "Accept-Language")},
        "CookiesConfig": {"CookieBehavior": "all"},
        "QueryStringsConfig": {"QueryStringBehavior": "whitelist", "QueryStrings": counted("page")},
    }
    config = {"MinTTL": 1, "DefaultTTL": 60, "MaxTTL": 300, "ParametersInCacheKeyAndForwardedToOrigin": sent}
    key = Parts(("accept-language",), ALL, ("page",), host=True)
    assert caching("P", config) == Caching("P", 1, 60, 300, key, gzip=True)


@pytest.mark.parametrize(
    "query, told",
    [
        ({"QueryStringBehavior": "allExcept", "QueryStrings": counted("x")}, "allExcept"),
        ({"QueryStringBehavior": "whitelist", "QueryStrings": counted("page[size]")}, r"page\[size\]"),
    ],
)
def test_what_nginx_has_no_variable_for_is_refused(query: dict[str, Any], told: str) -> None:
    with pytest.raises(Unsupported, match=told):
        caching("P", {"ParametersInCacheKeyAndForwardedToOrigin": {"QueryStringsConfig": query}})


def test_parts_of_both() -> None:
    assert Parts(("a",), (), ("q",)) | Parts(("b", "a"), ALL, (), host=True) == Parts(("a", "b"), ALL, ("q",), host=True)
    assert Parts(ALL) | Parts(("a",)) == Parts(ALL)


@pytest.mark.parametrize(
    "policy, told",
    [
        ("https-only", ["if ($scheme = http) {", "    return 403;"]),
        ("redirect-to-https", ["if ($redirect = 301) {", "    return 301 https://$host$request_uri;"]),
        ("allow-all", ['if ($request_method !~ "^(GET|HEAD)$") {', "    return 403;"]),
    ],
)
def test_guards(policy: str, told: list[str]) -> None:
    assert guards({"ViewerProtocolPolicy": policy})[:2] == told


def test_behaviours_are_looked_at_in_order() -> None:
    paths = counted(*({"PathPattern": path, **behaviour()} for path in ("/b/*", "/a/*")))
    found = text(distribution(CacheBehaviors=paths))
    assert re.findall(r"location (.*) \{", found)[:4] == ["= /.edge/judge", '~ "^/b/.*$"', '~ "^/a/.*$"', "/"]


def test_names_and_certificate() -> None:
    viewer = {"ACMCertificateArn": "x", "MinimumProtocolVersion": "TLSv1.3_2025"}
    found = text(distribution(Aliases=counted("app.kc.test", "*.kc.test"), ViewerCertificate=viewer))
    assert "server_name app.kc.test *.kc.test d1.cloudfront.net;" in found
    assert 'ssl_certificate "/c.pem";' in found and 'ssl_certificate_key "/c.key";' in found
    assert set(re.findall(" ssl_protocols (.*);", found)) == {"TLSv1.3"}


def test_what_is_kept_and_by_what_key() -> None:
    policy = Caching("POLICY", 1, 60, 300, Parts(("x-a",), ("c",), ("page",), host=True), gzip=True)
    found = location(text(policy=policy), "/")
    assert 'proxy_cache_key "D1|$path|$gzip_only|$host|$http_x_a|$cookie_c|$arg_page";' in found
    assert ":$path$query_policy;" in found
    assert 'proxy_set_header Host "$host";' in found and 'proxy_set_header Cookie "c=$cookie_c";' in found
    assert "proxy_pass_request_headers off;" in found


def test_nothing_is_kept_where_nothing_may_be() -> None:
    found = location(text(distribution(behaviour(policy=DISABLED, OriginRequestPolicyId=ALL_VIEWER, Compress=True))), "/")
    assert "proxy_cache" not in found and "gzip" not in found and "proxy_pass_request_headers" not in found
    assert ":$path$is_args$args;" in found and 'proxy_set_header Cookie "$http_cookie";' in found


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"policy": "other"}, "cache policy other is unknown"),
        ({"OriginRequestPolicyId": "other"}, "origin request policy other is unknown"),
        ({"ResponseHeadersPolicyId": "other"}, "response headers policy other is unknown"),
    ],
)
def test_policies_that_are_not_there_are_told(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(Unsupported, match=told):
        text(distribution(behaviour(**wrong)))


def test_a_group_asks_its_origins_one_after_the_other() -> None:
    members = counted({"OriginId": "two"}, {"OriginId": "one"})
    group = {"Id": "readers", "FailoverCriteria": {"StatusCodes": counted(500)}, "Members": members}
    found = text(distribution(behaviour("readers"), OriginGroups=counted(group)))
    socket = re.search(r"listen unix:(.*);", found)
    assert socket and f"proxy_pass http://unix:{socket[1]}:$path;" in found
    asked = found[found.index("listen unix:") :]
    first, second = location(asked, "/"), location(asked, "@origin1")
    assert 'set $origin "two.kc.test";' in first and "error_page 500 = @origin1;" in first
    assert 'set $origin "one.kc.test";' in second and "error_page" not in second
    assert "proxy_connect_timeout 3s;" in first and "proxy_read_timeout 20s;" in first and "proxy_next_upstream_tries 2;" in first
    assert 'proxy_set_header Host "two.kc.test";' in first and 'proxy_ssl_name "two.kc.test";' in first


@pytest.mark.parametrize("codes, told", [([404], [404]), ([503], [502, 503, 504]), ([500, 504], [500, 504])])
def test_at_which_answers_the_next_origin_is_asked(codes: list[int], told: list[int]) -> None:
    assert turning(codes) == told


def test_buckets() -> None:
    assert bucket_of("kc.media.s3.me-west-1.amazonaws.com") == ("kc.media", "me-west-1")
    with pytest.raises(Unsupported):
        bucket_of("kc-media.s3.amazonaws.com")
    assert "helper.sock:/s3/me-west-1/kc-media$request_uri;" in text(distribution(behaviour("bucket")))
    unreadable = text(distribution(behaviour("bucket"), readable=frozenset()))
    assert "/s3/" not in unreadable and "return 403;" in location(unreadable[unreadable.index("listen unix:") :], "/")


def test_an_origin_without_tls_is_refused() -> None:
    plain = distribution(Origins=counted(custom("one", OriginProtocolPolicy="http-only")))
    with pytest.raises(Unsupported, match="without TLS"):
        text(plain)


def test_sockets_are_of_their_own() -> None:
    one = distribution()
    targets = {Target(one, id, host, policy).socket for id in ("a", "b") for host in (True, False) for policy in ("p", "q")}
    assert len(targets) == 8
    assert all(len(name) == len("helper.sock") + 2 for name in targets)


def test_who_must_sign() -> None:
    assert signed(behaviour()) == []
    groups = signed(behaviour(TrustedKeyGroups={"Enabled": True, **counted("G1", "G2")}))
    assert groups[:2] == ['set $key_groups "G1 G2";', "auth_request /.edge/judge;"]


def test_error_pages() -> None:
    errors = [
        {"ErrorCode": 502, "ResponsePagePath": "/static/gone.html", "ResponseCode": "503", "ErrorCachingMinTTL": 5},
        {"ErrorCode": 404, "ErrorCachingMinTTL": 7},
    ]
    paths = counted({"PathPattern": "/static/*", **behaviour("bucket")})
    found = text(distribution(CustomErrorResponses=counted(*errors), CacheBehaviors=paths))
    assert "error_page 502 =503 @page_0;" in found and "error_page 404" not in found
    page = location(found, "@page_0")
    assert 'set $path "/static/gone.html";' in page
    assert re.findall("http://unix:(.*):.path", page) == re.findall("http://unix:(.*):.path", location(found, '~ "^/static/.*$"'))
    assert {"    502 5;", "    404 7;", "    500 10;", "    default 0;"} <= {*error_map("D1", errors)}


def test_headers() -> None:
    config = {
        "SecurityHeadersConfig": {
            "StrictTransportSecurity": {"AccessControlMaxAgeSec": 9, "IncludeSubdomains": True, "Override": True},
            "XSSProtection": {"Protection": True, "ModeBlock": True, "Override": True},
            "FrameOptions": {"FrameOption": "DENY", "Override": False},
        },
        "CustomHeadersConfig": counted({"Header": "X-A", "Value": "$b", "Override": True}),
        "RemoveHeadersConfig": counted({"Header": "Server"}),
    }
    lines = [*HeadersPolicy("H", config).lines()]
    assert lines == [
        "proxy_hide_header Strict-Transport-Security;",
        'add_header Strict-Transport-Security "max-age=9; includeSubDomains" always;',
        "add_header X-Frame-Options $header_h_x_frame_options always;",
        "proxy_hide_header X-XSS-Protection;",
        'add_header X-XSS-Protection "1; mode=block" always;',
        "proxy_hide_header X-A;",
        'add_header X-A "${dollar}b" always;',
        "more_clear_headers Server;",
    ]
    assert [*HeadersPolicy("H", config).maps()][:2] == ["map $upstream_http_x_frame_options $header_h_x_frame_options {", '    "" "DENY";']


def statement(**changed: Any) -> dict[str, Any]:
    about = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:cloudfront::1:distribution/*"}},
    }
    return {"Statement": [{**about, **changed}]}


@pytest.mark.parametrize(
    "policy, may",
    [
        (statement(), True),
        (statement(Action=["s3:ListBucket", "s3:Get*"], Condition={}), True),
        (statement(Effect="Deny"), False),
        (statement(Principal="*"), False),
        (statement(Principal={"Service": ["delivery.logs.amazonaws.com"]}), False),
        (statement(Action="s3:PutObject"), False),
        (statement(Condition={"StringEquals": {"aws:SourceArn": "arn:aws:cloudfront::1:distribution/D2"}}), False),
        ({}, False),
    ],
)
def test_who_may_read(policy: dict[str, Any], may: bool) -> None:
    assert may_read(policy, "arn:aws:cloudfront::1:distribution/D1") is may
