"""What stands in an account, by plain API calls that know nothing of the toolkit.

`inventory_of` counts by region, kind and name: a duplicate is a count of 2, and an account that was left as it was
found is an empty inventory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Census = Counter[tuple[str, str, str]]
Client = Callable[..., Any]

REGIONS = ("me-west-1", "eu-central-1", "eu-west-1", "us-east-1")
GLOBAL = "us-east-1"
"""Where services without regions are listed."""


def _tag(item: Mapping[str, Any], name: str = "Name") -> str:
    return next((tag["Value"] for tag in item.get("Tags") or [] if tag["Key"] == name), "(unnamed)")


def ec2(client: Client, region: str) -> Iterator[tuple[str, str]]:
    """AWS's own are left out: the default VPC with all that it holds, default groups and ACLs, main route tables."""
    api = client("ec2", region)
    default = {vpc["VpcId"] for vpc in api.describe_vpcs()["Vpcs"] if vpc["IsDefault"]}
    lists: list[tuple[str, list[dict[str, Any]]]] = [
        ("vpc", api.describe_vpcs()["Vpcs"]),
        ("subnet", api.describe_subnets()["Subnets"]),
        ("nat_gateway", [nat for nat in api.describe_nat_gateways()["NatGateways"] if nat["State"] not in ("deleted", "deleting")]),
        ("route_table", [t for t in api.describe_route_tables()["RouteTables"] if not any(a.get("Main") for a in t["Associations"])]),
        ("network_acl", [acl for acl in api.describe_network_acls()["NetworkAcls"] if not acl["IsDefault"]]),
        ("security_group", [group for group in api.describe_security_groups()["SecurityGroups"] if group["GroupName"] != "default"]),
        ("endpoint", [e for e in api.describe_vpc_endpoints()["VpcEndpoints"] if e["State"].lower() not in ("deleted", "deleting")]),
        ("address", api.describe_addresses()["Addresses"]),
        ("flow_log", api.describe_flow_logs()["FlowLogs"]),
        ("internet_gateway", [g for g in api.describe_internet_gateways()["InternetGateways"] if not default & _vpcs(g)]),
        (
            "interface",
            [{**one, "Tags": one["TagSet"]} for one in api.describe_network_interfaces()["NetworkInterfaces"] if one.get("TagSet")],
        ),
        ("instance", [one for each in api.describe_instances()["Reservations"] for one in each["Instances"] if _lives(one)]),
        ("volume", api.describe_volumes()["Volumes"]),
        ("launch_template", api.describe_launch_templates()["LaunchTemplates"]),
        (
            "peering",
            [
                p
                for p in api.describe_vpc_peering_connections()["VpcPeeringConnections"]
                if p["Status"]["Code"] not in ("deleted", "rejected")
            ],
        ),
    ]
    for kind, items in lists:
        yield from ((kind, _tag(item)) for item in items if item.get("VpcId") not in default)


def _lives(instance: Mapping[str, Any]) -> bool:
    return instance["State"]["Name"] not in ("shutting-down", "terminated")


def _vpcs(gateway: Mapping[str, Any]) -> set[str]:
    return {each["VpcId"] for each in gateway["Attachments"]}


def kms(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("kms", region)
    for key in api.list_keys()["Keys"]:
        about = api.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if about["KeyManager"] == "CUSTOMER" and about["KeyState"] != "PendingDeletion":
            tags = api.list_resource_tags(KeyId=key["KeyId"])["Tags"]
            yield "key", next((tag["TagValue"] for tag in tags if tag["TagKey"] == "Name"), "(unnamed)")
    for alias in api.list_aliases()["Aliases"]:
        if not alias["AliasName"].startswith("alias/aws/"):
            yield "alias", alias["AliasName"]


def s3(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("s3", region)
    for bucket in api.list_buckets()["Buckets"]:
        if (api.get_bucket_location(Bucket=bucket["Name"])["LocationConstraint"] or "us-east-1") == region:
            yield "bucket", bucket["Name"]


def iam(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("iam", region)
    if region == GLOBAL:
        yield from (("role", role["RoleName"]) for role in api.list_roles()["Roles"] if "/aws-service-role/" not in role["Path"])
        yield from (("policy", policy["PolicyName"]) for policy in api.list_policies(Scope="Local")["Policies"])
        yield from (("instance_profile", each["InstanceProfileName"]) for each in api.list_instance_profiles()["InstanceProfiles"])


def route53(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("route53", region)
    for zone in api.list_hosted_zones()["HostedZones"] if region == GLOBAL else ():
        yield "zone", zone["Name"]
        records = api.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        for each in records:
            if each["Type"] not in ("NS", "SOA"):
                yield "record", f"{each['Name']} {each['Type']} {each.get('SetIdentifier', '')}".rstrip()
    for check in api.list_health_checks()["HealthChecks"] if region == GLOBAL else ():
        tags = api.list_tags_for_resource(ResourceType="healthcheck", ResourceId=check["Id"])["ResourceTagSet"]
        yield "health_check", _tag(tags)


def ecr(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("ecr", region)
    yield from (("repository", each["repositoryName"]) for each in api.describe_repositories()["repositories"])
    for rule in api.describe_registry()["replicationConfiguration"]["rules"]:
        yield from (("image_replication", each["region"]) for each in rule["destinations"])


def cloudfront(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("cloudfront", region)
    if region != GLOBAL:
        return
    for each in api.list_distributions()["DistributionList"].get("Items") or []:
        yield "distribution", each["Comment"]
    for each in api.list_cache_policies(Type="custom")["CachePolicyList"].get("Items") or []:
        yield "cache_policy", each["CachePolicy"]["CachePolicyConfig"]["Name"]
    for each in api.list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"].get("Items") or []:
        yield "response_headers_policy", each["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["Name"]
    for each in api.list_key_groups()["KeyGroupList"].get("Items") or []:
        yield "key_group", each["KeyGroup"]["KeyGroupConfig"]["Name"]
    for kind, answer in (
        ("origin_access_control", api.list_origin_access_controls()["OriginAccessControlList"]),
        ("public_key", api.list_public_keys()["PublicKeyList"]),
    ):
        yield from ((kind, each["Name"].partition("_")[0]) for each in answer.get("Items") or [])


def acm(client: Client, region: str) -> Iterator[tuple[str, str]]:
    yield from (("certificate", each["DomainName"]) for each in client("acm", region).list_certificates()["CertificateSummaryList"])


def secretsmanager(client: Client, region: str) -> Iterator[tuple[str, str]]:
    yield from (("secret", each["Name"]) for each in client("secretsmanager", region).list_secrets()["SecretList"])


def ssm(client: Client, region: str) -> Iterator[tuple[str, str]]:
    yield from (("parameter", each["Name"]) for each in client("ssm", region).describe_parameters()["Parameters"])


def sqs(client: Client, region: str) -> Iterator[tuple[str, str]]:
    yield from (("queue", url.rpartition("/")[2]) for url in client("sqs", region).list_queues().get("QueueUrls", []))


def backup(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("backup", region)
    yield from (("backup_vault", each["BackupVaultName"]) for each in api.list_backup_vaults()["BackupVaultList"])
    for plan in api.list_backup_plans()["BackupPlansList"]:
        yield "backup_plan", plan["BackupPlanName"]
        selections = api.list_backup_selections(BackupPlanId=plan["BackupPlanId"])["BackupSelectionsList"]
        yield from (("backup_selection", each["SelectionName"]) for each in selections)


def budgets(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("budgets", region)
    account = client("sts", region).get_caller_identity()["Account"]
    for budget in api.describe_budgets(AccountId=account)["Budgets"] if region == GLOBAL else ():
        name = budget["BudgetName"]
        yield "budget", name
        for told in api.describe_notifications_for_budget(AccountId=account, BudgetName=name)["Notifications"]:
            yield "budget_notification", f"{name} {told['NotificationType']} {told['Threshold']}"


def elbv2(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("elbv2", region)
    yield from (("target_group", each["TargetGroupName"]) for each in api.describe_target_groups()["TargetGroups"])
    for balancer in api.describe_load_balancers()["LoadBalancers"]:
        yield "load_balancer", balancer["LoadBalancerName"]
        for listener in api.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            name = f"{balancer['LoadBalancerName']}:{listener['Port']}"
            yield "listener", name
            rules = api.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            yield from (("listener_rule", f"{name}:{each['Priority']}") for each in rules if not each["IsDefault"])


def wafv2(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("wafv2", region)
    for scope in ("REGIONAL", *(["CLOUDFRONT"] if region == GLOBAL else [])):
        yield from (("web_acl", each["Name"]) for each in api.list_web_acls(Scope=scope)["WebACLs"])


def rds(client: Client, region: str) -> Iterator[tuple[str, str]]:
    """AWS's own are left out: default groups, automated snapshots."""
    api = client("rds", region)
    yield from (("database", each["DBInstanceIdentifier"]) for each in api.describe_db_instances()["DBInstances"])
    yield from (("db_subnet_group", each["DBSubnetGroupName"]) for each in api.describe_db_subnet_groups()["DBSubnetGroups"])
    groups = [each["DBParameterGroupName"] for each in api.describe_db_parameter_groups()["DBParameterGroups"]]
    yield from (("db_parameter_group", name) for name in groups if not name.startswith("default."))
    yield from (("snapshot", each["DBSnapshotIdentifier"]) for each in api.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"])


def ecs(client: Client, region: str) -> Iterator[tuple[str, str]]:
    """Task definitions count by their active revisions."""
    api = client("ecs", region)
    for cluster in api.list_clusters()["clusterArns"]:
        if api.describe_clusters(clusters=[cluster])["clusters"][0]["status"] == "ACTIVE":
            yield "cluster", cluster.rpartition("/")[2]
            for service in api.list_services(cluster=cluster)["serviceArns"]:
                if api.describe_services(cluster=cluster, services=[service])["services"][0]["status"] == "ACTIVE":
                    yield "service", service.rpartition("/")[2]
    yield from (("task_definition", arn.rpartition("/")[2].partition(":")[0]) for arn in api.list_task_definitions()["taskDefinitionArns"])


def scaling(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("application-autoscaling", region)
    yield from (
        ("scalable_target", each["ResourceId"]) for each in api.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    )
    for each in api.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]:
        yield "scaling_policy", f"{each['ResourceId']} {each['PolicyName']}"
    for each in api.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]:
        yield "scheduled_action", f"{each['ResourceId']} {each['ScheduledActionName']}"


def sns(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("sns", region)
    yield from (("topic", each["TopicArn"].rpartition(":")[2]) for each in api.list_topics()["Topics"])
    for each in api.list_subscriptions()["Subscriptions"]:
        yield "subscription", f"{each['TopicArn'].rpartition(':')[2]} {each['Endpoint']}"


def events(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("events", region)
    for rule in api.list_rules()["Rules"]:
        yield "event_rule", rule["Name"]
        yield from (("event_target", f"{rule['Name']} {each['Id']}") for each in api.list_targets_by_rule(Rule=rule["Name"])["Targets"])


def cloudwatch(client: Client, region: str) -> Iterator[tuple[str, str]]:
    """AWS's own are left out: the alarms that target tracking works by, whose names are new each time."""
    api = client("cloudwatch", region)
    alarms = [each["AlarmName"] for each in api.describe_alarms()["MetricAlarms"]]
    yield from (("alarm", name) for name in alarms if not name.startswith("TargetTracking-"))
    yield from (("dashboard", each["DashboardName"]) for each in api.list_dashboards()["DashboardEntries"])


def tagging(client: Client, region: str) -> Iterator[tuple[str, str]]:
    """The index of tags holds nothing of its own."""
    return iter(())


def logs(client: Client, region: str) -> Iterator[tuple[str, str]]:
    api = client("logs", region)
    yield from (("log_group", each["logGroupName"]) for each in api.describe_log_groups()["logGroups"])
    yield from (("log_source", each["name"]) for each in api.describe_delivery_sources()["deliverySources"])
    yield from (("log_destination", each["name"]) for each in api.describe_delivery_destinations()["deliveryDestinations"])
    yield from (("log_delivery", each["deliverySourceName"]) for each in api.describe_deliveries()["deliveries"])


SERVICES = {
    "application-autoscaling": scaling,
    "ecs": ecs,
    "ec2": ec2,
    "kms": kms,
    "s3": s3,
    "iam": iam,
    "route53": route53,
    "ecr": ecr,
    "acm": acm,
    "cloudfront": cloudfront,
    "secretsmanager": secretsmanager,
    "ssm": ssm,
    "sqs": sqs,
    "backup": backup,
    "budgets": budgets,
    "sns": sns,
    "events": events,
    "cloudwatch": cloudwatch,
    "resourcegroupstaggingapi": tagging,
    "elbv2": elbv2,
    "wafv2": wafv2,
    "logs": logs,
    "rds": rds,
}
"""How each service is counted; a test sees to it that no service of a unit is missing."""


def inventory_of(client: Client, regions: Iterable[str] = REGIONS, services: Iterable[str] = tuple(SERVICES)) -> Census:
    """Count what stands, by `(region, kind, name)`.

    Args:
        client: The fixture `client`.
        regions: Regions to look into; what has no region is listed in us-east-1.
        services: AWS services to look into.
    """
    services = list(services)
    return Counter((region, kind, name) for region in regions for service in services for kind, name in SERVICES[service](client, region))
