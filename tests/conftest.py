"""What all tests share; the AWS API that some of them stand on is one for the whole run, empty at the start of each test."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import settings

from lab.settings import ROOT, Settings

# how long an example takes says more about the machine than about the code
settings.register_profile("kc", deadline=None)
settings.load_profile("kc")


def post(url: str, text: str = "") -> None:
    """Send a POST; an answer other than 2xx is an error."""
    request = urllib.request.Request(url, text.encode(), {"Content-Type": "text/plain"}, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


@contextmanager
def serving(state: Path | None = None) -> Iterator[str]:
    """Run an API server on a port that the kernel chooses; give its URL. What stands in it lasts in `state`, if that is given."""
    command = [sys.executable, "-m", "lab.aws", "--port", "0", *(["--state", str(state)] if state else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line.startswith("listening on "), f"the lab's AWS did not start: {line!r}"
            yield line.split()[-1]
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """One API server for the session; its URL."""
    with serving() as url:
        yield url


@pytest.fixture
def aws_api(aws_server: str) -> str:
    """URL of an AWS API that holds nothing."""
    post(f"{aws_server}/moto-api/reset")
    return aws_server


REGION, BUCKET = "me-west-1", "backups"


@pytest.fixture
def s3(aws_api: str) -> Any:
    """S3, with an empty bucket."""
    lab = Settings.load()
    client = boto3.client(
        "s3", region_name=REGION, endpoint_url=aws_api, aws_access_key_id=lab.access_key, aws_secret_access_key=lab.secret_key
    )
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client
