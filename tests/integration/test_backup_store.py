"""Where backups are kept, on an S3."""

from __future__ import annotations

from typing import Any

import pytest
from kc.aws.session import Aws, Connection
from kc.backup import store as backup_store
from kc.backup.store import READ, Store
from kc.clickhouse.backup_manifest import SHELF

from tests.integration.conftest import LAB


def test_a_large_archive_goes_in_pieces(aws_api: str, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client("s3").create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": "me-west-1"})
    store = Store(Aws(Connection(aws_api, "", LAB.access_key, LAB.secret_key), "me-west-1"), "backups", "p", SHELF)
    monkeypatch.setattr(backup_store, "PIECE", 5 << 20)  # the least that S3 takes of a piece that is not the last
    pieces = [bytes([number]) * READ for number in range(13)]
    store.put("x", pieces, 13 * READ)
    assert store.archives().keys() == {"x"}
    archive = store.get("x")
    assert archive.read() == b"".join(pieces)
    assert client("s3").head_object(Bucket="backups", Key="p/parts/x")["ETag"].strip('"').endswith("-3")
