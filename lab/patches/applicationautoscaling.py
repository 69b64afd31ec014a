"""Application Auto Scaling: what belongs to a scalable target comes and goes with it."""

from __future__ import annotations

from typing import Any


def targets_hold_what_is_theirs() -> None:
    """A policy or scheduled action needs a target, and goes with it, as the target goes with its ECS service.

    moto 5.2.5 takes policies and actions without a target, leaves them behind, keeps the alarms of a policy that is put
    again, and answers ValidationException instead of ObjectNotFoundException.
    """
    from moto.applicationautoscaling.models import ApplicationAutoscalingBackend as Backend
    from moto.applicationautoscaling.models import applicationautoscaling_backends
    from moto.core.exceptions import JsonRESTError
    from moto.ecs.models import EC2ContainerServiceBackend as Ecs

    deregister, put_policy, delete_policy, put_action, delete_service = (
        Backend.deregister_scalable_target,
        Backend.put_scaling_policy,
        Backend.delete_scaling_policy,
        Backend.put_scheduled_action,
        Ecs.delete_service,
    )

    def missing(what: str) -> JsonRESTError:
        return JsonRESTError("ObjectNotFoundException", f"No {what} found.")

    def require(self: Any, resource_id: str, dimension: str) -> None:
        if not self._scalable_target_exists(resource_id, dimension):
            raise missing("scalable target")

    def deregister_scalable_target(self: Any, namespace: str, r_id: str, dimension: str) -> None:
        require(self, r_id, dimension)
        for policy in [one for one in self.policies.values() if one.resource_id == r_id]:
            delete_policy(self, policy.policy_name, namespace, r_id, dimension)
        self.scheduled_actions = [one for one in self.scheduled_actions if one.resource_id != r_id]
        deregister(self, namespace, r_id, dimension)

    def put_scaling_policy(self: Any, **given: Any) -> Any:
        require(self, given["resource_id"], given["scalable_dimension"])
        before = [
            one for one in self.policies.values() if (one.resource_id, one.policy_name) == (given["resource_id"], given["policy_name"])
        ]
        for policy in before:
            policy.delete_alarms(self.account_id, self.region_name)
        return put_policy(self, **given)

    def delete_scaling_policy(self: Any, **given: Any) -> None:
        if not any((one.resource_id, one.policy_name) == (given["resource_id"], given["policy_name"]) for one in self.policies.values()):
            raise missing("scaling policy")
        delete_policy(self, **given)

    def put_scheduled_action(self: Any, **given: Any) -> None:
        require(self, given["resource_id"], given["scalable_dimension"])
        put_action(self, **given)

    def service_deleted(self: Any, cluster_name: str, service_name: str, force: bool) -> Any:
        deleted = delete_service(self, cluster_name, service_name, force)
        scaling = applicationautoscaling_backends[self.account_id][self.region_name]
        resource = f"service/{deleted.cluster_name}/{deleted.name}"
        for dimension in [name for name, targets in scaling.targets.items() if resource in targets]:
            scaling.deregister_scalable_target("ecs", resource, dimension)
        return deleted

    Backend.deregister_scalable_target = deregister_scalable_target
    Backend.put_scaling_policy = put_scaling_policy
    Backend.delete_scaling_policy = delete_scaling_policy
    Backend.put_scheduled_action = put_scheduled_action
    Ecs.delete_service = service_deleted


def ranges_move_counts() -> None:
    """RegisterScalableTarget moves a service's number of tasks into the range; moto 5.2.5 leaves it."""
    from moto.applicationautoscaling.models import ApplicationAutoscalingBackend as Backend

    from .ecs import deploy

    register = Backend.register_scalable_target

    def register_scalable_target(self: Any, *args: Any, **given: Any) -> Any:
        target = register(self, *args, **given)
        if target.service_namespace == "ecs":
            service = self.ecs_backend.services["{1}:{2}".format(*target.resource_id.split("/"))]
            service.desired_count = min(max(service.desired_count, target.min_capacity), target.max_capacity)
            deploy(service, anew=False)
        return target

    Backend.register_scalable_target = register_scalable_target


def policies_are_found_by_name() -> None:
    """DescribeScalingPolicies answers with the policies of `PolicyNames`; moto 5.2.5 with all of a resource."""
    from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Response

    describe = Response.describe_scaling_policies

    def describe_scaling_policies(self: Any) -> str:
        backend, names = self.applicationautoscaling_backend, self._get_param("PolicyNames")
        every = backend.policies
        if names:
            backend.policies = {key: policy for key, policy in every.items() if policy.policy_name in names}
        try:
            return str(describe(self))
        finally:
            backend.policies = every

    Response.describe_scaling_policies = describe_scaling_policies


ALL = (targets_hold_what_is_theirs, ranges_move_counts, policies_are_found_by_name)
