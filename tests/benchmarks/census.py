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
