"""An RDS of a few lines over the real servers: parameter groups, promotion with its states. Their accounts and procedures are the lab's."""

from __future__ import annotations

import threading
import time
from typing import Any

from kc.aws.session import Aws, Connection
from kc.errors import KcError
from kc.mysql.quote import value

from lab.behaviours.rds import sql
from tests.mysql.world import Instance, World

ADMIN, PASSWORD = "admin", "the administrator's"
REGION = "eu-central-1"


class Rds(Aws):
    """What AWS answers; `instances` are known by their identifiers."""

    def __init__(self, world: World) -> None:
        super().__init__(Connection(), REGION)
        first, second = world.servers
        self.instances = {"main": self._about(first, ""), "copy": self._about(second, "main")}
        self.groups: dict[str, dict[str, Any]] = {f"own-{each.number}": {"parameters": {}, "tags": []} for each in world.servers}
        self.calls: list[str] = []
        self.threads: list[threading.Thread] = []

    def _about(self, server: Instance, source: str) -> dict[str, Any]:
        return {
            "server": server,
            "source": source,
            "status": "available",
            "promoted": 0,
            "tags": {},
            "group": f"own-{server.number}",
        }

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        self.calls.append(operation)
        return dict(getattr(self, operation)(**params))

    def find(self, service: str, operation: str, /, **params: Any) -> dict[str, Any] | None:
        if operation == "describe_db_parameter_groups":
            return self.describe_db_parameter_groups(**params) if params["DBParameterGroupName"] in self.groups else None
        name = params["DBInstanceIdentifier"]
        if name not in self.instances:
            return None
        about = self.instances[name]
        found = {
            "DBInstanceIdentifier": name,
            "DBInstanceArn": f"arn:{name}",
            "DBInstanceStatus": about["status"],
            "DBParameterGroups": [{"DBParameterGroupName": about["group"]}],
            "TagList": [{"Key": key, "Value": each} for key, each in about["tags"].items()],
            **({"ReadReplicaSourceDBInstanceIdentifier": about["source"]} if about["source"] else {}),
        }
        return {"DBInstances": [found]}

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return [{"ParameterName": name, "ParameterValue": each} for name, each in self._parameters(params["DBParameterGroupName"]).items()]

    def _parameters(self, group: str) -> dict[str, str]:
        return dict(self.groups[group]["parameters"]) if group in self.groups else {}

    def _follow(self, group: str) -> None:
        """Have the instances of a group be read only as it says; by itself it is {TrueIfReplica}."""
        for about in [each for each in self.instances.values() if each["group"] == group]:
            said = self._parameters(group).get("read_only", str(int(bool(about["source"]))))
            self._later(lambda server=about["server"], said=said: self._root(server, f"SET GLOBAL read_only = {said}"))

    def describe_db_parameter_groups(self, DBParameterGroupName: str) -> dict[str, Any]:
        about = {"DBParameterGroupFamily": "mysql8.4", "DBParameterGroupArn": f"arn:{DBParameterGroupName}"}
        return {"DBParameterGroups": [{"DBParameterGroupName": DBParameterGroupName, **about}]}

    def list_tags_for_resource(self, ResourceName: str) -> dict[str, Any]:
        return {"TagList": self.groups[ResourceName.removeprefix("arn:")]["tags"]}

    def create_db_parameter_group(self, DBParameterGroupName: str, Tags: list[dict[str, str]], **_: Any) -> dict[str, Any]:
        self.groups[DBParameterGroupName] = {"parameters": {}, "tags": Tags}
        return {}

    def modify_db_parameter_group(self, DBParameterGroupName: str, Parameters: list[dict[str, str]]) -> dict[str, Any]:
        self.groups[DBParameterGroupName]["parameters"].update({each["ParameterName"]: each["ParameterValue"] for each in Parameters})
        self._follow(DBParameterGroupName)
        return {}

    def reset_db_parameter_group(
        self, DBParameterGroupName: str, ResetAllParameters: bool, Parameters: list[dict[str, str]]
    ) -> dict[str, Any]:
        for each in Parameters:
            self.groups[DBParameterGroupName]["parameters"].pop(each["ParameterName"])
        self._follow(DBParameterGroupName)
        return {}

    def add_tags_to_resource(self, ResourceName: str, Tags: list[dict[str, str]]) -> dict[str, Any]:
        self.instances[ResourceName.removeprefix("arn:")]["tags"].update({each["Key"]: each["Value"] for each in Tags})
        return {}

    def promote_read_replica(self, DBInstanceIdentifier: str, BackupRetentionPeriod: int) -> dict[str, Any]:
        about = self.instances[DBInstanceIdentifier]
        if about["status"] != "available" or about["promoted"]:
            raise KcError(f"{DBInstanceIdentifier} is {about['status']}", code="InvalidDBInstanceState")
        about["promoted"] += 1

        def act() -> None:
            about["status"] = "modifying"
            for statement in ("STOP REPLICA", "RESET REPLICA ALL"):
                self._root(about["server"], statement)
            about["source"] = ""
            about["server"].kill()
            about["server"].start()
            about["server"].wait()
            about["status"] = "available"

        self._later(act)
        return {}

    def modify_db_instance(
        self, DBInstanceIdentifier: str, NewDBInstanceIdentifier: str, DBParameterGroupName: str, **_: Any
    ) -> dict[str, Any]:
        about = self.instances.pop(DBInstanceIdentifier)
        self.instances[NewDBInstanceIdentifier] = {**about, "group": DBParameterGroupName}
        return {}

    def _root(self, server: Instance, statement: str) -> None:
        with server.server() as root:
            root.run(statement)

    def _later(self, act: Any) -> None:
        def later() -> None:
            time.sleep(0.2)  # until then everything looks as before
            act()

        self.threads.append(threading.Thread(target=later))
        self.threads[-1].start()

    def close(self) -> None:
        for each in self.threads:
            each.join()


def prepare(world: World) -> None:
    """Give the servers what the lab's instances of RDS have, beside their history: its own accounts, its procedures, its administrator."""
    for instance in world.servers:
        with instance.server() as root:
            root.run("SET sql_log_bin = 0")
            if not root.rows(f"SELECT 1 FROM mysql.user WHERE user = {value(sql.ADMIN)}"):  # they stay for the tests to come
                for statement in sql.accounts("throw-away"):
                    root.run(statement)
            for statement in sql.master(ADMIN, PASSWORD):
                root.run(statement)
            # as the lab's servers have it: who logs in has its roles, the event scheduler has none
            root.run("SET PERSIST activate_all_roles_on_login = ON")
