"""nginx takes what the edge writes, however names and values are spelt; needs nginx and its modules, no networks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.behaviours.edge.nginx import Edge
from lab.behaviours.edge.policies import Caching, Parts
from lab.behaviours.edge.responses import HeadersPolicy
from lab.behaviours.edge.targets import Distribution
from lab.world.ca import CA
from tests.unit.test_lab_edge import ALL_VIEWER, DISABLED, behaviour, counted, distribution

pytestmark = pytest.mark.world


def test_nginx_takes_it(tmp_path: Path) -> None:
    names = CA(tmp_path).certificate(["kc.test"])
    cors = {
        "AccessControlAllowOrigins": counted("https://*.kc.test"),
        "AccessControlAllowMethods": counted("ALL"),
        "AccessControlAllowHeaders": counted("Range"),
        "AccessControlAllowCredentials": True,
    }
    headers = HeadersPolicy(
        "H-1", {"CorsConfig": cors, "CustomHeadersConfig": counted({"Header": "X-A", "Value": '"$', "Override": False})}
    )
    policy = Caching("P-1", 5, 60, 300, Parts(("x-a",), ("c",), ("page", "size"), host=True), gzip=True, brotli=True)
    group = {
        "Id": "readers",
        "FailoverCriteria": {"StatusCodes": counted(403, 503)},
        "Members": counted({"OriginId": "bucket"}, {"OriginId": "one"}),
    }
    paths = counted(
        {"PathPattern": '/a"{}?*', **behaviour("readers", "P-1", ResponseHeadersPolicyId="H-1", Compress=True)},
        {"PathPattern": "*.m3u8", **behaviour("bucket", "P-1", TrustedKeyGroups={"Enabled": True, **counted("G")})},
    )
    error = {"ErrorCode": 502, "ResponsePagePath": "/x.html", "ResponseCode": "200"}
    default = behaviour("one", DISABLED, OriginRequestPolicyId=ALL_VIEWER, ViewerProtocolPolicy="redirect-to-https")
    config = distribution(
        default, CacheBehaviors=paths, OriginGroups=counted(group), CustomErrorResponses=counted(error), DefaultRootObject="index.html"
    ).config
    (tmp_path / "tmp").mkdir()
    edge = Edge(tmp_path, CA(tmp_path).pem, "127.0.0.1", {"P-1": policy}, {"H-1": headers})
    file = tmp_path / "nginx.conf"
    file.write_text(edge.text([Distribution("D1", "d1.cloudfront.net", config, names, frozenset({"bucket"}))]))
    done = subprocess.run(["nginx", "-t", "-q", "-p", str(tmp_path), "-c", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
