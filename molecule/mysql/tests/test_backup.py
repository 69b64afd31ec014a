"""The role's tasks that back a server up, and bring it back, with S3 as the lab's AWS has it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from hands import ROOT, container, playbook, run, until
from servers import APP, REPLICA, SOURCE, ask, channel, follow, follows, has_all, module, since, writable

from lab.settings import Settings
from lab.world.net import inside

REGION, BUCKET = "me-west-1", "backups"


def relay(namespace: str, port: int) -> None:
    """Have the port of this machine's loopback answered on a node's, for as long as the tests run."""
    (listens,) = inside(namespace, 1).map(lambda _: socket.create_server(("127.0.0.1", port)), [None])

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while found := await source.read(65536):
            target.write(found)
            await target.drain()
        target.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer), return_exceptions=True)

    async def serve() -> None:
        async with await asyncio.start_server(connected, sock=listens) as server:
            await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, object]]:
    """The role's variables for a bucket that the replica reaches."""
    lab = Settings.load()
    command = [sys.executable, "-m", "lab.aws", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        url = server.stdout.readline().split()[-1]
        relay(container(REPLICA), int(url.rpartition(":")[2]))
        keys = {"aws_access_key_id": lab.access_key, "aws_secret_access_key": lab.secret_key}
        s3 = boto3.client("s3", region_name=REGION, endpoint_url=url, **keys)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield {
            "mysql_backup_bucket": BUCKET,
            "mysql_backup_prefix": "mysql/main",
            "mysql_backup_region": REGION,
            "mysql_backup_aws": {"endpoint_url": url, "access_key_id": lab.access_key, "secret_access_key": lab.secret_key},
        }
        server.terminate()


def play(part: str, *words: str, **variables: object) -> str:
    status, said = playbook("tasks.yml", f"--extra-vars={json.dumps({'part': part, 'node': REPLICA, **variables})}", "--diff", *words)
    assert not status, said
    return said


def add(number: int) -> None:
    """Write a row, and wait until the replica has it."""
    assert ask(SOURCE, SOURCE, f"REPLACE INTO app.rows_of VALUES ({number}, 'backed up')", user=APP) == []
    until(lambda: has_all(REPLICA, SOURCE))


def there() -> list[int]:
    return [row[0] for row in ask(REPLICA, REPLICA, "SELECT id FROM app.rows_of WHERE who = 'backed up' ORDER BY id")]


def test_a_server_is_brought_back_to_a_second(bucket: dict[str, object]) -> None:
    ask(SOURCE, SOURCE, "DELETE FROM app.rows_of WHERE who = 'backed up'", user=APP)  # a run that failed left some
    add(901)
    assert "changed=1" in play("backup", **bucket)
    add(902)
    at = int(time.time()) + 1
    until(lambda: time.time() > at)
    add(903)
    play("backup", mysql_backup_state="shipped", **bucket)
    assert "changed=0" in play("backup", mysql_backup_state="listed", **bucket)
    second = datetime.fromtimestamp(at, UTC).isoformat()
    before = since(REPLICA)
    assert "backup: " in play("restore", "--check", mysql_restore_at=second, **bucket)
    assert since(REPLICA) == before

    play("restore", mysql_restore_at=second, **bucket)
    assert there() == [901, 902]
    assert not writable(REPLICA)
    assert channel(REPLICA) == {}
    kept = run(REPLICA, "sh", "-c", "ls -d /var/lib/kc/mysql/data*").split()
    assert [name for name in kept if ".aside-" in name] and "/var/lib/kc/mysql/data" in kept
    assert run(REPLICA, "find", "/var/lib/kc/mysql/data", "!", "-user", "mysql") == ""
    assert not run(REPLICA, "sh", "-c", "pgrep -a mysqld | grep restored; ls -d /var/lib/kc/mysql/data.restored* 2>/dev/null || true")

    # it has nothing that its source has not, so it follows again
    result = module(REPLICA, "replication", state="running", **follow(REPLICA, SOURCE))
    assert result["changed"], result
    until(lambda: follows(REPLICA, SOURCE))
    assert there() == [901, 902, 903]
    run(REPLICA, "sh", "-c", "rm -rf /var/lib/kc/mysql/data.aside-*")
    ask(SOURCE, SOURCE, "DELETE FROM app.rows_of WHERE who = 'backed up'", user=APP)
