"""An account as a file of `users.d`, for versions without SQL access control."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ..errors import KcError
from .account import LIMITS, Account
from .errors import HIDDEN
from .quote import shown
from .version import Version

TOP = "clickhouse"

_NOTE = "Written by kc_clickhouse_user. "


def file_name(account: Account) -> str:
    """Return the name of an account's file.

    Raises:
        KcError: The name can't be an element of the server's configuration. A dot would be one below another there.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", account.name):
        raise KcError(
            f"`name`: {shown(account.name)} can't stand in a file of users",
            hint="this version takes up to 64 letters, digits, `_` and `-`, and no digit or `-` at the beginning",
        )
    return f"account-{account.name}.xml"


def content(account: Account, version: Version) -> tuple[str, list[str]]:
    """Return a file for an account, and what of the account this version has nothing for.

    Raises:
        KcError: It would let the account do more than is said.
    """
    ignored = _check(account, version)
    kind = f"account-{account.name}"
    top = Element(TOP)
    profile = SubElement(SubElement(top, "profiles"), kind)
    for setting, about in account.settings.items():
        if about.value is not None:
            SubElement(profile, setting).text = about.value
    if account.writes:
        SubElement(profile, "allow_ddl").text = "0"
    else:
        # 1, not 2: who may change settings may use table functions, which read other databases as the nodes' own account
        SubElement(profile, "readonly").text = "1"
    if account.quota:
        quota = SubElement(SubElement(top, "quotas"), kind)
        for duration, limits in account.quota.items():
            interval = SubElement(quota, "interval")
            SubElement(interval, "duration").text = str(duration)
            for limit in LIMITS:
                SubElement(interval, limit).text = f"{limits[limit]:g}" if limit == "execution_time" else str(int(limits[limit]))
    user = SubElement(SubElement(top, "users"), account.name)
    SubElement(user, "password_sha256_hex").text = account.digest
    networks = SubElement(user, "networks")
    for network in account.networks:
        SubElement(networks, "ip").text = _network(network)
    SubElement(user, "profile").text = kind
    SubElement(user, "quota").text = kind if account.quota else "default"
    databases = SubElement(user, "allow_databases")
    # `system` may be read by all; without any database all of them are allowed
    for database in ("system", *(grant.database for grant in account.grants if grant.database != "system")):
        SubElement(databases, "database").text = database
    ElementTree.indent(top, "    ")
    return f"<!-- {_NOTE}-->\n{ElementTree.tostring(top, encoding='unicode')}\n", ignored


def _network(text: str) -> str:
    """Return a network as these versions understand it.

    18.16.1 takes the length of an IPv4 network's prefix for one of the address as IPv6 has it (::ffff:10.0.0.0), so that 10.0.0.0/8 lets in
    every IPv4 address (seen).
    """
    network = ipaddress.ip_network(text)
    return text if network.version == 6 or "/" not in text else f"::ffff:{network.network_address}/{96 + network.prefixlen}"


def _check(account: Account, version: Version) -> list[str]:
    """Return what is left out; refuse what may not be."""
    tables = [f"{grant.database}.{grant.table}" for grant in account.grants if grant.table]
    if tables:
        raise KcError(
            f"`grants`: ClickHouse {version} can't grant tables ({', '.join(tables)}), only databases",
            hint="grant the database, or upgrade",
        )
    if account.policies:
        raise KcError(f"`row_policies`: ClickHouse {version} gets none of this module", hint="leave them out, or upgrade")
    if account.writes and not all(grant.write for grant in account.grants):
        raise KcError(
            f"`grants`: ClickHouse {version} lets an account write to all of its databases, or to none", hint="make two accounts of it"
        )
    ignored = [f"settings.{name}.{part}" for name, about in account.settings.items() for part in _bounds(about.least, about.most)]
    if account.writes:
        # seen with 18.16.1
        ignored.append("grants: who writes reads other databases too, through table functions (`cluster`), and may change settings")
    return ignored


def _bounds(least: str | None, most: str | None) -> list[str]:
    return [part for part, value in (("min", least), ("max", most)) if value is not None]


def hidden(text: str) -> str:
    """Return a file's content without whatever a password is, or could be guessed from."""
    try:
        ElementTree.fromstring(text)  # noqa: S314 - of this host's configuration
    except ElementTree.ParseError:
        return "(not well-formed, so not shown)\n"
    return re.sub(r"<(password\w*)(\s[^>]*)?>.*?</\1\s*>", rf"<\1>{HIDDEN}</\1>", text, flags=re.DOTALL)


def definer(name: str, directory: Path, own: str) -> Path | None:
    """Return another file of the server's users that has this account; the server would mix both."""
    for file in (directory.with_suffix(".xml"), *sorted(directory.glob("*.xml"))):
        if file.name == own or not file.is_file():
            continue
        try:
            top = ElementTree.parse(file).getroot()  # noqa: S314 - of this host's configuration
        except ElementTree.ParseError:
            continue  # the server says what it thinks of it
        if any(user.tag == name for user in top.findall("users/*")):
            return file
    return None
