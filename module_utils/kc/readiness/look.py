"""What AWS tells of the standby, asked all at once. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..aws.acm import ALGORITHMS
from ..aws.backup import points
from ..aws.ecs import active_services
from ..aws.route53 import GLOBAL
from ..aws.session import Aws
from ..errors import KcError
from ..primary import read_flags
from ..runbook import journal
from ..runbook.journal import Shelf
from ..runbook.run import is_drill
from ..scope import Scope
from ..units.registry import repository_name
from ..units.secrets import secret_name
from ..units.services import service_name
from ..units.vaults import vault_name
from . import objects
from .finding import Finding
from .judge import judge_backups, judge_capacity, judge_certificates, judge_drill, judge_images, judge_objects, judge_roles, judge_secrets


@dataclass(frozen=True)
class Question:
    """What is asked for.

    Attributes:
        scope: The platform's, in the standby.
        primary: The region that is primary now.
        home: The one that is at home.
        domain: Whose certificates count.
        least: Tasks that each application has in a standby, by its name.
        images: Digest by repository.
        secrets: Short names of those that both regions have.
        key: Alias of the key that both regions have.
        buckets: Short names of those that are replicated.
        pending: Copies of a bucket that may wait at a time.
        shelf: Where journals are.
    """

    scope: Scope
    primary: str
    home: str
    domain: str
    least: Mapping[str, int]
    images: Mapping[str, str]
    secrets: Sequence[str]
    key: str
    buckets: Sequence[str]
    pending: float
    shelf: Shelf


def look(aws: Aws, question: Question, now: datetime | None = None) -> list[Finding]:
    """Return what AWS tells, all asked at once."""
    now = now or datetime.now(UTC)
    standby = question.scope.region
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("roles", lambda: _roles(aws, question)),
        # the edge's certificate is nobody's alone: without it no region serves
        *(
            ("certificates", lambda region=region: judge_certificates(_certificates(aws.at(region), question), now))
            for region in (standby, GLOBAL)
        ),
        ("capacity", lambda: _capacity(aws, question)),
        ("images", lambda: _images(aws, question)),
        ("secrets", lambda: _secrets(aws, question)),
        ("keys", lambda: _key(aws, question)),
        ("backups", lambda: judge_backups(_backed_up(aws, question), now)),
        ("objects", lambda: _objects(aws, question, now)),
        ("drill", lambda: judge_drill(_drilled(question.shelf), now)),
    ]

    def one(check: tuple[str, Callable[[], Finding]]) -> Finding:
        name, act = check
        try:
            return act()
        except KcError as error:
            return Finding(name, "unknown", error.message, error.hint)

    return aws.map(one, checks)


def _roles(aws: Aws, question: Question) -> Finding:
    standby = question.scope.region
    return judge_roles(read_flags(aws, question.scope, [question.primary, standby]), question.home, standby)


def _certificates(aws: Aws, question: Question) -> list[dict[str, Any]]:
    found = aws.pages("acm", "list_certificates", "CertificateSummaryList", Includes={"keyTypes": ALGORITHMS})
    return [each for each in found if each["DomainName"] == question.domain]


def _capacity(aws: Aws, question: Question) -> Finding:
    least = {service_name(question.scope, application): count for application, count in question.least.items()}
    return judge_capacity(active_services(aws.at(question.scope.region), question.scope, [*least]), least)


def _images(aws: Aws, question: Question) -> Finding:
    def digests(region: str) -> dict[str, set[str]]:
        def of(repository: str) -> set[str]:
            name = repository_name(question.scope, repository)
            return {each["imageDigest"] for each in aws.at(region).pages("ecr", "describe_images", "imageDetails", repositoryName=name)}

        return dict(zip(question.images, aws.map(of, question.images), strict=True))

    return judge_images(digests(question.primary), digests(question.scope.region), question.images)


def _secrets(aws: Aws, question: Question) -> Finding:
    def versions(region: str) -> dict[str, str]:
        def of(short: str) -> str:
            found = aws.at(region).find("secretsmanager", "describe_secret", SecretId=secret_name(question.scope, short))
            stages = (found or {}).get("VersionIdsToStages") or {}
            return next((version for version, each in stages.items() if "AWSCURRENT" in each), "")

        return dict(zip(question.secrets, aws.map(of, question.secrets), strict=True))

    return judge_secrets(versions(question.primary), versions(question.scope.region))


def _key(aws: Aws, question: Question) -> Finding:
    """Have the standby open what the primary has wrapped."""
    context = {"probe": "readiness"}
    made = aws.at(question.primary).call("kms", "generate_data_key", KeyId=question.key, NumberOfBytes=32, EncryptionContext=context)
    there = aws.at(question.scope.region)
    opened = there.call("kms", "decrypt", CiphertextBlob=made["CiphertextBlob"], KeyId=question.key, EncryptionContext=context)
    if opened["Plaintext"] != made["Plaintext"]:
        return Finding(
            "keys", "fail", f"{question.scope.region} opens another key than {question.primary} has wrapped", "look at the key's replica"
        )
    return Finding("keys", "ok", f"what {question.primary} wraps {question.scope.region} opens")


def _backed_up(aws: Aws, question: Question) -> datetime | None:
    found = points(aws.at(question.scope.region), vault_name(question.scope))
    return max((each["CreationDate"] for each in found if each["Status"] == "COMPLETED"), default=None)


def _objects(aws: Aws, question: Question, now: datetime) -> Finding:
    primary = question.scope.at(question.primary)
    found = aws.map(lambda short: objects.copies(aws, primary, question.scope, short, now), question.buckets)
    return judge_objects(dict(zip(question.buckets, found, strict=True)), question.pending)


def _drilled(shelf: Shelf) -> datetime | None:
    """Return when the last drill was completed."""
    for epoch in reversed(shelf.epochs()):
        entries = journal.read(shelf, epoch)
        if is_drill(entries):
            return datetime.fromisoformat(entries[-1].at)
    return None
