"""Whose resources a unit reads and makes: platform, environment, region, component, client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from . import names

CLIENTS = "clients/"
"""Below this, in the platform's path, stands what is dedicated to a client, by the client's name."""


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
    def shared(self) -> Scope:
        """The scope of what all clients share: networks, roles, zones."""
        return replace(self, client="") if self.client else self

    @property
    def prefix(self) -> str:
        """What every name of the scope starts with: `kc-lab-`, for a client `kc-lab-acme-`."""
        return f"{self.platform}-{self.environment}-" + (f"{self.client}-" if self.client else "")

    @property
    def path(self) -> str:
        """The same as a path (SSM parameters, secrets, repositories, IAM): `kc/lab/`, for a client `kc/lab/clients/acme/`."""
        return f"{self.platform}/{self.environment}/" + (f"{CLIENTS}{self.client}/" if self.client else "")

    @property
    def namespace(self) -> str:
        """The namespace of the scope's own metrics in CloudWatch, `kc/lab`."""
        return self.path.rstrip("/")

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
        """Return the ARN of one of the platform's roles; they stand below its path, and clients share them."""
        return self.arn("iam", f"role/{self.shared.path}{self.shared.name('role', short)}", region="")

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

    def owns_below(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether what stands below `path` as `name` belongs to the scope.

        The name says platform and environment as well, and for a client's the client: a tag of these that was changed
        by hand hides nothing.
        """
        below = name.lstrip("/").removeprefix(self.shared.path)
        said = {"Platform": self.platform, "Environment": self.environment}
        if below.startswith(CLIENTS):
            said["Client"] = below.removeprefix(CLIENTS).partition("/")[0]
        return self.owns({**tags, **said})

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
