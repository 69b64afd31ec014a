"""Real MySQL servers of the lab's image, in containers on loopback: TLS of a throw-away authority, GTIDs, binary logs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kc.mysql.connection import Access, Node, Server
from kc.mysql.errors import NodeError
from kc.mysql.quote import name, value

from lab.behaviours.rds import sql
from lab.podman import podman, remove
from tests.authority import Authority
from tests.ports import free
from tests.servers import until

USER, PASSWORD = "operator", "throw-away'\\pass \"word"
REPLICATION = ("replicator", "throw-away-replication")
HEARTBEAT = {"database": "kc", "interval": 1, "wait": 15, "state": "present", "rds": None}
"""The options of kc_mysql_heartbeat."""
ROOT = Path(__file__).resolve().parents[2]
WHO = 65534
"""nobody's id: servers refuse to run as root."""

# nothing is flushed: a server that is killed leaves its data to the system, which is not
CONF = """[mysqld]
port = {port}
bind_address = 127.0.0.1
mysqlx = OFF
datadir = {home}/data
socket = {home}/socket
pid_file = {home}/pid
log_error = {home}/error.log
secure_file_priv = NULL
server_id = {number}
gtid_mode = ON
enforce_gtid_consistency = ON
log_bin = binlog
require_secure_transport = ON
ssl_ca = {home}/ca.pem
ssl_cert = {home}/server.pem
ssl_key = {home}/server.key
plugin_load_add = mysql_clone.so
report_host = localhost
report_port = {port}
innodb_flush_method = nosync
innodb_flush_log_at_trx_commit = 2
sync_binlog = 0
innodb_use_native_aio = OFF
innodb_buffer_pool_size = 32M
innodb_redo_log_capacity = 16M
max_connections = 50
replica_net_timeout = 10
"""


def image() -> str:
    """Return the name of the lab's image of MySQL in podman's store.

    Raises:
        AssertionError: It is not there.
    """
    given = os.environ.get("KC_MYSQL_IMAGE")
    if given:
        return given
    done = subprocess.run(["python", "-m", "lab", "images", "--name", "mysql"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"the lab's image `mysql` is missing ({done.stderr.strip()}): run `python -m lab images mysql` as root"
    return done.stdout.split()[-1]


class Instance:
    """One server, in a container of its own."""

    def __init__(self, home: Path, number: int, authority: Authority, image: str) -> None:
        self.home, self.number, self.authority, self.image = home, number, authority, image
        self.port = free(1)
        self.container = f"kc-test-mysql-{os.getpid()}-{self.port}"
        home.mkdir(parents=True)
        (home / "data").mkdir()
        for file, called in zip(authority.issue("localhost"), ("server.pem", "server.key"), strict=True):
            shutil.copy(file, home / called)
        shutil.copy(authority.ca, home / "ca.pem")
        (home / "my.cnf").write_text(CONF.format(home=home, port=self.port, number=number))

    @property
    def host(self) -> str:
        """As a module's option names it."""
        return f"localhost:{self.port}"

    @property
    def uuid(self) -> str:
        with self.server() as server:
            return str(server.one("SELECT @@server_uuid"))

    def server(self, timeout: float = 30, user: str = USER, password: str = PASSWORD) -> Server:
        return Server(Node("localhost", self.port), Access(user, password, str(self.authority.ca), timeout))

    def initialize(self) -> None:
        """Make its data, with the administrator's account."""
        script = self.home / "init.sql"
        who = f"{value(USER)}@'%'"
        script.write_text(
            f"SET sql_log_bin = 0;\nCREATE USER {who} IDENTIFIED BY {value(PASSWORD)} REQUIRE SSL;\nGRANT ALL ON *.* TO {who} WITH GRANT OPTION;\n"
            f"CREATE USER {value(REPLICATION[0])}@'%' IDENTIFIED BY {value(REPLICATION[1])} REQUIRE SSL;\n"
            f"GRANT REPLICATION SLAVE ON *.* TO {value(REPLICATION[0])}@'%';\n"
        )
        self._own()
        self._podman("--rm", "mysqld", f"--defaults-file={self.home}/my.cnf", "--initialize-insecure", f"--init-file={script}", timeout=300)

    def copy(self, other: Instance) -> None:
        """Take another's data, which does not run, as its own."""
        shutil.rmtree(self.home / "data")
        shutil.copytree(other.home / "data", self.home / "data")
        (self.home / "data" / "auto.cnf").unlink(missing_ok=True)

    def start(self) -> None:
        """Start it, without waiting for it."""
        remove(self.container)
        self._own()
        self._podman("--detach", "mysqld", f"--defaults-file={self.home}/my.cnf")

    def wait(self) -> None:
        until(self.answers, f"{self.host} answers; see {self.home}/error.log")

    def answers(self) -> bool:
        try:
            with self.server(2) as server:
                return bool(server.one("SELECT 1") == 1)
        except NodeError as error:
            assert error.absent, error
            return False

    def kill(self) -> None:
        """End it at once."""
        podman("kill", self.container, check=False)
        until(lambda: not self.running(), "it has ended")

    def running(self) -> bool:
        return podman("container", "inspect", "--format", "{{.State.Running}}", self.container, check=False).strip() == "true"

    def remove(self) -> None:
        remove(self.container)

    def _podman(self, how: str, *command: str, timeout: float = 60) -> None:
        podman(
            *("run", how, "--name", self.container, "--network", "host", "--user", f"{WHO}:{WHO}", "--volume", f"{self.home}:{self.home}"),
            *("--entrypoint", f'["{command[0]}"]', self.image, *command[1:]),
            timeout=timeout,
        )

    def _own(self) -> None:
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, WHO, WHO)


class World:
    """The servers, and what they can be to each other."""

    def __init__(self, home: Path, count: int = 2) -> None:
        self.authority = Authority.make(home / "authority")
        name_ = image()
        self.servers = [Instance(home / f"mysql-{number}", number, self.authority, name_) for number in range(1, count + 1)]

    @property
    def options(self) -> dict[str, Any]:
        """What every module is given, but for `host`."""
        return {"port": 3306, "user": USER, "password": PASSWORD, "ca": str(self.authority.ca), "timeout": 20}

    def start(self) -> None:
        first, *others = self.servers
        first.initialize()
        for each in others:
            each.copy(first)
        (first.home / "data" / "auto.cnf").unlink(missing_ok=True)
        for each in self.servers:
            each.start()
        for each in self.servers:
            each.wait()

    def stop(self) -> None:
        remove(*(each.container for each in self.servers))

    def replicate(self, replica: Instance, source: Instance) -> None:
        """Have one follow the other, as an operator would by hand."""
        with replica.server() as server:
            server.run(
                f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='localhost', SOURCE_PORT={source.port}, SOURCE_USER={value(REPLICATION[0])}, "
                f"SOURCE_PASSWORD={value(REPLICATION[1])}, SOURCE_AUTO_POSITION=1, SOURCE_SSL=1, SOURCE_SSL_CA={value(str(replica.home / 'ca.pem'))}, "
                "SOURCE_SSL_VERIFY_SERVER_CERT=1, SOURCE_CONNECT_RETRY=1, SOURCE_HEARTBEAT_PERIOD=1"
            )
            server.run("START REPLICA")
            server.run("SET PERSIST super_read_only = ON")


OURS = {"mysql.infoschema", "mysql.session", "mysql.sys", "root", USER, REPLICATION[0], sql.ADMIN, sql.REPLICATOR, sql.ROLE}


UNTOUCHED = """SELECT @@gtid_executed = '' AND NOT @@read_only AND @@event_scheduler = 'ON' AND NOT @@partial_revokes
  AND NOT EXISTS (SELECT 1 FROM performance_schema.persisted_variables)
  AND NOT EXISTS (SELECT 1 FROM information_schema.schemata
    WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema'))
  AND NOT EXISTS (SELECT 1 FROM performance_schema.replication_connection_configuration)"""


def blank(servers: Iterable[Instance]) -> None:
    """Make servers as if they were new: alone, writable, without databases, accounts and history."""
    for each in servers:
        if not each.running():
            each.start()
            each.wait()
    for each in servers:
        with each.server() as server:
            if server.one(UNTOUCHED):
                continue
            server.run("SET GLOBAL super_read_only = OFF")
            server.run("SET GLOBAL read_only = OFF")
            server.run("RESET PERSIST")
            with contextlib.suppress(NodeError):
                server.run("STOP REPLICA")
            server.run("RESET REPLICA ALL")
            server.run("SET GLOBAL event_scheduler = ON")
            server.run("SET GLOBAL partial_revokes = OFF")
            server.run("SET GLOBAL activate_all_roles_on_login = OFF")
            server.run("SET sql_log_bin = 0")
            for (database,) in server.rows("SHOW DATABASES"):
                if database not in ("mysql", "sys", "information_schema", "performance_schema"):
                    server.run(f"DROP DATABASE {name(database)}")
            for user, host in server.rows("SELECT user, host FROM mysql.user"):
                if user not in OURS:
                    server.run(f"DROP USER {value(user)}@{value(host)}")
            server.run("RESET BINARY LOGS AND GTIDS")
