"""ZooKeeper and two ClickHouse servers on loopback, as two replicas of one shard, with TLS only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any

from kc.clickhouse.connection import Access, Node, Server
from kc.keeper.tls import Way

from tests import ports
from tests.authority import Authority
from tests.servers import until

CLUSTER = "throwaway"
ROOT = f"/clickhouse/{CLUSTER}"
USER, PASSWORD = "operator", "throw-away'\\pass word"
INTERSERVER = ("replicator", "throw-away-interserver")

ZOO_CFG = """
tickTime=500
dataDir={home}/data
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=mntr
maxClientCnxns=0
preAllocSize=1024
"""

CONFIG = """<clickhouse>
  <logger><level>information</level><log>{home}/server.log</log><errorlog>{home}/error.log</errorlog></logger>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>{plain}</tcp_port><!-- 18.16 does not start without one, where it has a queue of statements -->
  <tcp_port_secure>{native}</tcp_port_secure>
  <https_port>{https}</https_port>
  <interserver_https_port>{interserver}</interserver_https_port>
  <interserver_http_host>localhost</interserver_http_host>
  <interserver_http_credentials><user>{account[0]}</user><password>{account[1]}</password></interserver_http_credentials>
  <openSSL>
    <server><certificateFile>{certificate}</certificateFile><privateKeyFile>{key}</privateKeyFile><caConfig>{ca}</caConfig>
      <verificationMode>relaxed</verificationMode><loadDefaultCAFile>false</loadDefaultCAFile>
      <disableProtocols>sslv2,sslv3,tlsv1,tlsv1_1</disableProtocols></server>
    <client><caConfig>{ca}</caConfig><verificationMode>strict</verificationMode><loadDefaultCAFile>false</loadDefaultCAFile>
      <invalidCertificateHandler><name>RejectCertificateHandler</name></invalidCertificateHandler></client>
  </openSSL>
  <path>{home}/data/</path><tmp_path>{home}/tmp/</tmp_path>
  <users_config>{home}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>67108864</mark_cache_size><uncompressed_cache_size>67108864</uncompressed_cache_size>
  <timezone>UTC</timezone>
  <zookeeper><node><host>127.0.0.1</host><port>{ensemble}</port></node><root>{root}</root><session_timeout_ms>6000</session_timeout_ms></zookeeper>
  <distributed_ddl><path>/task_queue/ddl</path></distributed_ddl>
  <macros><shard>01</shard><replica>{replica}</replica></macros>
  <remote_servers><{cluster}><shard><internal_replication>true</internal_replication>{replicas}</shard></{cluster}></remote_servers>
</clickhouse>
"""

REPLICA = "<replica><host>localhost</host><port>{port}</port><secure>1</secure><user>{user}</user><password>{password}</password></replica>"

USERS = """<clickhouse>
  <profiles><default/><readonly><readonly>1</readonly></readonly></profiles>
  <quotas><default/></quotas>
  <users>
    <{user}><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></{user}>
  </users>
</clickhouse>
"""


class Program:
    """A server that a test starts, kills and starts again; by its own process id."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start it, without waiting for it."""
        # servers refuse to run as root over files of another's, and should not need to be root anyway
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (self.home, *self.home.rglob("*")):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        with (self.home / "output").open("ab") as output:
            self.process = subprocess.Popen(
                self.command(), cwd=self.home, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, **who
            )

    def wait(self) -> None:
        """Wait until it answers."""
        until(self.answers, f"{self.home.name} answers; see {self.home}", process=self.process)

    def kill(self) -> None:
        """End it at once."""
        self.stop(signal.SIGKILL)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it; at once after a while."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Plain(Way):
    """The way to a test's ensemble, which speaks no TLS."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "", "", "")

    def connect(self, host: str) -> Any:
        return socket.create_connection((host, self.port), self.timeout)


class ZooKeeper(Program):
    """The ensemble: one ZooKeeper."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.port = ports.free(1)
        (home / "data").mkdir(parents=True)
        (home / "zoo.cfg").write_text(ZOO_CFG.format(home=home, port=self.port))

    def command(self) -> list[str]:
        jars = "/usr/share/java/zookeeper.jar:/etc/zookeeper/conf_example"
        flags = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dzookeeper.root.logger=WARN,CONSOLE"]
        return ["java", *flags, "-cp", jars, "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(self.home / "zoo.cfg")]

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as there:
                there.sendall(b"mntr")  # `ruok` says yes before it serves
                return b"zk_server_state" in there.makefile("rb").read()
        except OSError:
            return False

    def make(self, path: str) -> None:
        """Make a node and those above it, as ZooKeeper's clients do (jute: src/zookeeper.jute of ZooKeeper)."""

        def text(given: str | bytes) -> bytes:
            data = given.encode() if isinstance(given, str) else given
            return struct.pack(">i", len(data)) + data

        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as there:
            stream = there.makefile("rwb")

            def call(body: bytes) -> bytes:
                stream.write(text(body))
                stream.flush()
                (size,) = struct.unpack(">i", stream.read(4))
                return stream.read(size)

            call(struct.pack(">iqiq", 0, 0, 10_000, 0) + text(b"\0" * 16) + b"\0")  # ConnectRequest
            parts = path.strip("/").split("/")
            for count in range(1, len(parts) + 1):
                anyone = struct.pack(">ii", 1, 31) + text("world") + text("anyone")  # one ACL: all rights
                answer = call(
                    struct.pack(">ii", count, 1) + text("/" + "/".join(parts[:count])) + text(b"") + anyone + struct.pack(">i", 0)
                )
                _, _, error = struct.unpack(">iqi", answer[:16])
                assert error in (0, -110), f"ZooKeeper: error {error} at {path}"  # -110: it stands

    def forget(self, path: str) -> None:
        """Delete a place of the servers' part, with all below it, by the ensemble's own tool."""
        tool = ["java", "-Xmx64m", "-cp", "/usr/share/java/zookeeper.jar", "org.apache.zookeeper.ZooKeeperMain"]
        subprocess.run([*tool, "-server", f"127.0.0.1:{self.port}", "deleteall", ROOT + path], check=True, capture_output=True)


class Replica(Program):
    """One ClickHouse server."""

    def __init__(self, home: Path, number: int, authority: Authority) -> None:
        super().__init__(home)
        self.number = number
        self.native, self.https, self.interserver = ports.free(1), ports.free(1), ports.free(1)
        self.authority = authority
        for each in ("data", "tmp"):
            (home / each).mkdir(parents=True)
        for file, name in zip(authority.issue("localhost"), ("node.pem", "node.key"), strict=True):
            shutil.copy(file, home / name)
        shutil.copy(authority.ca, home / "ca.pem")

    @property
    def node(self) -> str:
        """As a module's option `nodes` names it."""
        return f"localhost:{self.native}"

    def configure(self, ensemble: int, all_of_them: list[Replica], cluster: str = CLUSTER) -> None:
        root = f"/clickhouse/{cluster}"
        said = {"user": USER, "password": PASSWORD}
        replicas = "".join(REPLICA.format(port=each.native, **said) for each in all_of_them)
        config = CONFIG.format(
            home=self.home,
            plain=ports.free(1),
            native=self.native,
            https=self.https,
            interserver=self.interserver,
            account=INTERSERVER,
            certificate=self.home / "node.pem",
            key=self.home / "node.key",
            ca=self.home / "ca.pem",
            ensemble=ensemble,
            root=root,
            replica=f"replica-{self.number}",
            cluster=cluster,
            replicas=replicas,
        )
        (self.home / "config.xml").write_text(config)
        (self.home / "users.xml").write_text(USERS.format(**said))

    def command(self) -> list[str]:
        return ["clickhouse-server", f"--config-file={self.home}/config.xml"]

    def server(self, timeout: float = 30) -> Server:
        return Server(Node("localhost", self.native), Access(USER, PASSWORD, str(self.authority.ca), timeout))

    def empty(self) -> None:
        """Lose the disk, while it does not run."""
        shutil.rmtree(self.home / "data")
        (self.home / "data").mkdir()

    def answers(self) -> bool:
        from kc.clickhouse.errors import NodeError

        try:
            with self.server(2) as server:
                return bool(server.one("SELECT 1") == 1)
        except NodeError as error:
            assert error.absent, error
            return False


class World:
    """The ensemble and its replicas."""

    def __init__(self, home: Path) -> None:
        for needed in ("clickhouse-server", "java"):
            assert shutil.which(needed), f"{needed} is missing: run `tools/packages tests` as root"
        self.authority = Authority.make(home / "authority")
        self.ensemble = ZooKeeper(home / "zookeeper")
        self.replicas = [Replica(home / f"replica-{number}", number, self.authority) for number in (1, 2)]
        for each in self.replicas:
            each.configure(self.ensemble.port, self.replicas)

    @property
    def nodes(self) -> list[str]:
        return [each.node for each in self.replicas]

    @property
    def options(self) -> dict[str, Any]:
        """What every module is given."""
        return {"nodes": self.nodes, "port": 9440, "user": USER, "password": PASSWORD, "ca": str(self.authority.ca), "timeout": 30}

    def start(self) -> None:
        self.ensemble.start()
        self.ensemble.wait()
        # without the root the servers' queue of statements dies at the first start, and with it, later, the server (18.16)
        self.ensemble.make(ROOT)
        for each in self.replicas:
            each.start()
        for each in self.replicas:
            each.wait()

    def stop(self) -> None:
        for each in (*self.replicas, self.ensemble):
            each.kill()
