"""EC2: what a launch template says of an instance, interfaces and volumes that outlive one."""

from __future__ import annotations

from typing import Any


def templates_say_what_they_were_told() -> None:
    """A template's data is what the call gave, in every version; its tags are those of now.

    moto 5.2.5 adds the template's own tags and an empty UserData to its first version's data, leaves a later version's
    UserData a plain text that RunInstances chokes on, and answers the tags that the template was made with.
    """
    from moto.ec2.models.launch_templates import LaunchTemplate
    from moto.ec2.utils import parse_user_data

    create_version = LaunchTemplate.create_version

    def version(self: Any, data: dict[str, Any], description: str) -> Any:
        own = [spec for spec in data.get("TagSpecifications") or [] if spec["ResourceType"] != "launch-template"]
        said = {key: value for key, value in data.items() if value is not None and key not in ("TagSpecifications", "UserData")}
        if own:
            said["TagSpecifications"] = own
        if data.get("UserData"):
            said["UserData"] = parse_user_data(str(data["UserData"]))
        return create_version(self, said, description)

    LaunchTemplate.create_version = version
    LaunchTemplate.tags = property(lambda self: self.get_tags(), lambda self, value: None)


def templates_are_carried_out() -> None:
    """RunInstances does all that the template says; moto 5.2.5 takes image, type, user data and security groups only."""
    from moto.ec2.models.instances import Instance, InstanceBackend, MetadataOptions

    run, prepare = InstanceBackend.run_instances, Instance.prep_nics

    def run_instances(self: Any, image_id: Any, count: int, user_data: Any, security_group_names: Any, **kwargs: Any) -> Any:
        template = kwargs.get("launch_template")
        said = self._get_template_from_args(template).data if template else {}
        for option, name in (("nics", "NetworkInterfaces"), ("block_device_mappings", "BlockDeviceMappings")):
            if said.get(name) and not kwargs.get(option):
                kwargs[option] = said[name]
        made = run(self, image_id, count, user_data, security_group_names, **kwargs)
        for instance in made.instances if said else ():
            instance.metadata_options = MetadataOptions(said.get("MetadataOptions"))
            instance.monitoring_state = "enabled" if (said.get("Monitoring") or {}).get("Enabled") else "disabled"
            instance.ebs_optimized = said.get("EbsOptimized", False)
            instance.disable_api_termination = said.get("DisableApiTermination", False)
            instance.instance_initiated_shutdown_behavior = said.get("InstanceInitiatedShutdownBehavior", "stop")
            profile = said.get("IamInstanceProfile") or {}
            if profile:
                self.associate_iam_instance_profile(instance.id, profile.get("Name"), profile.get("Arn"))
        return made

    def prep_nics(self: Any, nic_spec: list[dict[str, Any]], *args: Any, **kwargs: Any) -> None:
        given = [self.ec2_backend.get_network_interface(one["NetworkInterfaceId"]) for one in nic_spec if one.get("NetworkInterfaceId")]
        taken = next((one for one in given if one.status == "in-use"), None)
        if taken:
            raise _refusal("InvalidNetworkInterface.InUse", f"Interface {taken.id} is in use.")
        prepare(self, nic_spec, *args, **kwargs)
        if given:
            self._subnet_id, self._placement.zone = given[0].subnet.id, given[0].subnet.availability_zone

    InstanceBackend.run_instances = run_instances
    Instance.prep_nics = prep_nics


def interfaces_are_let_go() -> None:
    """An interface that outlives its instance is available again once that is terminated; moto 5.2.5 leaves it in use."""
    from moto.ec2.models.instances import Instance

    terminate = Instance.terminate

    def terminated(self: Any) -> Any:
        previous = terminate(self)
        for interface in self.network_interfaces:
            interface.instance = interface.attachment_id = interface.attach_time = None
            interface.status = "available"
        return previous

    Instance.terminate = terminated
    Instance.network_interfaces = property(lambda self: [one for one in self.nics.values() if one.instance is self])


def volumes_tell_whether_they_end_with_an_instance() -> None:
    """DescribeVolumes answers `DeleteOnTermination` of an attachment; moto 5.2.5 only does where it describes the instance."""
    from moto.ec2.models.elastic_block_store import VolumeAttachment

    VolumeAttachment.delete_on_termination = property(
        lambda self: getattr(self.instance.block_device_mapping.get(self.device), "delete_on_termination", False)
    )


def volumes_are_attached_once() -> None:
    """A volume that is attached is refused with VolumeInUse; moto 5.2.5 moves it."""
    from moto.ec2.models.elastic_block_store import EBSBackend

    attach = EBSBackend.attach_volume

    def attach_volume(self: Any, volume_id: str, instance_id: str, *args: Any, **kwargs: Any) -> Any:
        holder = self.get_volume(volume_id).attachment
        if holder:
            raise _refusal("VolumeInUse", f"{volume_id} is already attached to an instance")
        return attach(self, volume_id, instance_id, *args, **kwargs)

    EBSBackend.attach_volume = attach_volume


def types_change_at_rest() -> None:
    """The type of an instance changes while it is stopped only; moto 5.2.5 changes a running one."""
    from moto.ec2.models.instances import InstanceBackend

    modify = InstanceBackend.modify_instance_attribute

    def modify_instance_attribute(self: Any, instance_id: str, key: str, value: Any) -> Any:
        if key == "instance_type" and self.get_instance(instance_id).state != "stopped":
            raise _refusal("IncorrectInstanceState", f"The instance '{instance_id}' is not in the 'stopped' state.")
        return modify(self, instance_id, key, value)

    InstanceBackend.modify_instance_attribute = modify_instance_attribute


def shutdown_behaviour_can_be_changed() -> None:
    """ModifyInstanceAttribute takes InstanceInitiatedShutdownBehavior; moto 5.2.5 takes it in an older form only."""
    from moto.core.responses import EmptyResult
    from moto.ec2.responses.instances import InstanceResponse

    modify = InstanceResponse.modify_instance_attribute

    def modify_instance_attribute(self: Any) -> Any:
        behaviour = self._get_param("InstanceInitiatedShutdownBehavior.Value")
        if behaviour is None:
            return modify(self)
        instance = self._get_param("InstanceId")
        self.ec2_backend.modify_instance_attribute(instance, "instance_initiated_shutdown_behavior", behaviour)
        return EmptyResult()

    InstanceResponse.modify_instance_attribute = modify_instance_attribute


def profiles_are_replaced() -> None:
    """An instance whose profile is replaced has the other one; moto 5.2.5 changes the association only."""
    from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociationBackend as Backend

    replace = Backend.replace_iam_instance_profile_association

    def replaced(self: Any, *args: Any, **kwargs: Any) -> Any:
        association = replace(self, *args, **kwargs)
        profile = {"Arn": association.iam_instance_profile.arn, "Id": association.association_id}
        self.modify_instance_attribute(association.instance.id, "iam_instance_profile", profile)
        return association

    Backend.replace_iam_instance_profile_association = replaced


def types_are_offered() -> None:
    """`REGION` offers what its neighbour does; moto 5.2.5 doesn't know it."""
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

    from ..overlay import LIKE
    from ..settings import REGION

    for regions in INSTANCE_TYPE_OFFERINGS.values():
        regions[REGION] = [{**one, "Location": one["Location"].replace(LIKE, REGION)} for one in regions[LIKE]]


def monitoring() -> None:
    """MonitorInstances and UnmonitorInstances; moto 5.2.5 has neither."""
    from moto.core.responses import ActionResult
    from moto.ec2.responses.monitoring import Monitoring

    def turned(state: str) -> Any:
        def turn(self: Any) -> Any:
            instances = [self.ec2_backend.get_instance(one) for one in self._get_param("InstanceIds", [])]
            for instance in instances:
                instance.monitoring_state = state
            return ActionResult({"InstanceMonitorings": [{"InstanceId": one.id, "Monitoring": one.monitoring} for one in instances]})

        return turn

    Monitoring.monitor_instances = turned("enabled")
    Monitoring.unmonitor_instances = turned("disabled")


def _refusal(code: str, message: str) -> Exception:
    from moto.ec2.exceptions import EC2ClientError

    error: Exception = EC2ClientError(code, message)
    return error


def volumes_say_whether_several_attach() -> None:
    """DescribeVolumes always answers with MultiAttachEnabled; moto 5.2.5 only where it was asked for."""
    from moto.ec2.models.elastic_block_store import Volume

    begin = Volume.__init__

    def __init__(self: Any, *args: Any, **more: Any) -> None:
        begin(self, *args, **more)
        self.multi_attach_enabled = bool(self.multi_attach_enabled)

    Volume.__init__ = __init__


def tags_tell_the_type() -> None:
    """DescribeTags names types as TagSpecification does; moto 5.2.5 has other names for these, and no filter finds them."""
    from moto.ec2.models.tags import EC2_PREFIX_TO_RESOURCE

    EC2_PREFIX_TO_RESOURCE.update({"eipalloc": "elastic-ip", "nat": "natgateway", "fl": "vpc-flow-log"})


ALL = (
    templates_say_what_they_were_told,
    templates_are_carried_out,
    interfaces_are_let_go,
    volumes_tell_whether_they_end_with_an_instance,
    volumes_are_attached_once,
    types_change_at_rest,
    shutdown_behaviour_can_be_changed,
    profiles_are_replaced,
    types_are_offered,
    monitoring,
    volumes_say_whether_several_attach,
    tags_tell_the_type,
)
