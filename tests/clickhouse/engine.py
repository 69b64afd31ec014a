"""A current ClickHouse engine, in process, in the place of a node: it has neither ensemble nor ports."""

from __future__ import annotations

import datetime
import json
import re
import tempfile
from typing import Any, Self

import chdb
from kc.clickhouse.connection import Access, Node, Server
from kc.clickhouse.errors import of_server
from kc.clickhouse.statement import Statement, of

CONFIG = """<clickhouse>
  {more}
  <users_config>{file}</users_config>
  <profiles><default/><limited><max_threads>3</max_threads></limited></profiles>
  <quotas><default/><seen><interval><duration>3600</duration><queries>7</queries><execution_time>1.5</execution_time></interval></seen></quotas>
  <users>
    <default>
      <password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota><access_management>1</access_management>
    </default>
    <seen>
      <password_sha256_hex>{digest}</password_sha256_hex><networks><ip>10.0.0.0/8</ip><ip>127.0.0.1</ip></networks>
      <profile>limited</profile><quota>seen</quota>
      <databases><reporting><events><filter>course = 'x'</filter></events></reporting></databases>
      <grants>
        <query>GRANT SELECT, INSERT ON reporting.*</query><query>GRANT SELECT(a) ON `o'd`.t WITH GRANT OPTION</query>
        <query>REVOKE SELECT ON reporting.secret</query>
      </grants>
    </seen>
  </users>
</clickhouse>
"""
"""Its own user sees what there is of users; of those, one to be looked at. There is no storage here that statements could write to."""


class Engine(Server):
    """A node whose statements the engine runs."""

    def __init__(self, more: str = "") -> None:
        super().__init__(Node("engine"), Access("nobody", "no password at all", "/no/file"))
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as config:
            config.write(CONFIG.format(file=config.name, digest="0" * 64, more=more))
            config.flush()
            self.connection = chdb.connect(f":memory:?config-file={config.name}")
        self.run_so_far: list[str] = []

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        pass  # there is one session, and no settings are set

    @property
    def certificate_ends(self) -> datetime.datetime:
        return datetime.datetime.max.replace(tzinfo=datetime.UTC)  # it shows none

    def patient(self, seconds: float) -> Server:
        return self

    def set(self, **settings: int | str) -> None:
        for name, setting in settings.items():
            self.rows(f"SET {name} = {setting}")

    def rows(self, statement: str | Statement) -> list[tuple[Any, ...]]:
        text = of(statement).text
        self.run_so_far.append(text)
        try:
            answer = str(self.connection.query(text, "JSONCompact"))
        except RuntimeError as error:
            found = re.search(r"Code: (\d+)\. (.*)", str(error), re.DOTALL)
            assert found, error
            raise of_server("engine", int(found[1]), found[2]) from None
        return [tuple(row) for row in json.loads(answer)["data"]] if answer.strip() else []
