"""EC2 instances, and the launch templates that they are made from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from .. import limits
from ..errors import KcError
from ..model import Live
from ..scope import Scope
from .ec2 import Ec2Kind, living, tagged
from .session import Aws
from .tags import tag_dict
from .volumes import ROOT

HOLD = "Hold"
"""A tag that keeps an instance stopped which somebody, or a runbook that fences it, has stopped; its value says why."""

_KNOWN = {
    "InstanceType",
    "IamInstanceProfile",
    "NetworkInterfaces",
    "BlockDeviceMappings",
    "MetadataOptions",
    "Monitoring",
    "EbsOptimized",
    "DisableApiTermination",
    "InstanceInitiatedShutdownBehavior",
    "UserData",
}
"""What the toolkit says in a launch template. Anything else, such as a key pair, is drift."""


class LaunchTemplate(Ec2Kind):
    """How one node's instance is made: everything but its image, which is chosen when it is made.

    A change is a new version, which becomes the default one; versions that instances were made from stay.
    """

    name = "launch_template"
    id_key = "LaunchTemplateId"

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        def complete(template: dict[str, Any]) -> dict[str, Any]:
            return {**template, "data": _version(aws, template["LaunchTemplateId"], "$Default").get("LaunchTemplateData") or {}}

        return aws.map(complete, aws.pages("ec2", "describe_launch_templates", "LaunchTemplates", Filters=filters))

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return _said(item["data"])

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2",
            "create_launch_template",
            LaunchTemplateName=name,
            LaunchTemplateData=_data(want),
            ClientToken=aws.token("launch_template", scope.region, name),
            TagSpecifications=tagged("launch-template", want["tags"]),
        )
        return Live(dict(want), self.outputs(answer["LaunchTemplate"]))

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if changed - {"tags"}:
            # the version may have been made by a run that ended before it became the default
            latest = _version(aws, live.id, "$Latest")
            if _said(latest.get("LaunchTemplateData") or {}) != {attr: want[attr] for attr in want if attr != "tags"}:
                data = _data(want)
                answer = aws.call(
                    "ec2",
                    "create_launch_template_version",
                    LaunchTemplateId=live.id,
                    LaunchTemplateData=data,
                    ClientToken=aws.token("launch_template_version", live.id, json.dumps(data, sort_keys=True)),
                )
                latest = answer["LaunchTemplateVersion"]
            aws.call("ec2", "modify_launch_template", LaunchTemplateId=live.id, DefaultVersion=str(latest["VersionNumber"]))
        self.retag(aws, live, want, changed)

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        aws.find("ec2", "delete_launch_template", LaunchTemplateId=live.id)


def _version(aws: Aws, template: str, version: str) -> dict[str, Any]:
    answer = aws.find("ec2", "describe_launch_template_versions", LaunchTemplateId=template, Versions=[version])
    return next(iter((answer or {}).get("LaunchTemplateVersions") or []), {})


def _data(want: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template's attributes as EC2 takes them."""
    return {
        "InstanceType": want["type"],
        "IamInstanceProfile": {"Name": want["profile"]},
        "NetworkInterfaces": [{"DeviceIndex": index, "NetworkInterfaceId": one} for index, one in enumerate(want["interfaces"])],
        "BlockDeviceMappings": [
            {
                "DeviceName": disk["device"],
                "Ebs": {
                    "VolumeType": disk["type"],
                    "VolumeSize": disk["size"],
                    "Encrypted": disk["encrypted"],
                    "KmsKeyId": disk["key"],
                    "DeleteOnTermination": disk["ends_with_instance"],
                },
            }
            for disk in want["disks"]
        ],
        "MetadataOptions": _metadata_options(want["metadata"]),
        "Monitoring": {"Enabled": want["monitoring"]},
        "EbsOptimized": want["ebs_optimized"],
        "DisableApiTermination": want["protected"],
        "InstanceInitiatedShutdownBehavior": want["shutdown"],
        "UserData": base64.b64encode(want["user_data"].encode()).decode(),
    }


def _said(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a template says in the shape of the desired state."""
    profile = data.get("IamInstanceProfile") or {}
    return {
        "type": data.get("InstanceType"),
        "profile": profile.get("Name") or _profile_name(profile),
        "interfaces": [one.get("NetworkInterfaceId") for one in data.get("NetworkInterfaces") or []],
        "disks": [
            {
                "device": disk["DeviceName"],
                "type": disk["Ebs"].get("VolumeType"),
                "size": disk["Ebs"].get("VolumeSize"),
                "encrypted": disk["Ebs"].get("Encrypted"),
                "key": disk["Ebs"].get("KmsKeyId"),
                "ends_with_instance": disk["Ebs"].get("DeleteOnTermination"),
            }
            for disk in data.get("BlockDeviceMappings") or []
            if disk.get("Ebs")
        ],
        "metadata": _metadata(data.get("MetadataOptions") or {}),
        "monitoring": (data.get("Monitoring") or {}).get("Enabled", False),
        "ebs_optimized": data.get("EbsOptimized", False),
        "protected": data.get("DisableApiTermination", False),
        "shutdown": data.get("InstanceInitiatedShutdownBehavior"),
        "user_data": base64.b64decode(data.get("UserData") or "").decode(errors="replace"),
        "more": sorted(key for key in data if key not in _KNOWN and data[key]),
    }


_METADATA = {
    "endpoint": "HttpEndpoint",
    "tokens": "HttpTokens",
    "hops": "HttpPutResponseHopLimit",
    "tags": "InstanceMetadataTags",
}
"""Options of the instance metadata service, and EC2's names of them."""


def _metadata_options(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metadata[option] for option, name in _METADATA.items()}


def _metadata(options: Mapping[str, Any]) -> dict[str, Any]:
    return {option: options.get(name) for option, name in _METADATA.items()}


def _profile_name(profile: Mapping[str, Any] | None) -> str:
    return str((profile or {}).get("Arn", "")).rpartition("/")[2]


class Instance(Ec2Kind):
    """A node's instance, made from its launch template. What it must not lose is on volumes and an interface that outlive it.

    `resize` is leave to change the type, for which the instance stops; `image` is chosen when an instance is made.
    A stopped instance is drift and started, unless it bears the tag `Hold`.
    """

    name = "instance"
    id_key = "InstanceId"
    immutable = frozenset({"interface"})
    write_once = frozenset({"image", "template", "resize"})
    settles = Ec2Kind.settles | {
        "IncorrectInstanceState",
        "IncorrectState",
        "InvalidInstanceID.NotFound",
        "InvalidNetworkInterface.InUse",
        "InvalidNetworkInterfaceID.NotFound",
    }
    outputs_of = ("id", "address")

    def found(self, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        def complete(instance: dict[str, Any]) -> dict[str, Any]:
            def attribute(name: str) -> Any:
                answer = aws.find("ec2", "describe_instance_attribute", InstanceId=instance["InstanceId"], Attribute=name)
                return (answer or {}).get(name[0].upper() + name[1:], {}).get("Value")

            protected, shutdown = attribute("disableApiTermination"), attribute("instanceInitiatedShutdownBehavior")
            return {**instance, "protected": bool(protected), "shutdown": shutdown}

        return aws.map(complete, living(aws, filters))

    def attrs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        interfaces = item.get("NetworkInterfaces") or []
        primary = [one["NetworkInterfaceId"] for one in interfaces if one["Attachment"]["DeviceIndex"] == 0]
        return {
            "type": item["InstanceType"],
            "interface": next(iter(primary), None),
            "profile": _profile_name(item.get("IamInstanceProfile")),
            "metadata": _metadata(item.get("MetadataOptions") or {}),
            "monitoring": item["Monitoring"]["State"] in ("enabled", "pending"),
            "protected": item["protected"],
            "shutdown": item["shutdown"],
            "state": "running" if _state(item) in ("pending", "running", "held") else "stopped",
        }

    def outputs(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": item["InstanceId"], "address": item.get("PrivateIpAddress")}

    def objection(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> KcError | None:
        have, want = before["type"], after["type"]
        if have == want:
            return None
        about = f"`type` is {have}, the inventory wants {want}"
        if limits.architecture(have) != limits.architecture(want):
            return KcError(f"{about}, which is of another architecture", hint="add a node of that type and take this one away")
        if after["resize"]:
            return None
        how = json.dumps({"kc_nodes_resize": [after["tags"].get("Node", "…")]})
        return KcError(
            f"{about}, and the node stops for that",
            hint=f"one node at a time, its peers ready (the rolling_restart runbook sees to that): -e '{how}'",
        )

    def create(self, aws: Aws, scope: Scope, name: str, want: Mapping[str, Any]) -> Live:
        answer = aws.call(
            "ec2",
            "run_instances",
            ImageId=image_id(aws, want["image"]),
            LaunchTemplate={"LaunchTemplateId": want["template"], "Version": "$Default"},
            MinCount=1,
            MaxCount=1,
            ClientToken=aws.token("instance", scope.region, name),
            TagSpecifications=[
                *tagged("instance", want["tags"]),
                *tagged("volume", {**want["tags"], **ROOT, "Name": f"{name}-root"}),
            ],
        )
        return Live(dict(want), self.outputs(answer["Instances"][0]))

    def ready(self, aws: Aws, name: str, live: Live) -> None:
        """Wait until it runs and passes EC2's status checks, which takes two to four minutes.

        Raises:
            KcError: AWS ended it again, with the reason that AWS gives; or a check is not passed in time.
        """

        def state() -> str:
            item = _described(aws, live.id)
            if _state(item) in ("shutting-down", "terminated"):
                raise KcError(
                    f"it is {_state(item)}: {(item.get('StateReason') or {}).get('Message') or 'AWS gives no reason'}",
                    hint="mend what the reason names, then run again: its volume and its address stand",
                )
            return _state(item)

        if aws.wait(f"instance {name}", state, until=["running", "held"], pause=5) == "running":
            aws.wait(f"status checks of instance {name}", lambda: _checks(aws, live.id), until=["ok"], timeout=900, pause=10)

    def update(self, aws: Aws, scope: Scope, name: str, live: Live, want: Mapping[str, Any], changed: frozenset[str]) -> None:
        if "protected" in changed:
            self._protect(aws, live.id, want["protected"])
        if "shutdown" in changed:
            behaviour = {"Value": want["shutdown"]}
            aws.call("ec2", "modify_instance_attribute", InstanceId=live.id, InstanceInitiatedShutdownBehavior=behaviour)
        if "metadata" in changed:
            aws.call("ec2", "modify_instance_metadata_options", InstanceId=live.id, **_metadata_options(want["metadata"]))
        if "monitoring" in changed and want["monitoring"]:
            aws.call("ec2", "monitor_instances", InstanceIds=[live.id])
        elif "monitoring" in changed:
            aws.call("ec2", "unmonitor_instances", InstanceIds=[live.id])
        if "profile" in changed:
            self._put_profile(aws, live.id, want["profile"])
        self.retag(aws, live, want, changed)
        if changed & {"type", "state"}:
            self._restart(aws, name, live.id, want["type"] if "type" in changed else "")

    def delete(self, aws: Aws, scope: Scope, name: str, live: Live) -> None:
        """Terminate it, protected or not: what asks for that is the inventory, not a slip of the hand."""
        self._protect(aws, live.id, False)
        aws.find("ec2", "terminate_instances", InstanceIds=[live.id])
        aws.wait(f"end of instance {name}", lambda: _state(_described(aws, live.id)), until=["terminated", "unknown"], pause=5)

    def _protect(self, aws: Aws, instance: str, protected: bool) -> None:
        aws.find("ec2", "modify_instance_attribute", InstanceId=instance, DisableApiTermination={"Value": protected})

    def _restart(self, aws: Aws, name: str, instance: str, type: str) -> None:
        """Start it; with a type, stop it first and give it that type. One that is held stays stopped."""
        held = _state(_described(aws, instance)) == "held"
        if type:
            aws.call("ec2", "stop_instances", InstanceIds=[instance])
            stopped = ["stopped", "held"]
            aws.wait(f"stop of instance {name}", lambda: _state(_described(aws, instance)), until=stopped, pause=5)
            aws.call("ec2", "modify_instance_attribute", InstanceId=instance, InstanceType={"Value": type})
        if not held:
            aws.call("ec2", "start_instances", InstanceIds=[instance])

    def _put_profile(self, aws: Aws, instance: str, profile: str) -> None:
        filters = [{"Name": "instance-id", "Values": [instance]}, {"Name": "state", "Values": ["associating", "associated"]}]
        found = aws.pages("ec2", "describe_iam_instance_profile_associations", "IamInstanceProfileAssociations", Filters=filters)
        to = {"Name": profile}
        if found:
            association = found[0]["AssociationId"]
            aws.call("ec2", "replace_iam_instance_profile_association", AssociationId=association, IamInstanceProfile=to)
        else:
            aws.call("ec2", "associate_iam_instance_profile", InstanceId=instance, IamInstanceProfile=to)


def _described(aws: Aws, instance: str) -> dict[str, Any]:
    answer = aws.find("ec2", "describe_instances", InstanceIds=[instance])
    return next((one for each in (answer or {}).get("Reservations") or [] for one in each["Instances"]), {})


def _state(item: Mapping[str, Any]) -> str:
    """Return EC2's state of an instance; `held` where it is stopped and shall be, `unknown` where AWS lists no such instance."""
    state = str(item["State"]["Name"]) if item else "unknown"
    return "held" if state == "stopped" and HOLD in tag_dict(item.get("Tags")) else state


def _checks(aws: Aws, instance: str) -> str:
    """Return the worse of the two status checks: of AWS's machine, and of the instance itself."""
    answer = aws.find("ec2", "describe_instance_status", InstanceIds=[instance], IncludeAllInstances=True)
    found = next(iter((answer or {}).get("InstanceStatuses") or []), None)
    states = [found["SystemStatus"]["Status"], found["InstanceStatus"]["Status"]] if found else ["unknown"]
    return next((state for state in states if state != "ok"), "ok")


def image_id(aws: Aws, image: Mapping[str, Any]) -> str:
    """Return the image to make an instance from: the one that is pinned, or the newest of its owner and name.

    Args:
        image: `id` (may be empty), `owner`, `name` (a pattern), `architecture` and `device`, the root volume's.

    Raises:
        KcError: There is none, or it does not fit the instance: of another architecture, or with another root device (the
            template's encrypted volume would then be a second one beside it).
    """
    if image["id"]:
        found = (aws.find("ec2", "describe_images", ImageIds=[image["id"]]) or {}).get("Images") or []
    else:
        about = {"name": image["name"], "architecture": image["architecture"], "state": "available"}
        filters = [{"Name": name, "Values": [value]} for name, value in about.items()]
        found = aws.pages("ec2", "describe_images", "Images", Owners=[image["owner"]], Filters=filters)
    if not found:
        which = image["id"] or f"`{image['name']}` of owner {image['owner']}"
        raise KcError(f"there is no image {which} for {image['architecture']}", hint="name another one in `image` or `image_id`")
    newest = max(found, key=lambda one: str(one["CreationDate"]))
    for what, have, want in (
        ("of the architecture", newest["Architecture"], image["architecture"]),
        ("with the root device", newest["RootDeviceName"], image["device"]),
    ):
        if have != want:
            raise KcError(f"image {newest['ImageId']} is {what} {have}, not {want}", hint="name another one in `image` or `image_id`")
    return str(newest["ImageId"])
