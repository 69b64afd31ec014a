"""ECS: task definitions. A family's newest revision is what the inventory says; a change is another revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import KcError
from ..model import Kind, Live
from ..scope import Scope
from .ecs import ecs_tag_dict, ecs_tags, ours
from .session import Aws

KEEP = 2
"""Revisions of a family that stay active: the one that runs, and the one that a failed deployment is put back to."""

_OVERRIDES = (
    "command",
    "dependsOn",
    "entryPoint",
    "environmentFiles",
    "firelensConfiguration",
    "privileged",
    "repositoryCredentials",
    "workingDirectory",
)
"""What a revision that was registered by hand may say of a container, and ours don't. ECS fills none of it in."""

_HEALTH = {"command": "command", "interval": "interval", "timeout": "timeout", "unhealthy": "retries", "grace": "startPeriod"}


class TaskDefinition(Kind):
    """A family of task definitions with one container, for Fargate.

    Revisions can't be changed: a change registers another one, and what refers to its `arn` follows. Older ones are
    deregistered, all but the one before (`KEEP`); tasks that run on one go on.

    Attributes of the desired state: `cpu`, `memory`, `architecture`, `roles` (`task`, `execution`), `container` (its name),
    `image`, `port` (0 for none), `user`, `read_only`, `init`, `drop` (kernel capabilities), `environment`, `secrets` (by
    variable: `{from: ARN, key}`), `mounts` (volume by path), `health`, `log`, `stop` (seconds), `overrides` (what else a
    revision may say; none), `superseded` (older revisions that are still active; none), `tags`.
    """

    name = "task_definition"
    outputs_of = ("id", "arn")
    renews = frozenset(
        {
            "cpu",
            "memory",
            "architecture",
            "roles",
            "container",
            "image",
            "port",
            "user",
            "read_only",
            "init",
            "drop",
            "environment",
            "secrets",
            "mounts",
            "health",
            "log",
            "stop",
            "overrides",
        }
    )

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        families = aws.pages("ecs", "list_task_definition_families", "families", familyPrefix=scope.prefix, status="ACTIVE")

        def one(family: str) -> Live | None:
            revisions = _active(aws, family)
            if not revisions:
                return None
            answer = aws.call("ecs", "describe_task_definition", taskDefinition=revisions[0], include=["TAGS"])
            attrs = {**attributes(answer["taskDefinition"]), "superseded": revisions[KEEP:], "tags": ecs_tag_dict(answer.get("tags"))}
            return Live(attrs, {"id": family, "arn": revisions[0]})

        lives = {family: live for family, live in zip(families, aws.map(one, families), strict=True) if live}
        return {family: live for family, live in lives.items() if ours(scope, live.attrs["tags"])}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        live = Live(dict(want), {"id": name, "arn": self._register(aws, name, want)})
        self._retire(aws, name, KEEP)
        return live

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed & self.renews:
            live.outputs["arn"] = self._register(aws, name, want)
        elif "tags" in changed:
            aws.call("ecs", "tag_resource", resourceArn=live.outputs["arn"], tags=ecs_tags(want["tags"]))
        if changed - {"tags"}:
            self._retire(aws, name, KEEP)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        self._retire(aws, name, 0)

    def _register(self, aws: Aws, name: str, want: Mapping[str, Any]) -> str:
        made = aws.call("ecs", "register_task_definition", family=name, tags=ecs_tags(want["tags"]), **definition(want))
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def _retire(self, aws: Aws, family: str, keep: int) -> None:
        """Deregister all revisions but the newest."""

        def one(arn: str) -> None:
            try:
                aws.call("ecs", "deregister_task_definition", taskDefinition=arn)
            except KcError as error:  # ECS has no code of its own for "deregistered already"
                if error.code != "ClientException" or arn in _active(aws, family):
                    raise

        aws.map(one, _active(aws, family)[keep:])


def _active(aws: Aws, family: str) -> list[str]:
    """Return the ARNs of a family's active revisions, the newest first."""
    found = aws.pages("ecs", "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status="ACTIVE")
    return sorted(found, key=lambda arn: -int(arn.rpartition(":")[2]))


def definition(want: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as RegisterTaskDefinition takes them."""
    log = dict(want["log"])
    container = {
        "name": want["container"],
        "image": want["image"],
        "essential": True,
        "user": want["user"],
        "readonlyRootFilesystem": want["read_only"],
        "linuxParameters": {"initProcessEnabled": want["init"], "capabilities": {"drop": want["drop"]}},
        "environment": [{"name": name, "value": value} for name, value in sorted(want["environment"].items())],
        "secrets": [
            {"name": name, "valueFrom": _value_from(about["from"], about["key"])} for name, about in sorted(want["secrets"].items())
        ],
        "mountPoints": [
            {"sourceVolume": volume, "containerPath": path, "readOnly": False} for path, volume in sorted(want["mounts"].items())
        ],
        "logConfiguration": {"logDriver": log.pop("driver"), "options": log},
        "stopTimeout": want["stop"],
    }
    if want["port"]:
        container["portMappings"] = [{"containerPort": want["port"], "protocol": "tcp"}]
    if want["health"]:
        container["healthCheck"] = {_HEALTH[key]: value for key, value in want["health"].items()}
    return {
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": str(want["cpu"]),
        "memory": str(want["memory"]),
        "runtimePlatform": {"cpuArchitecture": want["architecture"], "operatingSystemFamily": "LINUX"},
        "taskRoleArn": want["roles"]["task"],
        "executionRoleArn": want["roles"]["execution"],
        "containerDefinitions": [container],
        "volumes": [{"name": volume} for volume in sorted(want["mounts"].values())],
    }


def attributes(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return a described task definition's attributes, in the shape of the desired state; ECS's own defaults are left out."""
    container, *others = about["containerDefinitions"]
    linux = container.get("linuxParameters") or {}
    log = container.get("logConfiguration") or {}
    health = container.get("healthCheck") or {}
    overrides = {key: container[key] for key in _OVERRIDES if container.get(key)}
    if others:
        overrides["containers"] = [one["name"] for one in others]
    return {
        "cpu": int(about.get("cpu") or 0),
        "memory": int(about.get("memory") or 0),
        "architecture": (about.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64"),
        "roles": {"task": about.get("taskRoleArn", ""), "execution": about.get("executionRoleArn", "")},
        "container": container["name"],
        "image": container["image"],
        "port": next((each["containerPort"] for each in container.get("portMappings") or []), 0),
        "user": container.get("user", ""),
        "read_only": bool(container.get("readonlyRootFilesystem")),
        "init": bool(linux.get("initProcessEnabled")),
        "drop": list((linux.get("capabilities") or {}).get("drop") or []),
        "environment": {each["name"]: each["value"] for each in container.get("environment") or []},
        "secrets": {each["name"]: _origin(each["valueFrom"]) for each in container.get("secrets") or []},
        "mounts": {each["containerPath"]: each["sourceVolume"] for each in container.get("mountPoints") or []},
        "health": {key: health[name] for key, name in _HEALTH.items() if name in health},
        "log": {"driver": log.get("logDriver", ""), **(log.get("options") or {})},
        "stop": container.get("stopTimeout", 0),
        "overrides": overrides,
    }


def _value_from(arn: str, key: str) -> str:
    """Return a secret's or parameter's `valueFrom`: `arn:…:name:key::`, with a key of a secret's JSON only if there is one.

    Source: ECS developer guide, Pass Secrets Manager secrets through environment variables.
    """
    return f"{arn}:{key}::" if key else arn


def _origin(value_from: str) -> dict[str, str]:
    """Return where a variable's value is from; a secret's ARN has seven parts, then come key, stage and version."""
    parts = value_from.split(":")
    if len(parts) < 8 or parts[2] != "secretsmanager":
        return {"from": value_from, "key": ""}
    version = "".join(f":{part}" for part in parts[8:]).rstrip(":")
    return {"from": ":".join(parts[:7]), "key": parts[7] + version}
