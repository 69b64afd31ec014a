"""The unit `zone`: its builder, and the names of domains."""

from __future__ import annotations

from typing import Any

import pytest
from kc.aws.route53 import domain_name
from kc.errors import KcError
from kc.scope import Scope
from kc.units.zone import UNIT, build

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", UNIT.name)


@pytest.mark.parametrize(
    ("params", "name", "comment"),
    [
        ({"domain": "example.com"}, "example.com", ""),
        ({"domain": "Example.COM.", "comment": "Ours"}, "example.com", "Ours"),
        ({"domain": "kc-lab.test", "comment": None}, "kc-lab.test", ""),
    ],
)
def test_one_zone_wherever_it_runs(params: dict[str, Any], name: str, comment: str) -> None:
    (made,) = build(SCOPE, params)
    assert made.key == ("hosted_zone", "us-east-1", name)
    assert made.desired == {"comment": comment, "tags": SCOPE.tags()}
    assert UNIT.regions(SCOPE, params) == ["us-east-1"]


@pytest.mark.parametrize(
    "text", ["", "com", "*.example.com", "a..b", "-a.com", "a-.com", "exa mple.com", "bücher.de", f"{'a' * 64}.com", "a." * 130 + "com"]
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(KcError, match="is no domain name"):
        domain_name(text)
