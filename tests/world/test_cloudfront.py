"""The lab's edge does what distributions say: an nginx before origins on the lab's Internet and a bucket of its AWS."""

from __future__ import annotations

import base64
import gzip
import json
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lab.behaviours.edge import signatures
from lab.world.ca import CA
from lab.world.net import MACHINE
from tests.world.conftest import Lab
from tests.world.viewers import Origin, Viewer

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]

DOMAIN = "edge.test"
HOST = f"www.{DOMAIN}"
BUCKET = "edge-test-static"
REGION = "me-west-1"
NOTHING, ALL_VIEWER = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "216adef6-5c7f-47e4-b989-5492eafa07d3"
READS = ["GET", "HEAD", "OPTIONS"]
Until = Callable[..., Any]


def counted(items: list[Any]) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": items}


@dataclass
class Edge:
    """A distribution: reads go to `one`, then to `two`; what is below /api/ to `one`; below /static/ and /signed/ to a bucket."""

    lab: Any
    viewer: Viewer
    one: Origin
    two: Origin
    id: str
    domain: str
    key: rsa.RSAPrivateKey
    key_id: str

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **how: Any) -> Any:
        return self.viewer.ask(HOST, path, method, headers, **how)

    def change(self, **members: Any) -> None:
        api = self.lab.client("cloudfront")
        found = api.get_distribution_config(Id=self.id)
        api.update_distribution(Id=self.id, IfMatch=found["ETag"], DistributionConfig={**found["DistributionConfig"], **members})

    def served(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.lab.home / "world" / "distributions.json").read_text())
        return found

    def process(self, name: str = "edge") -> int:
        """Return the pid of nginx, or of the process beside it."""
        return int(json.loads((self.lab.home / "world" / f"{name}.pid").read_text())["pid"])

    def cookies(self, *, path: str = "/signed/*", ends: float = 3600, key: rsa.RSAPrivateKey | None = None) -> dict[str, str]:
        """Return the headers of a viewer with signed cookies."""
        condition = {"DateLessThan": {"AWS:EpochTime": int(time.time() + ends)}}
        policy = json.dumps({"Statement": [{"Resource": f"https://{HOST}{path}", "Condition": condition}]}).encode()
        signature = (key or self.key).sign(policy, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        values = {"Policy": encoded(policy), "Signature": encoded(signature), "Key-Pair-Id": self.key_id}
        return {"Cookie": "; ".join(f"CloudFront-{name}={value}" for name, value in values.items())}


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode().translate(str.maketrans("+=/", "-_~"))


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def behaviour(target: str, policy: str, **more: Any) -> dict[str, Any]:
    methods = {**counted(READS), "CachedMethods": counted(["GET", "HEAD"])}
    return {
        "TargetOriginId": target,
        "CachePolicyId": policy,
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": methods,
        "Compress": True,
        **more,
    }


def cache_policy(api: Any, name: str, query: list[str]) -> str:
    wanted = {"QueryStringBehavior": "whitelist", "QueryStrings": counted(query)} if query else {"QueryStringBehavior": "none"}
    sent = {
        "EnableAcceptEncodingGzip": True,
        "EnableAcceptEncodingBrotli": True,
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": wanted,
    }
    config = {"Name": name, "MinTTL": 0, "DefaultTTL": 600, "MaxTTL": 900, "ParametersInCacheKeyAndForwardedToOrigin": sent}
    return str(api.create_cache_policy(CachePolicyConfig=config)["CachePolicy"]["Id"])


def headers_policy(api: Any) -> str:
    config = {
        "Name": "edge-test",
        "SecurityHeadersConfig": {
            "StrictTransportSecurity": {"Override": True, "AccessControlMaxAgeSec": 100, "IncludeSubdomains": True, "Preload": True},
            "FrameOptions": {"Override": False, "FrameOption": "DENY"},
        },
        "CustomHeadersConfig": counted([{"Header": "X-Own", "Value": 'a "quoted" $thing', "Override": True}]),
        "RemoveHeadersConfig": counted([{"Header": "Server"}, {"Header": "X-Powered-By"}]),
        "CorsConfig": {
            "AccessControlAllowOrigins": counted(["https://app.edge.test"]),
            "AccessControlAllowHeaders": counted(["Range"]),
            "AccessControlAllowMethods": counted(READS),
            "AccessControlAllowCredentials": True,
            "AccessControlMaxAgeSec": 60,
            "OriginOverride": True,
        },
    }
    return str(api.create_response_headers_policy(ResponseHeadersPolicyConfig=config)["ResponseHeadersPolicy"]["Id"])


def bucket(lab: Any) -> None:
    """Make a bucket that lets distributions read, and put objects into it."""
    s3 = lab.client("s3", REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:cloudfront::*:distribution/*"}},
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    for key, kind in {"static/app.css": "text/css", "signed/film.m3u8": "text/plain", "static/gone.html": "text/html"}.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=f"{key} ".encode() * 200, ContentType=kind)


@pytest.fixture(scope="module")
def edge(world: Any, until: Until) -> Iterator[Edge]:
    ca, api = CA(world.home / "world"), world.client("cloudfront")
    origins = [Origin(name, ca.certificate([f"{name}.{DOMAIN}"])) for name in ("one", "two")]
    for origin in origins:
        origin.start()
    bucket(world)
    zone = world.client("route53").create_hosted_zone(Name=DOMAIN, CallerReference=DOMAIN)["HostedZone"]["Id"]
    records = [{"Name": f"{origin.name}.{DOMAIN}", "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": MACHINE}]} for origin in origins]
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]}
    world.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
    arn = world.client("acm", "us-east-1").request_certificate(DomainName=f"*.{DOMAIN}")["CertificateArn"]
    key = rsa_key()
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    key_id = api.create_public_key(PublicKeyConfig={"CallerReference": "x", "Name": "edge-test", "EncodedKey": pem})["PublicKey"]["Id"]
    group = api.create_key_group(KeyGroupConfig={"Name": "edge-test", "Items": [key_id]})["KeyGroup"]["Id"]
    access = api.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": "edge-test",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    custom = {"HTTPPort": 80, "OriginProtocolPolicy": "https-only", "OriginSslProtocols": counted(["TLSv1.2"]), "OriginReadTimeout": 5}
    asked = {"ConnectionAttempts": 1, "ConnectionTimeout": 1}
    pages = cache_policy(api, "edge-test-pages", ["page"])
    static = cache_policy(api, "edge-test-static", [])
    bears = {"ResponseHeadersPolicyId": headers_policy(api)}
    trusted = {"TrustedKeyGroups": {"Enabled": True, **counted([group])}}
    writes = {
        "AllowedMethods": {**counted(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]), "CachedMethods": counted(["GET"])}
    }
    config = {
        "CallerReference": "edge-test",
        "Comment": "",
        "Enabled": True,
        "Aliases": counted([HOST]),
        "Origins": counted(
            [
                *(
                    {
                        **asked,
                        "Id": each.name,
                        "DomainName": f"{each.name}.{DOMAIN}",
                        "CustomOriginConfig": {**custom, "HTTPSPort": each.port},
                    }
                    for each in origins
                ),
                {
                    "Id": "bucket",
                    "DomainName": f"{BUCKET}.s3.{REGION}.amazonaws.com",
                    "OriginAccessControlId": access,
                    "S3OriginConfig": {"OriginAccessIdentity": ""},
                },
            ]
        ),
        "OriginGroups": counted(
            [
                {
                    "Id": "readers",
                    "FailoverCriteria": {"StatusCodes": counted([500, 502, 503, 504])},
                    "Members": counted([{"OriginId": "one"}, {"OriginId": "two"}]),
                }
            ]
        ),
        "DefaultCacheBehavior": behaviour("readers", pages, **bears),
        "CacheBehaviors": counted(
            [
                {
                    "PathPattern": "/api/*",
                    **behaviour("one", NOTHING, OriginRequestPolicyId=ALL_VIEWER, **writes),
                    "ViewerProtocolPolicy": "https-only",
                },
                {"PathPattern": "/static/*", **behaviour("bucket", static, **bears)},
                {"PathPattern": "/signed/*", **behaviour("bucket", static, **trusted)},
            ]
        ),
        "CustomErrorResponses": counted(
            [{"ErrorCode": 502, "ResponsePagePath": "/static/gone.html", "ResponseCode": "503", "ErrorCachingMinTTL": 0}]
        ),
        "ViewerCertificate": {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"},
    }
    made = api.create_distribution(DistributionConfig=config)["Distribution"]
    found = Edge(world, Viewer(ca.pem), *origins, made["Id"], made["DomainName"], key, key_id)
    until(lambda: found.ask("/ready").status == 200)
    yield found
    for origin in origins:
        origin.stop()


def test_its_names_lead_to_the_edge_and_no_others(edge: Edge) -> None:
    assert edge.served()[edge.domain] == edge.viewer.address
    assert edge.viewer.ask(edge.domain, "/ready").status == 200
    with pytest.raises(ssl.SSLError):
        edge.viewer.ask(f"other.{DOMAIN}", "/ready")


def test_without_tls_it_redirects_or_refuses(edge: Edge) -> None:
    read, written, refused = edge.ask("/x?y=1", tls=False), edge.ask("/x", "POST", tls=False), edge.ask("/api/x", tls=False)
    assert (read.status, read.headers["Location"], read.cached) == (301, f"https://{HOST}/x?y=1", "Redirect")
    assert written.status == 307
    assert refused.status == 403


def test_only_methods_that_are_allowed_reach_an_origin(edge: Edge) -> None:
    before = edge.one.asked
    assert edge.ask("/", "POST").status == 403
    assert edge.one.asked == before
    assert edge.ask("/api/x", "POST").told["method"] == "POST"


def test_a_path_comes_from_the_bucket(edge: Edge) -> None:
    found, missing = edge.ask("/static/app.css"), edge.ask("/static/none.css")
    assert (found.status, found.headers["Content-Type"], found.body) == (200, "text/css", b"static/app.css " * 200)
    assert missing.status == 403  # whoever may not list a bucket is not told what is there
    part = edge.ask("/static/app.css", headers={"Range": "bytes=0-9"})
    assert (part.status, part.body) == (206, b"static/app")


def test_a_bucket_that_does_not_let_it_read_is_not_read(edge: Edge, until: Until) -> None:
    s3 = edge.lab.client("s3", REGION)
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    s3.put_object(Bucket=BUCKET, Key="static/late.css", Body=b"late", CacheControl="no-store")
    s3.delete_bucket_policy(Bucket=BUCKET)
    until(lambda: edge.ask("/static/late.css").status == 403)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    until(lambda: edge.ask("/static/late.css").body == b"late")


def test_the_second_origin_answers_reads_when_the_first_is_gone(edge: Edge, until: Until) -> None:
    assert edge.ask("/first").told["by"] == "one"
    edge.one.stop()
    assert edge.ask("/second").told["by"] == "two"
    assert edge.ask("/first").told["by"] == "one"  # from the cache
    refused = edge.ask("/api/x", "POST")
    assert (refused.status, refused.headers["Content-Type"]) == (503, "text/html")  # the page for 502
    edge.two.stop()
    assert edge.ask("/third").body == b"static/gone.html " * 200
    edge.one.start()
    edge.two.start()
    until(lambda: edge.ask("/third").told["by"] == "one")


def test_the_second_origin_answers_reads_when_the_first_fails(edge: Edge) -> None:
    edge.one.says["/broken"] = (500, {"Cache-Control": "max-age=60"})
    assert edge.ask("/broken").told["by"] == "two"
    edge.one.says["/missing"] = (404, {})
    assert (edge.ask("/missing").status, edge.ask("/missing").told["by"]) == (404, "one")


def test_an_origin_with_a_certificate_of_another_name_is_not_asked(edge: Edge) -> None:
    files = edge.one.files
    edge.one.stop()
    edge.one.files = edge.two.files
    edge.one.start()
    assert edge.ask("/impostor").told["by"] == "two"
    edge.one.stop()
    edge.one.files = files
    edge.one.start()
    assert edge.ask("/true").told["by"] == "one"


def test_what_is_kept(edge: Edge) -> None:
    first, again = edge.ask("/kept?page=1&who=me"), edge.ask("/kept?who=you&page=1")
    assert (first.cached, again.cached) == ("Miss", "Hit")
    assert first.body == again.body
    assert first.told["path"] == "/kept?page=1"  # what is no part of the key does not reach the origin
    assert edge.ask("/kept?page=2").cached == "Miss"
    edge.one.says["/never"] = (200, {"Cache-Control": "private, no-store"})
    assert [edge.ask("/never").cached for _ in range(2)] == ["Miss", "Miss"]
    assert edge.ask("/kept?page=1", "HEAD").cached == "Hit"
    assert [edge.ask("/api/kept").cached for _ in range(2)] == ["Miss", "Miss"]


def test_what_an_origin_is_told(edge: Edge) -> None:
    viewer = {"Cookie": "a=b", "User-Agent": "test", "X-Forwarded-For": "192.0.2.1", "Authorization": "x", "X-Any": "y"}
    read, passed = edge.ask("/told", headers=viewer).told["headers"], edge.ask("/api/told", headers=viewer).told["headers"]
    assert read["host"] == f"one.{DOMAIN}"
    assert {"cookie", "authorization", "x-any"}.isdisjoint(read)
    assert read["user-agent"] == "Amazon CloudFront"
    assert passed["host"] == HOST
    assert {name: passed[name] for name in ("cookie", "user-agent", "authorization", "x-any")} == {
        "cookie": "a=b",
        "user-agent": "test",
        "authorization": "x",
        "x-any": "y",
    }
    assert passed["x-forwarded-for"] == f"192.0.2.1, {MACHINE}"
    assert "cloudfront.net (CloudFront)" in passed["via"]


def test_what_answers_bear(edge: Edge) -> None:
    edge.one.says["/bearing"] = (200, {"X-Powered-By": "x", "X-Frame-Options": "SAMEORIGIN", "Strict-Transport-Security": "max-age=1"})
    headers = edge.ask("/bearing", headers={"Origin": "https://app.edge.test"}).headers
    assert headers.get_all("Strict-Transport-Security") == ["max-age=100; includeSubDomains; preload"]
    assert headers.get_all("X-Frame-Options") == ["SAMEORIGIN"]  # the origin's goes before, without override
    assert headers["X-Own"] == 'a "quoted" $thing'
    assert headers["Access-Control-Allow-Origin"] == "https://app.edge.test"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "Server" not in headers and "X-Powered-By" not in headers
    assert {"Via", "X-Amz-Cf-Pop", "X-Amz-Cf-Id"} <= {*headers}
    refused = edge.ask("/bearing", headers={"Origin": "https://evil.test"}).headers
    assert "Access-Control-Allow-Origin" not in refused
    assert edge.ask("/other").headers["X-Frame-Options"] == "DENY"


def test_what_is_compressed(edge: Edge) -> None:
    zipped = edge.ask("/static/app.css", headers={"Accept-Encoding": "gzip"})
    assert (zipped.headers["Content-Encoding"], gzip.decompress(zipped.body)) == ("gzip", b"static/app.css " * 200)
    assert edge.ask("/static/app.css", headers={"Accept-Encoding": "gzip, br"}).headers["Content-Encoding"] == "br"
    assert edge.ask("/static/app.css").headers["Content-Encoding"] is None


def test_signed_cookies(edge: Edge) -> None:
    path = "/signed/film.m3u8"
    for refused in ({}, edge.cookies(ends=-1), edge.cookies(key=rsa_key()), edge.cookies(path="/signed/other*")):
        assert edge.ask(path, headers=refused).status == 403
    assert edge.ask(path, headers=edge.cookies()).body == b"signed/film.m3u8 " * 200
    again = edge.ask(path, headers=edge.cookies())
    assert (again.status, again.cached) == (200, "Hit")
    assert edge.ask(path).status == 403  # what is kept is for those who may see it


def test_signed_urls(edge: Edge) -> None:
    url, ends = f"https://{HOST}/signed/film.m3u8", str(int(time.time()) + 3600)
    signature = encoded(edge.key.sign(signatures.canned(url, ends), padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303
    signed = f"Expires={ends}&Signature={signature}&Key-Pair-Id={edge.key_id}"
    assert edge.ask(f"/signed/film.m3u8?{signed}").status == 200
    assert edge.ask(f"/signed/other.m3u8?{signed}").status == 403


def test_a_change_applies_while_nginx_runs_on(edge: Edge, until: Until) -> None:
    before = edge.process()
    edge.change(DefaultRootObject="index.html")
    until(lambda: edge.ask("/").told["path"] == "/index.html")
    assert edge.process() == before


@pytest.mark.parametrize("name", ["edge", "edge-helper"])
def test_it_comes_back_after_it_was_killed(edge: Edge, until: Until, name: str) -> None:
    before = edge.process(name)
    os.kill(before, signal.SIGKILL)
    until(lambda: edge.process(name) != before)
    until(lambda: edge.ask("/signed/film.m3u8", headers=edge.cookies()).status == 200)


def test_another_lab_that_is_taken_down_leaves_it_alone(edge: Edge, tmp_path: Path) -> None:
    before = edge.process()
    other = Lab(tmp_path / "other")
    other.run("up", "--world", code=1)
    other.run("down")
    assert edge.ask("/signed/film.m3u8", headers=edge.cookies()).status == 200
    assert Path(f"/proc/{before}").exists() and edge.process() == before


def test_it_serves_while_the_world_is_gone(edge: Edge, until: Until) -> None:
    before = edge.process()
    world = next(each for each in edge.lab.status()["processes"] if each["name"] == "world")["pid"]
    os.kill(world, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{world}/status").exists() or "zombie" in Path(f"/proc/{world}/status").read_text())
    assert edge.ask("/without").told["by"] == "one"
    assert edge.ask("/signed/film.m3u8", headers=edge.cookies()).status == 200
    edge.lab.run("up", "--world")
    edge.change(DefaultRootObject="start.html")
    until(lambda: edge.ask("/").told["path"] == "/start.html")
    assert edge.process() == before


def test_a_disabled_distribution_is_gone(edge: Edge, until: Until) -> None:
    edge.change(Enabled=False)
    until(lambda: edge.domain not in edge.served())

    def refused() -> bool:
        try:
            edge.ask("/ready")
        except ssl.SSLError:
            return True
        return False

    until(refused)
