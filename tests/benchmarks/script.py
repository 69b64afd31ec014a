"""The same resources by a plain boto3 script with a thread pool: `python script.py wanted.json`.

As such scripts are written: describe what is there, compare, create what is missing, put back what differs. It plans
nothing, deletes nothing, survives no lost answer and names no reason; it is the lower bound that ours is measured by.
Region, endpoint and credentials are in the environment.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

Item = dict[str, Any]

WANTED: dict[str, list[Item]] = json.loads(Path(sys.argv[1]).read_text())
REGION = WANTED["vpc"][0]["region"]
OTHER = sorted({each["region"] for each in WANTED["certificate"]} - {REGION})
IDS: dict[tuple[str, str], str] = {}
POOL = ThreadPoolExecutor(16)
changes: list[str] = []

lock = threading.Lock()
clients: dict[tuple[str, str], Any] = {}


def aws(service: str, region: str = REGION) -> Any:
    with lock:
        if (service, region) not in clients:
            clients[service, region] = boto3.client(service, region_name=region)
        return clients[service, region]


def pages(client: Any, operation: str, key: str, **params: Any) -> list[Item]:
    return [item for page in client.get_paginator(operation).paginate(**params) for item in page.get(key) or []]


def each(act: Callable[[Item], Any], items: Iterable[Item]) -> None:
    # a pool of its own: a worker that waits for the pool that it runs in blocks it
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, items))


def tag_list(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in tags.items()]


def tags_of(item: Item) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags") or []}


def ident(ref: Item) -> str:
    return IDS[ref["kind"], ref["name"]]


def changed(what: str) -> None:
    changes.append(what)


def find(call: Callable[..., Item], **params: Any) -> Item | None:
    try:
        return call(**params)
    except ClientError as error:
        if "NoSuch" in str(error) or "NotFound" in str(error) or "404" in str(error):
            return None
        raise


# --- identity and zone -----------------------------------------------------------------------------------------


def roles() -> None:
    iam = aws("iam")
    profiles = {each["Role"]: each for each in ({"Role": one["role"], **one} for one in WANTED.get("instance_profile", []))}

    def role(want: Item) -> None:
        found = find(iam.get_role, RoleName=want["name"])
        trust = json.dumps(want["trust"])
        if not found:
            changed(want["name"])
            iam.create_role(
                RoleName=want["name"], Path=want["path"], Description=want["description"], AssumeRolePolicyDocument=trust,
                MaxSessionDuration=want["max_session"], Tags=tag_list(want["tags"]),
            )  # fmt: skip
        else:
            have = found["Role"]
            if have["AssumeRolePolicyDocument"] != want["trust"]:
                changed(want["name"])
                iam.update_assume_role_policy(RoleName=want["name"], PolicyDocument=trust)
            if have.get("Description", "") != want["description"] or have["MaxSessionDuration"] != want["max_session"]:
                changed(want["name"])
                iam.update_role(RoleName=want["name"], Description=want["description"], MaxSessionDuration=want["max_session"])
            if tags_of(have) != want["tags"]:
                changed(want["name"])
                iam.tag_role(RoleName=want["name"], Tags=tag_list(want["tags"]))
        for name, policy in want["policies"].items():
            standing = find(iam.get_role_policy, RoleName=want["name"], PolicyName=name) if found else None
            if not standing or standing["PolicyDocument"] != policy:
                changed(want["name"])
                iam.put_role_policy(RoleName=want["name"], PolicyName=name, PolicyDocument=json.dumps(policy))
        attached = iam.list_attached_role_policies(RoleName=want["name"])["AttachedPolicies"] if found else []
        for arn in set(want["managed"]) - {one["PolicyArn"] for one in attached}:
            changed(want["name"])
            iam.attach_role_policy(RoleName=want["name"], PolicyArn=arn)
        if want["name"] in profiles:
            profile(profiles[want["name"]])

    def profile(want: Item) -> None:
        found = find(iam.get_instance_profile, InstanceProfileName=want["name"])
        if not found:
            changed(want["name"])
            iam.create_instance_profile(InstanceProfileName=want["name"], Path=want["path"], Tags=tag_list(want["tags"]))
        if not found or not found["InstanceProfile"]["Roles"]:
            iam.add_role_to_instance_profile(InstanceProfileName=want["name"], RoleName=want["role"])

    each(role, WANTED["role"])


def zone() -> None:
    route53 = aws("route53")
    for want in WANTED["hosted_zone"]:
        found = [one for one in pages(route53, "list_hosted_zones", "HostedZones") if one["Name"] == want["name"] + "."]
        if not found:
            changed(want["name"])
            config = {"Comment": want["comment"], "PrivateZone": False}
            found = [
                route53.create_hosted_zone(Name=want["name"], CallerReference=secrets.token_hex(8), HostedZoneConfig=config)["HostedZone"]
            ]
        number = found[0]["Id"].rpartition("/")[2]
        IDS["hosted_zone", want["name"]] = number
        have = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=number)["ResourceTagSet"]
        if tags_of(have) != want["tags"]:
            changed(want["name"])
            route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=number, AddTags=tag_list(want["tags"]))


# --- keys and what is encrypted with them ----------------------------------------------------------------------


def keys() -> None:
    aliases = {
        (region, one["AliasName"]): one.get("TargetKeyId")
        for region in {one["region"] for one in WANTED["key"]}
        for one in pages(aws("kms", region), "list_aliases", "Aliases")
    }

    def key(want: Item) -> None:
        kms = aws("kms", want["region"])
        number = aliases.get((want["region"], want["alias"]))
        policy, tags = json.dumps(want["policy"]), tag_list(want["tags"], "TagKey", "TagValue")
        if not number:
            changed(want["name"])
            made = kms.create_key(Description=want["description"], Policy=policy, MultiRegion=want["multi_region"], Tags=tags)
            number = made["KeyMetadata"]["KeyId"]
            kms.create_alias(AliasName=want["alias"], TargetKeyId=number)
            kms.enable_key_rotation(KeyId=number, RotationPeriodInDays=want["rotation_days"])
            arn = made["KeyMetadata"]["Arn"]
        else:
            about = kms.describe_key(KeyId=number)["KeyMetadata"]
            arn = about["Arn"]
            if about["Description"] != want["description"]:
                changed(want["name"])
                kms.update_key_description(KeyId=number, Description=want["description"])
            if json.loads(kms.get_key_policy(KeyId=number, PolicyName="default")["Policy"]) != want["policy"]:
                changed(want["name"])
                kms.put_key_policy(KeyId=number, PolicyName="default", Policy=policy)
            rotation = kms.get_key_rotation_status(KeyId=number)
            if not rotation["KeyRotationEnabled"] or rotation.get("RotationPeriodInDays") != want["rotation_days"]:
                changed(want["name"])
                kms.enable_key_rotation(KeyId=number, RotationPeriodInDays=want["rotation_days"])
            have = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=number)["Tags"]}
            if have != want["tags"]:
                changed(want["name"])
                kms.tag_resource(KeyId=number, Tags=tags)
        if want["region"] == REGION:
            IDS["key", want["name"]] = arn

    each(key, WANTED["key"])


def buckets() -> None:
    s3 = aws("s3")
    standing = {one["Name"] for one in s3.list_buckets()["Buckets"]}

    def put(name: str, have: Any, want: Any, act: Callable[[], Any]) -> None:
        if have != want:
            changed(name)
            act()

    def bucket(want: Item) -> None:
        name = want["name"]
        at = {"Bucket": name}
        new = name not in standing
        if new:
            changed(name)
            s3.create_bucket(**at, CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectOwnership=want["ownership"])

        def read(call: Callable[..., Item]) -> Item:
            return {} if new else find(call, **at) or {}

        put(name, tags_of({"Tags": read(s3.get_bucket_tagging).get("TagSet")}), want["tags"],
            lambda: s3.put_bucket_tagging(**at, Tagging={"TagSet": tag_list(want["tags"])}))  # fmt: skip
        rules = {"Rules": [{"ObjectOwnership": want["ownership"]}]}
        put(name, rules if new else read(s3.get_bucket_ownership_controls).get("OwnershipControls"), rules,
            lambda: s3.put_bucket_ownership_controls(**at, OwnershipControls=rules))  # fmt: skip
        block = want["public_access_block"]
        put(name, read(s3.get_public_access_block).get("PublicAccessBlockConfiguration"), block,
            lambda: s3.put_public_access_block(**at, PublicAccessBlockConfiguration=block))  # fmt: skip
        put(name, json.loads(read(s3.get_bucket_policy).get("Policy", "null")), want["policy"],
            lambda: s3.put_bucket_policy(**at, Policy=json.dumps(want["policy"])))  # fmt: skip
        about = want["encryption"]
        default = {"SSEAlgorithm": about["algorithm"], **({"KMSMasterKeyID": ident(about["key"])} if about["key"] else {})}
        encryption = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": about["bucket_key"]}]
        have = read(s3.get_bucket_encryption).get("ServerSideEncryptionConfiguration", {}).get("Rules")
        put(name, have, encryption,
            lambda: s3.put_bucket_encryption(**at, ServerSideEncryptionConfiguration={"Rules": encryption}))  # fmt: skip
        put(name, read(s3.get_bucket_versioning).get("Status"), want["versioning"],
            lambda: s3.put_bucket_versioning(**at, VersioningConfiguration={"Status": want["versioning"]}))  # fmt: skip
        put(name, [{**rule, "Filter": rule.get("Filter") or {"Prefix": ""}} for rule in read(s3.get_bucket_lifecycle_configuration).get("Rules", [])],
            want["lifecycle"], lambda: s3.put_bucket_lifecycle_configuration(**at, LifecycleConfiguration={"Rules": want["lifecycle"]}))  # fmt: skip
        if want["logging"]:
            log = {"TargetBucket": want["logging"]["bucket"], "TargetPrefix": want["logging"]["prefix"]}
            put(name, read(s3.get_bucket_logging).get("LoggingEnabled"), log,
                lambda: s3.put_bucket_logging(**at, BucketLoggingStatus={"LoggingEnabled": log}))  # fmt: skip

    each(bucket, [one for one in WANTED["bucket"] if not one["logging"]])
    each(bucket, [one for one in WANTED["bucket"] if one["logging"]])


def repositories() -> None:
    ecr = aws("ecr")
    standing = {one["repositoryName"]: one for one in pages(ecr, "describe_repositories", "repositories")}

    def repository(want: Item) -> None:
        name, found = want["name"], standing.get(want["name"])
        if not found:
            changed(name)
            made = ecr.create_repository(
                repositoryName=name, imageTagMutability=want["mutability"], tags=tag_list(want["tags"]),
                imageScanningConfiguration={"scanOnPush": want["scan_on_push"]},
                encryptionConfiguration={"encryptionType": "KMS", "kmsKey": ident(want["encryption"]["key"])},
            )  # fmt: skip
            found = made["repository"]
        else:
            if found["imageTagMutability"] != want["mutability"]:
                changed(name)
                ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability=want["mutability"])
            if found["imageScanningConfiguration"]["scanOnPush"] != want["scan_on_push"]:
                changed(name)
                ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": want["scan_on_push"]})
            if tags_of({"Tags": ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]}) != want["tags"]:
                changed(name)
                ecr.tag_resource(resourceArn=found["repositoryArn"], tags=tag_list(want["tags"]))
        have = find(ecr.get_lifecycle_policy, repositoryName=name)
        if not have or json.loads(have["lifecyclePolicyText"]) != want["lifecycle"]:
            changed(name)
            ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(want["lifecycle"]))

    each(repository, WANTED["repository"])


def the_secrets() -> None:
    manager = aws("secretsmanager")
    standing = {one["Name"]: one for one in pages(manager, "list_secrets", "SecretList")}

    def secret(want: Item) -> None:
        found = standing.get(want["name"])
        if not found:
            changed(want["name"])
            value = json.dumps({"username": want["generate"]["username"], "password": secrets.token_urlsafe(30)})
            manager.create_secret(
                Name=want["name"],
                Description=want["description"],
                KmsKeyId=ident(want["key"]),
                SecretString=value,
                Tags=tag_list(want["tags"]),
            )
        elif found.get("Description") != want["description"] or found.get("KmsKeyId") != ident(want["key"]):
            changed(want["name"])
            manager.update_secret(SecretId=want["name"], Description=want["description"], KmsKeyId=ident(want["key"]))
        elif tags_of(found) != want["tags"]:
            changed(want["name"])
            manager.tag_resource(SecretId=want["name"], Tags=tag_list(want["tags"]))

    each(secret, WANTED["secret"])


def parameters() -> None:
    ssm = aws("ssm")
    names = [one["name"] for one in [*WANTED["parameter"], *WANTED["state"]]]
    standing = {
        one["Name"]: one["Value"]
        for first in range(0, len(names), 10)
        for one in ssm.get_parameters(Names=names[first : first + 10])["Parameters"]
    }

    def parameter(want: Item) -> None:
        name, tags = want["name"], tag_list(want["tags"])
        if name not in standing:
            changed(name)
            ssm.put_parameter(Name=name, Value=want["value"], Type="String", Tags=tags)
            return
        if standing[name] != want["value"] and want in WANTED["parameter"]:
            changed(name)
            ssm.put_parameter(Name=name, Value=want["value"], Type="String", Overwrite=True)
        if tags_of({"Tags": ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]}) != want["tags"]:
            changed(name)
            ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=tags)

    each(parameter, [*WANTED["parameter"], *WANTED["state"]])


# --- network ---------------------------------------------------------------------------------------------------


def named(operation: str, key: str, filters: str = "Filters", **params: Any) -> dict[str, Item]:
    tags = WANTED["vpc"][0]["tags"]
    by_tag = [{"Name": f"tag:{tag}", "Values": [tags[tag]]} for tag in ("Platform", "Environment", "Component")]
    return {tags_of(one)["Name"]: one for one in pages(aws("ec2"), operation, key, **{filters: by_tag}, **params)}


def new(kind: str, want: Item) -> list[Item]:
    changed(f"{kind} {want['name']}")
    return [{"ResourceType": kind, "Tags": tag_list(want["tags"])}]


def retag(want: Item, have: Item, number: str) -> None:
    if tags_of(have) != want["tags"]:
        changed(want["name"])
        aws("ec2").create_tags(Resources=[number], Tags=tag_list(want["tags"]))


def vpc() -> None:
    ec2, want = aws("ec2"), WANTED["vpc"][0]
    standing = named("describe_vpcs", "Vpcs").get(want["name"])
    if standing is None:
        number = ec2.create_vpc(CidrBlock=want["cidr"], TagSpecifications=new("vpc", want))["Vpc"]["VpcId"]
    else:
        number = standing["VpcId"]
        retag(want, standing, number)
    for name in ("enableDnsSupport", "enableDnsHostnames"):
        field = name[0].upper() + name[1:]
        if not ec2.describe_vpc_attribute(VpcId=number, Attribute=name)[field]["Value"]:
            changed(want["name"])
            ec2.modify_vpc_attribute(VpcId=number, **{field: {"Value": True}})
    filters = [{"Name": "vpc-id", "Values": [number]}, {"Name": "group-name", "Values": ["default"]}]
    default = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]
    if default["IpPermissions"]:
        changed(want["name"])
        ec2.revoke_security_group_ingress(GroupId=default["GroupId"], IpPermissions=default["IpPermissions"])
    if default["IpPermissionsEgress"]:
        changed(want["name"])
        ec2.revoke_security_group_egress(GroupId=default["GroupId"], IpPermissions=default["IpPermissionsEgress"])
    IDS["vpc", want["name"]] = number


def subnets() -> None:
    ec2, standing = aws("ec2"), named("describe_subnets", "Subnets")

    def subnet(want: Item) -> None:
        have = standing.get(want["name"])
        if have is None:
            params = {"VpcId": ident(want["vpc"]), "CidrBlock": want["cidr"], "AvailabilityZone": want["zone"]}
            have = ec2.create_subnet(**params, TagSpecifications=new("subnet", want))["Subnet"]
        else:
            retag(want, have, have["SubnetId"])
        if have["MapPublicIpOnLaunch"] != want["public_addresses"]:
            changed(want["name"])
            ec2.modify_subnet_attribute(SubnetId=have["SubnetId"], MapPublicIpOnLaunch={"Value": want["public_addresses"]})
        IDS["subnet", want["name"]] = have["SubnetId"]

    each(subnet, WANTED["subnet"])


def gateways() -> None:
    ec2, standing = aws("ec2"), named("describe_internet_gateways", "InternetGateways")
    for want in WANTED["internet_gateway"]:
        have = standing.get(want["name"])
        if have is None:
            have = ec2.create_internet_gateway(TagSpecifications=new("internet-gateway", want))["InternetGateway"]
        else:
            retag(want, have, have["InternetGatewayId"])
        if not have.get("Attachments"):
            changed(want["name"])
            ec2.attach_internet_gateway(InternetGatewayId=have["InternetGatewayId"], VpcId=ident(want["vpc"]))
        IDS["internet_gateway", want["name"]] = have["InternetGatewayId"]


def nats() -> None:
    ec2 = aws("ec2")
    addresses = {tags_of(one).get("Name", ""): one for one in ec2.describe_addresses()["Addresses"]}
    standing = named("describe_nat_gateways", "NatGateways", "Filter")
    by_name = {one["name"]: one for one in WANTED["address"]}

    def nat(want: Item) -> None:
        address = by_name[want["address"]["name"]]
        have = addresses.get(address["name"])
        if have is None:
            have = ec2.allocate_address(Domain="vpc", TagSpecifications=new("elastic-ip", address))
        else:
            retag(address, have, have["AllocationId"])
        found = standing.get(want["name"])
        if found is None or found["State"] in ("deleted", "deleting", "failed"):
            params = {"SubnetId": ident(want["subnet"]), "AllocationId": have["AllocationId"]}
            number = ec2.create_nat_gateway(**params, TagSpecifications=new("natgateway", want))["NatGateway"]["NatGatewayId"]
            ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[number], WaiterConfig={"Delay": 5})
        else:
            number = found["NatGatewayId"]
            retag(want, found, number)
        IDS["nat_gateway", want["name"]] = number

    each(nat, WANTED["nat_gateway"])


def tables() -> None:
    ec2, standing = aws("ec2"), named("describe_route_tables", "RouteTables")

    def table(want: Item) -> None:
        have = standing.get(want["name"])
        if have is None:
            have = ec2.create_route_table(VpcId=ident(want["vpc"]), TagSpecifications=new("route-table", want))["RouteTable"]
        else:
            retag(want, have, have["RouteTableId"])
        number = have["RouteTableId"]
        IDS["route_table", want["name"]] = number
        routes = {route.get("DestinationCidrBlock"): route.get("NatGatewayId") or route.get("GatewayId") for route in have["Routes"]}
        for route in want["routes"]:
            via = ident(route["via"])
            if routes.get(route["to"]) != via:
                changed(want["name"])
                field = "NatGatewayId" if route["via"]["kind"] == "nat_gateway" else "GatewayId"
                act = ec2.replace_route if route["to"] in routes else ec2.create_route
                act(RouteTableId=number, DestinationCidrBlock=route["to"], **{field: via})
        associated = {one.get("SubnetId") for one in have["Associations"]}
        for subnet in want["subnets"]:
            if ident(subnet) not in associated:
                changed(want["name"])
                ec2.associate_route_table(RouteTableId=number, SubnetId=ident(subnet))

    each(table, WANTED["route_table"])


def acls() -> None:
    ec2, standing = aws("ec2"), named("describe_network_acls", "NetworkAcls")
    filters = [{"Name": "vpc-id", "Values": [ident(WANTED["network_acl"][0]["vpc"])]}]
    everywhere = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    now = {one["SubnetId"]: one for acl in everywhere for one in acl["Associations"]}
    protocols = {"all": "-1", "tcp": "6", "udp": "17"}

    def acl(want: Item) -> None:
        have = standing.get(want["name"])
        if have is None:
            have = ec2.create_network_acl(VpcId=ident(want["vpc"]), TagSpecifications=new("network-acl", want))["NetworkAcl"]
        else:
            retag(want, have, have["NetworkAclId"])
        number = have["NetworkAclId"]
        entries = {(one["Egress"], one["RuleNumber"]): one for one in have["Entries"]}
        for rule in want["entries"]:
            params = {
                "Egress": rule["egress"],
                "RuleNumber": rule["rule"],
                "RuleAction": rule["action"],
                "Protocol": protocols[rule["protocol"]],
                "CidrBlock": rule["cidr"],
            }
            if rule["protocol"] != "all":
                params["PortRange"] = {"From": rule["from"], "To": rule["to"]}
            found = entries.get((rule["egress"], rule["rule"]))
            if found is None or any(str(found.get(key)) != str(value) for key, value in params.items()):
                changed(want["name"])
                (ec2.replace_network_acl_entry if found else ec2.create_network_acl_entry)(NetworkAclId=number, **params)
        for subnet in want["subnets"]:
            if now[ident(subnet)]["NetworkAclId"] != number:
                changed(want["name"])
                ec2.replace_network_acl_association(AssociationId=now[ident(subnet)]["NetworkAclAssociationId"], NetworkAclId=number)

    each(acl, WANTED["network_acl"])


def groups() -> None:
    ec2, standing = aws("ec2"), named("describe_security_groups", "SecurityGroups")
    rules = {one["name"]: one for one in WANTED["security_group_rules"]}

    def group(want: Item) -> None:
        have = standing.get(want["name"])
        if have is None:
            params = {"GroupName": want["name"], "Description": want["description"], "VpcId": ident(want["vpc"])}
            number = ec2.create_security_group(**params, TagSpecifications=new("security-group", want))["GroupId"]
            standing[want["name"]] = ec2.describe_security_groups(GroupIds=[number])["SecurityGroups"][0]
        else:
            number = have["GroupId"]
            retag(want, have, number)
        IDS["security_group", want["name"]] = number

    def permission(protocol: str, first: Any, last: Any, peer: str, why: str) -> Item:
        whom = (
            {"UserIdGroupPairs": [{"GroupId": peer, "Description": why}]}
            if peer.startswith("sg-")
            else {"IpRanges": [{"CidrIp": peer, "Description": why}]}
        )
        return {"IpProtocol": protocol, **({} if protocol == "-1" else {"FromPort": first, "ToPort": last}), **whom}

    def flat(permissions: list[Item]) -> set[tuple[Any, ...]]:
        return {
            (
                one["IpProtocol"],
                one.get("FromPort"),
                one.get("ToPort"),
                peer.get("CidrIp") or peer.get("GroupId"),
                peer.get("Description", ""),
            )
            for one in permissions
            for peer in [*one["IpRanges"], *one["UserIdGroupPairs"]]
        }

    def its_rules(want: Item) -> None:
        have = standing[want["name"]]
        for direction, field in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            wanted = {
                (one["protocol"], one["from"], one["to"], ident(one["peer"]) if isinstance(one["peer"], dict) else one["peer"], one["why"])
                for one in rules[want["name"]][direction]
            }
            stand = flat(have[field])
            for act, which in (("revoke", stand - wanted), ("authorize", wanted - stand)):
                if which:
                    changed(want["name"])
                    call = getattr(ec2, f"{act}_security_group_{direction}")
                    call(GroupId=have["GroupId"], IpPermissions=[permission(*one) for one in which])

    each(group, WANTED["security_group"])
    each(its_rules, WANTED["security_group"])


def endpoints() -> None:
    ec2, standing = aws("ec2"), named("describe_vpc_endpoints", "VpcEndpoints")

    def endpoint(want: Item) -> None:
        have = standing.get(want["name"])
        gateway = want["type"] == "Gateway"
        goal = (
            {"RouteTableIds": [ident(one) for one in want["route_tables"]]}
            if gateway
            else {"SubnetIds": [ident(one) for one in want["subnets"]], "SecurityGroupIds": [ident(one) for one in want["groups"]]}
        )
        if have is None:
            params = {"VpcId": ident(want["vpc"]), "ServiceName": want["service"], "VpcEndpointType": want["type"], **goal}
            params |= {} if gateway else {"PrivateDnsEnabled": want["private_dns"]}
            number = ec2.create_vpc_endpoint(**params, TagSpecifications=new("vpc-endpoint", want))["VpcEndpoint"]["VpcEndpointId"]
            while ec2.describe_vpc_endpoints(VpcEndpointIds=[number])["VpcEndpoints"][0]["State"].lower() != "available":
                time.sleep(5)
            return
        retag(want, have, have["VpcEndpointId"])
        there = {
            "RouteTableIds": have.get("RouteTableIds") or [],
            "SubnetIds": have.get("SubnetIds") or [],
            "SecurityGroupIds": [one["GroupId"] for one in have.get("Groups") or []],
        }
        params = {f"Add{key}": sorted(set(value) - set(there[key])) for key, value in goal.items()}
        params |= {f"Remove{key}": sorted(set(there[key]) - set(value)) for key, value in goal.items()}
        if any(params.values()):
            changed(want["name"])
            ec2.modify_vpc_endpoint(VpcEndpointId=have["VpcEndpointId"], **{key: value for key, value in params.items() if value})

    each(endpoint, WANTED["endpoint"])


def flow_logs() -> None:
    ec2, standing = aws("ec2"), named("describe_flow_logs", "FlowLogs", "Filter")
    for want in WANTED["flow_log"]:
        have = standing.get(want["name"])
        if have is None:
            ec2.create_flow_logs(
                ResourceIds=[ident(want["resource"])], ResourceType="VPC", TrafficType=want["traffic"], LogDestinationType="s3",
                LogDestination=want["destination"], MaxAggregationInterval=want["interval"], TagSpecifications=new("vpc-flow-log", want),
            )  # fmt: skip
        elif (have["LogDestination"], have["TrafficType"]) != (want["destination"], want["traffic"]):
            raise SystemExit("the flow log differs, and can't be changed")


# --- certificates ----------------------------------------------------------------------------------------------


def certificates(region: str) -> None:
    acm, route53 = aws("acm", region), aws("route53")
    want = next(one for one in WANTED["certificate"] if one["region"] == region)
    algorithms = [want["key_algorithm"], "RSA_2048"]
    found = [
        one
        for one in pages(acm, "list_certificates", "CertificateSummaryList", Includes={"keyTypes": algorithms})
        if one["DomainName"] == want["name"]
    ]
    if found:
        arn = found[0]["CertificateArn"]
    else:
        changed(want["name"])
        others = [name for name in want["names"] if name != want["name"]]
        arn = acm.request_certificate(
            DomainName=want["name"],
            SubjectAlternativeNames=others,
            ValidationMethod="DNS",
            KeyAlgorithm=want["key_algorithm"],
            Tags=tag_list(want["tags"]),
        )["CertificateArn"]
    if tags_of(acm.list_tags_for_certificate(CertificateArn=arn)) != want["tags"]:
        changed(want["name"])
        acm.add_tags_to_certificate(CertificateArn=arn, Tags=tag_list(want["tags"]))
    while True:
        about = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        records = [one["ResourceRecord"] for one in about["DomainValidationOptions"] if "ResourceRecord" in one]
        if records:
            break
        time.sleep(1)
    zone_id = ident(next(iter(want["validation"].values())))
    for record in {one["Name"]: one for one in records}.values():
        listed = route53.list_resource_record_sets(
            HostedZoneId=zone_id, StartRecordName=record["Name"], StartRecordType=record["Type"], MaxItems="1"
        )
        if not any(one["Name"].rstrip(".") == record["Name"].rstrip(".") for one in listed["ResourceRecordSets"]):
            changed(want["name"])
            row = {"Name": record["Name"], "Type": record["Type"], "TTL": 300, "ResourceRecords": [{"Value": record["Value"]}]}
            route53.change_resource_record_sets(
                HostedZoneId=zone_id, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": row}]}
            )
    while acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] != "ISSUED":
        time.sleep(1)


def main() -> None:
    def together(*acts: Callable[[], Any]) -> None:
        for future in [POOL.submit(act) for act in acts]:
            future.result()

    def network() -> None:
        vpc()
        together(subnets, gateways, groups)
        together(nats, acls)
        tables()
        endpoints()

    def encrypted() -> None:
        keys()
        together(buckets, repositories, the_secrets)

    def issued() -> None:
        zone()
        together(*(lambda region=region: certificates(region) for region in [REGION, *OTHER]))

    together(roles, issued, encrypted, network, parameters)
    flow_logs()
    print(f"{len(changes)} changes")


main()
