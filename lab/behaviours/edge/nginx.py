"""The edge's nginx, as text made of what the API says.

Two servers answer each request. The *edge* is what viewers meet: a server a distribution, a location a behaviour; it
judges, keeps, compresses and sets headers. What it lacks it asks a *target* for (`targets.py`), over a socket: an origin,
or the origins of a group one after the other. So the cache does not know which origin answered, as CloudFront's does not;
and the target tells it, as X-Accel-Expires, how long an answer is kept (`ttl.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .policies import ALL, MANAGED_CACHING, MANAGED_REQUESTS, Caching, Config, Parts, Unsupported, items
from .responses import HeadersPolicy
from .targets import Distribution, Target
from .text import block, directives, literal, pattern, quoted
from .ttl import error_map, fresh_map, kept_map, query_map, said_map, variable

MODULES = Path("/usr/lib/nginx/modules")
POP = "LAB1-C1"
"""The edge's point of presence: where it is, its number, and more, as AWS calls its own."""

JUDGE = "/.edge/judge"
TYPES = (
    "application/javascript application/json application/vnd.apple.mpegurl application/wasm application/x-javascript "
    "application/xml font/otf font/ttf image/svg+xml text/css text/csv text/javascript text/plain text/xml"
)
"""What is compressed, beside HTML. A choice of those in Amazon CloudFront developer guide, "Serve compressed files"."""

CONDITIONS = ("Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range")


@dataclass
class Edge:
    """The whole configuration.

    Attributes:
        directory: Where sockets, cache and temporary files are.
        ca: What origins' certificates are verified with.
        resolver: Address of the DNS server.
        caching: Cache policies by id, beside AWS's own.
        headers: Response headers policies by id.
    """

    directory: Path
    ca: Path
    resolver: str
    caching: Mapping[str, Caching] = field(default_factory=dict)
    headers: Mapping[str, HeadersPolicy] = field(default_factory=dict)

    def text(self, distributions: Sequence[Distribution]) -> str:
        """Return the configuration file.

        Raises:
            Unsupported: A distribution wants something that the lab's edge does not carry out.
        """
        targets: dict[str, Target] = {}
        servers = [line for each in distributions for line in self._server(each, targets)]
        used = {(target.policy, target.distribution.id) for target in targets.values()}
        policies = [self._policy(id) for id in sorted({policy for policy, _ in used})]
        picky = [policy for policy in policies if policy.key.query not in ((), ALL)]
        maps = [
            *said_map(),
            *(line for policy in policies for line in fresh_map(policy)),
            *(line for each in distributions for line in error_map(each.id, items(each.config, "CustomErrorResponses"))),
            *(line for policy, id in sorted(used) for line in kept_map(self._policy(policy), id)),
            *(line for policy in picky for line in query_map(policy)),
            *(line for _, policy in sorted(self.headers.items()) for line in policy.maps()),
        ]
        asked = [line for _, target in sorted(targets.items()) for line in target.server(self.directory, self.ca)]
        http = [*COMMON, *self._places(), *maps, *self._nobody(distributions), *servers, *asked]
        return "\n".join([*HEAD, "events {}", *block("http", http)]) + "\n"

    def _policy(self, id: str) -> Caching:
        found = MANAGED_CACHING.get(id) or self.caching.get(id)
        if not found:
            raise Unsupported(f"cache policy {id} is unknown")
        return found

    # --- what all share

    def _places(self) -> list[str]:
        temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        return [
            *(f"{kind}_temp_path {literal(self.directory / 'tmp' / kind)};" for kind in temporary),
            f"proxy_cache_path {literal(self.directory / 'cache')} "
            "levels=1:2 keys_zone=edge:8m max_size=256m inactive=1d use_temp_path=off;",
            f"resolver {self.resolver} ipv6=off;",
        ]

    def _nobody(self, distributions: Sequence[Distribution]) -> list[str]:
        """Return the server of all names that are no distribution's; nginx takes the protocols of all others from it."""
        lines = [
            "listen 80 default_server;",
            "listen 443 ssl http2 default_server;",
            "ssl_reject_handshake on;",
            f"ssl_protocols {max(map(tls, distributions), key=len, default=TLS[-1])};",
            "return 403;",
        ]
        return block("server", lines)

    # --- a distribution

    def _server(self, distribution: Distribution, targets: dict[str, Target]) -> list[str]:
        config = distribution.config
        root = config.get("DefaultRootObject")
        behaviours = [*((each["PathPattern"], each) for each in items(config, "CacheBehaviors")), ("", config["DefaultCacheBehavior"])]
        pages = [each for each in items(config, "CustomErrorResponses") if each.get("ResponsePagePath")]
        paths = sorted({each["ResponsePagePath"] for each in pages})
        caught = [
            f"error_page {each['ErrorCode']} ={each['ResponseCode']} @page_{paths.index(each['ResponsePagePath'])};" for each in pages
        ]
        lines = [
            "listen 80;",
            "listen 443 ssl http2;",
            f"server_name {' '.join([*items(config, 'Aliases'), distribution.domain])};",
            *(f"ssl_certificate{part} {literal(file)};" for part, file in zip(("", "_key"), distribution.certificate, strict=True)),
            f"ssl_protocols {tls(distribution)};",
            "set $path $raw_path;",
            *(block("if ($raw_path = /)", [f"set $path {literal(f'/{root}')};"]) if root else ()),
            *(["proxy_intercept_errors on;", *caught] if caught else ()),
            *block(f"location = {JUDGE}", self._judge()),
        ]
        for path, behaviour in behaviours:
            body = [*guards(behaviour), *signed(behaviour), *self._answer(distribution, behaviour, targets)]
            lines += block(f"location ~ {quoted(pattern(path))}" if path else "location /", body)
        for index, page in enumerate(paths):
            behaviour = next(found for path, found in behaviours if not path or re.match(pattern(path), page))
            body = [f"set $path {literal(page)};", "proxy_method GET;", *self._answer(distribution, behaviour, targets)]
            lines += block(f"location @page_{index}", body)
        return block("server", lines)

    def _judge(self) -> list[str]:
        about = {"Content-Length": "", "X-Edge-Groups": "$key_groups", "X-Edge-Viewer": "$remote_addr"}
        return [
            "internal;",
            "proxy_intercept_errors off;",
            f"proxy_pass http://unix:{self.directory}/helper.sock:/judge;",
            "proxy_method GET;",
            "proxy_pass_request_body off;",
            *directives("proxy_set_header", {**about, "X-Edge-Url": "$scheme://$host$request_uri"}),
        ]

    def _answer(self, distribution: Distribution, behaviour: Config, targets: dict[str, Target]) -> Iterator[str]:
        """Yield how a request is answered: from the cache, or by its target, which is noted down."""
        policy = self._policy(behaviour["CachePolicyId"])
        requests, headers = behaviour.get("OriginRequestPolicyId") or "", behaviour.get("ResponseHeadersPolicyId") or ""
        for id, known, what in ((requests, MANAGED_REQUESTS, "origin request"), (headers, self.headers, "response headers")):
            if id and id not in known:
                raise Unsupported(f"{what} policy {id} is unknown")
        sent = policy.key | MANAGED_REQUESTS.get(requests, Parts())
        target = Target(distribution, behaviour["TargetOriginId"], sent.host, policy.id)
        targets[target.socket] = target
        whole = "$unsigned" if (behaviour.get("TrustedKeyGroups") or {}).get("Enabled") else "$is_args$args"
        query = whole if sent.query == ALL else f"$query_{variable(policy.id)}" if sent.query else ""
        yield f"proxy_pass http://unix:{self.directory}/{target.socket}:$path{query};"
        yield from _forwarded(distribution, sent, policy)
        if policy.most:
            yield from _cached(distribution, policy, whole)
        if not sent.cookies:
            yield "proxy_hide_header Set-Cookie;"
        if behaviour.get("Compress"):
            yield from (f"{kind} on;" for kind, wanted in (("gzip", policy.gzip), ("brotli", policy.brotli)) if wanted)
        bears = {"X-Cache": "$x_cache", "Via": via(distribution), "X-Amz-Cf-Pop": POP, "X-Amz-Cf-Id": "$request_id"}
        yield from (f"proxy_hide_header {header};" for header in bears)
        yield from directives("add_header", bears, " always")
        if headers:
            yield from self.headers[headers].lines()


HEAD = [
    *(f"load_module {MODULES}/ngx_http_{name}_module.so;" for name in ("headers_more_filter", "brotli_filter")),
    "daemon off;",
    "user root;  # whose alone the lab's directory is",
    "worker_processes 2;",
    "error_log stderr warn;",
]

IGNORED = "X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset"
"""What origins can't tell this nginx."""

COMMON = [
    "log_format edge '$time_iso8601 $status $request_time s $remote_addr $request_method $scheme://$host$raw_path $x_cache';",
    "access_log /dev/stdout edge;",
    "default_type application/octet-stream;",
    "server_tokens off;",
    "merge_slashes off;",
    "server_names_hash_bucket_size 128;",
    "variables_hash_max_size 4096;",
    "variables_hash_bucket_size 256;",
    "client_max_body_size 0;",
    "ssl_session_cache shared:tls:1m;",
    "gzip_proxied any;",
    "gzip_vary on;",
    "gzip_min_length 1000;",
    "brotli_min_length 1000;",
    f"gzip_types {TYPES};",
    f"brotli_types {TYPES};",
    "proxy_http_version 1.1;",
    "proxy_headers_hash_max_size 1024;",
    "proxy_headers_hash_bucket_size 128;",
    f"proxy_ignore_headers {IGNORED};",
    'geo $dollar { default "$"; }',
    *block("map $request_uri $raw_path", ['"~^(?<uri_path>[^?]*)" $uri_path;']),
    *block("map $http_accept_encoding $encodings", ['"~*\\bbr\\b" "br,gzip";', '"~*\\bgzip\\b" gzip;', 'default "";']),
    *block("map $http_accept_encoding $gzip_only", ['"~*\\bgzip\\b" gzip;', 'default "";']),
    *block('map "$scheme:$request_method" $redirect', ['"~^http:(GET|HEAD)$" 301;', '"~^http:" 307;', 'default "";']),
    *block(
        'map "$upstream_cache_status:$upstream_status:$status" $x_cache',
        [
            '"~^::3" "Redirect from cloudfront";',
            '"~:[45][0-9][0-9]$" "Error from cloudfront";',
            '"~^(HIT|STALE|UPDATING):" "Hit from cloudfront";',
            '"~^REVALIDATED:" "RefreshHit from cloudfront";',
            'default "Miss from cloudfront";',
        ],
    ),
]

TLS = ("TLSv1.3", "TLSv1.2 TLSv1.3")


def tls(distribution: Distribution) -> str:
    """Return the protocols that viewers may speak: Debian's OpenSSL has none before TLS 1.2."""
    least = (distribution.config.get("ViewerCertificate") or {}).get("MinimumProtocolVersion", "")
    return TLS[0] if least.startswith("TLSv1.3") else TLS[1]


def via(distribution: Distribution) -> str:
    """Return how the edge calls itself."""
    return f"1.1 {hashlib.sha256(distribution.id.encode()).hexdigest()[:32]}.cloudfront.net (CloudFront)"


def guards(behaviour: Config) -> list[str]:
    """Return what turns requests away before anything is asked: those without TLS, and by their method."""
    methods = items(behaviour, "AllowedMethods") or ["GET", "HEAD"]
    plain = {
        "redirect-to-https": [
            line for code in (301, 307) for line in block(f"if ($redirect = {code})", [f"return {code} https://$host$request_uri;"])
        ],
        "https-only": block("if ($scheme = http)", ["return 403;"]),
        "allow-all": [],
    }[behaviour["ViewerProtocolPolicy"]]
    return [*plain, *block(f'if ($request_method !~ "^({"|".join(sorted(methods))})$")', ["return 403;"])]


def signed(behaviour: Config) -> list[str]:
    """Return what has requests judged that must be signed."""
    trusted = behaviour.get("TrustedKeyGroups") or {}
    if not trusted.get("Enabled"):
        return []
    groups = f"set $key_groups {literal(' '.join(trusted.get('Items') or ()))};"
    return [groups, f"auth_request {JUDGE};", "auth_request_set $unsigned $upstream_http_x_edge_query;"]


def _forwarded(distribution: Distribution, sent: Parts, policy: Caching) -> Iterator[str]:
    """Yield what the target is told of a request."""
    always = {
        "Host": "$host" if sent.host else "origin",
        "Connection": "",
        "Cookie": "$http_cookie" if sent.cookies == ALL else "; ".join(f"{name}=$cookie_{name}" for name in sent.cookies),
        "Via": via(distribution),
        "X-Amz-Cf-Id": "$request_id",
        "X-Forwarded-For": "$proxy_add_x_forwarded_for",
    }
    if sent.headers == ALL:
        yield from directives("proxy_set_header", always)
        return
    own = {"User-Agent": "Amazon CloudFront", "Content-Type": "$http_content_type", "Accept-Encoding": _encodings(policy)}
    named = {name: f"$http_{variable(name)}" for name in (*sent.headers, *(() if policy.most else CONDITIONS))}
    yield "proxy_pass_request_headers off;"
    yield from directives("proxy_set_header", {**own, **named, **always})


def _encodings(policy: Caching) -> str:
    return "$encodings" if policy.brotli else "$gzip_only" if policy.gzip else ""


def _cached(distribution: Distribution, policy: Caching, whole: str) -> Iterator[str]:
    """Yield what is kept, and what tells two answers apart."""
    key = policy.key
    parts = [distribution.id, "$path", _encodings(policy), "$host" if key.host else ""]
    parts += [f"$http_{variable(name)}" for name in key.headers]
    parts += ["$http_cookie"] if key.cookies == ALL else [f"$cookie_{name}" for name in key.cookies]
    parts += [whole] if key.query == ALL else [f"$arg_{name}" for name in key.query]
    yield "proxy_cache edge;"
    yield f"proxy_cache_key {quoted('|'.join(parts))};"
    yield "proxy_cache_lock on;"
    yield "proxy_cache_revalidate on;"
    # an origin that is gone, or fails, does not take away what is there
    yield "proxy_cache_use_stale error timeout http_500 http_502 http_503 http_504;"
    yield f"proxy_ignore_headers {IGNORED} Cache-Control Set-Cookie Vary;"
    yield "proxy_force_ranges on;"
