"""An ensemble of three ZooKeepers on loopback, as the role `keeper` sets one up: TLS with certificates both ways, for clients and among members."""

from __future__ import annotations

import shutil
import socket
import ssl
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from kc.keeper.tls import Way
from kc.lease.ensemble import Account, Ensemble

from tests import ports
from tests.authority import Authority
from tests.clickhouse.world import Program
from tests.servers import until

ACCOUNT = Account("lease", "throw-away")
TTL = 4.0
"""Seconds: the least that an ensemble gives whose ticks are of a second, as here."""

ZOO_CFG = """
dataDir={home}/data
standaloneEnabled=false
reconfigEnabled=false
tickTime=500
syncLimit=4
initLimit=20
minSessionTimeout=1000
maxSessionTimeout=60000
secureClientPort={client}
secureClientPortAddress=127.0.0.1
serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory
maxClientCnxns=0
preAllocSize=1024
ssl.clientAuth=need
ssl.hostnameVerification=true
ssl.keyStore.type=PEM
ssl.keyStore.location={home}/full.pem
ssl.trustStore.type=PEM
ssl.trustStore.location={home}/ca.pem
ssl.protocol=TLSv1.2
ssl.enabledProtocols=TLSv1.2,TLSv1.3
4lw.commands.whitelist=mntr
admin.enableServer=false
{servers}
"""


def pkcs8(key: Path) -> bytes:
    """Return a key as ZooKeeper reads keys."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    return loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Member(Program):
    """One ZooKeeper."""

    def __init__(self, home: Path, number: int, authority: Authority) -> None:
        super().__init__(home)
        self.number = number
        self.client, self.leader, self.election = ports.free(1), ports.free(1), ports.free(1)
        (home / "data").mkdir(parents=True)
        (home / "data" / "myid").write_text(str(number))
        certificate, key = authority.issue("localhost", "127.0.0.1")
        (home / "full.pem").write_bytes(pkcs8(key) + certificate.read_bytes())
        shutil.copy(authority.ca, home / "ca.pem")

    @property
    def server(self) -> str:
        return f"server.{self.number}=127.0.0.1:{self.leader}:{self.election}"

    def configure(self, members: list[Member]) -> None:
        servers = "\n".join(each.server for each in members)
        (self.home / "zoo.cfg").write_text(ZOO_CFG.format(home=self.home, client=self.client, servers=servers))

    def command(self) -> list[str]:
        # those of the role keeper
        archives = ("zookeeper", "netty-codec", "netty-resolver", "netty-transport-native-unix-common", "slf4j-log4j12", "log4j-1.2")
        jars = ":".join(f"/usr/share/java/{each}.jar" for each in archives)
        flags = ["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dzookeeper.root.logger=WARN,CONSOLE"]
        return [
            "java",
            *flags,
            "-cp",
            f"{jars}:/etc/zookeeper/conf_example",
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            f"{self.home}/zoo.cfg",
        ]

    def answers(self) -> bool:
        return True


class World:
    """The ensemble, and ways to it."""

    def __init__(self, home: Path, count: int = 3) -> None:
        assert shutil.which("java"), "java is missing: run `tools/packages tests` as root"
        self.authority = Authority.make(home / "authority")
        self.members = [Member(home / f"zookeeper-{number}", number, self.authority) for number in range(1, count + 1)]
        for each in self.members:
            each.configure(self.members)
        self.certificate, self.key = self.authority.issue("sentinel")

    def way(self, timeout: float = 2, via: tuple[str, ...] = ()) -> Way:
        return Way(9281, str(self.authority.ca), str(self.certificate), str(self.key), timeout, via)

    @property
    def names(self) -> list[str]:
        return [f"localhost:{each.client}" for each in self.members]

    def session(self, members: list[str] | None = None, ttl: float = TTL, timeout: float = 1.5) -> Ensemble:
        return Ensemble(self.way(timeout), members or self.names, ACCOUNT, ttl, timeout)

    def start(self) -> None:
        for each in self.members:
            each.start()
        until(self.serves, "the ensemble serves", 60)

    def serves(self) -> bool:
        return all(self._serves(each) for each in self.members)

    def _serves(self, member: Member) -> bool:
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        context.load_cert_chain(self.certificate, self.key)
        try:
            with (
                socket.create_connection(("127.0.0.1", member.client), 1) as raw,
                context.wrap_socket(raw, server_hostname="localhost") as there,
            ):
                there.sendall(b"mntr")
                return b"zk_server_state" in there.makefile("rb").read()
        except OSError:
            return False

    def stop(self) -> None:
        for each in self.members:
            each.kill()
