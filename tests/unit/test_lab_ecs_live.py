"""What the emulator keeps of services that the lab's world runs: deployments, events, what to go back to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab import observed
from lab.patches import ecs, ecs_live


@pytest.fixture(autouse=True)
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "live", True)


def a_service(definition: str = "web:1") -> Any:
    """Return a service of two tasks whose first deployment has begun."""
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    made = SimpleNamespace(
        name="web", desired_count=2, task_definition=definition, deployments=[], events=[], deployment_configuration=breaker
    )
    ecs.deploy(made, anew=True)
    return made


def tell(
    service: Any, *, standing: int = 2, old: int = 0, complete: bool = False, failed: bool = False, said: tuple[str, ...] = ()
) -> bool:
    """Tell how a service does: tasks of its newest deployment and of each other one. Returns whether it was put back."""
    deployments = {
        each["id"]: {"standing": count, "runningCount": count, "pendingCount": 0, "failedTasks": 3 * (failed and number == 0)}
        for number, each in enumerate(service.deployments)
        for count in [standing if number == 0 else old]
    }
    about = {
        "deployments": deployments,
        "primary": service.deployments[0]["id"],
        "complete": complete,
        "steady": complete,
        "failed": failed,
    }
    return ecs_live._take(service, about, list(said))


def said(service: Any) -> list[str]:
    return [each["message"] for each in service.events]


def test_a_deployment_is_complete_when_it_is_told_so() -> None:
    service = a_service()
    assert service.deployments[0]["rolloutState"] == "IN_PROGRESS"
    tell(service, standing=1, said=("(service web) has started 2 tasks: …",))
    assert (service.running_count, service.deployments[0]["rolloutState"]) == (1, "IN_PROGRESS")
    for _ in range(2):  # it is said once
        tell(service, complete=True)
    first = service.deployments[0]
    assert (first["rolloutState"], first["rolloutStateReason"]) == ("COMPLETED", f"ECS deployment {first['id']} completed.")
    assert said(service) == [
        "(service web) has reached a steady state.",
        f"(service web) (deployment {first['id']}) deployment completed.",
        "(service web) has started 2 tasks: …",
    ]


def test_an_old_deployment_is_told_of_as_long_as_its_tasks_stand() -> None:
    service = a_service()
    tell(service, complete=True)
    ecs.deploy(service, anew=True)
    tell(service, standing=1, old=2)
    assert [(each["status"], each["desiredCount"]) for each in service.deployments] == [("PRIMARY", 2), ("ACTIVE", 2)]
    assert service.running_count == 3
    tell(service, standing=2, old=0, complete=True)
    assert [each["status"] for each in service.deployments] == ["PRIMARY"]


def test_a_failed_deployment_is_put_back_to_the_last_one_that_was_complete() -> None:
    service = a_service("web:1")
    tell(service, complete=True)
    first = service.deployments[0]["id"]
    service.task_definition = "web:2"
    ecs.deploy(service, anew=True)
    second = service.deployments[0]["id"]
    assert tell(service, standing=0, old=2, failed=True)
    assert (service.deployments[0]["id"], service.task_definition) == (first, "web:1")
    assert service.deployments[0]["rolloutStateReason"] == f"ECS deployment circuit breaker: rolling back to deploymentId {first}."
    failed = service.deployments[1]
    assert (failed["id"], failed["status"], failed["rolloutState"]) == (second, "ACTIVE", "FAILED")
    assert said(service)[:2] == [
        f"(service web) rolling back to deployment {first}.",
        f"(service web) (deployment {second}) deployment failed: tasks failed to start.",
    ]
    tell(service, standing=2, old=0, complete=True)
    assert [(each["id"], each["rolloutState"]) for each in service.deployments] == [(first, "COMPLETED")]


def test_a_first_deployment_that_fails_has_nothing_to_go_back_to() -> None:
    service = a_service()
    assert tell(service, standing=0, failed=True)
    assert [(each["status"], each["rolloutState"]) for each in service.deployments] == [("PRIMARY", "FAILED")]


def test_what_was_seen_before_a_deployment_began_says_nothing_of_it() -> None:
    service = a_service()
    before = service.deployments[0]["id"]
    ecs.deploy(service, anew=True)
    about = {"deployments": {before: {"standing": 2, "runningCount": 2, "pendingCount": 0, "failedTasks": 0}}, "primary": before}
    assert not ecs_live._take(service, {**about, "complete": True, "steady": True, "failed": False}, [])
    assert service.deployments[0]["rolloutState"] == "IN_PROGRESS"


def test_a_platform_that_was_made_without_the_world_has_something_to_go_back_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "live", False)
    service = a_service()
    first = service.deployments[0]["id"]
    monkeypatch.setattr(observed, "live", True)
    tell(service, complete=True)
    ecs.deploy(service, anew=True)
    tell(service, standing=0, old=2, failed=True)
    assert service.deployments[0]["id"] == first
