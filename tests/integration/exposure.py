"""What of a platform could be reached or read in plain text, by plain API calls that know nothing of the toolkit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

Client = Callable[..., Any]

REGIONS = ("me-west-1", "eu-central-1")
GLOBAL = "us-east-1"
WORLD = {"0.0.0.0/0", "::/0"}
OPEN = {("kc-lab-balancer", 443), ("kc-lab-balancer", 80)}
"""What anybody may reach: the load balancers, at a port that answers in TLS and one that sends there."""
MODERN = ("TLSv1.2", "TLSv1.3")


def plain_paths(client: Client) -> list[str]:
    """Return every listener, origin, policy, parameter group and distribution that lets something pass without TLS."""
    found = [*_edge(client)]
    for region in REGIONS:
        for look in (_listeners, _buckets, _mysql, _queues, _topics):
            found += [f"{region}: {each}" for each in look(client, region)]
    return found


def exposed(client: Client) -> list[str]:
    """Return what of the data tier has a way to or from the internet, and every rule that nothing justifies."""
    return [f"{region}: {each}" for region in (*REGIONS, "eu-west-1") for look in (_rules, _tier, _hosts) for each in look(client, region)]


def unencrypted(client: Client) -> list[str]:
    """Return what is stored without a key of the platform's."""
    return [f"{region}: {each}" for region in REGIONS for each in _stored(client, region)]


def _listeners(client: Client, region: str) -> Iterator[str]:
    api = client("elbv2", region)
    for balancer in api.describe_load_balancers()["LoadBalancers"]:
        for listener in api.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            name = f"listener {balancer['LoadBalancerName']}:{listener['Port']}"
            rules = api.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            if listener["Protocol"] == "HTTPS":
                if "TLS13" not in listener["SslPolicy"] or not listener.get("Certificates"):
                    yield f"{name} takes {listener['SslPolicy']}"
            elif any(not _redirects(action) for rule in rules for action in rule["Actions"]):
                yield f"{name} answers in plain text"


def _redirects(action: dict[str, Any]) -> bool:
    to = action.get("RedirectConfig") or {}
    return bool(action["Type"] == "redirect" and to.get("Protocol") == "HTTPS" and to.get("StatusCode") == "HTTP_301")


def _edge(client: Client) -> Iterator[str]:
    api = client("cloudfront", GLOBAL)
    for each in api.list_distributions()["DistributionList"].get("Items", []):
        config = api.get_distribution_config(Id=each["Id"])["DistributionConfig"]
        name = f"distribution {'/'.join(config['Aliases']['Items'])}"
        if not config["ViewerCertificate"].get("MinimumProtocolVersion", "").startswith(MODERN):
            yield f"{name} takes old TLS"
        for behaviour in (config["DefaultCacheBehavior"], *config.get("CacheBehaviors", {}).get("Items", [])):
            if behaviour["ViewerProtocolPolicy"] not in ("https-only", "redirect-to-https"):
                yield f"{name} answers in plain text at {behaviour.get('PathPattern', '*')}"
        for origin in config["Origins"]["Items"]:
            custom = origin.get("CustomOriginConfig")
            if custom and (custom["OriginProtocolPolicy"] != "https-only" or {*custom["OriginSslProtocols"]["Items"]} - {*MODERN}):
                yield f"{name} asks {origin['DomainName']} in plain text or old TLS"
            if not custom and not origin.get("OriginAccessControlId"):
                yield f"{name} asks {origin['DomainName']} without signing"
    for check in client("route53", GLOBAL).list_health_checks()["HealthChecks"]:
        if check["HealthCheckConfig"]["Type"] in ("HTTP", "HTTP_STR_MATCH", "TCP"):
            yield f"health check of {check['HealthCheckConfig'].get('FullyQualifiedDomainName')} asks in plain text"


def _denies_plain(policy: str | None) -> bool:
    return any(
        one["Effect"] == "Deny"
        and one["Principal"] in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and str(one.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")).strip("[']").lower() == "false"
        for one in json.loads(policy or '{"Statement": []}')["Statement"]
    )


def _buckets(client: Client, region: str) -> Iterator[str]:
    api = client("s3", region)
    for bucket in api.list_buckets()["Buckets"]:
        if (api.get_bucket_location(Bucket=bucket["Name"])["LocationConstraint"] or GLOBAL) == region:
            try:
                policy = api.get_bucket_policy(Bucket=bucket["Name"])["Policy"]
            except api.exceptions.ClientError:
                policy = None
            if not _denies_plain(policy):
                yield f"bucket {bucket['Name']} takes plain text"


def _queues(client: Client, region: str) -> Iterator[str]:
    api = client("sqs", region)
    for url in api.list_queues().get("QueueUrls", []):
        if not _denies_plain(api.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"].get("Policy")):
            yield f"queue {url.rpartition('/')[2]} takes plain text"


def _topics(client: Client, region: str) -> Iterator[str]:
    api = client("sns", region)
    for topic in api.list_topics()["Topics"]:
        if not _denies_plain(api.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"].get("Policy")):
            yield f"topic {topic['TopicArn'].rpartition(':')[2]} takes plain text"


def _mysql(client: Client, region: str) -> Iterator[str]:
    api = client("rds", region)
    for instance in api.describe_db_instances()["DBInstances"]:
        for group in instance["DBParameterGroups"]:
            parameters = api.describe_db_parameters(DBParameterGroupName=group["DBParameterGroupName"])["Parameters"]
            if not any(one["ParameterName"] == "require_secure_transport" and one.get("ParameterValue") == "1" for one in parameters):
                yield f"parameter group {group['DBParameterGroupName']} lets plain connections in"


def _rules(client: Client, region: str) -> Iterator[str]:
    """Yield every rule of a security group that is open to the world without being meant to, or says no reason."""
    groups = client("ec2", region).describe_security_groups()["SecurityGroups"]
    for group in [group for group in groups if group["GroupName"] != "default"]:
        for way in ("IpPermissions", "IpPermissionsEgress"):
            for rule in group[way]:
                yield from _rule(group["GroupName"], way == "IpPermissions", rule)


def _rule(name: str, ingress: bool, rule: dict[str, Any]) -> Iterator[str]:
    port = rule.get("FromPort")
    if rule["IpProtocol"] != "tcp" or port != rule.get("ToPort"):
        yield f"rule of {name} is for more than one port"
    for peer in (*rule["IpRanges"], *rule["Ipv6Ranges"], *rule["UserIdGroupPairs"]):
        if not peer.get("Description"):
            yield f"rule of {name}, port {port}, says no reason"
        if ingress and {peer.get("CidrIp"), peer.get("CidrIpv6")} & WORLD and (name, port) not in OPEN:
            yield f"{name} takes anybody at port {port}"


def _data_subnets(client: Client, region: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("ec2", region).describe_subnets(Filters=[{"Name": "tag:Tier", "Values": ["data"]}])["Subnets"]
    return found


def _tier(client: Client, region: str) -> Iterator[str]:
    """Yield the data tier's ways out."""
    subnets = {subnet["SubnetId"]: subnet for subnet in _data_subnets(client, region)}
    if not subnets:
        yield "there is no data tier"
    yield from (f"subnet {id} gives public addresses" for id, subnet in subnets.items() if subnet["MapPublicIpOnLaunch"])
    tables = client("ec2", region).describe_route_tables()["RouteTables"]
    routed = {link["SubnetId"]: table for table in tables for link in table["Associations"] if link.get("SubnetId")}
    for id in subnets:
        if id not in routed:
            yield f"subnet {id} follows the main route table"
        elif any(route.get("DestinationCidrBlock") in WORLD for route in routed[id]["Routes"]):
            yield f"subnet {id} has a route to the internet"


def _hosts(client: Client, region: str) -> Iterator[str]:
    """Yield databases and nodes that have a public address, or stand outside the data tier."""
    tier = {subnet["SubnetId"] for subnet in _data_subnets(client, region)}
    for reservation in client("ec2", region).describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance.get("PublicIpAddress") or instance["SubnetId"] not in tier:
                yield f"instance {instance['InstanceId']} is outside the data tier"
    for database in client("rds", region).describe_db_instances()["DBInstances"]:
        stands = {subnet["SubnetIdentifier"] for subnet in database["DBSubnetGroup"]["Subnets"]}
        if database["PubliclyAccessible"] or not stands <= tier:
            yield f"database {database['DBInstanceIdentifier']} is outside the data tier"


def _stored(client: Client, region: str) -> Iterator[str]:
    for volume in client("ec2", region).describe_volumes()["Volumes"]:
        if not volume["Encrypted"]:
            yield f"volume {volume['VolumeId']}"
    for database in client("rds", region).describe_db_instances()["DBInstances"]:
        if not database["StorageEncrypted"] or not database.get("KmsKeyId"):
            yield f"database {database['DBInstanceIdentifier']}"
    for url in client("sqs", region).list_queues().get("QueueUrls", []):
        if not client("sqs", region).get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"].get("KmsMasterKeyId"):
            yield f"queue {url.rpartition('/')[2]}"
    for group in client("logs", region).describe_log_groups()["logGroups"]:
        if not group.get("kmsKeyId"):
            yield f"log group {group['logGroupName']}"
