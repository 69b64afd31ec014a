#!/usr/bin/python
"""Ansible module: CloudFront."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_edge
short_description: Converge the edge, CloudFront's distributions and what they are made of
description:
  - Run it once for the platform; CloudFront has its control plane in C(us-east-1). Everything is called
    C(<platform>-<environment>-edge-<name>).
  - Viewers speak HTTP/2 or HTTP/3, over IPv4 or IPv6; origins are asked over TLS 1.2 only, and buckets with signed requests.
  - A change takes about five minutes to reach every edge, and the task waits for that; so does taking a distribution away.
  - What CloudFront keeps of a distribution that this module does not know stays as it is.
  - Signed cookies. A path with C(signed_by) wants cookies that are signed with a secret of the kind C(rsa) (M(kc_secrets)). CloudFront
    gets the public half of its current version, and keeps that of the version before. What signs reads the parameter
    C(/<platform>/<environment>/edge/<secret>) of its region, JSON with C(version), the version of the secret to sign with, and C(key), the
    C(CloudFront-Key-Pair-Id) to name, and reads it again every few minutes.
  - So a rotation is safe. Rotate the secret, then run this module; the parameters change once every edge knows the new key, and cookies
    signed before stay good until the next rotation. To shut out a key that leaked, rotate twice.
extends_documentation_fragment: kc
options:
  domain:
    description: Domain that the platform answers at; the certificate of C(us-east-1) is good for the names below it.
    type: str
    required: true
  regions:
    description:
      - Regions that requests go to, the primary first. Their load balancers are C(origin-<region>.<domain>).
      - Needed for O(state=absent) too, since the parameters for signers stand there.
    type: list
    elements: str
    required: true
  cache:
    description:
      - Cache policies by short name. Their settings are C(default), C(max) and C(min) (0), seconds that an answer is kept where it says
        nothing, at most and at least; C(host) (false), whether answers differ by Host; and C(query), parameters that they differ by
        (none; V(*) is all).
    type: dict
    default: {}
  headers:
    description:
      - Response headers policies by short name. C(csp) (required) is the Content-Security-Policy, where C({domain}) stands for the domain.
      - C(frame) is V(DENY) (the default) or V(SAMEORIGIN). C(referrer) is the Referrer-Policy, by default
        C(strict-origin-when-cross-origin). C(permissions) is the Permissions-Policy, none by default. C(hsts_days) is how long
        browsers insist on HTTPS, 730 by default. C(remove) lists headers that are taken away, C(Server) and C(X-Powered-By) by default.
      - C(cors) says which pages may read answers. C(origins) (required) are hosts below the domain, or V(*); C(headers) that requests may
        bear (C(Range)); C(expose), headers that pages may read; C(credentials) (false), whether with cookies; C(seconds) (600) that a
        browser remembers.
    type: dict
    default: {}
  distributions:
    description:
      - Distributions by short name. C(description) and C(hosts), below the domain, are required.
      - C(default) and, by path pattern, C(paths) say what becomes of requests; the first pattern that matches counts. C(to) (required) is
        V(writer), the load balancer of the region that is primary now (C(origin.<domain>)); V(readers), the load balancers of O(regions)
        one after the other, for GET, HEAD and OPTIONS only; or C(bucket/<short name>), that bucket of O(regions) one after the other.
        C(cache) is one of O(cache), or V(none) (the default), which keeps nothing. C(headers) is one of O(headers), none by default.
        C(signed_by) is a secret, without which anybody may read.
      - C(errors) are pages by status, each with C(page) (its path), C(status) to answer, and C(seconds) (5) that it is kept.
      - C(root) is the object that C(/) stands for, none by default. C(http) is V(redirect) (the default) or V(refuse).
        C(price_class) is V(all) (the default), V(most) or V(cheapest). C(waf) (default true) is whether the web ACL of O(waf_groups) and
        O(waf_rates) is asked first.
    type: dict
    default: {}
  origin:
    description:
      - How regions are asked. C(connect_attempts) (1 to 3, default 2), of C(connect_seconds) (1 to 10, default 3) each;
        C(read_seconds) (1 to 60, default 20) for an answer of readers, C(write_seconds) (1 to 60, default 60) of the writer,
        C(bucket_seconds) (1 to 120, default 5) until a bucket begins to answer;
        C(keepalive_seconds) (1 to 60, default 30) that an idle connection stays; C(shield) (default true), whether requests for what is
        kept go through Origin Shield, in regions that have one.
    type: dict
    default: {}
  viewer_tls:
    description: The least that viewers must speak, C(TLSv1.2_2021), C(TLSv1.2_2025) or C(TLSv1.3_2025).
    type: str
    default: TLSv1.2_2025
  propagation:
    description: Seconds until every edge knows a new signing key, before signers are told of it. CloudFront gives no status of that.
    type: int
    default: 300
  waf_groups:
    description: AWS's managed rule groups by name, each with C(priority), C(count) and C(count_rules) (what only counts).
    type: dict
    default: {}
  waf_rates:
    description: Limits of requests by name, each with C(priority), C(limit), C(window), C(by) and C(count). Beyond one the answer is 429.
    type: dict
    default: {}
  waf_log_days:
    description: Days that WAF's logs are kept, which hold what met a rule.
    type: int
    default: 90
  log_bucket:
    description:
      - Short name of the bucket (M(kc_storage), C(receives=edge_logs)) that access logs are delivered to, as JSON below C(edge/).
      - The default is none, and then no logs.
    type: str
  log_region:
    description: Region of that bucket; the first of O(regions) by default.
    type: str
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Edge
  kc_edge:
    scope: "{{ kc_scope }}"
    domain: example.com
    regions: [me-west-1, eu-central-1]
    cache:
      pages: {default: 60, max: 300, host: true}
    headers:
      pages: {csp: "default-src 'self'"}
    distributions:
      web:
        description: Pages
        hosts: [app]
        default: {to: readers, cache: pages, headers: pages}
        paths:
          /api/*: {to: writer}
"""

RETURN = r"""
plan:
  description: What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
  type: list
  returned: always
outputs:
  description:
    - What stands, by kind (C(origin_access_control), C(cache_policy), C(response_headers_policy), C(signing_keys), C(signer),
      C(web_acl), C(waf_log_group), C(distribution), C(log_source), C(log_destination), C(log_delivery)) and name, with C(id).
    - A distribution also has C(arn) and C(domain), the name at CloudFront that its hosts' records lead to.
  type: dict
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.edge import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
