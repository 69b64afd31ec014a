"""The configuration of the nginx that is a load balancer, from what the ELB API says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONNECT = 3
"""Seconds to connect to a target. ELB takes 10; here a target is a millisecond away."""

STATUS = {"HTTP_301": 301, "HTTP_302": 302}
HSTS = "routing.http.response.strict_transport_security.header_value"


@dataclass(frozen=True)
class Group:
    """A target group: its ARN's last parts (`targetgroup/<name>/<id>`), attributes, and where requests go, as `address:port`."""

    suffix: str
    attributes: Mapping[str, str]
    targets: tuple[str, ...]

    @property
    def upstream(self) -> str:
        return "group_" + re.sub(r"\W", "_", self.suffix.partition("/")[2])


@dataclass(frozen=True)
class Listener:
    """A listener.

    Attributes:
        port: Where it listens.
        certificate: Files of certificate and key; None: plain HTTP.
        policy: Name of the TLS policy.
        attributes: By name.
        rules: As DescribeRules has them.
    """

    port: int
    certificate: tuple[str, str] | None
    policy: str
    attributes: Mapping[str, str]
    rules: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Balancer:
    """A load balancer: the name and address of its host, its attributes, listeners, and the groups they lead to by ARN."""

    name: str
    address: str
    attributes: Mapping[str, str]
    listeners: Sequence[Listener]
    groups: Mapping[str, Group] = field(default_factory=dict)


def configuration(balancer: Balancer) -> str:
    """Return the whole of `nginx.conf`; paths in it are below nginx's prefix."""
    attributes = balancer.attributes
    parts = [
        "# Written by the lab.",
        "daemon off;",
        "worker_processes 1;",
        "worker_shutdown_timeout 120s;",
        "error_log stderr warn;",
        "pid nginx.pid;",
        "events { worker_connections 4096; }",
        "http {",
        "  server_tokens off;",
        *(f"  {kind}_temp_path tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
        # what the metrics are counted from
        "  log_format balancer '$msec $group $status $upstream_status $upstream_response_time $request_time $host \"$request\"';",
        "  access_log access.log balancer;",
        "  client_max_body_size 0;",
        f"  keepalive_timeout {attributes.get('client_keep_alive.seconds', '3600')}s;",
        f"  proxy_read_timeout {attributes.get('idle_timeout.timeout_seconds', '60')}s;",
        f"  proxy_send_timeout {attributes.get('idle_timeout.timeout_seconds', '60')}s;",
        f"  proxy_connect_timeout {CONNECT}s;",
        "  proxy_http_version 1.1;",
        "  proxy_buffering on;",
        # a connection that a target has just closed, or that is not made: the next one is asked
        "  proxy_next_upstream error timeout;",
        "  proxy_next_upstream_tries 3;",
        f"  ignore_invalid_headers {_switch(attributes, 'routing.http.drop_invalid_header_fields.enabled')};",
        '  map "" $group { default "-"; }' if not balancer.listeners else "",
        '  map $request_uri $asked_path { "~^(?<path>[^?]*)" $path; }',
        *(f"  {line}" for group in _led_to(balancer) for line in _upstream(group)),
        *(f"  {line}" for listener in balancer.listeners for line in _listener(balancer, listener)),
        "}",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _switch(attributes: Mapping[str, str], name: str) -> str:
    return "on" if attributes.get(name) == "true" else "off"


def _led_to(balancer: Balancer) -> list[Group]:
    return sorted((group for group in balancer.groups.values() if group.targets), key=lambda group: group.upstream)


def _upstream(group: Group) -> Iterator[str]:
    yield f"upstream {group.upstream} {{"
    if group.attributes.get("load_balancing.algorithm.type") == "least_outstanding_requests":
        yield "  least_conn;"
    # health is the checks' affair, not nginx's
    yield from (f"  server {target} max_fails=0;" for target in group.targets)
    yield "  keepalive 32;"
    yield "}"


def _listener(balancer: Balancer, listener: Listener) -> Iterator[str]:
    """Yield maps that find the rule of a request, and the server that does what it says.

    Each rule has a digit that is 1 where all of its conditions are met; the first 1 is the rule.
    """
    port = listener.port
    ordered = sorted((rule for rule in listener.rules if not rule.get("IsDefault")), key=lambda rule: int(rule["Priority"]))
    default = [rule for rule in listener.rules if rule.get("IsDefault")]
    rules = [*ordered, *default]
    met = ""
    for number, rule in enumerate(ordered):
        names = []
        for index, (variable, patterns) in enumerate(_conditions(rule)):
            name = f"$met_{port}_{number}_{index}"
            names.append(name)
            yield f"map {variable} {name} {{ default 0; {' '.join(f'{_quote(pattern)} 1;' for pattern in patterns)} }}"
        yield f'map "{"".join(names)}" $met_{port}_{number} {{ default 0; {"1" * len(names) or _quote("")} 1; }}'
        met += f"$met_{port}_{number}"
    chosen = "".join(f'"~^{"0" * number}1" {number}; ' for number in range(len(ordered)))
    yield f'map "{met}" $rule_{port} {{ {chosen}default {len(ordered)}; }}'
    forwards = {number: group for number, rule in enumerate(rules) if (group := _forward(balancer, rule)) is not None}
    led = "".join(f"{number} {group.upstream if group.targets else 'none'}; " for number, group in forwards.items())
    yield f"map $rule_{port} $group_{port} {{ {led}default none; }}"
    named = "".join(f"{number} {group.suffix}; " for number, group in forwards.items())
    yield f'map $rule_{port} $named_{port} {{ {named}default "-"; }}'
    yield "server {"
    yield f"  listen {balancer.address}:{port}{_tls_flags(balancer, listener)};"
    yield f"  set $group $named_{port};"
    if listener.certificate:
        yield f"  ssl_certificate {listener.certificate[0]};"
        yield f"  ssl_certificate_key {listener.certificate[1]};"
        yield f"  ssl_protocols {protocols(listener.policy)};"
        yield "  ssl_session_cache shared:tls:2m;"
    hsts = listener.attributes.get(HSTS)
    if hsts:
        yield "  proxy_hide_header Strict-Transport-Security;"
        yield f"  add_header Strict-Transport-Security {_quote(hsts)} always;"
    answers = {number: rule["Actions"][-1] for number, rule in enumerate(rules) if number not in forwards}
    for number, action in answers.items():
        yield f"  location = /.rule-{number} {{ internal; {_answer(action)} }}"
    yield "  location / {"
    for number in answers:
        yield f"    if ($rule_{port} = {number}) {{ rewrite ^ /.rule-{number} last; }}"
    yield f"    if ($group_{port} = none) {{ return 503; }}"
    yield f"    proxy_pass http://$group_{port};"
    yield "    proxy_set_header Host $http_host;"
    yield '    proxy_set_header Connection "";'
    yield "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    yield "    proxy_set_header X-Forwarded-Proto $scheme;"
    yield "    proxy_set_header X-Forwarded-Port $server_port;"
    yield '    proxy_set_header X-Amzn-Trace-Id "Root=1-$request_id";'
    yield "  }"
    yield "}"


def _tls_flags(balancer: Balancer, listener: Listener) -> str:
    if not listener.certificate:
        return ""
    return " ssl http2" if balancer.attributes.get("routing.http2.enabled", "true") == "true" else " ssl"


def protocols(policy: str) -> str:
    """Return the TLS versions of a policy, as nginx names them (ELB user guide, Security policies): its name says the least one."""
    if re.search(r"TLS13-1-3", policy):
        return "TLSv1.3"
    return "TLSv1.2 TLSv1.3" if "TLS13" in policy else "TLSv1.2"


def _forward(balancer: Balancer, rule: Mapping[str, Any]) -> Group | None:
    """Return the group that a rule leads to; None where it answers by itself."""
    action = rule["Actions"][-1]
    if action["Type"] != "forward":
        return None
    arn = action.get("TargetGroupArn") or action["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
    return balancer.groups.get(arn, Group(arn.rpartition(":")[2], {}, ()))


def _answer(action: Mapping[str, Any]) -> str:
    if action["Type"] == "redirect":
        to = action["RedirectConfig"]
        protocol, port = to.get("Protocol", "#{protocol}").replace("#{protocol}", "$scheme").lower(), to.get("Port", "#{port}")
        usual = {"https": "443", "http": "80"}.get(protocol)
        host = to.get("Host", "#{host}").replace("#{host}", "$host")
        where = f"{protocol}://{host}" + ("" if port == usual else f":{port.replace('#{port}', '$server_port')}")
        path = to.get("Path", "/#{path}").replace("/#{path}", "$asked_path")
        query = to.get("Query", "#{query}").replace("#{query}", "$args")
        return f"return {STATUS[to['StatusCode']]} {where}{path}$is_args{query};"
    fixed = action["FixedResponseConfig"]
    return f"default_type {fixed.get('ContentType', 'text/plain')}; return {fixed['StatusCode']} {_quote(fixed.get('MessageBody', ''))};"


def _conditions(rule: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the variable that each condition looks at, and the patterns of which one must meet it."""
    for condition in rule["Conditions"]:
        kind = condition["Field"]
        if kind == "host-header":
            yield "$host", [f"~*^{wildcard(value)}$" for value in _values(condition, "HostHeaderConfig")]
        elif kind == "path-pattern":
            yield "$asked_path", [f"~^{wildcard(value)}$" for value in _values(condition, "PathPatternConfig")]
        elif kind == "http-header":
            about = condition["HttpHeaderConfig"]
            variable = "$http_" + about["HttpHeaderName"].lower().replace("-", "_")
            yield variable, [f"~*^{wildcard(value)}$" for value in about["Values"]]
        elif kind == "http-request-method":
            yield "$request_method", [f"~^{re.escape(value)}$" for value in condition["HttpRequestMethodConfig"]["Values"]]
        else:
            raise ValueError(f"the lab's load balancers know no condition `{kind}`")


def _values(condition: Mapping[str, Any], config: str) -> list[str]:
    return list(condition.get(config, {}).get("Values") or condition.get("Values") or [])


def wildcard(pattern: str) -> str:
    """Return a pattern with `*` and `?` as a regular expression (ELB user guide, Condition types for listener rules)."""
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
