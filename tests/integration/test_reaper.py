"""Who runs something is killed at each of its points, with what it has begun, and the point is passed the next time."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL
from typing import Any

from tests.faults.reaper import Reaper, changes
from tests.faults.recording import Asked, Heard, recorder

REGION = "eu-central-1"
SCRIPT = f"""
import subprocess, sys, urllib.request
def call(service, method, path, body, kind="application/json", **headers):
    signed = "AWS4-HMAC-SHA256 Credential=none/20260101/{REGION}/" + service + "/aws4_request, SignedHeaders=host, Signature=none"
    urllib.request.urlopen(urllib.request.Request(sys.argv[1] + path, body.encode(), {{"Authorization": signed, "Content-Type": kind, **headers}}, method=method))
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
open(sys.argv[2], "w").write(str(child.pid))
for number, (kind, step) in enumerate([("begun", "room"), ("done", "room"), ("closed", "")]):
    call("s3", "PUT", f"/journals-of-the-reaper/runbooks/000001/{{number:06}}.json", '{{"kind":"%s","step":"%s"}}' % (kind, step))
    if kind == "begun" and "there" not in open(sys.argv[3]).read():
        asked = '{{"Name": "/kc/reaped", "Value": "there", "Type": "String", "Overwrite": true}}'
        call("ssm", "POST", "/", asked, "application/x-amz-json-1.1", **{{"X-Amz-Target": "AmazonSSM.PutParameter"}})
        open(sys.argv[3], "w").write("there")
child.kill()
"""
"""Writes a run's journal, with a change in its step that is not made again once it is known."""

POINTS = [
    "before begun room",
    "behind begun room",
    "behind ssm:PutParameter",
    "before done room",
    "before closed",
    "behind closed",
]


def test_it_kills_once_at_each_point_with_all_that_was_begun(aws_api: str, client: Callable[..., Any], tmp_path: Path) -> None:
    client("s3", REGION).create_bucket(Bucket="journals-of-the-reaper", CreateBucketConfiguration={"LocationConstraint": REGION})
    pid, known = tmp_path / "pid", tmp_path / "known"
    known.write_text("")
    with recorder(aws_api, Reaper) as kills:
        for _ in POINTS:
            process = subprocess.Popen([sys.executable, "-c", SCRIPT, kills.url, pid, known])
            kills.victim = process.pid
            assert process.wait(60) == -SIGKILL
            assert not Path(f"/proc/{pid.read_text()}").exists() or "Z" in Path(f"/proc/{pid.read_text()}/stat").read_text()
            if len(kills.killed) == 1:
                assert "Contents" not in client("s3", REGION).list_objects_v2(Bucket="journals-of-the-reaper")
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, kills.url, pid, known])
        kills.victim = process.pid
        assert process.wait(60) == 0
        assert [each.partition(" at http")[0] for each in kills.killed] == POINTS
        made: Counter[str] = changes(kills.taken())
    assert [*made.values()] == [2], "it does not look whether it is so already: told as twice"


def test_what_only_tells_something_is_no_change_that_was_made_twice() -> None:
    about = ("http://localhost", {"Namespace": "kc/lab"})
    told = [Asked(REGION, "monitoring", "PutMetricData", *about), Asked(REGION, "sns", "Publish", *about)]
    made = Asked(REGION, "ecs", "UpdateService", *about)
    assert changes([Heard(each, 200) for each in (*told, *told, made, made)]) == {str(made): 2}
    assert changes([Heard(made, status) for status in (None, 400, 200)]) == {str(made): 1}, "refused, or not carried out"
