"""The whole platform, and of one region's what amazon.aws and community.aws can express beside them."""

from __future__ import annotations

import json
from collections import Counter

from kc.aws.session import Aws

from . import peer
from .census import census, platform_census
from .harness import GLOBAL, HERE, REGION, Bench, bar, one_region, table

ALL, ONE, PEERS = "ours, whole platform", "ours, region's platform", "collections, the same"
SECONDS = 12
"""What the second run of the whole platform may take."""

INEXPRESSIBLE: dict[str, str] = {
    "flow_log": "no module",
    "repository: tagged": "ecs_ecr has no tags",
    "alarm of an expression": "cloudwatch_metric_alarm puts it again at every run",
    "alarm of an expression: actions": "with it",
    "alarm of an expression: metrics": "with it",
}
"""What the peer leaves out, and why; ours makes it all the same."""

WITHOUT = ("budgets", "vaults", "backup")
"""Units that the collections have no module for at all, or none that works against the lab: ours is measured without them."""


class Whole:
    """A part of the benchmark: `round` measures once, `report` tells what came out."""

    def __init__(self, bench: Bench, *, with_peer: bool) -> None:
        self.bench, self.with_peer = bench, with_peer
        self.all = ["ansible-playbook", "site.yml"]
        self.ours = one_region(without=WITHOUT)
        goal, foundation = bench.record(self.ours)
        self.certificates, self.vpc, self.vpcs = goal["certificate"], goal["vpc"][0], goal["private_zone"][0]["vpcs"]
        variables = bench.scratch / "platform.json"
        variables.write_text(json.dumps({**peer.variables(foundation), **peer.more(goal, foundation)}))
        books = [str(HERE / "peer" / f"{name}.yml") for name in ("foundation", "platform")]
        self.peers = ["ansible-playbook", "-i", "localhost,", *books, "-e", f"@{variables}"]
        print(f"one region's platform: {sum(map(len, goal.values()))} resources of {len(goal)} kinds")

    def everywhere(self) -> Counter[str]:
        return Counter()  # nobody else makes the same

    def stands(self) -> Counter[str]:
        return census(self.bench.server.connection, REGION) + platform_census(self.bench.server.connection, REGION)

    def round(self) -> None:
        self.bench.server.reset()
        self.bench.contest(ALL, self.all, self.everywhere, check=True, ours=True)
        for who, command in ((ONE, self.ours), (PEERS, self.peers)) if self.with_peer else ():
            self.bench.server.reset()
            self._given(certificates=who == PEERS)
            self.bench.contest(who, command, self.stands, ours=who == ONE)

    def _given(self, *, certificates: bool) -> None:
        """Make what is there before: the other regions' VPCs, which the private zone is for too, and certificates for the peer."""
        for region in {vpc["region"] for vpc in self.vpcs} - {REGION}:
            tags = [{"Key": key, "Value": value} for key, value in self.vpc["tags"].items()]
            about = [{"ResourceType": "vpc", "Tags": tags}]
            Aws(self.bench.server.connection, region).call("ec2", "create_vpc", CidrBlock="10.99.0.0/16", TagSpecifications=about)
        for want in self.certificates if certificates else ():  # the collections can only import them
            Aws(self.bench.server.connection, want["region"]).call("acm", "request_certificate", DomainName=want["name"])

    def report(self) -> None:
        if self.with_peer:
            self.bench.same(ONE, PEERS, INEXPRESSIBLE)
        table(self.bench, (ALL, ONE, PEERS))
        if self.with_peer:
            print("\nleft out by the collections: " + "; ".join(f"{what} ({why})" for what, why in INEXPRESSIBLE.items()))

    def bars(self) -> None:
        seconds = self.bench.median(ALL, "second run")
        bar(f"whole platform, second run: {seconds:.2f} s", f"at most {SECONDS} s", seconds <= SECONDS)
        for stage in ("first run", "second run") if self.with_peer else ():
            ratio = self.bench.ratio(stage, PEERS, ONE)
            bar(f"region's platform, {stage}: {ratio:.1f} times as fast as the collections", "at least 10", ratio >= 10)


__all__ = ["GLOBAL", "Whole"]
