"""A region's data tier is cut off from addresses, or let in again. Network ACLs do it: they cut connections that stand, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...aws.routing import RUNBOOK_RULES
from ...aws.session import Aws
from ...errors import KcError
from ...scope import Scope
from ..act import Act, Call
from ..site import Site

WORLD = "0.0.0.0/0"
DATA = "data"
"""The tier that data is in."""

Rules = Mapping[tuple[bool, int], str]
"""The runbooks' rules of an ACL: the address that is denied, by direction (whether out) and number."""


class Fence(Act[tuple[str, Rules]]):
    """Raises a fence round a region's data tier, or takes it away.

    Args:
        scope: The region's.
        acl: The ACL's name.
        against: The addresses (CIDR) that it is fenced against afterwards, in the order of their rules; none: no fence stands.
    """

    def __init__(self, scope: Scope, acl: str, against: Sequence[str]) -> None:
        self._scope, self._name = scope, acl
        numbered = zip(RUNBOOK_RULES, against, strict=False)
        self._rules = {(out, rule): cidr for rule, cidr in numbered for out in (False, True)}
        self.what = f"the fence of {scope.region}"

    def look(self, aws: Aws) -> tuple[str, Rules]:
        """Return the ACL's id, and the runbooks' rules in it.

        Raises:
            KcError: There is no such ACL.
        """
        own = [{"Name": f"tag:{key}", "Values": [value]} for key, value in {**self._scope.own_tags, "Name": self._name}.items()]
        found = aws.at(self._scope.region).pages("ec2", "describe_network_acls", "NetworkAcls", Filters=own)
        if not found:
            raise KcError(f"there is no network ACL {self._name} in {self._scope.region}", hint="site.yml makes it")
        rules = {(each["Egress"], each["RuleNumber"]): each.get("CidrBlock", "") for each in found[0]["Entries"]}
        return found[0]["NetworkAclId"], {key: cidr for key, cidr in rules.items() if key[1] in RUNBOOK_RULES}

    def calls(self, seen: tuple[str, Rules]) -> Sequence[Call]:
        acl, there = seen
        region, made = self._scope.region, []
        for (out, rule), cidr in self._rules.items():
            about = {"NetworkAclId": acl, "Egress": out, "RuleNumber": rule, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": cidr}
            if (out, rule) not in there:
                made.append(Call(region, "ec2", "create_network_acl_entry", about))
            elif there[out, rule] != cidr:
                made.append(Call(region, "ec2", "replace_network_acl_entry", about))
        for out, rule in sorted(there.keys() - self._rules.keys()):
            made.append(Call(region, "ec2", "delete_network_acl_entry", {"NetworkAclId": acl, "Egress": out, "RuleNumber": rule}))
        return made

    def lacks(self, seen: tuple[str, Rules]) -> str:
        return "" if dict(seen[1]) == self._rules else f"{len(seen[1])} of {len(self._rules)} rules"


def fence(site: Site, against: Sequence[str]) -> Fence:
    """Return the fence round the data tier of the region that is given up, as it is to stand."""
    return data_fence(site.scope.at(site.other), against)


def data_fence(scope: Scope, against: Sequence[str]) -> Fence:
    """Return the fence round the data tier of a scope's region, as it is to stand."""
    network = scope.at(scope.region, "network")
    return Fence(network, network.name("tag", DATA), against)
