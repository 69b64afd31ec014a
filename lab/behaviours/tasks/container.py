"""What a task definition says, as `podman run` takes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...world.net import NETNS
from ..endpoints import CREDENTIALS
from .record import Task

LOG_SIZE = "10mb"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""Whose certificates programs trust, in Debian's images and most others."""
STOP = 30.0
"""Seconds that a container may take to end where its definition doesn't say (ECS API, ContainerDefinition: stopTimeout)."""


def arguments(task: Task, definition: Mapping[str, Any], image: str, resolver: str, log: Path, home: Path, trusted: Path) -> list[str]:
    """Return the arguments of `podman run` for a task's container. Secrets are named only: podman finds their values in its environment.

    Args:
        task: The task, with its host.
        definition: Its task definition, as DescribeTaskDefinition answers.
        image: The image in podman's store.
        resolver: Address of its VPC's DNS resolver.
        log: The file of its output.
        home: The world's directory; it marks whose container it is.
        trusted: The certificate of the lab's authority.
    """
    container = definition["containerDefinitions"][0]
    linux = container.get("linuxParameters") or {}
    capabilities = linux.get("capabilities") or {}
    words = ["run", "--detach", "--name", task.container, "--label", f"kc.lab={home}", "--label", f"kc.task={task.id}"]
    words += ["--network", f"ns:{NETNS / task.host.namespace}", "--dns", resolver, "--security-opt", "no-new-privileges"]
    words += ["--log-driver", "k8s-file", "--log-opt", f"path={log}", "--log-opt", f"max-size={LOG_SIZE}"]
    words += ["--no-healthcheck", "--http-proxy=false"]
    if definition.get("cpu"):
        words += ["--cpus", f"{int(definition['cpu']) / 1024:g}"]
    if definition.get("memory"):
        words += ["--memory", f"{definition['memory']}m"]
    if container.get("user"):
        words += ["--user", container["user"]]
    if container.get("readonlyRootFilesystem"):
        words += ["--read-only", "--read-only-tmpfs=false"]
    if linux.get("initProcessEnabled"):
        words += ["--init"]
    for name in capabilities.get("drop") or []:
        words += ["--cap-drop", name]
    for name in capabilities.get("add") or []:
        words += ["--cap-add", name]
    for mount in container.get("mountPoints") or []:
        # a volume without a name takes over what the image has there, and whose it is, as Fargate's do
        read_only = ",ro=true" if mount.get("readOnly") else ""
        words += ["--mount", f"type=volume,destination={mount['containerPath']},nosuid=true,nodev=true{read_only}"]
    # whoever answers in the lab has a certificate of its authority, as Amazon's servers have one of theirs
    words += ["--volume", f"{trusted}:{BUNDLE}:ro"]
    for name, value in {**fixed(task, definition), **{each["name"]: each["value"] for each in container.get("environment") or []}}.items():
        words += ["--env", f"{name}={value}"]
    for each in container.get("secrets") or []:
        words += ["--env", each["name"]]
    if container.get("workingDirectory"):
        words += ["--workdir", container["workingDirectory"]]
    entry = list(container.get("entryPoint") or [])
    if entry:
        words += ["--entrypoint", entry[0]]
    return [*words, image, *entry[1:], *(container.get("command") or [])]


def fixed(task: Task, definition: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that Fargate gives each container; one whose task has a role learns where its credentials are."""
    role = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"{CREDENTIALS}{task.id}"} if definition.get("taskRoleArn") else {}
    return {"AWS_REGION": task.region, "AWS_DEFAULT_REGION": task.region, "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", **role}


def patience(definition: Mapping[str, Any]) -> float:
    """Return the seconds between SIGTERM and SIGKILL."""
    return float(definition["containerDefinitions"][0].get("stopTimeout") or STOP)


def image_of(name: str, images: Mapping[str, Mapping[str, str]]) -> str:
    """Return the image in podman's store that an address with a digest names; "" if there is none.

    Args:
        name: As in the task definition: `<registry>/<repository>@sha256:…`.
        images: What was built: application to `{digest, image}`.
    """
    digest = name.rpartition("@")[2]
    return next((each["image"] for each in images.values() if each["digest"] == digest), "")
