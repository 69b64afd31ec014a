"""AWS WAF: web access control lists, and the log groups that they write to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Kind, Live, canonical
from ..scope import Scope
from .logs import LogGroup
from .session import Aws
from .tags import tag_dict, tag_list

GIVEN = ("DefaultAction", "Rules", "VisibilityConfig")
"""What a web ACL is described by (WAFV2 API, UpdateWebACL); what is not given anew is taken away."""

LOGGING = ("LogDestinationConfigs", "RedactedFields", "LoggingFilter")
"""What of its logging is compared (WAFV2 API, LoggingConfiguration)."""

PAGE = 100
"""Items of a list at once, at most (WAFV2 API, ListWebACLs)."""


class WafLogGroup(LogGroup):
    """A log group that WAF may write to: its name has to begin with `aws-waf-logs-`."""

    name = "waf_log_group"

    def begins(self, scope: Scope) -> str:
        return f"aws-waf-logs-{scope.prefix}"


class WebAcl(Kind):
    """A web ACL with its logging and, in a region, the load balancers that it protects.

    CloudFront's stands in us-east-1 and is named by the distribution that it protects.

    Attributes of the desired state: those of `GIVEN`, `logging`, `balancers` (in a region only), `tags`.
    """

    name = "web_acl"
    outputs_of = ("id", "arn")
    # what was made, logged to or let go a moment ago is not known everywhere; a lock token is fetched anew
    settles = frozenset(
        {
            "WAFAssociatedItemException",
            "WAFNonexistentItemException",
            "WAFOptimisticLockException",
            "WAFTagOperationException",
            "WAFUnavailableEntityException",
        }
    )

    def __init__(self, *, cloudfront: bool = False) -> None:
        self.scope = "CLOUDFRONT" if cloudfront else "REGIONAL"

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        if self.scope == "CLOUDFRONT" and aws.region != "us-east-1":
            return {}
        found = [item for item in self._list(aws) if item["Name"].startswith(scope.prefix)]
        lives = aws.map(lambda item: self._live(aws, scope, item), found)
        return {item["Name"]: live for item, live in zip(found, lives, strict=True) if live}

    def _live(self, aws: Aws, scope: Scope, item: Mapping[str, Any]) -> Live | None:
        arn = item["ARN"]
        tags = tag_dict(
            ((aws.find("wafv2", "list_tags_for_resource", ResourceARN=arn) or {}).get("TagInfoForResource") or {}).get("TagList")
        )
        acl = scope.owns(tags) and self._get(aws, item["Name"], item["Id"])
        if not acl:
            return None
        logging = (aws.find("wafv2", "get_logging_configuration", ResourceArn=arn) or {}).get("LoggingConfiguration")
        attrs = {
            "DefaultAction": acl["WebACL"]["DefaultAction"],
            "Rules": sorted(acl["WebACL"].get("Rules") or [], key=lambda rule: int(rule["Priority"])),
            "VisibilityConfig": acl["WebACL"]["VisibilityConfig"],
            "logging": _logging(logging) if logging else None,
            "tags": tags,
        }
        if self.scope == "REGIONAL":
            answer = aws.find("wafv2", "list_resources_for_web_acl", WebACLArn=arn, ResourceType="APPLICATION_LOAD_BALANCER")
            attrs["balancers"] = sorted((answer or {}).get("ResourceArns") or [])
        return Live(attrs, {"id": item["Id"], "arn": arn})

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        made = aws.call(
            "wafv2", "create_web_acl", Name=name, Scope=self.scope, **{key: want[key] for key in GIVEN}, Tags=tag_list(want["tags"])
        )["Summary"]
        live = Live({**want, "logging": None, "balancers": []}, {"id": made["Id"], "arn": made["ARN"]})
        self.update(aws, scope, name, live, want, frozenset({"logging", "balancers"} & want.keys()))
        return Live(dict(want), live.outputs)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        arn = live.outputs["arn"]
        if changed & set(GIVEN):
            token = aws.call("wafv2", "get_web_acl", Name=name, Id=live.id, Scope=self.scope)["LockToken"]
            given = {key: want[key] for key in GIVEN}
            aws.call("wafv2", "update_web_acl", Name=name, Id=live.id, Scope=self.scope, LockToken=token, **given)
        if "logging" in changed:
            aws.call("wafv2", "put_logging_configuration", LoggingConfiguration={"ResourceArn": arn, **want["logging"]})
        if "balancers" in changed:
            self._let_go(aws, set(live.attrs["balancers"]) - set(want["balancers"]))
            for balancer in sorted(set(want["balancers"]) - set(live.attrs["balancers"])):
                aws.call("wafv2", "associate_web_acl", WebACLArn=arn, ResourceArn=balancer)
        if "tags" in changed:
            aws.call("wafv2", "tag_resource", ResourceARN=arn, Tags=tag_list(want["tags"]))

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        self._let_go(aws, set(live.attrs.get("balancers", [])))
        found = self._get(aws, name, live.id)
        if found:
            aws.find("wafv2", "delete_web_acl", Name=name, Id=live.id, Scope=self.scope, LockToken=found["LockToken"])

    def _let_go(self, aws: Aws, balancers: set[str]) -> None:
        for balancer in sorted(balancers):
            aws.find("wafv2", "disassociate_web_acl", ResourceArn=balancer)

    def _get(self, aws: Aws, name: str, id: str) -> dict[str, Any] | None:
        return aws.find("wafv2", "get_web_acl", Name=name, Id=id, Scope=self.scope)

    def _list(self, aws: Aws) -> list[dict[str, Any]]:
        """Return the account's web ACLs. botocore knows no pages of WAF's lists, which end with an empty one."""
        found: list[dict[str, Any]] = []
        marker: dict[str, str] = {}
        while True:
            answer = aws.call("wafv2", "list_web_acls", Scope=self.scope, Limit=PAGE, **marker)
            found += answer.get("WebACLs") or []
            if not answer.get("NextMarker") or not answer.get("WebACLs"):
                return found
            marker = {"NextMarker": answer["NextMarker"]}


def _logging(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a logging configuration as it is given, in a canonical order."""
    have = {key: item[key] for key in LOGGING if item.get(key)}
    return {key: canonical(value) if isinstance(value, list) else value for key, value in have.items()}
