"""Whose resources a unit reads and makes: platform, environment, region, component, client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from . import names


@dataclass(frozen=True)
class Scope:
    """Where and for whom a unit converges.

    Attributes:
        platform: Short name of the platform, such as `kc`.
        environment: `lab`, `staging`, `production`, …
        account: AWS account id, 12 digits.
        region: Region code.
        component: The unit's name; the tag `Component`.
        client: The special client that everything in the scope is dedicated to, or "".
        extra_tags: Tags that the inventory adds to everything.
    """

    platform: str
    environment: str
    account: str
    region: str
    component: str
    client: str = ""
    extra_tags: Mapping[str, str] = field(default_factory=dict)

    def at(self, region: str, component: str = "") -> Scope:
        """Return the same scope in another region (or of another component)."""
        return replace(self, region=region, component=component or self.component)

    @property
    def prefix(self) -> str:
        """What every name of the platform starts with, `kc-lab-`."""
        return f"{self.platform}-{self.environment}-"

    @property
    def path(self) -> str:
        """The same as a path (SSM parameters, secrets, repositories, IAM): `kc/lab/`."""
        return f"{self.platform}/{self.environment}/"

    @property
    def path_tags(self) -> dict[str, str]:
        """The tags that a name below `path` says as well: there, a tag that was changed by hand hides nothing."""
        return {"Platform": self.platform, "Environment": self.environment}

    @property
    def partition(self) -> str:
        """The ARN's partition of the region."""
        return "aws-cn" if self.region.startswith("cn-") else "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    def name(self, service: str, *parts: str) -> str:
        """Return `kc-lab-<parts>` within the length and character rules of `service` (see `names.RULES`)."""
        return names.fit(service, self.prefix + "-".join(parts))

    def bucket(self, short: str) -> str:
        """Return the name of a bucket in this region; names are shared by all AWS accounts, so it holds the account."""
        return self.name("bucket", short, self.account, self.region)

    def role_arn(self, short: str) -> str:
        """Return the ARN of one of the platform's roles; they stand below the scope's path."""
        return self.arn("iam", f"role/{self.path}{self.name('role', short)}", region="")

    def tags(self, name: str = "") -> dict[str, str]:
        """Return the tags of a resource of this scope; with `name`, its `Name` tag too."""
        tags = {**self.extra_tags, "Platform": self.platform, "Environment": self.environment, "Component": self.component}
        if self.client:
            tags["Client"] = self.client
        if name:
            tags["Name"] = name
        return tags

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether something with these tags belongs to the scope; what is dedicated to a client is that client's alone."""
        return tags.get("Client", "") == self.client and all(tags.get(tag) == value for tag, value in self.own_tags.items())

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags that tell whether something belongs to the scope; what others are found by."""
        tags = {"Platform": self.platform, "Environment": self.environment, "Component": self.component}
        return {**tags, "Client": self.client} if self.client else tags

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """Return an ARN in this scope; global services pass `region=""`, S3 also `account=""`."""
        region = self.region if region is None else region
        account = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"
