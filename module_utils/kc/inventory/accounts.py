"""Accounts of MySQL (`kc_mysql_accounts`): what each names stands, and MySQL can take it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import KcError
from ..mysql.account import ACCESS
from ..mysql.databases import SYSTEM
from ..mysql.quote import check_name
from ..options import Path, suggestion
from .model import Host, Problem, mapping, units_of

VARIABLE = "kc_mysql_accounts"


def accounts(host: Host, hosts: Sequence[Host]) -> Iterator[Problem]:
    """Yield what is wrong with the accounts of a region's or a client's instances."""
    if "mysql" not in units_of(host):
        return
    instances = mapping(host.values.get("kc_mysql_instances"))
    # the platform's are made in one region; a client has its own
    holders = [host] if host.client else [one for one in hosts if not one.client]
    secrets = {str(name): None for one in holders for name in mapping(one.values.get("kc_secrets"))}
    owners: dict[tuple[str, str], str] = {}
    for name, about in mapping(host.values.get(VARIABLE)).items():
        path: Path = (VARIABLE, str(name))
        account = mapping(about)
        instance, secret = str(account.get("instance")), str(account.get("secret"))
        if instance not in instances:
            yield Problem(host.name, (*path, "instance"), f"`{instance}` is not in kc_mysql_instances: {suggestion(instance, instances)}")
        if secret not in secrets:
            yield Problem(host.name, (*path, "secret"), f"`{secret}` is not in kc_secrets: {suggestion(secret, secrets)}")
        owner = owners.setdefault((instance, secret), str(name))
        if owner != name:
            yield Problem(host.name, (*path, "secret"), f"`{secret}` is {owner}'s: make one of its own, or both are one account")
        for database, access in mapping(account.get("databases")).items():
            where: Path = (*path, "databases", str(database))
            if str(database).lower() in SYSTEM:
                yield Problem(host.name, where, f"`{database}` is the server's own: name another")
            try:
                check_name(str(database), what="the name")
            except KcError as error:
                yield Problem(host.name, where, str(error))
            if access not in ACCESS:
                yield Problem(host.name, where, f"`{access}` is no access: {suggestion(str(access), ACCESS)}")
