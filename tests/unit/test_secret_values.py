"""What secrets say, from whichever region answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kc.aws.session import Aws
from kc.errors import KcError
from kc.secret_values import FIELDS, MOST, read_values, unknown

HOME, OTHER = "me-west-1", "eu-central-1"
LOST = KcError("secretsmanager:batch_get_secret_value in me-west-1 got no answer", transient=True)


class Regions(Aws):
    """A session in which each region holds secrets by name, says why it can't tell one, or gives no answer."""

    def __init__(self, **holds: dict[str, str] | KcError) -> None:
        super().__init__(region=HOME)
        self.holds = {name.replace("_", "-"): about for name, about in holds.items()}
        self.asked: list[tuple[str, list[str]]] = []

    def at(self, region: str) -> Regions:
        view = Regions()
        view.region, view.holds, view.asked = region, self.holds, self.asked
        return view

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        assert (service, operation, [*params]) == ("secretsmanager", "batch_get_secret_value", ["SecretIdList"])
        names, about = params["SecretIdList"], self.holds[self.region]
        self.asked.append((self.region, names))
        if isinstance(about, KcError):
            raise about
        wrong = {name: about.get(name, "ResourceNotFoundException") for name in names}
        wrong = {name: code for name, code in wrong.items() if code.endswith("Exception")}
        return {
            "SecretValues": [{"Name": name, "SecretString": about[name]} for name in names if name not in wrong],
            "Errors": [{"SecretId": name, "ErrorCode": code, "Message": "It says why."} for name, code in wrong.items()],
        }


A, B = json.dumps({"username": "a", "password": "pa"}), json.dumps({"random": "b"})


def test_the_first_region_that_has_all_is_enough() -> None:
    aws = Regions(me_west_1={"a": A, "b": B}, eu_central_1={"a": B, "b": B})
    assert read_values(aws, [HOME, OTHER], ["a", "b"]) == {"a": {"username": "a", "password": "pa"}, "b": {"random": "b"}}
    assert aws.asked == [(HOME, ["a", "b"])]


def test_a_region_that_is_lost_is_made_up_for_by_the_next() -> None:
    aws = Regions(me_west_1=LOST, eu_central_1={"a": A})
    assert read_values(aws, [HOME, OTHER], ["a"]) == {"a": {"username": "a", "password": "pa"}}


def test_only_what_one_region_lacks_is_asked_of_the_next() -> None:
    aws = Regions(me_west_1={"a": A}, eu_central_1={"a": B, "b": B})
    assert read_values(aws, [HOME, OTHER], ["a", "b", "c"]) == {"a": json.loads(A), "b": json.loads(B), "c": None}
    assert aws.asked == [(HOME, ["a", "b", "c"]), (OTHER, ["b", "c"])]


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "InvalidRequestException"])
def test_what_does_not_stand_or_is_being_deleted_is_none(code: str) -> None:
    assert read_values(Regions(me_west_1={"a": code}), [HOME], ["a"]) == {"a": None}


def test_that_a_secret_does_not_stand_is_not_believed_while_a_region_is_silent() -> None:
    for holds in ({"me_west_1": LOST, "eu_central_1": {}}, {"me_west_1": {}, "eu_central_1": LOST}):
        with pytest.raises(KcError, match="got no answer"):
            read_values(Regions(**holds), [HOME, OTHER], ["a"])


def test_a_refusal_is_an_error_with_its_reason() -> None:
    with pytest.raises(KcError, match="secret a can't be read: AccessDeniedException: It says why") as caught:
        read_values(Regions(me_west_1={"a": "AccessDeniedException"}, eu_central_1={"a": A}), [HOME, OTHER], ["a"])
    assert caught.value.region == HOME
    refused = KcError("answered AccessDeniedException", code="AccessDeniedException")
    with pytest.raises(KcError, match="answered AccessDeniedException"):
        read_values(Regions(me_west_1=refused, eu_central_1={"a": A}), [HOME, OTHER], ["a"])


@pytest.mark.parametrize("text", ["hunter2-9XkQ", '["hunter2-9XkQ"]', '"hunter2-9XkQ"'])
def test_what_is_no_object_is_an_error_that_tells_nothing_of_it(text: str) -> None:
    with pytest.raises(KcError, match="secret a is no JSON object") as caught:
        read_values(Regions(me_west_1={"a": text}), [HOME], ["a"])
    assert "9XkQ" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_twenty_are_a_call() -> None:
    names = [f"n{number}" for number in range(MOST + 1)]
    aws = Regions(me_west_1=dict.fromkeys(names, A))
    assert [*read_values(aws, [HOME], [*names, "n0"])] == names
    assert [len(asked) for _, asked in aws.asked] == [MOST, 1]


def test_an_authority_that_was_brought_along_has_all_its_fields() -> None:
    aws = Regions(me_west_1={"a": json.dumps({"certificate": "c", "private_key": "k"})})
    assert read_values(aws, [HOME], ["a"])["a"] == {"certificate": "c", "private_key": "k", "chain": "", "trusted": "c"}


def test_what_does_not_stand_yet_has_every_field_a_secret_may_have() -> None:
    assert {*unknown()} == {*FIELDS} > {*json.loads(A), *json.loads(B)}
    assert {*unknown().values()} == {"(known after apply)"}
