"""Instances of RDS in the lab, as their clients have them."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import dns.message
import dns.query
import pymysql

from lab.world.net import MACHINE
from tests.world.platform import HOME, Platform, named
from tests.world.sockets import within

PATIENCE = 3
"""Seconds after which a server that does not answer is taken for unreachable."""

USER, PASSWORD = "admin", "with 'quotes' and \\"

Until = Callable[..., Any]


def resolve(name: str) -> str:
    """Return the address of a name, as the lab's DNS answers it."""
    answer = dns.query.udp(dns.message.make_query(name, "A"), MACHINE, timeout=3)
    return str(answer.answer[-1][0])


class Instance:
    """An instance in a region.

    Attributes:
        rds: The region's client.
        name: Its identifier.
    """

    def __init__(self, platform: Platform, until: Until, name: str, region: str = HOME) -> None:
        self.platform, self.until, self.name, self.region = platform, until, name, region
        self.world = platform.world
        self.rds: Any = self.world.client("rds", region)

    @property
    def placed(self) -> dict[str, Any]:
        """The parameters of a creating call that say where an instance is."""
        ec2: Any = self.world.client("ec2", self.region)
        if not any(one["DBSubnetGroupName"] == "data" for one in self.rds.describe_db_subnet_groups()["DBSubnetGroups"]):
            subnets = [one["SubnetId"] for name, one in named(ec2.describe_subnets()["Subnets"]).items() if name.startswith("kc-lab-data-")]
            self.rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=subnets)
        group = named(ec2.describe_security_groups()["SecurityGroups"])["kc-lab-data"]["GroupId"]
        return {"DBInstanceIdentifier": self.name, "DBSubnetGroupName": "data", "VpcSecurityGroupIds": [group]}

    @property
    def about(self) -> dict[str, Any]:
        return dict(self.rds.describe_db_instances(DBInstanceIdentifier=self.name)["DBInstances"][0])

    @property
    def endpoint(self) -> str:
        return str(self.about["Endpoint"]["Address"])

    @property
    def host(self) -> str:
        return f"rds-{self.name}.{self.region}"

    def available(self) -> None:
        """Wait until it is."""
        self.until(lambda: self.about["DBInstanceStatus"] == "available", 120)

    def connect(self, plain: bool = False, namespace: str = "", user: str = USER, password: str = PASSWORD, ca: str = "") -> Any:
        """Return a connection from a host of the private tier, to its name and with its certificate verified."""
        where = namespace or self.platform.at("private", self.region).namespace
        endpoint = self.endpoint
        address = resolve(endpoint)
        context = ssl.create_default_context(cafile=ca or str(self.world.home / "world" / "ca" / "ca.pem"))
        connection = pymysql.connect(
            host=endpoint,
            user=user,
            password=password,
            autocommit=True,
            read_timeout=PATIENCE,
            defer_connect=True,
            **({"ssl_disabled": True} if plain else {"ssl": context}),
        )
        connection.connect(within(where, lambda: socket.create_connection((address, 3306), PATIENCE)))
        return connection

    def ask(self, statement: str, **how: Any) -> list[Any]:
        """Ask one thing over a connection of its own."""
        with self.connect(**how) as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def refusal(self, statement: str, **how: Any) -> int:
        """Return the code of the error with which something is refused."""
        try:
            self.ask(statement, **how)
        except pymysql.MySQLError as error:
            return int(error.args[0])
        raise AssertionError(f"not refused: {statement}")
