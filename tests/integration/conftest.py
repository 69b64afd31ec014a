"""What integration tests stand on: units and playbooks against an AWS API that is empty at the start of each test."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import pytest
from kc.runbook.keep import keep
from kc.unit import run

from lab.settings import ROOT, Settings
from tests.conftest import serving
from tests.integration.census import Census, inventory_of
from tests.integration.playbooks import Run

LAB = Settings.load()
REGIONS = ("me-west-1", "eu-central-1")
FLAG = "/kc/lab/state/role"
Do = Callable[..., dict[str, Any]]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


@pytest.fixture
def scope_option(aws_api: str) -> Callable[..., dict[str, Any]]:
    """Return a function that gives a task's `scope` option: `scope_option("eu-central-1", client="acme")`."""

    def scope(region: str = "me-west-1", **more: Any) -> dict[str, Any]:
        aws = {"endpoint_url": aws_api, "access_key_id": LAB.access_key, "secret_access_key": LAB.secret_key}
        return {"platform": "kc", "environment": "lab", "account": LAB.account, "region": region, "aws": aws, **more}

    return scope


@pytest.fixture
def converge(aws_api: str) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a unit, by name or as an object, and asserts that it did not fail."""

    def go(unit: Any, params: dict[str, Any], check: bool = False) -> dict[str, Any]:
        unit = import_module(f"kc.units.{unit}").UNIT if isinstance(unit, str) else unit
        result = run(unit, params, check=check)
        assert not result.get("failed"), result["msg"]
        return result

    return go


@functools.cache
def client_of(endpoint: str, service: str, region: str = "me-west-1") -> Any:
    """Return the process's plain boto3 client: making one costs as much as ten calls, and a census needs dozens."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=LAB.access_key,
        aws_secret_access_key=LAB.secret_key,
        config=botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture
def client(aws_api: str) -> Callable[..., Any]:
    """Return a function that gives a plain boto3 client: `client("ec2", "me-west-1")`."""
    return functools.partial(client_of, aws_api)


Play = Callable[..., Run]


def player(aws_api: str, tmp_path: Path) -> Play:
    """Return a function that runs a playbook on the lab's inventory: `play("site.yml", "--check")`."""

    def go(playbook: str, *args: str) -> Run:
        plans = tmp_path / "plan.json"
        plans.unlink(missing_ok=True)
        env = {**os.environ, "KC_LAB_PORT": aws_api.rsplit(":", 1)[1], "KC_PLAN_FILE": str(plans), "ANSIBLE_NOCOLOR": "1"}
        env["ANSIBLE_SKIP_TAGS"] = "clickhouse,accounts"  # an AWS without a world has nodes, and no machines
        env.pop("AWS_ENDPOINT_URL", None)
        done = subprocess.run([PLAYBOOK, playbook, *args], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
        found = json.loads(plans.read_text()) if plans.exists() else {"runs": []}
        changes = [change for unit in found["runs"] for change in unit["plan"]]
        plan = [(change["action"], change["kind"], change["name"], change["region"]) for change in changes]
        return Run(done.returncode, done.stdout + done.stderr, sorted(plan))

    return go


@pytest.fixture
def play(aws_api: str, tmp_path: Path) -> Play:
    """See `player`."""
    return player(aws_api, tmp_path)


@dataclass(frozen=True)
class Made:
    """What `site.yml` told and made, in an AWS that was empty.

    Attributes:
        state: Where the AWS is kept.
        planned, touched: What a check had told before, and what stood then.
        created, stands: What was made, and what stood then.
    """

    state: Path
    planned: Run
    touched: Census
    created: Run
    stands: Census


@dataclass(frozen=True)
class Standing:
    """A platform of a test's own, as `site.yml` made it.

    Attributes:
        made: How it came to be.
        play, client: Run a playbook on it, and ask its AWS: see the fixtures of these names.
    """

    made: Made
    play: Play
    client: Callable[..., Any]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A platform, made once: each test that needs one goes on from a copy. They are of one group."""
    home = tmp_path_factory.mktemp("platform")
    with serving(home) as url:
        play, client = player(url, home), functools.partial(client_of, url)
        planned, touched = play("site.yml", "--check", "--diff"), inventory_of(client)
        created = play("site.yml")
        assert created.status == 0, created.output
        return Made(home, planned, touched, created, inventory_of(client))


@pytest.fixture
def standing(made: Made, tmp_path: Path) -> Iterator[Standing]:
    """See `Standing`."""
    with serving(shutil.copytree(made.state, tmp_path / "aws")) as url:
        yield Standing(made, player(url, tmp_path), functools.partial(client_of, url))


@pytest.fixture
def runbook(client: Callable[..., Any], scope_option: Callable[..., dict[str, Any]]) -> Callable[..., Do]:
    """Return a function that gives one that does what kc_runbook does: `runbook(book, to, primary)`, then `do("begin", "fence")`.

    Both regions have a bucket for journals (`journals-<region>`, not replicated), a flag, and the ACL of the tier of data.
    """

    def prepare(book: Any, to: str, primary: str) -> Do:
        for region in REGIONS:
            client("s3", region).create_bucket(Bucket=f"journals-{region}", CreateBucketConfiguration={"LocationConstraint": region})
            role = "primary" if region == primary else "secondary"
            client("ssm", region).put_parameter(Name=FLAG, Value=role, Type="String")
            tags = {"Platform": "kc", "Environment": "lab", "Component": "network", "Name": "kc-lab-data"}
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            vpc = client("ec2", region).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
            client("ec2", region).create_network_acl(VpcId=vpc, TagSpecifications=[{"ResourceType": "network-acl", "Tags": listed}])
        other = next(region for region in REGIONS if region != to)
        options = {"bucket": f"journals-{to}", "mirror": f"journals-{other}", "regions": [*REGIONS], "home": REGIONS[0], "least": {}}
        options |= {"apart": ["10.0.0.0/20"], "takeover": True, "facts": {}, "reason": "", "untouched": False}

        def go(what: str, step: str = "", check: bool = False, process: int = 1, **more: Any) -> dict[str, Any]:
            return keep({**options, "scope": scope_option(to), "do": what, "step": step, **more}, book, check=check, process=process)

        return go

    return prepare
