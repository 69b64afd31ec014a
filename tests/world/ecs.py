"""A cluster and a service of the tests' own: a small image, and what an ECS service needs around it."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from lab.podman import podman
from lab.world.net import Host

from .conftest import Lab

REGION, CLUSTER = "eu-central-1", "kc-try"

SCRATCH = "/tmp"  # noqa: S108 - in the container

SERVE = "mkdir -p /tmp/www; echo here > /tmp/www/index.html; echo ok > /tmp/www/health; exec httpd -f -p 8080 -h /tmp/www"
"""What the image does: it answers on 8080."""


def image(name: str) -> str:
    """Return the digest under which a tiny image is in podman's store: busybox, nothing else."""
    busybox = Path("/bin/busybox").read_bytes()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        about = tarfile.TarInfo("bin/busybox")
        about.size, about.mode = len(busybox), 0o755
        tar.addfile(about, io.BytesIO(busybox))
        for applet in ("sh", "httpd", "wget", "sleep", "mkdir", "echo", "id", "env", "cat", "test", "touch", "kill"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for directory in ("tmp", "etc", "proc", "sys", "dev", "run"):
            about = tarfile.TarInfo(directory)
            about.type, about.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
            tar.addfile(about)
    subprocess.run(["podman", "import", "-q", "-", name], input=made.getvalue(), check=True, capture_output=True)
    return podman("image", "inspect", "--format", "{{.Digest}}", name).strip()


def named(answer: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {tag["Value"]: one for one in answer for tag in one.get("Tags", []) if tag["Key"] == "Name"}


class Stand:
    """A cluster of the tests' own in the platform's network.

    Attributes:
        subnets: Where its tasks are.
        group: Their security group.
        balancer: A host like a load balancer's, from which they may be reached.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ecs = lab.client("ecs", REGION)
        self.images: dict[str, dict[str, str]] = {}
        lab.play("playbooks/foundation.yml", "--tags", "network,peering", "-e", "kc_network_flow_log_bucket=")
        ec2 = lab.client("ec2", REGION)
        subnets, groups = named(ec2.describe_subnets()["Subnets"]), named(ec2.describe_security_groups()["SecurityGroups"])
        self.subnets = [subnets[f"kc-lab-private-{zone}"]["SubnetId"] for zone in "ab"]
        self.group = groups["kc-lab-app"]["GroupId"]
        balancer = subnets["kc-lab-public-a"]
        address = lab.net.free(REGION, balancer["CidrBlock"])
        self.balancer = Host("test-balancer", REGION, address, balancer["SubnetId"], (groups["kc-lab-balancer"]["GroupId"],))
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.know("try", "localhost/kc-test:1")

    def know(self, application: str, name: str) -> None:
        """Have an image under an application's name."""
        self.images[application] = {"digest": image(name), "image": name}
        (self.lab.home / "images.json").write_text(json.dumps(self.images))

    def define(self, family: str, command: str = SERVE, healthy: bool = True, **also: Any) -> str:
        """Register a task definition like the platform's; return its ARN."""
        check = {"command": ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:8080/health"], "interval": 5, "timeout": 5, "retries": 3}
        container = {
            "name": "app",
            "image": f"123456789012.dkr.ecr.{REGION}.amazonaws.com/try@{self.images['try']['digest']}",
            "essential": True,
            "user": "10001:10001",
            "readonlyRootFilesystem": True,
            "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
            "entryPoint": ["/bin/sh", "-c"],
            "command": [command],
            "mountPoints": [{"sourceVolume": "scratch-1", "containerPath": SCRATCH, "readOnly": False}],
            "portMappings": [{"containerPort": 8080}],
            "stopTimeout": 2,
            **({"healthCheck": check} if healthy else {}),
            **also,
        }
        made = self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[container],
            volumes=[{"name": "scratch-1"}],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def create(self, name: str, definition: str, count: int, **also: Any) -> None:
        """Create a service with a circuit breaker that rolls back."""
        network = {"subnets": self.subnets, "securityGroups": [self.group], "assignPublicIp": "DISABLED"}
        breaker = {"enable": True, "rollback": True}
        self.ecs.create_service(
            cluster=CLUSTER,
            serviceName=name,
            taskDefinition=definition,
            desiredCount=count,
            networkConfiguration={"awsvpcConfiguration": network},
            deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 200, "deploymentCircuitBreaker": breaker},
            **{"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}], **also},
        )

    def update(self, name: str, **also: Any) -> None:
        self.ecs.update_service(cluster=CLUSTER, service=name, **also)

    def delete(self, name: str) -> None:
        self.ecs.delete_service(cluster=CLUSTER, service=name, force=True)

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster=CLUSTER, services=[name])["services"][0])

    def primary(self, name: str) -> dict[str, Any]:
        """Return a service's deployment that is under way, or was last."""
        return next(dict(each) for each in self.describe(name)["deployments"] if each["status"] == "PRIMARY")

    def tasks(self, name: str, status: str = "RUNNING") -> list[dict[str, Any]]:
        """Return a service's tasks of a desired status."""
        arns = self.ecs.list_tasks(cluster=CLUSTER, serviceName=name, desiredStatus=status)["taskArns"]
        return list(self.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]) if arns else []

    def stable(self, name: str, count: int) -> bool:
        """Whether one completed deployment runs so many tasks, and nothing else."""
        about = self.describe(name)
        return (
            len(about["deployments"]) == 1
            and about["deployments"][0]["rolloutState"] == "COMPLETED"
            and (about["runningCount"], about["pendingCount"]) == (count, 0)
        )

    def events(self, name: str) -> list[str]:
        """Return what was said of a service, the newest first."""
        return [each["message"] for each in self.describe(name)["events"]]


def task_id(task: dict[str, Any]) -> str:
    return str(task["taskArn"].rpartition("/")[2])


def address(task: dict[str, Any]) -> str:
    """Return a task's address."""
    details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
    return str(details["privateIPv4Address"])


def containers() -> dict[str, int]:
    """Return the first processes of the lab's containers, by name."""
    lines = podman("ps", "--filter", "label=kc.task", "--format", "{{.Names}} {{.Pid}}").splitlines()
    return {name: int(pid) for name, pid in (line.split() for line in lines)}


def proc(pid: int, name: str) -> str:
    """Return a file of a process."""
    return Path(f"/proc/{pid}/{name}").read_text()


def variables(pid: int) -> list[str]:
    """Return the variables of a process, `NAME=value` each."""
    return proc(pid, "environ").rstrip("\0").split("\0")
