"""The tags of many resources at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..scope import Scope
from .session import Aws
from .tags import tag_dict

PAGE = 100
"""Resources a page (Resource Groups Tagging API, GetResources: ResourcesPerPage)."""


def owned(
    aws: Aws, scope: Scope, kind: str, items: Iterable[Mapping[str, Any]], arn: str, ask: Callable[[str], Iterable[Any]]
) -> list[tuple[Mapping[str, Any], dict[str, str]]]:
    """Return those of `items` that belong to the scope, each with its tags.

    Services that tell the tags of one resource a call are slow to ask about a hundred. The index of all tags answers in
    pages, but lags behind by some seconds: it is believed where it says that something is another unit's, or tagged just
    as the scope wants, and whatever else has the scope's name is asked about by itself. The name says platform and
    environment too, so a tag of these that was changed by hand hides nothing.

    Args:
        kind: The resources' type in the index, such as `cloudwatch:alarm`.
        items: What has a name of the scope, as its service lists it.
        arn: The field of an item that holds its ARN.
        ask: Asks the service itself for the tags of an ARN.
    """
    found = list(items)
    if not found:
        return []
    named = {"Platform": scope.platform, "Environment": scope.environment}
    filters = [{"Key": key, "Values": [value]} for key, value in named.items()]
    index = aws.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=filters,
        ResourceTypeFilters=[kind],
        ResourcesPerPage=PAGE,
    )
    known = {each["ResourceARN"]: tag_dict(each["Tags"]) for each in index}
    wanted = scope.tags()

    def tags(item: Mapping[str, Any]) -> dict[str, str]:
        said = known.get(item[arn], {})
        others = said.get("Component", scope.component) != scope.component
        return said if others or said.items() >= wanted.items() else tag_dict(list(ask(item[arn])))

    pairs = zip(found, aws.map(tags, found), strict=True)
    return [(item, about) for item, about in pairs if scope.owns({**about, **named})]
