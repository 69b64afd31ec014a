"""The image of MySQL serves at once, each container as a server of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql
import pytest

from lab.images.recipes import USER
from lab.podman import podman, remove

from .workloads import lab_images

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("world")]


def ask(data: Path, statement: str) -> Any:
    """Return the first row that a server answers at its socket, whose whole path is longer than a socket's may be."""
    directory = os.open(data, os.O_PATH)
    try:
        connection = pymysql.connect(unix_socket=f"/proc/self/fd/{directory}/mysqld.sock", user="root")
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()
    finally:
        os.close(directory)


def test_servers_are_there_at_once_and_are_not_each_other(built: Path, until: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    image = lab_images(built, "--name", "mysql").stdout.strip()
    seen = set()
    for _ in range(2):
        name = podman(
            "run", "--detach", "--network=none", "--cap-drop=all", "--volume=/var/lib/mysql", "--label=kc.test=mysql", image
        ).strip()
        request.addfinalizer(lambda name=name: remove(name))
        data = Path(podman("inspect", "--format", "{{(index .Mounts 0).Source}}", name).strip())
        seen.add(until(lambda data=data: ask(data, "SELECT @@server_uuid")))
        assert ask(data, "SELECT @@version")[0].startswith("9.7.")
        assert ask(data, "SELECT CONVERT_TZ('2026-01-01 12:00', 'UTC', 'Asia/Riyadh') = '2026-01-01 15:00'") == (1,)
        assert (data / "server-key.pem").stat().st_uid == USER
        assert podman("exec", name, "id", "-u").strip() == str(USER)
    assert len(seen) == 2
