"""Queues: what the inventory says, as SQS takes it."""

from __future__ import annotations

from typing import Any

import pytest
from kc.aws.session import Aws
from kc.aws.sqs import Queue
from kc.converge import converge
from kc.errors import KcError
from kc.grants import statements
from kc.limits import QUEUE
from kc.model import Key, Live, Ref, Resource
from kc.scope import Scope
from kc.units.queues import build, dead_name, queue_name, queue_of
from kc.units.queues import queue_policy as policy

SCOPE = Scope("kc", "lab", "123456789012", "me-west-1", "queues")
NAME, DEAD = "kc-lab-media-jobs", "kc-lab-media-jobs-dead"
ARN = "arn:aws:sqs:me-west-1:123456789012:"


def made(**about: Any) -> list[Resource]:
    return list(build(SCOPE, {"queues": {"media-jobs": about}}))


def test_a_queue_and_its_dead_letters() -> None:
    key, dead, queue = made()
    assert (key.key, key.desired, key.component) == (Key("key", "me-west-1", "kc-lab-media"), None, "keys")
    both = {"visibility": 300, "size": 262_144, "wait": 20, "key": Ref("key", "kc-lab-media", "arn"), "key_reuse": 300}
    assert (dead.name, dead.desired) == (
        DEAD,
        {
            **both,
            "retention": 14 * 86_400,
            "delay": 0,
            "policy": policy(SCOPE, DEAD),
            "redrive": {},
            "redrive_allow": {"redrivePermission": "byQueue", "sourceQueueArns": [ARN + NAME]},
            "tags": SCOPE.tags(DEAD),
        },
    )
    assert (queue.name, queue.desired, queue.after) == (
        NAME,
        {
            **both,
            "retention": 4 * 86_400,
            "delay": 0,
            "policy": policy(SCOPE, NAME),
            "redrive": {"deadLetterTargetArn": ARN + DEAD, "maxReceiveCount": 5},
            "redrive_allow": {"redrivePermission": "denyAll"},
            "tags": SCOPE.tags(NAME),
        },
        (dead.key,),
    )


@pytest.mark.parametrize(
    ("about", "attrs"),
    [
        ({"key": "data"}, {"key": Ref("key", "kc-lab-data", "arn")}),
        ({"visibility_seconds": 60}, {"visibility": 60}),
        ({"max_receives": 2}, {"redrive": {"deadLetterTargetArn": ARN + DEAD, "maxReceiveCount": 2}}),
        ({"retention_days": 1}, {"retention": 86_400}),
        ({"delay_seconds": 9}, {"delay": 9}),
        ({"max_kib": 1024}, {"size": 1_048_576}),
        ({"key_reuse_seconds": 60}, {"key_reuse": 60}),
    ],
)
def test_settings(about: dict[str, Any], attrs: dict[str, Any]) -> None:
    desired = made(**about)[-1].desired
    assert desired is not None
    assert {name: desired[name] for name in attrs} == attrs


def test_dead_letters_stay_longer() -> None:
    dead = made(dead_days=10)[1].desired
    assert dead is not None
    assert dead["retention"] == 864_000


@pytest.mark.parametrize(
    ("about", "message"),
    [
        *(({setting: least - 1}, rf"`queues.media-jobs.{setting}` is {least - 1}") for setting, (least, _) in QUEUE.items()),
        *(({setting: most + 1}, rf"`queues.media-jobs.{setting}` is {most + 1}") for setting, (_, most) in QUEUE.items()),
        ({"retention_days": 14}, "`queues.media-jobs.dead_days` is 14, and `retention_days` 14"),
        ({"fifo": True}, "`queues.media-jobs` has no setting `fifo`"),
    ],
)
def test_what_sqs_would_refuse(about: dict[str, Any], message: str) -> None:
    with pytest.raises(KcError, match=message):
        made(**about)


def test_no_queues_need_no_key() -> None:
    assert build(SCOPE, {"queues": {}}) == []


@pytest.mark.parametrize("short", ["media-jobs", "a" * 90])
def test_roles_and_queues_agree_on_names(short: str) -> None:
    """A role's grant computes the queue's ARN by itself."""
    assert max(len(queue_name(SCOPE, short)), len(dead_name(SCOPE, short))) <= 80
    assert queue_name(SCOPE, short) != dead_name(SCOPE, short)
    for grant in ("queues_send", "queues_receive"):
        (statement,) = statements(SCOPE, ["me-west-1"], {grant: [short]})
        assert statement["Resource"] == [ARN + queue_name(SCOPE, short)]
    (statement,) = statements(SCOPE, ["me-west-1"], {"queues_put_aside": [short]})
    assert statement["Resource"] == [ARN + dead_name(SCOPE, short)]


def test_others_look_a_queue_up() -> None:
    found = queue_of(SCOPE.at("me-west-1", "services"), "media-jobs")
    assert (found.key, found.desired, found.component) == (Key("queue", "me-west-1", NAME), None, "queues")


class Sqs:
    """An SQS in memory, in which a name is free again some calls after its queue's deletion, and a write is seen late."""

    region = "me-west-1"

    def __init__(self, *, blocked: int = 0, late: int = 0) -> None:
        self.blocked, self.late = blocked, late
        self.queues: dict[str, dict[str, str]] = {}
        self.tags: dict[str, str] = {}
        self.slept: list[float] = []
        self.asked = 0

    def at(self, region: str) -> Sqs:
        return self

    def progress(self, text: str) -> None:
        pass

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def map(self, act: Any, items: Any) -> list[Any]:
        return [act(item) for item in items]

    def wait(self, *args: Any, **more: Any) -> str:
        return Aws.wait(self, *args, **more)  # type: ignore[arg-type]

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[str]:
        assert (operation, params["MaxResults"]) == ("list_queues", 1000), "without it, SQS lists 1000 queues and says nothing of others"
        return list(self.queues)

    def find(self, service: str, operation: str, /, **params: Any) -> dict[str, Any] | None:
        if params["QueueUrl"] not in self.queues:
            return None
        if operation == "list_queue_tags":
            return {"Tags": self.tags}
        self.asked += 1
        found = {**self.queues[params["QueueUrl"]], "QueueArn": ARN + NAME}
        return {"Attributes": {**found, "VisibilityTimeout": "30"} if self.asked <= self.late else found}

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        if self.blocked:
            self.blocked -= 1
            code = "AWS.SimpleQueueService.QueueDeletedRecently"
            raise KcError(f"sqs:{operation} answered {code}", code=code)
        self.queues["url"], self.tags = params["Attributes"], params["tags"]
        return {"QueueUrl": "url"}


def resource(**about: Any) -> Resource:
    desired = made(**about)[-1].desired
    return Resource(Queue(), NAME, {**(desired or {}), "key": "key-arn"}, "me-west-1")


def test_a_name_that_was_freed_just_now_is_waited_for() -> None:
    aws: Any = Sqs(blocked=4)
    outcome = converge(aws, SCOPE, [resource()], (Queue(),))
    assert [change.line for change in outcome.applied] == [f"create queue {NAME} (me-west-1)"]
    assert sum(aws.slept) > 0


def test_what_was_written_is_waited_for_until_it_is_seen() -> None:
    """Else the next run would plan what this one did."""
    aws: Any = Sqs(late=2)
    converge(aws, SCOPE, [resource()], (Queue(),))
    assert aws.asked == 3
    assert converge(aws, SCOPE, [resource()], (Queue(),)).plan == []


def test_a_list_may_show_a_queue_that_is_gone() -> None:
    aws: Any = Sqs()
    aws.pages = lambda *args, **more: ["gone"]
    assert Queue().read(aws, SCOPE) == {}


@pytest.mark.parametrize("count", ["5", 5])
def test_sqs_gives_a_count_back_as_it_got_it(count: Any) -> None:
    aws: Any = Sqs()
    aws.queues["url"] = {"RedrivePolicy": f'{{"deadLetterTargetArn": "a", "maxReceiveCount": {count!r}}}'.replace("'", '"')}
    aws.tags = SCOPE.tags()
    found: dict[str, Live] = Queue().read(aws, SCOPE)
    assert found[NAME].attrs["redrive"] == {"deadLetterTargetArn": "a", "maxReceiveCount": 5}
