"""How what AWS tells of the standby is judged: a function a check. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..errors import KcError
from ..primary import PRIMARY, UNTOLD, primary_of
from .finding import Finding, Verdict

CERTIFICATE_DAYS = 30
BACKUP_HOURS = 26
"""A day, and what a backup may take."""
DRILL_DAYS = 90


def judge_roles(flags: Mapping[str, str | None], home: str, standby: str) -> Finding:
    """Return whether one region is primary, and the standby is not."""
    silent = [region for region, role in flags.items() if role is UNTOLD]
    if silent:
        return Finding(
            "roles", "unknown", f"{' and '.join(silent)} gave no answer about its role", "`playbooks/status.yml` tells what answers"
        )
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


def judge_capacity(services: Sequence[Mapping[str, Any]], least: Mapping[str, int]) -> Finding:
    """Return whether the services that stand (ECS's descriptions) run as many tasks as they want, and as the inventory has it."""
    found = {each["serviceName"]: each for each in services}
    few = [f"{name} does not stand" for name in least if name not in found]
    for name in sorted(found.keys() & least.keys()):
        running, want = found[name]["runningCount"], max(found[name]["desiredCount"], least[name])
        few += [f"{name} runs {running} of {want} tasks"] if running < want else []
    if few:
        return Finding("capacity", "fail", ", ".join(few), "look at the services' events")
    return Finding("capacity", "ok", f"{len(least)} services run all their tasks")


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
    """Return whether the standby has each secret in the version that counts: versions by name, empty where there is none."""
    says = [f"{name} is missing in the primary" for name, version in sorted(primary.items()) if not version]
    says += [f"{name} is missing" for name, version in sorted(primary.items()) if version and not standby.get(name)]
    says += [
        f"{name} has another version" for name, version in sorted(primary.items()) if version and standby.get(name, "") not in ("", version)
    ]
    if says:
        return Finding("secrets", "fail", ", ".join(says), "`ansible-playbook site.yml --tags secrets` replicates them")
    return Finding("secrets", "ok", f"{len(primary)} are the same")


@dataclass(frozen=True)
class Copies:
    """How a bucket of the primary is copied to the standby's.

    Attributes:
        ruled: A rule copies it there.
        pending: Copies that wait, by S3's metric; None where it tells nothing.
        failed: Copies that failed within a day, by S3's metric: S3 does not try them again.
        late: Of some of the newest objects, those whose copy waits too long, or has failed.
    """

    ruled: bool
    pending: float | None
    failed: float
    late: Sequence[str] = ()


def judge_objects(found: Mapping[str, Copies], most: float) -> Finding:
    """Return whether what is written in the primary's buckets comes to the standby.

    Args:
        found: By the bucket's short name.
        most: Copies of a bucket that may wait at a time.
    """
    says = []
    for short, copies in sorted(found.items()):
        if not copies.ruled:
            says.append(f"nothing copies {short}")
        if (copies.pending or 0) > most:
            says.append(f"{copies.pending:.0f} copies of {short} wait")
        if copies.failed:
            says.append(f"{copies.failed:.0f} copies of {short} failed within a day")
        if copies.late:
            says.append(f"{', '.join(copies.late)} of {short} did not come")
    if says:
        return Finding("objects", "fail", ", ".join(says), "docs/operations/alarms.md, `replica-pending` and `replica-failed`")
    waiting = sum(copies.pending or 0 for copies in found.values())
    return Finding("objects", "ok", f"{len(found)} buckets are copied, {waiting:.0f} copies wait")


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
