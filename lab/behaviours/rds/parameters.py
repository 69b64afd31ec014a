"""What a server is told: RDS's own settings, those of the parameter group, and what of them can wait."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from ...patches.rds import DYNAMIC
from .wanted import Instance

OPTIONS = {"time_zone": "default_time_zone"}
"""Parameters that a configuration file calls otherwise."""

REPLICAS = {"read_only": "1"}
"""What the engine's default group says of a replica (`{TrueIfReplica}`)."""

BINARY_LOG = "mysql-bin-changelog"
"""What the files of a binary log are called."""

CERTIFICATES = "/etc/mysql"
"""Where a server has its configuration and certificates."""


def effective(instance: Instance, parameters: Mapping[str, str], writable: bool = True) -> dict[str, str]:
    """Return the parameters that hold for an instance: the group's, and the engine's own that depend on its role.

    Args:
        instance: The instance.
        parameters: What it has taken of its group.
        writable: Whether it takes writes if it is no replica; one that is being promoted does not yet.
    """
    return {**(REPLICAS if instance.source or not writable else {}), **parameters}


def configuration(instance: Instance, parameters: Mapping[str, str], begins: bool) -> str:
    """Return the file that a server starts with.

    Args:
        instance: The instance.
        parameters: What holds for it (`effective`).
        begins: Whether it is its first start: nothing is replicated yet.
    """
    own = {
        "server_id": str(zlib.crc32(instance.resource.encode()) or 1),
        "port": str(instance.port),
        "ssl_ca": f"{CERTIFICATES}/ca.pem",
        "ssl_cert": f"{CERTIFICATES}/server.pem",
        "ssl_key": f"{CERTIFICATES}/server.key",
        "plugin_load_add": "mysql_clone.so",
        "clone_ssl_ca": f"{CERTIFICATES}/ca.pem",
        "skip_name_resolve": "ON",
        "activate_all_roles_on_login": "ON",
        "relay_log": "relaylog",
        "gtid_mode": "ON",
        "enforce_gtid_consistency": "ON",
        # ten servers on one machine
        "innodb_redo_log_capacity": "64M",
        **({"log_bin": BINARY_LOG} if instance.logs else {"skip_log_bin": ""}),
        **({"skip_replica_start": "ON"} if begins else {}),
    }
    # a parameter that this version has no more is passed over
    group = {f"loose_{OPTIONS.get(name, name).replace('-', '_')}": value for name, value in sorted(parameters.items())}
    lines = [f"{name} = {_quoted(value)}" if value else name for name, value in {**own, **group}.items()]
    return "\n".join(["[mysqld]", *lines, ""])


def _quoted(value: str) -> str:
    """Return a value as an option file takes it."""
    plain = re.fullmatch(r"[\w./:+-]*", value)
    return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def settings(have: Mapping[str, str], want: Mapping[str, str], waiting: tuple[str, ...] = ()) -> tuple[dict[str, str | None], bool]:
    """Return the parameters to set at once, `None` for the engine's own value, and whether others wait for a reboot.

    Args:
        have: What a server has taken.
        want: What its group says.
        waiting: Parameters that are to be taken at a reboot only.
    """
    changed = {name: want.get(name) for name in {*have, *want} if have.get(name) != want.get(name)}
    now = {name: value for name, value in sorted(changed.items()) if name in DYNAMIC and name not in waiting}
    return now, len(now) < len(changed)
