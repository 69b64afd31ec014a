"""Resource Groups Tagging API: pages of as many resources as were asked for."""

from __future__ import annotations

import sys
from typing import Any


def pages_of_resources() -> None:
    """`ResourcesPerPage` says how long a page is; moto 5.2.5 also ends it at 100 tags, and keeps a generator, which can't be saved."""
    from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend as Backend

    find, get = Backend._get_resources_generator, Backend.get_resources

    def found(self: Any, *args: Any, **more: Any) -> Any:
        return iter(list(find(self, *args, **more)))

    def get_resources(self: Any, *args: Any, **more: Any) -> Any:
        return get(self, *args, **{**more, "tags_per_page": sys.maxsize})

    Backend._get_resources_generator, Backend.get_resources = found, get_resources


ALL = (pages_of_resources,)
