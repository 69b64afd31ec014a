"""Signed URLs and cookies are judged as CloudFront judges them; botocore's own signer makes them."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lab.behaviours.edge.signatures import Refused, canned, judge, stripped

URL = "https://media.kc.test/v/film/1.ts"
NOW = 1_800_000_000.0
KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
KEYS = {"K1": PEM}


def signer(key: rsa.RSAPrivateKey = KEY, id: str = "K1") -> CloudFrontSigner:
    return CloudFrontSigner(id, lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303


def at(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(NOW + seconds, datetime.UTC)


def policy(resource: str = "https://media.kc.test/v/*", ends: float = 60, **conditions: Any) -> str:
    condition = {"DateLessThan": {"AWS:EpochTime": int(NOW + ends)}, **conditions}
    return json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]})


def cookies(text: str, key: rsa.RSAPrivateKey = KEY, id: str = "K1") -> str:
    """Return the Cookie header of a custom policy, made of what the signer puts into a URL."""
    url = signer(key, id).generate_presigned_url("https://x/", policy=text)
    return "; ".join(f"CloudFront-{name}={value}" for name, value in parse_qsl(urlsplit(url).query))


def reason(url: str = URL, cookie: str = "", viewer: str = "192.0.2.7") -> str:
    """Return why a request is refused, "" where it isn't."""
    try:
        judge(url, cookie, viewer, NOW, KEYS)
    except Refused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("url", [URL, f"{URL}?quality=hd"])
def test_a_url_signed_by_the_canned_policy(url: str) -> None:
    signed = signer().generate_presigned_url(url, date_less_than=at(60))
    assert reason(signed) == ""
    assert stripped(signed) == url
    assert "not the key's" in reason(signed.replace("1.ts", "2.ts"))
    assert "expired" in reason(signer().generate_presigned_url(url, date_less_than=at(-1)))


def test_the_canned_policy_is_as_documented() -> None:
    assert canned("http://a/b", "123") == b'{"Statement":[{"Resource":"http://a/b","Condition":{"DateLessThan":{"AWS:EpochTime":123}}}]}'


def test_a_url_signed_by_a_policy_of_its_own() -> None:
    signed = signer().generate_presigned_url(URL, policy=policy())
    assert reason(signed) == ""
    assert reason(signed.replace("1.ts", "2.ts")) == ""  # the policy covers both


@pytest.mark.parametrize(
    "cookie, told",
    [
        (cookies(policy()), ""),
        (cookies(policy("http*://media.kc.test/v/fil?/*")), ""),
        (f"theme=dark; {cookies(policy())}; other=1", ""),
        (cookies(policy(IpAddress={"AWS:SourceIp": "192.0.2.0/24"}, DateGreaterThan={"AWS:EpochTime": int(NOW)})), ""),
        ("", "MissingKey"),
        ("CloudFront-Key-Pair-Id=K1", "no signature"),
        (cookies(policy(ends=0)), "expired"),
        (cookies(policy(DateGreaterThan={"AWS:EpochTime": int(NOW) + 1})), "not good yet"),
        (cookies(policy(IpAddress={"AWS:SourceIp": "198.51.100.1"})), "other addresses"),
        (cookies(policy("https://media.kc.test/w/*")), "something else"),
        (cookies(policy("https://media.kc.test/v")), "something else"),
        (cookies(policy(), OTHER), "not the key's"),
        (cookies(policy(), OTHER, "K2"), "none of the trusted"),
        (cookies("{}"), "MalformedPolicy"),
        (cookies('{"Statement": []}'), "MalformedPolicy"),
        ("CloudFront-Policy=!!; CloudFront-Signature=x; CloudFront-Key-Pair-Id=K1", "not base64"),
        ("CloudFront-Expires=soon; CloudFront-Signature=x; CloudFront-Key-Pair-Id=K1", "nor when"),
    ],
    ids=lambda text: "signed" if len(text) > 100 else None,  # by another key in each process, and all are to call the test alike
)
def test_cookies(cookie: str, told: str) -> None:
    found = reason(cookie=cookie)
    assert told in found if told else found == ""


def test_cookies_signed_by_the_canned_policy() -> None:
    ends = str(int(NOW) + 60)
    signature = KEY.sign(canned(URL, ends), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    told = base64.b64encode(signature).decode().translate(str.maketrans("+=/", "-_~"))
    assert reason(cookie=f"CloudFront-Expires={ends}; CloudFront-Signature={told}; CloudFront-Key-Pair-Id=K1") == ""


def test_a_signed_url_goes_before_cookies() -> None:
    assert "no signature" in reason(f"{URL}?Key-Pair-Id=K1", cookies(policy()))


def test_what_signs_is_taken_away() -> None:
    assert stripped("https://a/b?Expires=1&x=%20y&Signature=s&Key-Pair-Id=k&z") == "https://a/b?x=%20y&z"
    assert stripped("https://a/b?Policy=p") == "https://a/b"
