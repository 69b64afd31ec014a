"""The environment that moto needs before its first import: regions, account, speed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import botocore

from .settings import REGION

LIKE = "me-central-1"
"""The region whose entries `REGION` gets, while botocore's `endpoints.json` doesn't list it."""


def endpoints(data: dict[str, Any]) -> dict[str, Any]:
    """Return botocore's endpoints with `REGION` wherever `LIKE` is; what botocore says itself stays."""
    partition = data["partitions"][0]
    partition["regions"].setdefault(REGION, {"description": "Middle East (Saudi Arabia)"})
    for service in partition["services"].values():
        known = service.get("endpoints", {})
        if LIKE in known:
            known.setdefault(REGION, json.loads(json.dumps(known[LIKE]).replace(LIKE, REGION)))
    return data


def prepare(directory: Path, account: str) -> None:
    """Write the overlay below `directory` and set the process's environment. Call it before importing moto."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_", "BOTO"))]:
        del os.environ[name]  # a developer's profile or endpoint must not reach into the lab
    directory.mkdir(parents=True, exist_ok=True)
    source = Path(botocore.__file__).parent / "data" / "endpoints.json"
    partial = directory / f"endpoints.json.{os.getpid()}"
    partial.write_text(json.dumps(endpoints(json.loads(source.read_text()))))
    partial.replace(directory / "endpoints.json")
    os.environ.update(
        AWS_DATA_PATH=str(directory),
        # Every call is this account's. Without it moto looks the access key up in each partition's IAM, and fills
        # six of them with AWS's managed policies: 0.8 s after each reset.
        MOTO_ACCOUNT_ID=account,
        MOTO_ALLOW_NONEXISTENT_REGION="true",
        MOTO_IAM_LOAD_MANAGED_POLICIES="true",
        # Seconds until a certificate with DNS validation is issued.
        MOTO_ACM_VALIDATION_WAIT="1",
        MOTO_DISABLE_GLOBAL_CORS="true",
        # What the platform's nodes start from. moto's own list is 1,300 images, made anew for each region after a reset.
        MOTO_AMIS_PATH=str(Path(__file__).with_name("amis.json")),
        # Objects stay in memory: a temporary file's offset would be shared with the process that saves the state.
        MOTO_S3_DEFAULT_KEY_BUFFER_SIZE=str(1 << 40),
    )
