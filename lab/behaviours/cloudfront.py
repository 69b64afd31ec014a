"""CloudFront: one nginx at the edge of the lab's Internet that does what the distributions say, and a process beside it.

Both go on without the world. Their configuration is a file of the edge's directory; it is put there, and nginx told, when
it differs from the one before and nginx finds it right.
"""

from __future__ import annotations

import fnmatch
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ..files import update
from ..processes import Slot
from ..settings import ROOT
from ..world.behaviour import Behaviour
from ..world.ca import CA
from ..world.net import EDGE, MACHINE, OUTSIDE
from ..world.nginx import Nginx
from .dns.snapshot import DISTRIBUTIONS
from .edge.helper import KEYS
from .edge.nginx import Edge
from .edge.policies import Config, Unsupported, caching, items
from .edge.responses import HeadersPolicy
from .edge.targets import Distribution, bucket_of

ADDRESS = OUTSIDE[EDGE][1]


class CloudFront(Behaviour):
    """Keeps an nginx in the namespace of the edge that does what the enabled distributions say."""

    name = "cloudfront"
    services = frozenset({"cloudfront", "acm"})

    @property
    def directory(self) -> Path:
        return self.world.home / "edge"

    @property
    def nginx(self) -> Nginx:
        return Nginx(Slot(self.world.home, "edge"), self.directory, EDGE, self.log, sockets="????????.sock")

    @property
    def helper(self) -> Slot:
        return Slot(self.world.home, "edge-helper")

    def look(self) -> None:
        for part in ("tmp", "cache"):
            (self.directory / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._serve()  # what served before goes on, whether the AWS answers or not
        edge, distributions, problems = self._wanted()
        certificates = b"".join(each.certificate[0].read_bytes() for each in distributions)
        if self.nginx.apply(edge.text(distributions), certificates):
            self.log.info("distributions %s are served", ", ".join(each.id for each in distributions) or "(none)")
        update(self.world.home / DISTRIBUTIONS, json.dumps({each.domain: ADDRESS for each in distributions}, indent=1))
        if problems:
            raise Unsupported("; ".join(problems))

    def down(self) -> None:
        self.nginx.stop()
        process = self.helper.find(self._helper_marks)
        if process:
            process.stop(3)
            self.helper.pid_file.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.world.home / DISTRIBUTIONS).unlink(missing_ok=True)

    # --- what is wanted

    def _wanted(self) -> tuple[Edge, list[Distribution], list[str]]:
        """Return the edge, the distributions that it can serve, and what stands against the others."""
        api = self.world.client("cloudfront")
        policies = api.list_cache_policies(Type="custom")["CachePolicyList"]
        headers = api.list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"]
        edge = Edge(self.directory, CA(self.world.home).pem, MACHINE)
        problems: list[str] = []
        found: list[Distribution] = []
        edge.headers = {
            each["ResponseHeadersPolicy"]["Id"]: HeadersPolicy(
                each["ResponseHeadersPolicy"]["Id"], each["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
            )
            for each in headers.get("Items") or ()
        }
        known = {}
        for each in policies.get("Items") or ():
            id = each["CachePolicy"]["Id"]
            try:
                known[id] = caching(id, each["CachePolicy"]["CachePolicyConfig"])
            except Unsupported as problem:
                problems.append(str(problem))
        edge.caching = known
        update(self.directory / KEYS, json.dumps(self._keys()))
        for each in api.list_distributions()["DistributionList"].get("Items") or ():
            if each["Enabled"]:
                try:
                    distribution = self._distribution(each)
                    edge.text([distribution])
                    found.append(distribution)
                except Unsupported as problem:
                    problems.append(f"distribution {each['Id']}: {problem}")
        return edge, sorted(found, key=lambda each: each.id), problems

    def _distribution(self, about: Mapping[str, Any]) -> Distribution:
        config = self.world.client("cloudfront").get_distribution_config(Id=about["Id"])["DistributionConfig"]
        names = [about["DomainName"]]
        arn = config["ViewerCertificate"].get("ACMCertificateArn")
        if arn:
            try:
                certificate = self.world.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
            except ClientError as error:
                raise Unsupported(f"certificate {arn}: {error}") from error
            names += [certificate["DomainName"], *(certificate.get("SubjectAlternativeNames") or ())]
        readable = frozenset(each["Id"] for each in items(config, "Origins") if self._reads(about["ARN"], each))
        return Distribution(about["Id"], about["DomainName"], config, CA(self.world.home).certificate(names), readable)

    def _reads(self, distribution: str, origin: Config) -> bool:
        """Whether an origin is a bucket that lets the distribution read, for which it signs its requests."""
        if "S3OriginConfig" not in origin or not origin.get("OriginAccessControlId"):
            return False
        bucket, region = bucket_of(origin["DomainName"])
        try:
            policy = json.loads(self.world.client("s3", region).get_bucket_policy(Bucket=bucket)["Policy"])
        except ClientError:
            return False
        return may_read(policy, distribution)

    def _keys(self) -> dict[str, dict[str, str]]:
        """Return the public keys by id, by key group."""
        api = self.world.client("cloudfront")
        keys = {each["Id"]: each["EncodedKey"] for each in api.list_public_keys()["PublicKeyList"].get("Items") or ()}
        groups = (each["KeyGroup"] for each in api.list_key_groups()["KeyGroupList"].get("Items") or ())
        return {group["Id"]: {id: keys[id] for id in group["KeyGroupConfig"]["Items"] if id in keys} for group in groups}

    # --- what stands

    @property
    def _helper_marks(self) -> list[str]:
        return ["-m", "lab.behaviours.edge.helper", "--directory", str(self.directory)]

    def _serve(self) -> None:
        """Start what does not run; without a configuration, nginx waits for one."""
        if not self.helper.find(self._helper_marks):
            self.helper.start([sys.executable, *self._helper_marks, "--endpoint", self.world.settings.url], ROOT)
            self.log.info("the helper is started")
        self.nginx.serve()


def may_read(policy: Mapping[str, Any], distribution: str) -> bool:
    """Whether a bucket's policy lets CloudFront read objects for a distribution (its ARN).

    Amazon CloudFront developer guide, "Restrict access to an Amazon S3 origin".
    """

    def listed(value: Any) -> list[str]:
        return value if isinstance(value, list) else [value] if value else []

    def allows(statement: Mapping[str, Any]) -> bool:
        principal = statement.get("Principal")
        services = listed(principal.get("Service")) if isinstance(principal, dict) else []
        condition = {key.lower(): listed(value) for of in (statement.get("Condition") or {}).values() for key, value in of.items()}
        sources = condition.get("aws:sourcearn", ["*"])
        return (
            statement.get("Effect") == "Allow"
            and "cloudfront.amazonaws.com" in services
            and any(fnmatch.fnmatchcase("s3:GetObject", action) for action in listed(statement.get("Action")))
            and any(fnmatch.fnmatchcase(distribution, source) for source in sources)
        )

    return any(allows(statement) for statement in policy.get("Statement", ()))
