"""EBS volumes that outlive the instances they are attached to, and their attachments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import KcError
from ..model import Kind, Live
from ..scope import Scope
from .ec2 import Ec2Kind, living, own, tagged
from .session import Aws
from .tags import tag_dict

ROOT = {"Volume": "root"}
"""The tag of instances' root volumes: they come and go with their instance and are not managed by themselves."""


class Volume(Ec2Kind):
    """A gp3 volume that holds data. It grows and gets faster in place, under a running instance, but never shrinks."""

    name = "volume"
    id_key = "VolumeId"
    keeps_data = True
    immutable = frozenset({"zone", "encrypted", "key"})
    settles = Ec2Kind.settles | {"VolumeInUse"}

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the volumes. One that EBS is changing is described as what it is becoming."""
        volumes, changing = aws.map(
            lambda look: look(),
            [
                lambda: _standing(aws, filters),
                lambda: aws.pages(
                    "ec2",
                    "describe_volumes_modifications",
                    "VolumesModifications",
                    Filters=[{"Name": "modification-state", "Values": ["modifying"]}],
                ),
            ],
        )
        becoming = {
            each["VolumeId"]: {
                attr: each[f"Target{attr}"] for attr in ("Size", "Iops", "Throughput", "VolumeType") if f"Target{attr}" in each
            }
            for each in changing
        }
        return [{**volume, **becoming.get(volume["VolumeId"], {})} for volume in volumes]

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "zone": item["AvailabilityZone"],
            "size": item["Size"],
            "type": item["VolumeType"],
            "iops": item.get("Iops"),
            "throughput": item.get("Throughput"),
            "encrypted": item["Encrypted"],
            "key": item.get("KmsKeyId"),
        }

    def objection(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> KcError | None:
        if after["size"] >= before["size"]:
            return None
        return KcError(
            f"`size` is {before['size']} GiB, the inventory wants {after['size']}, and EBS can't shrink a volume",
            hint="put the old size back in the inventory; to have a smaller one, add a node, move the data and take this node away",
        )

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2",
            "create_volume",
            AvailabilityZone=want["zone"],
            Size=want["size"],
            VolumeType=want["type"],
            Iops=want["iops"],
            Throughput=want["throughput"],
            Encrypted=want["encrypted"],
            KmsKeyId=want["key"],
            ClientToken=aws.token("volume", scope.region, name),
            TagSpecifications=tagged("volume", want["tags"]),
        )
        return Live(dict(want), self.outputs(answer))

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until it can be attached. Where its key can't be used, EBS takes it away again without a word."""
        aws.wait(f"volume {name}", lambda: _state(aws, live.id), until=["available", "in-use"], unless=["error"], timeout=120)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed & {"size", "type", "iops", "throughput"}:
            self._modify(aws, name, live.id, want)
        self.retag(aws, live, want, changed)

    def _modify(self, aws: Aws, name: str, volume: str, want: Mapping[str, Any]) -> None:
        """Change a volume and wait until it has its new size; it is `optimizing` for hours then, and works meanwhile."""
        target = {"Size": want["size"], "VolumeType": want["type"], "Iops": want["iops"], "Throughput": want["throughput"]}
        aws.call("ec2", "modify_volume", VolumeId=volume, **target)

        def state() -> str:
            answer = aws.find("ec2", "describe_volumes_modifications", VolumeIds=[volume])
            found = (answer or {}).get("VolumesModifications") or []
            return str(found[-1]["ModificationState"]) if found else "modifying"

        aws.wait(f"change of volume {name}", state, until=["optimizing", "completed"], unless=["failed"])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_volume", VolumeId=live.id)
        aws.wait(f"end of volume {name}", lambda: _state(aws, live.id), until=["gone"], unless=["error"])


class VolumeAttachment(Kind):
    """A data volume's place in an instance, which the volume survives; called by the volume's name.

    It is never moved from one instance to another: whoever attached the volume elsewhere is at work on it.
    """

    name = "volume_attachment"
    immutable = frozenset({"volume", "instance", "device"})
    settles = frozenset({"IncorrectState", "IncorrectInstanceState", "InvalidInstanceID.NotFound", "VolumeInUse"})

    def read(self, aws: Aws, scope: Scope) -> dict[str, Live]:
        volumes = [(tag_dict(volume.get("Tags")), volume) for volume in _standing(aws, own(scope))]
        found = {
            tags.get("Name", volume["VolumeId"]): each
            for tags, volume in volumes
            if scope.owns(tags)
            for each in volume.get("Attachments") or []
            if each["State"] != "detaching"
        }
        # an instance that is ending lets go of its volumes by itself
        instances = [{"Name": "instance-id", "Values": sorted({each["InstanceId"] for each in found.values()})}]
        alive = {each["InstanceId"] for each in living(aws, instances)} if found else set()
        return {name: self._live(each) for name, each in found.items() if each["InstanceId"] in alive}

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        # the volume may still be with an instance that is ending
        aws.wait(f"release of volume {name}", lambda: _state(aws, want["volume"]), until=["available"], timeout=300)
        params = {"VolumeId": want["volume"], "InstanceId": want["instance"], "Device": want["device"]}
        aws.call("ec2", "attach_volume", **params)
        live = Live({**want, "ends_with_instance": False}, {"id": want["volume"]})
        if want["ends_with_instance"]:
            self.update(aws, scope, name, live, want, frozenset({"ends_with_instance"}))
        return live

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        def state() -> str:
            attached = _attachments(aws, live.id)
            return str(attached[0]["State"]) if attached else "detached"

        aws.wait(f"attachment of volume {name}", state, until=["attached"], timeout=300)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        mapping = {"DeviceName": want["device"], "Ebs": {"DeleteOnTermination": want["ends_with_instance"]}}
        aws.call("ec2", "modify_instance_attribute", InstanceId=want["instance"], BlockDeviceMappings=[mapping])

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        for each in _attachments(aws, live.id):
            aws.find("ec2", "detach_volume", VolumeId=live.id, InstanceId=each["InstanceId"])
        aws.wait(f"release of volume {name}", lambda: _state(aws, live.id), until=["available", "gone"], timeout=300)

    def _live(self, item: Mapping[str, Any]) -> Live:
        attrs = {
            "volume": item["VolumeId"],
            "instance": item["InstanceId"],
            "device": item["Device"],
            "ends_with_instance": bool(item.get("DeleteOnTermination")),
        }
        return Live(attrs, {"id": item["VolumeId"]})


def _standing(aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the data volumes that match EC2 filters."""
    states = {"Name": "status", "Values": ["creating", "available", "in-use"]}
    volumes = aws.pages("ec2", "describe_volumes", "Volumes", Filters=[*filters, states])
    return [volume for volume in volumes if not ROOT.items() <= tag_dict(volume.get("Tags")).items()]


def _described(aws: Aws, volume: str) -> dict[str, Any]:
    answer = aws.find("ec2", "describe_volumes", VolumeIds=[volume])
    return next(iter((answer or {}).get("Volumes") or []), {})


def _state(aws: Aws, volume: str) -> str:
    state = str(_described(aws, volume).get("State", "gone"))
    return "gone" if state == "deleted" else state


def _attachments(aws: Aws, volume: str) -> list[dict[str, Any]]:
    return list(_described(aws, volume).get("Attachments") or [])
