"""What the module kc_readiness does, by a task's options."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..aws.session import Aws
from ..runbook.shelf import Bucket
from ..scope import Scope
from .finding import lines, score
from .look import Question, look
from .told import judge_told


def judged(aws: Aws, params: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return how ready the standby is, as data and as a table."""
    question = question_of(aws, params)
    made = score([*look(aws, question, now), *judge_told(params["told"])])
    standby, primary = question.scope.region, question.primary
    about = {"at": now.isoformat(timespec="seconds"), "primary": primary, "standby": standby}
    return {**about, **made, "summary": list(lines(made, standby, primary))}


def question_of(aws: Aws, params: Mapping[str, Any]) -> Question:
    """Return what is asked for."""
    given = params["scope"]
    applications: Mapping[str, Mapping[str, Any]] = params["applications"]
    return Question(
        scope=Scope(given["platform"], given["environment"], given["account"], given["region"], "readiness"),
        primary=params["primary"],
        home=params["home"],
        domain=params["domain"],
        least={name: int(about["count"]["warm"]) for name, about in applications.items()},
        images={about.get("repository") or name: params["images"][name] for name, about in applications.items()},
        secrets=params["secrets"],
        key=params["key"],
        buckets=params["buckets"],
        pending=params["pending"],
        shelf=Bucket(aws, params["journals"]),
    )
