"""The AWS session: which calls are repeated, what an error says, paging and waiting."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import botocore.exceptions
import botocore.retries.standard
import pytest
from kc.aws import session
from kc.aws.session import CREATING, Aws, Connection
from kc.errors import KcError


class Answers:
    """An HTTP server that answers each call with the next of `queue` (the last one for ever), and counts."""

    def __init__(self) -> None:
        self.queue: list[tuple[int, str]] = []
        self.calls: list[str] = []
        self.hung = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.calls.append(self.headers.get("X-Amz-Target", "") or body.decode())
                status, text = outer.queue.pop(0) if len(outer.queue) > 1 else outer.queue[0]
                if status == 0:
                    if text == "hang":
                        outer.hung.wait(30)
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.send_header("x-amzn-RequestId", "req-1")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def finish(self) -> None:
                with suppress(OSError):
                    super().finish()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


CUT = (0, "")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda self, context: 0)
    server = Answers()
    yield server
    server.hung.set()
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody sleeps; the pauses that would have been made."""
    pauses: list[float] = []
    monkeypatch.setattr(Aws, "sleep", lambda self, seconds: pauses.append(seconds))
    return pauses


def aws_at(url: str, **options: Any) -> Aws:
    return Aws(Connection(endpoint_url=url, access_key_id="id", secret_access_key="key", **options), "me-west-1")


def refuse(code: str, message: str = "no") -> str:
    return json.dumps({"__type": code, "message": message})


# --- repeating -------------------------------------------------------------------------------------------------

CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a list": ("kms", "list_keys", {}),
    "a deletion": ("ssm", "delete_parameter", {"Name": "x"}),
    "a creation": ("kms", "create_key", {}),
    "a replication": ("kms", "replicate_key", {"KeyId": "x", "ReplicaRegion": "eu-central-1"}),
}


@pytest.mark.parametrize("broken", [(500, refuse("InternalFailure")), (503, refuse("ServiceUnavailable")), CUT], ids=["500", "503", "cut"])
@pytest.mark.parametrize(("what", "calls"), [("a list", 3), ("a deletion", 3), ("a creation", 1), ("a replication", 1)])
def test_a_call_that_creates_is_not_repeated_when_its_answer_is_lost(
    answers: Answers, what: str, calls: int, broken: tuple[int, str]
) -> None:
    answers.queue = [broken, broken, (200, "{}")]
    service, operation, params = CALLS[what]
    try:
        aws_at(answers.url).call(service, operation, **params)
    except KcError as error:
        assert error.transient
        assert calls == 1
    assert len(answers.calls) == calls


@pytest.mark.parametrize("what", CALLS)
def test_a_throttled_call_was_not_carried_out_and_is_repeated_whatever_it_does(answers: Answers, slept: list[float], what: str) -> None:
    answers.queue = [(400, refuse("ThrottlingException"))] * 3 + [(200, "{}")]
    service, operation, params = CALLS[what]
    aws_at(answers.url).call(service, operation, **params)
    assert len(answers.calls) == 4


@pytest.mark.parametrize("what", CALLS)
def test_throttling_without_end_is_an_error_that_says_so(answers: Answers, slept: list[float], what: str) -> None:
    answers.queue = [(400, refuse("ThrottlingException", "Rate exceeded"))]
    service, operation, params = CALLS[what]
    with pytest.raises(KcError, match=r"ThrottlingException: Rate exceeded.*AWS limits how often it may be called: run again") as raised:
        aws_at(answers.url, attempts=4).call(service, operation, **params)
    assert raised.value.transient and len(answers.calls) == 4


def test_a_refusal_is_not_repeated(answers: Answers) -> None:
    answers.queue = [(400, refuse("AccessDeniedException"))]
    with pytest.raises(KcError):
        aws_at(answers.url).call("kms", "list_keys")
    assert len(answers.calls) == 1


@pytest.mark.parametrize(
    ("operation", "creates"),
    [
        ("create_vpc", True), ("allocate_address", True), ("request_certificate", True), ("run_instances", True), ("replicate_key", True),
        ("copy_db_snapshot", True), ("register_task_definition", True), ("describe_vpcs", False), ("put_bucket_policy", False),
        ("delete_vpc", False), ("modify_vpc_attribute", False), ("attach_internet_gateway", False), ("tag_resource", False),
    ],
)  # fmt: skip
def test_operations_that_make_another_one_each_time_are_marked(operation: str, creates: bool) -> None:
    assert operation.startswith(CREATING) is creates


def test_time_outs_and_tries_are_those_of_the_connection() -> None:
    aws = aws_at("http://127.0.0.1:1", connect_timeout=1.5, read_timeout=7.0, attempts=3)
    client, once = aws.client("ec2"), aws.client("ec2", repeats=False)
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (1.5, 7.0)
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert once.meta.config.retries["total_max_attempts"] == 1


def test_one_client_serves_all_threads_of_a_region() -> None:
    aws = aws_at("http://127.0.0.1:1")
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(aws.at("eu-central-1").client("ssm"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1
    assert found[0].meta.region_name == "eu-central-1" and aws.client("ssm") is not found[0]


# --- errors ----------------------------------------------------------------------------------------------------


def test_an_error_has_the_code_the_request_the_region_the_operation_and_a_way_out(answers: Answers) -> None:
    answers.queue = [(400, refuse("AccessDeniedException", "User x is not\n authorized."))]
    with pytest.raises(KcError) as raised:
        aws_at(answers.url).call("kms", "list_keys")
    assert str(raised.value) == (
        "kms:list_keys in me-west-1 answered AccessDeniedException: User x is not authorized (request req-1). "
        "The credentials lack this permission: docs/reference/permissions/ lists what the toolkit needs."
    )
    assert {name: raised.value.facts()[name] for name in ("code", "request_id", "operation", "region")} == {
        "code": "AccessDeniedException", "request_id": "req-1", "operation": "kms:list_keys", "region": "me-west-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (CUT, "kms:list_keys in me-west-1 got no answer: .*See that the region's endpoint can be reached from here"),
        ((0, "hang"), "kms:list_keys in me-west-1 got no answer: Read timeout"),
        ((500, "<html>"), "kms:list_keys in me-west-1 answered 500"),
    ],
    ids=["cut", "no answer in time", "an answer that is not AWS's"],
)
def test_an_answer_that_is_none_is_an_error_of_ours(answers: Answers, answer: tuple[int, str], text: str) -> None:
    answers.queue = [answer]
    with pytest.raises(KcError, match=text) as raised:
        aws_at(answers.url, attempts=1, read_timeout=0.2).call("kms", "list_keys")
    assert raised.value.transient


def test_half_an_answer_in_xml_is_an_error_of_ours(answers: Answers) -> None:
    answers.queue = [(200, "<DescribeVpcsResponse><vpcSet><item>")]
    with pytest.raises(KcError, match="ec2:describe_vpcs in me-west-1") as raised:
        aws_at(answers.url).call("ec2", "describe_vpcs")
    assert raised.value.transient
    with pytest.raises(KcError, match="ec2:describe_vpcs in me-west-1"):
        aws_at(answers.url).pages("ec2", "describe_vpcs", "Vpcs")


@pytest.mark.parametrize(
    ("connection", "text"),
    [
        (Connection(endpoint_url="no url"), "Invalid endpoint"),
        (Connection(profile="nobody"), "nobody.*Sign in"),
        (Connection(access_key_id="only"), "Partial credentials.*Sign in"),
        (Connection(), "Unable to locate credentials. Sign in"),
    ],
)
def test_a_connection_that_can_not_work_is_an_error_of_ours(connection: Connection, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(KcError, match=text):
        Aws(connection, "me-west-1").call("kms", "list_keys")


def test_a_wrong_parameter_is_an_error_of_ours_and_never_sent() -> None:
    with pytest.raises(KcError, match="ec2:create_vpc in me-west-1: Parameter validation failed"):
        aws_at("http://127.0.0.1:1").call("ec2", "create_vpc", Cidr="10.0.0.0/16")


EXISTS = """
    InvalidGroup.Duplicate InvalidPermission.Duplicate InvalidKeyPair.Duplicate InvalidSubnet.Conflict RouteAlreadyExists
    NetworkAclEntryAlreadyExists VpcPeeringConnectionAlreadyExists FlowLogAlreadyExists Resource.AlreadyAssociated
    EntityAlreadyExists AlreadyExistsException ResourceExistsException HostedZoneAlreadyExists HealthCheckAlreadyExists
    BucketAlreadyOwnedByYou BucketAlreadyExists RepositoryAlreadyExistsException ParameterAlreadyExists
    ResourceAlreadyExistsException ResourceConflictException DBInstanceAlreadyExists DBSubnetGroupAlreadyExists
    DuplicateLoadBalancerName DuplicateTargetGroupName DuplicateListener DuplicateRecordException ConflictingDomainExists
    OriginAccessControlAlreadyExists DistributionAlreadyExists WAFDuplicateItemException PriorityInUse
"""
MISSING = """
    InvalidVpcID.NotFound InvalidSubnetID.NotFound InvalidGroup.NotFound InvalidAllocationID.NotFound NatGatewayNotFound
    InvalidRouteTableID.NotFound InvalidRoute.NotFound InvalidInternetGatewayID.NotFound InvalidNetworkAclID.NotFound
    InvalidNetworkAclEntry.NotFound InvalidAssociationID.NotFound InvalidPermission.NotFound InvalidVpcEndpointId.NotFound
    InvalidVpcPeeringConnectionID.NotFound InvalidFlowLogId.NotFound NoSuchEntity NoSuchBucket NoSuchBucketPolicy NoSuchTagSet
    NoSuchLifecycleConfiguration NoSuchPublicAccessBlockConfiguration ServerSideEncryptionConfigurationNotFoundError
    ReplicationConfigurationNotFoundError OwnershipControlsNotFoundError NoSuchKey NoSuchConfiguration 404
    ResourceNotFoundException NotFoundException RepositoryNotFoundException RepositoryPolicyNotFoundException
    LifecyclePolicyNotFoundException RegistryPolicyNotFoundException ParameterNotFound HostedZoneNotFound NoSuchHostedZone
    NoSuchHealthCheck LoadBalancerNotFound TargetGroupNotFound ListenerNotFound DBInstanceNotFound DBSubnetGroupNotFoundFault
    ClusterNotFoundException ServiceNotFoundException QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue
    NoSuchDistribution NoSuchOriginAccessControl ObjectNotFoundException WAFNonexistentItemException RuleNotFound
"""
NEITHER = """
    AccessDenied AccessDeniedException UnauthorizedOperation DependencyViolation DeleteConflict OperationAborted
    ConcurrentModification ConflictException InvalidParameterValue ValidationException MalformedPolicyDocument InvalidVpcID.Malformed
    IncorrectState DuplicateSubnetsInSameZone NoSuchOrigin VpcLimitExceeded LimitExceededException KMSInvalidStateException
    InvalidRequestException OptInRequired EntityTemporarilyUnmodifiable InvalidGroup.InUse DBSubnetGroupDoesNotCoverEnoughAZs
    InvalidIPAddress.InUse InvalidAddress.Locked 403 InvalidVpcRange
"""
THROTTLED = """
    Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException RequestLimitExceeded
    EC2ThrottledException SlowDown TooManyRequestsException PriorRequestNotComplete BandwidthLimitExceeded
"""
LOST = "RequestTimeout RequestTimeoutException InternalError InternalFailure ServiceUnavailable"


NOWHERE = aws_at("http://127.0.0.1:1")


def answered(code: str, status: int = 400) -> KcError:
    body = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r"}}
    return NOWHERE._error("ec2", "create_vpc", botocore.exceptions.ClientError(body, "CreateVpc"))


@pytest.mark.parametrize(
    ("codes", "flags"),
    [
        (EXISTS, (True, False, False)),
        (MISSING, (False, True, False)),
        (NEITHER, (False, False, False)),
        (THROTTLED, (False, False, True)),
        (LOST, (False, False, True)),
    ],
    ids=["exists", "missing", "neither", "throttled", "lost"],
)
def test_awss_codes_are_understood(codes: str, flags: tuple[bool, bool, bool]) -> None:
    found = {code: answered(code) for code in codes.split()}
    assert {code: (error.exists, error.missing, error.transient) for code, error in found.items()} == dict.fromkeys(found, flags)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_status_of_5xx_leaves_open_what_was_done(status: int) -> None:
    assert answered("Whatever", status).transient


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("UnauthorizedOperation", "lack this permission"),
        ("ExpiredTokenException", "sign in again"),
        ("UnrecognizedClientException", "does not know these credentials"),
        ("AuthFailure", "region is not enabled"),
        ("OptInRequired", "enable the region"),
        ("VpcLimitExceeded", "L-F678F1CE"),
        ("AddressLimitExceeded", "L-0263D0A3"),
        ("NatGatewayLimitExceeded", "higher quota"),
        ("ServiceQuotaExceededException", "higher quota"),
        ("RequestLimitExceeded", "limits how often"),
        ("BucketAlreadyExists", "another account owns"),
        ("DependencyViolation", "still uses it"),
        ("InvalidParameterValue", ""),
    ],
)
def test_a_code_that_a_user_can_act_on_says_how(code: str, hint: str) -> None:
    assert hint in answered(code).hint
    assert bool(hint) is bool(answered(code).hint)


def test_what_is_missing_is_none_and_every_other_error_is_one(answers: Answers) -> None:
    aws = aws_at(answers.url)
    answers.queue = [(400, refuse("ParameterNotFound"))]
    assert aws.find("ssm", "get_parameter", Name="x") is None
    answers.queue = [(400, refuse("AccessDeniedException"))]
    with pytest.raises(KcError):
        aws.find("ssm", "get_parameter", Name="x")


# --- paging, mapping, waiting ----------------------------------------------------------------------------------


def test_every_page_is_read(answers: Answers) -> None:
    answers.queue = [
        (200, json.dumps({"Keys": [{"KeyId": "1"}], "Truncated": True, "NextMarker": "m"})),
        (200, json.dumps({"Keys": [], "Truncated": True, "NextMarker": "n"})),
        (200, json.dumps({"Keys": [{"KeyId": "2"}], "Truncated": False})),
    ]
    assert aws_at(answers.url).pages("kms", "list_keys", "Keys") == [{"KeyId": "1"}, {"KeyId": "2"}]


def test_a_list_without_pages_is_read_too(answers: Answers) -> None:
    answers.queue = [(200, json.dumps({"TagList": [{"Key": "a", "Value": "b"}]}))]
    params = {"ResourceType": "Parameter", "ResourceId": "x"}
    assert aws_at(answers.url).pages("ssm", "list_tags_for_resource", "TagList", **params) == [{"Key": "a", "Value": "b"}]
    answers.queue = [(200, "{}")]
    assert aws_at(answers.url).pages("ssm", "list_tags_for_resource", "TagList", **params) == []


def test_an_error_on_a_later_page_is_an_error(answers: Answers) -> None:
    answers.queue = [
        (200, json.dumps({"Keys": [{"KeyId": "1"}], "Truncated": True, "NextMarker": "m"})),
        (400, refuse("InvalidMarkerException")),
    ]
    with pytest.raises(KcError, match="kms:list_keys in me-west-1 answered InvalidMarkerException"):
        aws_at(answers.url).pages("kms", "list_keys", "Keys")


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_a_map_keeps_the_order(count: int) -> None:
    assert aws_at("http://127.0.0.1:1").map(lambda item: item * 2, range(count)) == [item * 2 for item in range(count)]


def test_a_maps_first_error_is_its_error() -> None:
    def act(item: int) -> int:
        if item > 1:
            raise KcError(f"item {item}")
        return item

    with pytest.raises(KcError, match="item 2"):
        aws_at("http://127.0.0.1:1").map(act, range(6))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that only sleeping moves."""
    now = [0.0]

    class Time:
        monotonic = staticmethod(lambda: now[0])

    def sleep(self: Aws, seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(session, "time", Time)
    monkeypatch.setattr(Aws, "sleep", sleep)
    return lambda: now[0]


def test_waiting_ends_with_the_state(clock: Callable[[], float]) -> None:
    states = iter(["pending"] * 20 + ["available"])
    told: list[str] = []
    aws = Aws(Connection(), "me-west-1", told.append)
    assert (
        aws.wait("nat_gateway g", lambda: next(states), until=["available", "running"], unless=["failed"], timeout=600, pause=5)
        == "available"
    )
    assert told == [f"waiting for nat_gateway g: pending ({text.split('(')[1]}" for text in told]
    assert 1 < len(told) <= clock() / 10


def test_the_first_look_is_at_once_and_pauses_grow_to_the_given_one(clock: Callable[[], float]) -> None:
    looks: list[float] = []

    def state() -> str:
        looks.append(clock())
        return "done" if len(looks) == 40 else "busy"

    Aws(Connection(), "me-west-1").wait("x", state, until=["done"], pause=5)
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert looks[0] == 0 and pauses[0] < 1 and pauses[-1] == pytest.approx(5)
    assert [round(pause, 6) for pause in pauses] == sorted(round(pause, 6) for pause in pauses)


def test_a_state_that_leads_nowhere_is_an_error_at_once(clock: Callable[[], float]) -> None:
    with pytest.raises(KcError, match="nat_gateway g is `failed` instead of available") as raised:
        Aws(Connection(), "me-west-1").wait("nat_gateway g", lambda: "failed", until=["available"], unless=["failed"])
    assert clock() == 0 and raised.value.region == "me-west-1"


def test_waiting_in_vain_is_an_error_that_names_the_last_state(clock: Callable[[], float]) -> None:
    with pytest.raises(KcError, match=r"nat_gateway g is still `pending` after 6\d s. Look at its events"):
        Aws(Connection(), "me-west-1").wait("nat_gateway g", lambda: "pending", until=["available"], timeout=60, pause=5)
    assert 60 < clock() <= 65


@pytest.mark.parametrize("states", [["failed"], ["pending"]])
def test_what_went_wrong_is_asked_for_its_reason(states: list[str], clock: Callable[[], float]) -> None:
    with pytest.raises(KcError, match=r"service s is .*: no image\.") as caught:
        Aws(Connection(), "me-west-1").wait(
            "service s", lambda: states[0], until=["steady"], unless=["failed"], timeout=60, why=lambda: "no image"
        )
    assert caught.value.region == "me-west-1"


def test_a_stopped_session_wakes_every_thread_and_region() -> None:
    aws = aws_at("http://127.0.0.1:1")
    woken: list[str] = []

    def sleeper(view: Aws) -> None:
        try:
            view.sleep(60)
        except KcError as error:
            woken.append(error.message)

    threads = [threading.Thread(target=sleeper, args=(aws.at(region),)) for region in ("me-west-1", "eu-central-1")]
    for thread in threads:
        thread.start()
    aws.stop()
    for thread in threads:
        thread.join(30)
    assert woken == ["stopped", "stopped"]


def test_what_aws_lists_as_not_done_is_an_error() -> None:
    aws = aws_at("http://127.0.0.1:1")
    aws.refused(None)
    aws.refused([])
    with pytest.raises(KcError, match="fl-1 was refused with LogDestinationPermissionIssue: no") as raised:
        aws.refused([{"ResourceId": "fl-1", "Error": {"Code": "LogDestinationPermissionIssue", "Message": "no"}}])
    assert raised.value.code == "LogDestinationPermissionIssue"
