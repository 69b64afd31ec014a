"""Whether the standby could take over now: what AWS tells of it. Reads only; what is not told is never counted as good.

What databases tell is asked by modules of their own, and scored here with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from .aws.backup import points
from .aws.ecs import cluster_name
from .aws.session import Aws
from .errors import KcError
from .primary import PRIMARY, primary_of, read_flags
from .runbook import journal
from .runbook.journal import Shelf
from .scope import Scope
from .units.registry import repository_name
from .units.secrets import secret_name
from .units.services import service_name
from .units.vaults import vault_name

Verdict = Literal["ok", "fail", "unknown"]

WEIGHTS: dict[str, tuple[int, bool]] = {
    "roles": (10, True),
    "replica": (15, True),
    "clickhouse": (10, True),
    "backups": (5, False),
    "objects": (5, False),
    "certificates": (10, True),
    "capacity": (10, True),
    "images": (10, True),
    "keys": (10, True),
    "secrets": (5, True),
    "drift": (5, False),
    "drill": (5, False),
}
"""What is looked at: how much it counts, and whether a failover without it would fail. A switchover is refused then."""

CERTIFICATE_DAYS = 30
BACKUP_HOURS = 26
"""A day, and what a backup may take."""
DRILL_DAYS = 90


@dataclass(frozen=True)
class Finding:
    """What was looked at, and how it is.

    Attributes:
        check: One of `WEIGHTS`.
        verdict: `unknown` where nobody tells.
        says: What was found, by name.
        hint: What to do, where it is not good.
    """

    check: str
    verdict: Verdict
    says: str
    hint: str = ""

    @property
    def blocks(self) -> bool:
        """Whether a failover would fail for it, or nobody knows whether it would."""
        return self.verdict != "ok" and WEIGHTS[self.check][1]

    def facts(self) -> dict[str, Any]:
        """Return it as data."""
        return {**asdict(self), "weight": WEIGHTS[self.check][0], "blocks": self.blocks}


def score(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return how ready all is: `score` (0 to 100), `ready`, `blockers`, and `findings` in the order of `WEIGHTS`.

    What was not looked at is unknown. Of several findings of one check the worst counts.
    """
    by: dict[str, list[Finding]] = {name: [] for name in WEIGHTS}
    for each in findings:
        by[each.check].append(each)
    for name, found in by.items():
        if not found:
            found.append(Finding(name, "unknown", "it was not looked at"))
    good = sum(WEIGHTS[name][0] for name, found in by.items() if all(each.verdict == "ok" for each in found))
    every = [each for found in by.values() for each in found]
    return {
        "score": round(100 * good / sum(weight for weight, _ in WEIGHTS.values())),
        "ready": not any(each.blocks for each in every),
        "blockers": [f"{each.check}: {each.says}" for each in every if each.blocks],
        "findings": [each.facts() for each in every],
    }


# --- judging: pure


def judge_roles(flags: Mapping[str, str | None], home: str, standby: str) -> Finding:
    """Return whether one region is primary, and the standby is not."""
    try:
        primary = primary_of(flags, home)
    except KcError as error:
        return Finding("roles", "fail", error.message, error.hint)
    if flags.get(standby) == PRIMARY:
        return Finding("roles", "fail", f"{standby} is primary itself", "ask for the other region")
    return Finding("roles", "ok", f"{primary} is primary")


def judge_certificates(found: Sequence[Mapping[str, Any]], now: datetime) -> Finding:
    """Return whether the standby's certificates are good for some time (ACM's summaries)."""
    issued = [each for each in found if each.get("Status") == "ISSUED"]
    if not issued:
        return Finding("certificates", "fail", "there is none that is issued", "`ansible-playbook site.yml --tags certificates`")
    soon = {
        each["DomainName"]: (each["NotAfter"] - now).days for each in issued if each["NotAfter"] - now < timedelta(days=CERTIFICATE_DAYS)
    }
    if soon:
        names = ", ".join(f"{name} ends in {days} days" for name, days in sorted(soon.items()))
        return Finding("certificates", "fail", names, "ACM renews what is validated by DNS: look why it did not")
    return Finding("certificates", "ok", f"{len(issued)} are good for {CERTIFICATE_DAYS} days and more")


def judge_capacity(services: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> Finding:
    """Return whether the standby's services run as many tasks as they want (ECS's descriptions)."""
    counts = {each["serviceName"]: (each["runningCount"], each["desiredCount"]) for each in services if each["status"] == "ACTIVE"}
    few = [f"{name} does not stand" for name in wanted if name not in counts]
    few += [f"{name} runs {running} of {desired} tasks" for name, (running, desired) in sorted(counts.items()) if running < max(1, desired)]
    if few:
        return Finding("capacity", "fail", ", ".join(few), "look at the services' events")
    return Finding("capacity", "ok", f"{len(counts)} services run all their tasks")


def judge_images(primary: Mapping[str, set[str]], standby: Mapping[str, set[str]], wanted: Mapping[str, str]) -> Finding:
    """Return whether the standby has the images that run, by repository: digests that each region has, and the one that is wanted."""
    lack = sorted(name for name, digest in wanted.items() if digest not in standby.get(name, set()))
    if lack:
        return Finding(
            "images", "fail", f"the image of {', '.join(lack)} is not in the standby", "push it again: the registry copies what is new"
        )
    gone = sorted(name for name, digest in wanted.items() if digest not in primary.get(name, set()))
    if gone:
        return Finding("images", "fail", f"the image of {', '.join(gone)} is in the standby only", "push it to the primary")
    return Finding("images", "ok", f"{len(wanted)} are in both regions")


def judge_secrets(primary: Mapping[str, str], standby: Mapping[str, str]) -> Finding:
    """Return whether the standby has each secret in the version that counts: versions by name."""
    lack = sorted(name for name in primary if name not in standby)
    other = sorted(name for name, version in primary.items() if name in standby and standby[name] != version)
    if lack or other:
        says = [f"{name} is missing" for name in lack] + [f"{name} has another version" for name in other]
        return Finding("secrets", "fail", ", ".join(says), "`ansible-playbook site.yml --tags secrets` replicates them")
    return Finding("secrets", "ok", f"{len(primary)} are the same")


def judge_drill(closed: datetime | None, now: datetime) -> Finding:
    """Return whether the way over was gone lately: when the last drill or switchover was completed."""
    if closed is None:
        return Finding("drill", "fail", "there was none", "`ansible-playbook playbooks/drill.yml`")
    days = (now - closed).days
    verdict: Verdict = "ok" if days <= DRILL_DAYS else "fail"
    return Finding(
        "drill", verdict, f"the last one was {days} days ago", "" if verdict == "ok" else "`ansible-playbook playbooks/drill.yml`"
    )


def judge_backups(newest: datetime | None, now: datetime) -> Finding:
    """Return whether there is a backup of lately in the standby's vault."""
    if newest is None:
        return Finding("backups", "fail", "the standby's vault is empty", "look at the copy jobs of AWS Backup")
    hours = (now - newest).total_seconds() / 3600
    verdict: Verdict = "ok" if hours <= BACKUP_HOURS else "fail"
    return Finding(
        "backups", verdict, f"the newest is {hours:.0f} hours old", "" if verdict == "ok" else "look at the copy jobs of AWS Backup"
    )


# --- asking


@dataclass(frozen=True)
class Question:
    """What is asked for.

    Attributes:
        scope: The platform's, in the standby.
        primary: The region that is primary now.
        home: The one that is at home.
        images: Digest by application.
        secrets: Short names of those that both regions have.
        key: Alias of the key that both regions have.
        shelf: Where journals are.
    """

    scope: Scope
    primary: str
    home: str
    images: Mapping[str, str]
    secrets: Sequence[str]
    key: str
    shelf: Shelf


def look(aws: Aws, question: Question, now: datetime | None = None) -> list[Finding]:
    """Return what AWS tells, all asked at once."""
    now = now or datetime.now(UTC)
    checks: dict[str, Callable[[], Finding]] = {
        "roles": lambda: _roles(aws, question),
        "certificates": lambda: judge_certificates(_certificates(aws, question), now),
        "capacity": lambda: _capacity(aws, question),
        "images": lambda: _images(aws, question),
        "secrets": lambda: _secrets(aws, question),
        "keys": lambda: _key(aws, question),
        "backups": lambda: judge_backups(_backed_up(aws, question), now),
        "drill": lambda: judge_drill(_drilled(question.shelf), now),
    }

    def one(name: str) -> Finding:
        try:
            return checks[name]()
        except KcError as error:
            return Finding(name, "unknown", error.message, error.hint)

    return aws.map(one, list(checks))


def _roles(aws: Aws, question: Question) -> Finding:
    standby = question.scope.region
    return judge_roles(read_flags(aws, question.scope, [question.primary, standby]), question.home, standby)


def _certificates(aws: Aws, question: Question) -> list[dict[str, Any]]:
    return aws.at(question.scope.region).pages("acm", "list_certificates", "CertificateSummaryList")


def _capacity(aws: Aws, question: Question) -> Finding:
    names = [service_name(question.scope, application) for application in question.images]
    found = aws.at(question.scope.region).call("ecs", "describe_services", cluster=cluster_name(question.scope), services=names)
    return judge_capacity(found["services"], names)


def _images(aws: Aws, question: Question) -> Finding:
    def digests(region: str) -> dict[str, set[str]]:
        def of(application: str) -> set[str]:
            name = repository_name(question.scope, application)
            return {each["imageDigest"] for each in aws.at(region).pages("ecr", "describe_images", "imageDetails", repositoryName=name)}

        return dict(zip(question.images, aws.map(of, question.images), strict=True))

    return judge_images(digests(question.primary), digests(question.scope.region), question.images)


def _secrets(aws: Aws, question: Question) -> Finding:
    def versions(region: str) -> dict[str, str]:
        def of(short: str) -> str:
            found = aws.at(region).find("secretsmanager", "describe_secret", SecretId=secret_name(question.scope, short))
            stages = (found or {}).get("VersionIdsToStages") or {}
            return next((version for version, each in stages.items() if "AWSCURRENT" in each), "")

        return {short: version for short, version in zip(question.secrets, aws.map(of, question.secrets), strict=True) if version}

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


def _drilled(shelf: Shelf) -> datetime | None:
    """Return when a run that went all the way over was completed last."""
    for epoch in reversed(shelf.epochs()):
        entries = journal.read(shelf, epoch)
        if entries[-1].kind == journal.CLOSED and entries[-1].facts.get("outcome") == "completed":
            return datetime.fromisoformat(entries[-1].at)
    return None
