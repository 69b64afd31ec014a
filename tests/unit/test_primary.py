"""Which region is primary now, by what the role flags say."""

from __future__ import annotations

from typing import Any

import pytest
from kc.errors import KcError
from kc.primary import flag_name, primary_of, read_flags
from kc.scope import Scope

HOME, OTHER = "me-west-1", "eu-central-1"
SCOPE = Scope("kc", "test", "123456789012", HOME, "preflight")
SILENT = None


@pytest.mark.parametrize(
    ("home", "other", "primary"),
    [
        ("primary", "secondary", HOME),
        ("secondary", "primary", OTHER),
        ("", "", HOME),
        # a first run that broke off after one region
        ("", "secondary", HOME),
        ("primary", "", HOME),
        ("", "primary", OTHER),
        # the other region is lost: what the survivor says counts, and a secondary knows that it is none
        (SILENT, "primary", OTHER),
        (SILENT, "secondary", HOME),
        ("secondary", SILENT, OTHER),
        ("primary", SILENT, HOME),
    ],
)
def test_the_primary(home: str | None, other: str | None, primary: str) -> None:
    assert primary_of({HOME: home, OTHER: other}, HOME) == primary


@pytest.mark.parametrize(
    ("home", "other", "says"),
    [
        ("primary", "primary", "eu-central-1 and me-west-1 both say that they are primary (SSM parameter /kc/test/state/role)"),
        (
            "secondary",
            "secondary",
            "no region says that it is primary (SSM parameter /kc/test/state/role: eu-central-1 says `secondary`, me-",
        ),
        ("secondary", "", "eu-central-1 has none, me-west-1 says `secondary`"),
        ("switching", "secondary", "me-west-1 says `switching`"),
        (SILENT, "", "which region is primary can't be told: me-west-1 gave no answer"),
        (SILENT, SILENT, "eu-central-1 and me-west-1 gave no answer"),
    ],
)
def test_what_can_not_be_told(home: str | None, other: str | None, says: str) -> None:
    with pytest.raises(KcError) as caught:
        primary_of({HOME: home, OTHER: other}, HOME, flag_name(SCOPE))
    assert says in str(caught.value)
    assert caught.value.hint


class Regions:
    """Answers of Parameter Store by region."""

    def __init__(self, answers: dict[str, Any], region: str = HOME) -> None:
        self.answers, self.region = answers, region

    def at(self, region: str) -> Regions:
        return Regions(self.answers, region)

    def map(self, act: Any, items: Any) -> list[Any]:
        return [act(item) for item in items]

    def find(self, service: str, operation: str, **params: Any) -> Any:
        assert (service, operation, params) == ("ssm", "get_parameter", {"Name": "/kc/test/state/role"})
        answer = self.answers[self.region]
        if isinstance(answer, KcError):
            raise answer
        return {"Parameter": {"Value": answer}} if answer else None


def test_flags_are_read_in_every_region() -> None:
    lost = KcError("ssm:get_parameter in me-west-1 got no answer", transient=True)
    aws: Any = Regions({HOME: lost, OTHER: "secondary", "eu-west-3": ""})
    assert read_flags(aws, SCOPE, [HOME, OTHER, "eu-west-3"]) == {HOME: None, OTHER: "secondary", "eu-west-3": ""}


def test_a_refusal_is_no_silence() -> None:
    aws: Any = Regions({HOME: KcError("ssm:get_parameter in me-west-1 answered AccessDeniedException", code="AccessDeniedException")})
    with pytest.raises(KcError, match="AccessDenied"):
        read_flags(aws, SCOPE, [HOME])
