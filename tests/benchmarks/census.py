"""What stands in one region: how many of each, and how many of their parts; contenders must leave the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kc.aws.session import Aws, Connection

Item = dict[str, Any]


def census(connection: Connection, region: str) -> Counter[str]:
    """Return counts by kind. Only what carries the platform's tags or name counts, and what belongs to that."""
    aws, count = Aws(connection, region), Counter[str]()
    tagged = [{"Name": "tag-key", "Values": ["Platform"]}]

    def ec2(operation: str, key: str, filters: str = "Filters") -> list[Item]:
        found = aws.pages("ec2", operation, key, **{filters: tagged})
        return [one for one in found if one.get("State") not in ("deleted", "deleting")]

    count["vpc"] = len(ec2("describe_vpcs", "Vpcs"))
    count["subnet"] = len(ec2("describe_subnets", "Subnets"))
    count["internet_gateway"] = len(ec2("describe_internet_gateways", "InternetGateways"))
    count["address"] = len(ec2("describe_addresses", "Addresses"))
    count["nat_gateway"] = len(ec2("describe_nat_gateways", "NatGateways", "Filter"))
    for table in ec2("describe_route_tables", "RouteTables"):
        count["route_table"] += 1
        count["route_table: subnets"] += len([one for one in table["Associations"] if one.get("SubnetId")])
        count["route_table: routes"] += len([one for one in table["Routes"] if one.get("DestinationCidrBlock") == "0.0.0.0/0"])
    for acl in ec2("describe_network_acls", "NetworkAcls"):
        count["network_acl"] += 1
        count["network_acl: subnets"] += len(acl["Associations"])
        count["network_acl: entries"] += len([one for one in acl["Entries"] if one["RuleNumber"] < 32767])
    for group in ec2("describe_security_groups", "SecurityGroups"):
        count["security_group"] += 1
        for rule in [*group["IpPermissions"], *group["IpPermissionsEgress"]]:
            count["security_group: rules"] += len(rule["IpRanges"]) + len(rule["UserIdGroupPairs"])
    for endpoint in ec2("describe_vpc_endpoints", "VpcEndpoints"):
        count[f"endpoint {endpoint['VpcEndpointType'].lower()}"] += 1
        count["endpoint: places"] += len(endpoint.get("RouteTableIds") or endpoint.get("SubnetIds") or [])
    count["flow_log"] = len(ec2("describe_flow_logs", "FlowLogs", "Filter"))

    for alias in aws.pages("kms", "list_aliases", "Aliases"):
        if alias["AliasName"].startswith("alias/kc-"):
            count["key"] += 1
            count["key: rotation"] += aws.call("kms", "get_key_rotation_status", KeyId=alias["TargetKeyId"])["KeyRotationEnabled"]
    for bucket in aws.pages("s3", "list_buckets", "Buckets"):
        if bucket["Name"].endswith(region):
            count["bucket"] += 1
            for part, operation in BUCKET.items():
                count[f"bucket: {part}"] += bool((aws.find("s3", operation, Bucket=bucket["Name"]) or {}).keys() - {"ResponseMetadata"})
    roles = [role for role in aws.pages("iam", "list_roles", "Roles") if role["RoleName"].startswith("kc-")]
    for role in roles:
        count["role"] += 1
        count["role: policies"] += len(aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=role["RoleName"]))
        count["role: managed"] += len(aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role["RoleName"]))
    count["instance_profile"] = len(aws.pages("iam", "list_instance_profiles", "InstanceProfiles"))
    count["hosted_zone"] = len(aws.pages("route53", "list_hosted_zones", "HostedZones"))
    for repository in aws.pages("ecr", "describe_repositories", "repositories"):
        count["repository"] += 1
        count["repository: lifecycle"] += bool(aws.find("ecr", "get_lifecycle_policy", repositoryName=repository["repositoryName"]))
        tags = aws.call("ecr", "list_tags_for_resource", resourceArn=repository["repositoryArn"])["tags"]
        count["repository: tagged"] += bool(tags)
    count["secret"] = len(aws.pages("secretsmanager", "list_secrets", "SecretList"))
    count["parameter"] = len(aws.pages("ssm", "describe_parameters", "Parameters"))
    for there in {region, "us-east-1"}:
        count["certificate"] += len(
            aws.at(there).pages("acm", "list_certificates", "CertificateSummaryList", Includes={"keyTypes": ["RSA_2048", "EC_prime256v1"]})
        )
    return count


BUCKET = {
    "tags": "get_bucket_tagging",
    "ownership": "get_bucket_ownership_controls",
    "public access block": "get_public_access_block",
    "policy": "get_bucket_policy",
    "encryption": "get_bucket_encryption",
    "versioning": "get_bucket_versioning",
    "lifecycle": "get_bucket_lifecycle_configuration",
    "logging": "get_bucket_logging",
}
"""A bucket's parts, and the call that answers with something where it is set."""


def platform_census(connection: Connection, region: str) -> Counter[str]:
    """Return counts by kind of what stands on the foundation, by tag, or by the platform's beginning of names."""
    aws, count = Aws(connection, region), Counter[str]()
    tagged = [{"Name": "tag-key", "Values": ["Platform"]}]

    for group in aws.pages("logs", "describe_log_groups", "logGroups"):
        count["log_group"] += 1
        count["log_group: retention"] += bool(group.get("retentionInDays"))
        count["log_group: key"] += bool(group.get("kmsKeyId"))
    for parameters in aws.pages("rds", "describe_db_parameter_groups", "DBParameterGroups"):
        if parameters["DBParameterGroupName"].startswith("kc-"):
            count["db_parameter_group"] += 1
            found = aws.pages("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=parameters["DBParameterGroupName"])
            count["db_parameter_group: parameters"] += len([one for one in found if one.get("ParameterValue")])
    for subnets in aws.pages("rds", "describe_db_subnet_groups", "DBSubnetGroups"):
        count["db_subnet_group"] += 1
        count["db_subnet_group: subnets"] += len(subnets["Subnets"])
    for database in aws.pages("rds", "describe_db_instances", "DBInstances"):
        count["db_instance"] += 1
        count["db_instance: security groups"] += len(database["VpcSecurityGroups"])
        count["db_instance: logs"] += len(database.get("EnabledCloudwatchLogsExports") or [])
    for zone in aws.pages("route53", "list_hosted_zones", "HostedZones"):
        if zone["Config"].get("PrivateZone"):
            records = aws.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"])
            count["record"] += len([one for one in records if one["Type"] == "A"])
    count["interface"] = len(aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=tagged))
    for volume in aws.pages("ec2", "describe_volumes", "Volumes", Filters=[{"Name": "tag:Component", "Values": ["nodes"]}]):
        if volume["Size"] > ROOT_DISK:
            count["volume"] += 1
            count["volume: attached"] += len(volume["Attachments"])
    count["launch_template"] = len(aws.pages("ec2", "describe_launch_templates", "LaunchTemplates", Filters=tagged))
    for reservation in aws.pages("ec2", "describe_instances", "Reservations", Filters=tagged):
        for instance in reservation["Instances"]:
            count["instance"] += instance["State"]["Name"] == "running"
            count["instance: profile"] += bool(instance.get("IamInstanceProfile"))
    for cluster in aws.pages("ecs", "list_clusters", "clusterArns"):
        count["cluster"] += 1
        arns = aws.pages("ecs", "list_services", "serviceArns", cluster=cluster)
        for service in aws.call("ecs", "describe_services", cluster=cluster, services=arns)["services"] if arns else []:
            count["service"] += 1
            count["service: balanced"] += len(service["loadBalancers"])
            count["service: tasks"] += service["desiredCount"]
    for definition in aws.pages("ecs", "list_task_definitions", "taskDefinitionArns"):
        count["task_definition"] += 1
        container = aws.call("ecs", "describe_task_definition", taskDefinition=definition)["taskDefinition"]["containerDefinitions"][0]
        for part in ("secrets", "environment", "mountPoints", "portMappings"):
            count[f"task_definition: {part}"] += len(container.get(part) or [])
    for target in aws.pages("application-autoscaling", "describe_scalable_targets", "ScalableTargets", ServiceNamespace="ecs"):
        count["scalable_target"] += 1
        count["scalable_target: bounds"] += target["MinCapacity"] + target["MaxCapacity"]
    policies = aws.pages("application-autoscaling", "describe_scaling_policies", "ScalingPolicies", ServiceNamespace="ecs")
    count["scaling_policy"] = len(policies)
    for url in aws.pages("sqs", "list_queues", "QueueUrls"):
        count["queue"] += 1
        attributes = aws.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for part in ("Policy", "RedrivePolicy", "KmsMasterKeyId"):
            count[f"queue: {part}"] += part in attributes
    count["target_group"] = len(aws.pages("elbv2", "describe_target_groups", "TargetGroups"))
    for balancer in aws.pages("elbv2", "describe_load_balancers", "LoadBalancers"):
        count["load_balancer"] += 1
        count["load_balancer: subnets"] += len(balancer["AvailabilityZones"])
        for listener in aws.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"]):
            count["listener"] += 1
            rules = aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"])
            count["listener_rule"] += len([one for one in rules if not one["IsDefault"]])
    for acl in aws.pages("wafv2", "list_web_acls", "WebACLs", Scope="REGIONAL"):
        count["web_acl"] += 1
        found = aws.call("wafv2", "get_web_acl", Name=acl["Name"], Id=acl["Id"], Scope="REGIONAL")["WebACL"]
        count["web_acl: rules"] += len(found["Rules"])
    for there in (region, "us-east-1"):
        count["topic: subscriptions"] += len(aws.at(there).pages("sns", "list_subscriptions", "Subscriptions"))
        count["topic"] += len(aws.at(there).pages("sns", "list_topics", "Topics"))
        for rule in aws.at(there).pages("events", "list_rules", "Rules"):
            count["event_rule"] += 1
            count["event_rule: targets"] += len(aws.at(there).pages("events", "list_targets_by_rule", "Targets", Rule=rule["Name"]))
        for alarm in aws.at(there).pages("cloudwatch", "describe_alarms", "MetricAlarms"):
            kind = "alarm of an expression" if alarm.get("Metrics") else "alarm"
            count[kind] += not alarm["AlarmName"].startswith("TargetTracking")
            count[f"{kind}: actions"] += len(alarm["AlarmActions"]) + len(alarm["OKActions"])
            count[f"{kind}: metrics"] += len(alarm.get("Metrics") or [])
    return count


ROOT_DISK = 16
"""GiB of a node's first disk, which comes and goes with the instance."""
