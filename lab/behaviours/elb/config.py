"""The configuration of the nginx that is a load balancer, from what the ELB API says and which targets get requests. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .conditions import Item, action_of, choice, condition, forwards, literal, quoted, redirect

CONNECT = 10
"""Seconds in which a target must take a connection (Application Load Balancer user guide, "HTTP 504")."""

LOG = (
    '{"at":$msec,"client":"$remote_addr","host":"$host","request":"$request","status":$status,"took":$request_time,'
    '"group":"$kc_group","target":"$upstream_addr","target_status":"$upstream_status","target_header":"$upstream_header_time",'
    '"target_took":"$upstream_response_time","trace":"$kc_trace"}'
)
"""A request in the access log. A target that gave no answer has no `target_header`, whatever `target_status` says."""

HTTP = """\
map $http_upgrade $kc_connection {
    default upgrade;
    "" "";
}
map $request_uri $kc_path {
    "~^(?<kc_before_query>[^?]*)" $kc_before_query;
}
map $kc_path $kc_relative {
    "~^/(?<kc_after_slash>.*)" $kc_after_slash;
}
map $http_x_amzn_trace_id $kc_trace {
    default $http_x_amzn_trace_id;
    "" $kc_new_trace;
}
map $request_id $kc_new_trace {
    "~^(?<kc_time>.{8})(?<kc_unique>.{24})" "Root=1-$kc_time-$kc_unique";
}
geo $kc_dollar {
    default "$";
}"""
"""Variables that all listeners share: the path as it was asked for, with and without its slash, and the trace's id."""

FORWARDED = {"append": "$proxy_add_x_forwarded_for", "preserve": "$http_x_forwarded_for", "remove": '""'}
"""X-Forwarded-For by `routing.http.xff_header_processing.mode`."""


@dataclass(frozen=True)
class Group:
    """A target group: its ARN's last parts (`targetgroup/<name>/<id>`), attributes, and where requests go, as `address:port`."""

    suffix: str
    attributes: Mapping[str, str]
    targets: tuple[str, ...]
    protocol: str = "HTTP"

    @property
    def upstream(self) -> str:
        return "group_" + re.sub(r"\W", "_", self.suffix.partition("/")[2])


@dataclass(frozen=True)
class Certificate:
    """A certificate's names, and the files of it and its key."""

    names: tuple[str, ...]
    pem: str
    key: str


@dataclass(frozen=True)
class Listener:
    """A listener.

    Attributes:
        port: Where it listens.
        certificates: The default one first; none: plain HTTP.
        policy: Name of the TLS policy.
        attributes: By name.
        rules: As DescribeRules has them.
    """

    port: int
    certificates: tuple[Certificate, ...]
    policy: str
    attributes: Mapping[str, str]
    rules: Sequence[Item]

    @property
    def ordered(self) -> list[Item]:
        """The rules in the order in which they are tried, the default one last."""
        return sorted(self.rules, key=lambda rule: (rule["IsDefault"], 0 if rule["IsDefault"] else int(rule["Priority"])))


@dataclass(frozen=True)
class Balancer:
    """A load balancer: its attributes, its listeners, and the groups they lead to by ARN."""

    attributes: Mapping[str, str]
    listeners: Sequence[Listener]
    groups: Mapping[str, Group] = field(default_factory=dict)


def configuration(balancer: Balancer) -> str:
    """Return the whole of `nginx.conf`; paths in it are below nginx's prefix."""
    lines = [
        "# Written by the lab.",
        "daemon off;",
        "worker_processes 1;",
        "worker_rlimit_nofile 16384;",
        f"worker_shutdown_timeout {_patience(balancer)}s;",
        "pid nginx.pid;",
        "error_log stderr warn;",
        "events {",
        "    worker_connections 8192;",
        "}",
        "http {",
        *_indented(_http(balancer)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _patience(balancer: Balancer) -> int:
    """Return for how many seconds requests that run may go on after a change: the longest deregistration delay."""
    delays = (int(group.attributes.get("deregistration_delay.timeout_seconds", 300)) for group in balancer.groups.values())
    return max([*delays, 1])


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _http(balancer: Balancer) -> Iterator[str]:
    get = balancer.attributes.get
    idle = get("idle_timeout.timeout_seconds", "60")
    drop = get("routing.http.drop_invalid_header_fields.enabled") == "true"
    yield f"log_format kc escape=json '{LOG}';"
    # what the line says of a request, listeners set
    yield f"access_log {'access.log kc' if balancer.listeners else 'off'};"
    yield from (f"{kind}_temp_path tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    yield "server_tokens off;"
    yield "client_max_body_size 0;"
    yield "large_client_header_buffers 4 16k;"
    yield "proxy_headers_hash_max_size 1024;"
    yield f"ignore_invalid_headers {'on' if drop else 'off'};"
    yield f"underscores_in_headers {'off' if drop else 'on'};"
    yield from (f"{name} {idle}s;" for name in ("client_header_timeout", "client_body_timeout", "send_timeout", "keepalive_timeout"))
    yield f"keepalive_time {get('client_keep_alive.seconds', '3600')}s;"
    yield "keepalive_requests 1000000;"
    yield from _proxy(balancer, idle)
    yield from HTTP.splitlines()
    for group in balancer.groups.values():
        if group.targets:
            yield from _upstream(group)
    for listener in balancer.listeners:
        yield from _variables(listener, balancer)
        certificates: Sequence[Certificate | None] = listener.certificates or (None,)
        for index, each in enumerate(certificates):
            yield from _server(balancer, listener, each, default=index == 0)


def _proxy(balancer: Balancer, idle: str) -> Iterator[str]:
    """What goes to a target and how; bodies pass as they come, both ways."""
    get = balancer.attributes.get
    mode = get("routing.http.xff_header_processing.mode", "append")
    forwarded = FORWARDED[mode]
    if mode == "append" and get("routing.http.xff_client_port.enabled") == "true":
        forwarded = '"$kc_forwarded$remote_addr:$remote_port"'
        yield from ("map $http_x_forwarded_for $kc_forwarded {", '    default "$http_x_forwarded_for, ";', '    "" "";', "}")
    yield "proxy_http_version 1.1;"
    yield "proxy_request_buffering off;"
    yield "proxy_buffering off;"
    yield f"proxy_connect_timeout {CONNECT}s;"
    yield f"proxy_read_timeout {idle}s;"
    yield f"proxy_send_timeout {idle}s;"
    # another target is asked where one takes no connection, or ends it without an answer
    yield "proxy_next_upstream error;"
    yield "proxy_pass_header Server;"
    yield "proxy_pass_header Date;"
    headers = {
        "Host": "$kc_host",
        "Connection": "$kc_connection",
        "Upgrade": "$http_upgrade",
        "X-Forwarded-For": forwarded,
        "X-Forwarded-Port": "$server_port",
        "X-Forwarded-Proto": "$scheme",
        "X-Amzn-Trace-Id": "$kc_trace",
    }
    if get("routing.http.x_amzn_tls_version_and_cipher_suite.enabled") == "true":
        headers |= {"X-Amzn-Tls-Version": "$ssl_protocol", "X-Amzn-Tls-Cipher-Suite": "$ssl_cipher"}
    yield from (f"proxy_set_header {name} {value};" for name, value in headers.items())


def _upstream(group: Group) -> Iterator[str]:
    yield f"upstream {group.upstream} {{"
    if group.attributes.get("load_balancing.algorithm.type") == "least_outstanding_requests":
        yield "    least_conn;"
    # that a target fails is for the health checks to say
    yield from (f"    server {target} max_fails=0;" for target in group.targets)
    yield "    keepalive 64;"
    yield "}"


def _variables(listener: Listener, balancer: Balancer) -> Iterator[str]:
    """Lines that find out which location answers a request."""
    rules = []
    for number, rule in enumerate(listener.ordered):
        names = [f"$kc_{listener.port}_{number}_{index}" for index, _ in enumerate(rule["Conditions"])]
        for name, item in zip(names, rule["Conditions"], strict=True):
            yield from condition(name, item)
        weights = _weights(rule, balancer)
        if len(weights) > 1:
            yield from _split(_split_name(listener, rule), weights, balancer.groups)
        rules.append((names, _location(listener, rule, balancer)))
    yield from choice(f"$kc_{listener.port}", rules[:-1], rules[-1][1])


def _weights(rule: Item, balancer: Balancer) -> dict[str, int]:
    """Return the weights of the target groups that a rule leads to and that are there."""
    return {arn: weight for arn, weight in forwards(action_of(rule["Actions"])).items() if weight and arn in balancer.groups}


def _split_name(listener: Listener, rule: Item) -> str:
    return f"$kc_{listener.port}_{rule['Priority']}_group"


def _split(name: str, weights: Mapping[str, int], groups: Mapping[str, Group]) -> Iterator[str]:
    shares = [f"{100 * weight / sum(weights.values()):.2f}%" for weight in weights.values()]
    yield f"split_clients $request_id {name} {{"
    yield from (f"    {share} {groups[arn].upstream};" for share, arn in zip([*shares[:-1], "*"], weights, strict=True))
    yield "}"


def _location(listener: Listener, rule: Item, balancer: Balancer) -> str:
    weights = _weights(rule, balancer)
    if len(weights) > 1:
        return f"/group/{_split_name(listener, rule)}"
    return f"/group/{balancer.groups[next(iter(weights))].upstream}" if weights else f"/rule/{rule['Priority']}"


def _server(balancer: Balancer, listener: Listener, certificate: Certificate | None, *, default: bool) -> Iterator[str]:
    words = [str(listener.port), *(["ssl"] if certificate else []), *(["default_server"] if default else [])]
    if certificate and balancer.attributes.get("routing.http2.enabled", "true") == "true":
        words.append("http2")
    yield "server {"
    yield f"    listen {' '.join(words)};"
    yield f"    server_name {' '.join(certificate.names) if certificate else '_'};"
    if certificate:
        yield f"    ssl_certificate {quoted(certificate.pem)};"
        yield f"    ssl_certificate_key {quoted(certificate.key)};"
        yield f"    ssl_protocols {' '.join(protocols(listener.policy))};"
        yield f"    ssl_ciphers {'ECDHE+AESGCM' if '-Res-' in listener.policy else 'ECDHE+AESGCM:ECDHE+AES'};"
    yield f"    set $kc_host {_host(balancer, listener)};"
    for header, value in _response_headers(listener):
        yield f"    proxy_hide_header {header};"
        yield f"    add_header {header} {literal(value)} always;"
    yield '    set $kc_group "";'
    yield f"    rewrite ^ $kc_{listener.port} last;"
    for arn in sorted({arn for rule in listener.rules for arn in _weights(rule, balancer)}):
        yield from _indented(_forward(balancer.groups[arn]))
    for rule in listener.rules:
        if not _weights(rule, balancer):
            yield from _indented(_answer(rule))
    yield "}"


def _host(balancer: Balancer, listener: Listener) -> str:
    """Return the Host header that targets get (Application Load Balancer user guide, "Host header preservation")."""
    if balancer.attributes.get("routing.http.preserve_host_header.enabled") == "true":
        return "$http_host"
    return "$host" if listener.port == (443 if listener.certificates else 80) else "$host:$server_port"


def _response_headers(listener: Listener) -> Iterator[tuple[str, str]]:
    for name, value in sorted(listener.attributes.items()):
        found = re.fullmatch(r"routing\.http\.response\.(\w+)\.header_value", name)
        if found and value:
            yield found[1].replace("_", "-").title(), value


def _forward(group: Group) -> Iterator[str]:
    yield f"location = /group/{group.upstream} {{"
    yield f"    set $kc_group {group.suffix};"
    if group.targets:
        yield f"    proxy_pass {group.protocol.lower()}://{group.upstream}$request_uri;"
    else:
        yield "    return 503;"
    yield "}"


def _answer(rule: Item) -> Iterator[str]:
    """A rule that answers itself; one whose target groups are gone has nobody who answers."""
    yield f"location = /rule/{rule['Priority']} {{"
    action = action_of(rule["Actions"])
    if action["Type"] == "redirect":
        yield f"    return {redirect(action['RedirectConfig'])};"
    elif action["Type"] == "fixed-response":
        about = action["FixedResponseConfig"]
        yield f"    default_type {about.get('ContentType') or 'text/plain'};"
        yield f"    return {about['StatusCode']} {literal(about.get('MessageBody') or '')};"
    else:
        yield "    return 503;"
    yield "}"


def protocols(policy: str) -> list[str]:
    """Return the TLS versions of a security policy, as its name says them (Application Load Balancer user guide, "Security policies")."""
    found = re.search(r"-(TLS13|TLS|FS)-1-(\d)", policy)
    lowest = int(found[2]) if found else 0
    highest = 3 if "-TLS13-" in policy else 2
    return ["TLSv1" if minor == 0 else f"TLSv1.{minor}" for minor in range(lowest, highest + 1)]
