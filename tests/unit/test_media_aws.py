"""How AWS is asked."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from media_server.aws import client


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        ("", "https://uploads.s3.me-west-1.amazonaws.com/acme/one"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/uploads/acme/one"),
    ],
)
def test_a_url_that_is_signed_beforehand_is_the_regions_own(endpoint: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    told = {"Bucket": "uploads", "Key": "acme/one", "UploadId": "1", "PartNumber": 1}
    assert urlsplit(client("me-west-1", "s3").generate_presigned_url("upload_part", Params=told))._replace(query="").geturl() == place
