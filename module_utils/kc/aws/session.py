"""One session a process: clients, time-outs, retries, errors, paging and waiting."""

from __future__ import annotations

import functools
import gc
import hashlib
import random
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import botocore
import botocore.config
import botocore.exceptions
import botocore.parsers
import botocore.session
from botocore.client import BaseClient

from ..errors import KcError

T = TypeVar("T")
R = TypeVar("R")

READ_WORKERS = 16
"""Concurrent calls of one `Aws.map`."""

CREATING = ("create_", "allocate_", "request_", "run_", "replicate_", "copy_", "generate_", "register_", "purchase_")
"""Operations that are not repeated after a lost answer: the plan engine reads again before it creates again."""

_THROTTLED = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
"""Codes with which AWS refuses a call before it does anything (botocore's list, less the quotas in it)."""

_TRANSIENT = {"RequestTimeout", "RequestTimeoutException", "InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable"}
"""Codes of a call that may have been carried out, where the status does not say so."""

_CREDENTIALS = (
    botocore.exceptions.NoCredentialsError,
    botocore.exceptions.PartialCredentialsError,
    botocore.exceptions.CredentialRetrievalError,
    botocore.exceptions.TokenRetrievalError,
    botocore.exceptions.ProfileNotFound,
    botocore.exceptions.SSOError,
)
_ERRORS = (
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    botocore.parsers.ResponseParserError,
    ValueError,  # an endpoint that is no URL
)
_LOST = (
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
    botocore.parsers.ResponseParserError,
    botocore.exceptions.IncompleteReadError,
)
_EXISTS = re.compile(
    r"Already(Exists|Owned|Associated)|ResourceExists|EntityExists|ConflictingDomainExists|^ResourceConflictException$|^InvalidSubnet\.Conflict$"
    r"|\.Duplicate$|^(WAF)?Duplicate(?!SubnetsInSameZone)|^PriorityInUse$"
)
_MISSING = re.compile(r"NotFound|NoSuch(?!Origin$)|DoesNotExist|Non[Ee]xistent|^404$")

_PERMISSION = "the credentials lack this permission: docs/reference/permissions/ lists what the toolkit needs"
_SIGN_IN = "the credentials have expired: sign in again"
_UNKNOWN = "AWS does not know these credentials; in an opt-in region this also means that the region is not enabled"
_HINTS = {
    r"AccessDenied|UnauthorizedOperation|NotAuthorized": _PERMISSION,
    r"ExpiredToken|RequestExpired": _SIGN_IN,
    r"InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId|AuthFailure$|SignatureDoesNotMatch": _UNKNOWN,
    r"InvalidIPAddress\.InUse": "something else has this address: choose another one",
    r"InsufficientInstanceCapacity": "AWS has none left in this zone just now: run again later, or choose another type or zone",
    r"VolumeModificationRateExceeded|IncorrectModificationState": "EBS changes a volume again only hours later: run again then",
    r"OptInRequired": "enable the region for the account first (account:EnableRegion)",
    r"AddressLimitExceeded": "ask for a higher quota of Elastic IPs (Service Quotas, L-0263D0A3)",
    r"VpcLimitExceeded": "ask for a higher quota of VPCs (Service Quotas, L-F678F1CE)",
    r"LimitExceeded|QuotaExceeded|TooMany(Buckets|HostedZones)": "ask for a higher quota (Service Quotas), or delete what is not used",
    r"BucketAlreadyExists": "another account owns a bucket of this name: choose another platform name",
    r"DependencyViolation|DeleteConflict": "something that this toolkit did not make still uses it",
}


def _hint(code: str) -> str:
    if code in _THROTTLED:
        return "AWS limits how often it may be called: run again in a minute, what stands is kept"
    return next((hint for pattern, hint in _HINTS.items() if re.search(pattern, code)), "")


def _reason(why: Callable[[], str]) -> str:
    """Return what explains a failure, as the end of a sentence; that it can't be asked for must not hide the failure."""
    try:
        reason = why()
    except KcError as error:
        reason = error.message
    return f": {reason}" if reason else ""


@dataclass(frozen=True)
class Connection:
    """How to reach AWS. Empty fields leave botocore's own chain (environment, profile, instance role) in charge.

    Attributes:
        connect_timeout: Seconds.
        read_timeout: Seconds.
        attempts: Tries of a call that is safe to repeat.
    """

    endpoint_url: str = ""
    profile: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    attempts: int = 6


class _Shared:
    """What the regions' views of one process have in common."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.session = _session(connection.profile)
        self.clients: dict[tuple[str, str, bool], BaseClient] = {}
        self.nonce = secrets.token_hex(8)
        self.lock = threading.Lock()
        self.stopped = threading.Event()


@functools.cache
def _loader() -> Any:
    """Return the one loader of service models that the sessions of a process share."""
    return botocore.session.Session().get_component("data_loader")


@functools.cache
def _session(profile: str) -> botocore.session.Session:
    """Return the process's session; making one costs as much as five calls."""
    session = botocore.session.Session(profile=profile or None)
    session.register_component("data_loader", _loader())
    return session


_DATA = ("endpoints", "partitions", "sdk-default-configuration", "_retry")
_MODELS = ("service-2", "endpoint-rule-set-1", "paginators-1")


def preload(services: Iterable[str]) -> None:
    """Load what clients of `services` are made from, for this process and the workers that it forks later.

    Reading it costs far more than a call (EC2's model alone 100 ms), and so do the names of a client's methods.
    """
    _session("")
    for name in _DATA:
        _loader().load_data(name)
    for service in services:
        for model in _MODELS:
            _loader().load_service_model(service, model)
        for operation in _loader().load_service_model(service, "service-2")["operations"]:
            botocore.xform_name(operation)
    # It stays: the collector need not look at it again, which in a forked worker would copy it page by page.
    gc.freeze()


class Aws:
    """AWS seen from one region. `at` gives the view of another region over the same session."""

    def __init__(
        self,
        connection: Connection | None = None,
        region: str = "",
        progress: Callable[[str], None] = lambda text: None,
        *,
        _shared: _Shared | None = None,
    ) -> None:
        self._shared = _shared or _Shared(connection or Connection())
        self.region = region
        self.progress = progress

    def at(self, region: str) -> Aws:
        """Return the view of `region`."""
        return self if region == self.region else Aws(region=region, progress=self.progress, _shared=self._shared)

    def token(self, *parts: str) -> str:
        """Return an idempotency token of 32 hex digits: the same for the same parts as long as this session lives.

        AWS knows the repeat of a call whose answer was lost by it. A later run gets another token, since it may
        create again what was deleted in between.
        """
        return hashlib.sha256("\0".join((self._shared.nonce, *parts)).encode()).hexdigest()[:32]

    def client(self, service: str, *, repeats: bool = True) -> BaseClient:
        """Return the process's client; `repeats=False` never repeats a call whose answer was lost."""
        shared = self._shared
        key = (service, self.region, repeats)
        client = shared.clients.get(key)
        if client is None:
            with shared.lock:
                client = shared.clients.get(key)
                if client is None:
                    connection = shared.connection
                    config = botocore.config.Config(
                        connect_timeout=connection.connect_timeout,
                        read_timeout=connection.read_timeout,
                        retries={"mode": "standard", "total_max_attempts": connection.attempts if repeats else 1},
                        max_pool_connections=READ_WORKERS,
                        s3={"us_east_1_regional_endpoint": "regional", "addressing_style": "path" if connection.endpoint_url else "auto"},
                        tcp_keepalive=True,
                    )
                    client = shared.session.create_client(
                        service,
                        region_name=self.region,
                        endpoint_url=connection.endpoint_url or None,
                        aws_access_key_id=connection.access_key_id or None,
                        aws_secret_access_key=connection.secret_access_key or None,
                        config=config,
                    )
                    shared.clients[key] = client
        return client

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Call AWS, as in `aws.call("ec2", "create_vpc", CidrBlock=…)`.

        Calls that create are not repeated by botocore (see `CREATING`); all others are, with growing pauses.

        Raises:
            KcError: With the AWS code, request id, operation, region and a hint.
        """
        creates = operation.startswith(CREATING)
        for attempt in range(self._shared.connection.attempts):
            try:
                return dict(getattr(self.client(service, repeats=not creates), operation)(**params))
            except _ERRORS as error:
                found = self._error(service, operation, error)
                last = attempt == self._shared.connection.attempts - 1
                if last or not creates or found.code not in _THROTTLED:
                    raise found from error
            # refused before anything was done, so this is no second creation; botocore's own pauses
            self.sleep(random.random() * min(2**attempt, 20))  # noqa: S311
        raise AssertionError("unreachable: the last attempt returns or raises")

    def refused(self, items: Iterable[Mapping[str, Any]] | None) -> None:
        """Raise the first refusal of a call that answers 200 and lists what it did not do (`Unsuccessful`).

        Raises:
            KcError: With the refusal's code.
        """
        for item in items or []:
            error = item["Error"]
            raise KcError(
                f"{item.get('ResourceId', 'it')} was refused with {error['Code']}: {error['Message']}",
                code=error["Code"],
                region=self.region,
                hint=_hint(error["Code"]),
            )

    def find(self, service: str, operation: str, /, **params: Any) -> dict[str, Any] | None:
        """Call AWS; None where the thing asked for is not there."""
        try:
            return self.call(service, operation, **params)
        except KcError as error:
            if error.missing:
                return None
            raise

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        """Return every item of a paged list."""
        try:
            client = self.client(service)
            if not client.can_paginate(operation):
                return list(getattr(client, operation)(**params).get(key) or [])
            return [item for page in client.get_paginator(operation).paginate(**params) for item in page.get(key) or []]
        except _ERRORS as error:
            raise self._error(service, operation, error) from error

    def map(self, act: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Run `act` on every item at once; results in the items' order."""
        todo = list(items)
        if len(todo) < 2:
            return [act(item) for item in todo]
        with ThreadPoolExecutor(min(READ_WORKERS, len(todo))) as pool:
            return list(pool.map(act, todo))

    def wait(
        self,
        what: str,
        state: Callable[[], str],
        *,
        until: Iterable[str],
        unless: Iterable[str] = (),
        timeout: float = 600,
        pause: float = 2.0,
        why: Callable[[], str] = lambda: "",
    ) -> str:
        """Wait until `state()` is one of `until`.

        Args:
            what: What is waited for, as the operator knows it.
            unless: States that never become one of `until`.
            timeout: Seconds.
            pause: Seconds between two looks; the first look is at once.
            why: Asked when it went wrong, for what AWS tells of the reason.

        Raises:
            KcError: On a state of `unless`, or on time-out; it names the last state, and the reason.
        """
        until, unless = set(until), set(unless)
        started = told = time.monotonic()
        while True:
            now = state()
            if now in until:
                return now
            waited = time.monotonic() - started
            if now in unless:
                raise KcError(f"{what} is `{now}` instead of {' or '.join(sorted(until))}{_reason(why)}", region=self.region)
            if waited > timeout:
                raise KcError(
                    f"{what} is still `{now}` after {waited:.0f} s{_reason(why)}",
                    hint="look at its events, then run again: what stands is kept",
                    region=self.region,
                )
            if time.monotonic() - told >= 10:
                told = time.monotonic()
                self.progress(f"waiting for {what}: {now} ({waited:.0f} s)")
            self.sleep(min(pause, 0.2 + waited / 5))

    def sleep(self, seconds: float) -> None:
        """Pause; every pause of the toolkit is taken here.

        Raises:
            KcError: `stop` was called.
        """
        if self._shared.stopped.wait(seconds):
            raise KcError("stopped", hint="run again: what stands is kept", region=self.region)

    def stop(self) -> None:
        """End every pause, now and from now on, in every thread and region of the session."""
        self._shared.stopped.set()

    def _error(self, service: str, operation: str, error: Exception) -> KcError:
        where = f"{service}:{operation} in {self.region}"
        if isinstance(error, botocore.exceptions.ClientError):
            body: Mapping[str, Any] = error.response
            code = str(body.get("Error", {}).get("Code", ""))
            meta = body.get("ResponseMetadata", {})
            status = int(meta.get("HTTPStatusCode", 0))
            request_id = str(meta.get("RequestId", "") or meta.get("HTTPHeaders", {}).get("x-amzn-requestid", ""))
            text = " ".join(str(body.get("Error", {}).get("Message", "")).split()).rstrip(".")
            return KcError(
                f"{where} answered {code}: {text}" + (f" (request {request_id})" if request_id else ""),
                code=code,
                request_id=request_id,
                operation=f"{service}:{operation}",
                region=self.region,
                hint=_hint(code),
                transient=status >= 500 or code in _THROTTLED | _TRANSIENT,
                exists=bool(_EXISTS.search(code)),
                missing=bool(_MISSING.search(code)),
            )
        if isinstance(error, _CREDENTIALS):
            return KcError(
                f"{where}: {error}".rstrip("."),
                code=type(error).__name__,
                operation=f"{service}:{operation}",
                region=self.region,
                hint="sign in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        lost = isinstance(error, _LOST)
        return KcError(
            f"{where} got no answer: {error}".rstrip(".") if lost else f"{where}: {error}",
            code=type(error).__name__,
            operation=f"{service}:{operation}",
            region=self.region,
            transient=lost,
            hint="see that the region's endpoint can be reached from here" if lost else "",
        )
