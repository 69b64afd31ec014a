"""Nothing of the platform passes in plain text, is exposed without need, or is stored without a key."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Standing
from tests.integration.exposure import Client, exposed, plain_paths, unencrypted

EVERYBODY = [{"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def spoil(client: Client) -> None:
    """Open, by hand, one of each that the checks look at."""
    elb = client("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    listeners = {each["Port"]: each for each in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]}
    answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
    elb.modify_listener(ListenerArn=listeners[80]["ListenerArn"], DefaultActions=answer)
    elb.modify_listener(ListenerArn=listeners[443]["ListenerArn"], SslPolicy="ELBSecurityPolicy-2016-08")
    client("s3").delete_bucket_policy(Bucket="kc-lab-media-123456789012-me-west-1")
    sqs = client("sqs")
    sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName="kc-lab-media-jobs")["QueueUrl"], Attributes={"Policy": ""})
    rds = client("rds")
    (group,) = rds.describe_db_instances(DBInstanceIdentifier="kc-lab-main")["DBInstances"][0]["DBParameterGroups"]
    off = [{"ParameterName": "require_secure_transport", "ParameterValue": "0", "ApplyMethod": "immediate"}]
    rds.modify_db_parameter_group(DBParameterGroupName=group["DBParameterGroupName"], Parameters=off)
    cloudfront = client("cloudfront")
    for each in cloudfront.list_distributions()["DistributionList"]["Items"]:
        got = cloudfront.get_distribution_config(Id=each["Id"])
        config = got["DistributionConfig"]
        config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] = "allow-all"
        cloudfront.update_distribution(Id=each["Id"], DistributionConfig=config, IfMatch=got["ETag"])
    ec2 = client("ec2")
    (data,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["kc-lab-data"]}])["SecurityGroups"]
    ec2.authorize_security_group_ingress(GroupId=data["GroupId"], IpPermissions=EVERYBODY)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": ["kc-lab-data"]}])["RouteTables"]
    (gateway,) = ec2.describe_internet_gateways(Filters=[{"Name": "tag:Name", "Values": ["kc-lab"]}])["InternetGateways"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway["InternetGatewayId"])
    ec2.create_volume(AvailabilityZone="me-west-1a", Size=1, Encrypted=False)


@pytest.mark.xdist_group("standing")
def test_tls_only_and_nothing_exposed(standing: Standing) -> None:
    play, client = standing.play, standing.client
    assert (plain_paths(client), exposed(client), unencrypted(client)) == ([], [], [])

    spoil(client)
    found = "\n".join(plain_paths(client))
    for path in (
        "listener kc-lab-public:80 answers in plain text",
        "listener kc-lab-public:443 takes ELBSecurityPolicy-2016-08",
        "bucket kc-lab-media-123456789012-me-west-1 takes plain text",
        "queue kc-lab-media-jobs takes plain text",
        "parameter group kc-lab-main-mysql8-4 lets plain connections in",
        "answers in plain text at *",
    ):
        assert path in found
    reached = "\n".join(exposed(client))
    for way in ("kc-lab-data takes anybody at port 3306", "rule of kc-lab-data, port 3306, says no reason", "has a route to the internet"):
        assert way in reached
    assert len(unencrypted(client)) == 1

    repaired = play("site.yml")
    assert repaired.status == 0, repaired.output
    assert (plain_paths(client), exposed(client)) == ([], [])
