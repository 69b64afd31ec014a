"""Journals in S3: an entry's number is taken once, whoever tries, and an answer that was lost is no rival."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kc.aws.session import Aws
from kc.errors import KcError
from kc.runbook import journal
from kc.runbook.book import COMPLETED, EXECUTE, Book, Step
from kc.runbook.journal import Entry, Late
from kc.runbook.run import Run, last, me
from kc.runbook.shelf import Bucket
from kc.unit import connection_of

REGION = "eu-central-1"
BOOK = Book("failover", (Step("promote", "Promote", EXECUTE, 60), Step("flag", "Write the role down", EXECUTE, 60)))


@pytest.fixture
def shelf(client: Callable[..., Any], scope_option: Callable[..., dict[str, Any]]) -> Bucket:
    client("s3", REGION).create_bucket(Bucket="journals", CreateBucketConfiguration={"LocationConstraint": REGION})
    return Bucket(Aws(connection_of({"scope": scope_option(REGION)}), REGION), "journals")


def entry(number: int = 0, by: str = "a") -> Entry:
    return Entry(1, number, journal.OPENED, "2026-01-31T21:00:00.000+00:00", {"host": by}, facts={"book": "failover", "arguments": {}})


def test_a_run_is_kept_and_gone_on_with(shelf: Bucket) -> None:
    assert shelf.epochs() == []
    run = Run.open(shelf, last(shelf), BOOK, {"lost": "me-west-1"}, me())
    run.begin("promote")
    run.done("promote", {"lost": "é"})
    again = Run.open(shelf, last(shelf), BOOK, {"lost": "me-west-1"}, me())
    assert not again.begin("promote")
    again.begin("flag")
    again.done("flag")
    again.close(COMPLETED)
    again.guard()
    with pytest.raises(Late, match="somebody else goes on with run 1: its journal has an entry 5"):
        run.guard()
    assert [each.kind for each in journal.read(shelf, 1)] == ["opened", "begun", "done", "begun", "done", "closed"]
    assert Run.open(shelf, last(shelf), BOOK, {"lost": "me-west-1"}, me()).epoch == 2
    with pytest.raises(Late, match="run 2 has begun since"):
        again.guard()


def test_of_many_who_write_the_same_number_one_has_it(shelf: Bucket) -> None:
    def write(place: int) -> bool:
        try:
            shelf.add(entry(by=str(place)))
        except Late:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 1


def test_what_was_written_although_the_answer_was_lost_is_ones_own(shelf: Bucket) -> None:
    shelf.add(entry())
    shelf.add(entry())
    with pytest.raises(Late, match="entry 0 is there already"):
        shelf.add(entry(by="b"))


def test_another_error_of_s3_is_told_as_it_is(scope_option: Callable[..., dict[str, Any]]) -> None:
    shelf = Bucket(Aws(connection_of({"scope": scope_option(REGION)}), REGION), "nowhere")
    with pytest.raises(KcError, match="NoSuchBucket"):
        shelf.add(entry())


def test_an_object_that_is_none_of_ours_is_named(shelf: Bucket, client: Callable[..., Any]) -> None:
    shelf.add(entry())
    client("s3", REGION).put_object(Bucket="journals", Key="runbooks/000001/000001.json", Body=b"hello")
    with pytest.raises(KcError, match="entry 1 of run 1 is no entry of a runbook's journal"):
        journal.read(shelf, 1)


def test_what_was_read_is_not_asked_for_again(
    client: Callable[..., Any], scope_option: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    client("s3", REGION).create_bucket(Bucket="journals", CreateBucketConfiguration={"LocationConstraint": REGION})
    aws = Aws(connection_of({"scope": scope_option(REGION)}), REGION)
    shelf, keeping = Bucket(aws, "journals"), Bucket(aws, "journals", kept=tmp_path)
    run = Run.open(shelf, last(shelf), BOOK, {"lost": "me-west-1"}, me())
    run.begin("promote")
    assert last(keeping) == last(shelf)
    client("s3", REGION).delete_object(Bucket="journals", Key="runbooks/000001/000000.json")
    client("s3", REGION).put_object(Bucket="journals", Key="runbooks/000001/000000.json", Body=b"somebody else's")
    run.done("promote", {"lost": "é"})
    assert [each.kind for each in last(keeping)] == ["opened", "begun", "done"]
    with pytest.raises(KcError, match="is no entry of a runbook's journal"):
        last(shelf)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json"}
