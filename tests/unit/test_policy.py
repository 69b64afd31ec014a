"""Policies: equal ones compare equal, different ones do not."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kc.errors import KcError
from kc.model import Ref
from kc.plan import resolve
from kc.policy import allow, canonical, deny, document, encode

WORDS = st.lists(st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:List*", "kms:Decrypt", "*"]), min_size=1, max_size=4)
PRINCIPALS = st.one_of(
    st.just("*"),
    st.dictionaries(
        st.sampled_from(["AWS", "Service"]),
        st.lists(st.sampled_from(["*", "123456789012", "arn:aws:iam::123456789012:root", "ec2.amazonaws.com"]), min_size=1, max_size=3),
        min_size=1,
    ),
)
VALUES = st.lists(st.one_of(st.booleans(), st.integers(0, 9), st.sampled_from(["true", "1", "x"])), min_size=1, max_size=3)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": WORDS, "Resource": WORDS},
    optional={
        "Sid": st.sampled_from(["A", "B"]),
        "Principal": PRINCIPALS,
        "Condition": st.dictionaries(st.sampled_from(["Bool", "StringLike"]), st.dictionaries(st.sampled_from(["a:b", "c:d"]), VALUES)),
    },
)
POLICIES = st.fixed_dictionaries({"Version": st.just("2012-10-17"), "Statement": st.lists(STATEMENTS, min_size=1, max_size=4)})


def disguise(value: Any, draw: Any) -> Any:
    """Say the same in another way: another order, a string for a list of one."""
    if isinstance(value, dict):
        return {key: disguise(item, draw) for key, item in draw(st.permutations(list(value.items())))}
    if isinstance(value, list):
        items = [disguise(item, draw) for item in draw(st.permutations(value))]
        return items[0] if len(items) == 1 and draw(st.booleans()) else items
    return value


@given(POLICIES)
def test_canonical_is_idempotent(policy: dict[str, Any]) -> None:
    once = canonical(policy)
    assert canonical(deepcopy(once)) == once
    assert canonical(encode(once)) == once


@given(POLICIES, st.data())
def test_order_and_string_or_list_do_not_matter(policy: dict[str, Any], data: st.DataObject) -> None:
    other = disguise(policy, data.draw)
    assert canonical(other) == canonical(policy)


@given(POLICIES)
def test_as_iam_gives_it_back(policy: dict[str, Any]) -> None:
    assert canonical(quote(json.dumps(policy))) == canonical(policy)


@given(POLICIES, st.sampled_from(["Effect", "Action", "Resource"]))
def test_a_real_difference_shows(policy: dict[str, Any], part: str) -> None:
    other = deepcopy(policy)
    for statement in other["Statement"]:
        statement[part] = {"Allow": "Deny", "Deny": "Allow"}[statement[part]] if part == "Effect" else [*statement[part], "new:Thing"]
    # turning every effect round may give the same set of statements
    if part != "Effect" or len(other["Statement"]) == 1:
        assert canonical(other) != canonical(policy)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Principal": "*"}, {"Principal": {"AWS": ["*"]}}),
        ({"Principal": {"AWS": "123456789012"}}, {"Principal": {"AWS": ["arn:aws:iam::123456789012:root"]}}),
        ({"Principal": {"AWS": "123456789012"}}, {"Principal": {"AWS": ["arn:aws-us-gov:iam::123456789012:root"]}}),
        ({"Principal": "123456789012"}, {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}),
        ({"NotPrincipal": "*"}, {"NotPrincipal": {"AWS": "*"}}),
        ({"Condition": {"Bool": {"aws:SecureTransport": False}}}, {"Condition": {"Bool": {"aws:SecureTransport": ["false"]}}}),
        ({"Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}}, {"Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}}),
        ({"Condition": {"NumericEquals": {"a:b": [2, 1, 1]}}}, {"Condition": {"NumericEquals": {"a:b": ["1", "2"]}}}),
        ({"Sid": ""}, {}),
        ({"Condition": {}}, {}),
    ],
)
def test_forms_of_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    base = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    assert canonical({"Statement": {**base, **one}}) == canonical({"Version": "2008-10-17", "Statement": [{**base, **other}]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Principal": {"AWS": "*"}}, {"Principal": {"Service": "*"}}),
        ({"Principal": {"AWS": "123456789012"}}, {"Principal": {"AWS": "arn:aws:iam::123456789012:role/root"}}),
        ({"Action": "s3:GetObject"}, {"NotAction": "s3:GetObject"}),
        ({"Condition": {"Bool": {"a:b": True}}}, {"Condition": {"Bool": {"a:b": False}}}),
        ({"Sid": "A"}, {"Sid": "B"}),
    ],
)
def test_what_is_not_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical({"Statement": one}) != canonical({"Statement": other})


def test_the_id_of_a_policy_counts() -> None:
    assert canonical({"Id": "a", "Statement": []}) != canonical({"Statement": []})


def test_builders() -> None:
    made = document(
        allow("Read", "s3:GetObject", ["arn:aws:s3:::b/*", "arn:aws:s3:::a/*"], when={"Bool": {"aws:SecureTransport": True}}),
        deny("Everybody", {"s3:*"}, "*", principal="*"),
    )
    assert made == canonical(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "Everybody", "Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["s3:*"], "Resource": ["*"]},
                {
                    "Sid": "Read",
                    "Effect": "Allow",
                    "Action": ["s3:GetObject"],
                    "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": ["true"]}},
                },
            ],
        }
    )


def test_a_trust_policy_has_no_resource() -> None:
    assert "Resource" not in allow("Trust", "sts:AssumeRole", principal={"Service": "ec2.amazonaws.com"})


def test_what_is_known_late_lands_in_canonical_order() -> None:
    """A Ref sorts elsewhere than the value that it becomes; resolved, the document is canonical all the same."""
    late = document(allow("Use", "kms:Decrypt", [Ref("key", "k", "arn"), "arn:b"]))  # type: ignore[list-item]
    known = resolve(late, lambda ref: "arn:a")
    assert known == canonical(known) == document(allow("Use", "kms:Decrypt", ["arn:a", "arn:b"]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: document(allow("A", "s3:*", "*"), deny("A", "s3:*", "*")), "two statements of one policy are called A"),
        (lambda: document(), "a policy needs a statement"),
        (lambda: allow("Has space", "s3:*", "*"), "is no Sid"),
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises(KcError, match=message):
        make()
