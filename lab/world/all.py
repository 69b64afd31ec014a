"""The world's behaviours, in the order in which they are listed; each is a file in `lab/behaviours/`."""

from __future__ import annotations

from ..behaviours.cloudfront import CloudFront
from ..behaviours.cloudwatch import CloudWatch
from ..behaviours.ecs import Ecs
from ..behaviours.elb import Elb
from ..behaviours.endpoints import Endpoints
from ..behaviours.faults import KeptFaults
from ..behaviours.nodes import Nodes
from ..behaviours.rds import Rds
from ..behaviours.releases import Releases
from ..behaviours.route53 import Route53
from ..behaviours.scaling import Scaling
from ..behaviours.vpc import Vpc
from .behaviour import Behaviour

ALL: tuple[type[Behaviour], ...] = (
    Vpc,
    KeptFaults,
    Endpoints,
    Nodes,
    Rds,
    Ecs,
    Scaling,
    Elb,
    Route53,
    CloudFront,
    CloudWatch,
    Releases,
)
