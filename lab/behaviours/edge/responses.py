"""Response headers policies: headers that answers bear, and such as they don't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .policies import items
from .text import block, literal, wild
from .ttl import variable

METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


@dataclass(frozen=True)
class HeadersPolicy:
    """A response headers policy.

    Attributes:
        id: Its id.
        config: Its configuration in the API.
    """

    id: str
    config: Mapping[str, Any]

    def maps(self) -> Iterator[str]:
        """Yield the maps that its lines lean on."""
        for header, value, override in self._headers():
            if not override:
                origin = f"$upstream_http_{variable(header)}"
                yield from block(f"map {origin} ${self._name(header)}", [f'"" {literal(value)};', 'default "";'])
        if self.config.get("CorsConfig"):
            yield from self._cors_maps(self.config["CorsConfig"])

    def lines(self) -> Iterator[str]:
        """Yield what a location says: `proxy_hide_header` takes the origin's away, `add_header` gives ours."""
        for header, value, override in self._headers():
            if override:
                yield f"proxy_hide_header {header};"
            yield f"add_header {header} {literal(value) if override else f'${self._name(header)}'} always;"
        cors = self.config.get("CorsConfig")
        if cors:
            for header in self._cors(cors):
                if cors.get("OriginOverride") and header != "Vary":
                    yield f"proxy_hide_header {header};"
                yield f"add_header {header} ${self._name(header)} always;"
        for removed in items(self.config, "RemoveHeadersConfig"):
            yield f"more_clear_headers {removed['Header']};"

    def _name(self, header: str) -> str:
        return f"header_{variable(self.id)}_{variable(header)}"

    def _headers(self) -> Iterator[tuple[str, str, bool]]:
        """Yield each header but those of CORS, its value, and whether it goes before the origin's."""
        security = self.config.get("SecurityHeadersConfig") or {}
        for part, (header, value) in SECURITY.items():
            if security.get(part):
                yield header, value(security[part]), bool(security[part].get("Override"))
        for custom in items(self.config, "CustomHeadersConfig"):
            yield custom["Header"], custom["Value"], bool(custom.get("Override"))

    # --- CORS

    def _cors(self, cors: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
        """Return the headers of CORS, their values, and whether they are for preflights only."""
        methods = items(cors, "AccessControlAllowMethods")
        found = {
            "Access-Control-Allow-Credentials": ("true" if cors.get("AccessControlAllowCredentials") else "", False),
            "Access-Control-Expose-Headers": (", ".join(items(cors, "AccessControlExposeHeaders")), False),
            "Access-Control-Allow-Methods": (", ".join(METHODS if "ALL" in methods else methods), True),
            "Access-Control-Allow-Headers": (", ".join(items(cors, "AccessControlAllowHeaders")), True),
            "Access-Control-Max-Age": (str(cors.get("AccessControlMaxAgeSec") or ""), True),
            "Vary": ("" if "*" in items(cors, "AccessControlAllowOrigins") else "Origin", False),
        }
        return {"Access-Control-Allow-Origin": ("", False), **{header: about for header, about in found.items() if about[0]}}

    def _cors_maps(self, cors: Mapping[str, Any]) -> Iterator[str]:
        """Yield the map of the origin that is let in, and for each other header one of its value if any is."""
        allowed = items(cors, "AccessControlAllowOrigins")
        origin = f"${self._name('Access-Control-Allow-Origin')}"
        told = "" if cors.get("OriginOverride") else "$upstream_http_access_control_allow_origin"
        any_origin = ['"~^[|]." "*";'] if "*" in allowed else []
        lines = [*any_origin, *(f'"~^[|]{wild(each)}$" $http_origin;' for each in allowed if each != "*"), 'default "";']
        yield from block(f'map "{told}|$http_origin" {origin}', lines)
        for header, (value, preflight) in self._cors(cors).items():
            if value:
                source = f'"{origin}|$http_access_control_request_method"'
                found = '"~^[^|]+[|].+"' if preflight else '"~^[^|]+[|]"'
                yield from block(f"map {source} ${self._name(header)}", [f"{found} {literal(value)};", 'default "";'])


def _hsts(about: Mapping[str, Any]) -> str:
    parts = (("IncludeSubdomains", "includeSubDomains"), ("Preload", "preload"))
    return "; ".join([f"max-age={about['AccessControlMaxAgeSec']}", *(told for part, told in parts if about.get(part))])


def _xss(about: Mapping[str, Any]) -> str:
    if not about.get("Protection"):
        return "0"
    report = [f"report={about['ReportUri']}"] if about.get("ReportUri") else []
    return "; ".join(["1", *(["mode=block"] if about.get("ModeBlock") else []), *report])


SECURITY = {
    "StrictTransportSecurity": ("Strict-Transport-Security", _hsts),
    "ContentSecurityPolicy": ("Content-Security-Policy", lambda about: str(about["ContentSecurityPolicy"])),
    "ContentTypeOptions": ("X-Content-Type-Options", lambda about: "nosniff"),
    "FrameOptions": ("X-Frame-Options", lambda about: str(about["FrameOption"])),
    "ReferrerPolicy": ("Referrer-Policy", lambda about: str(about["ReferrerPolicy"])),
    "XSSProtection": ("X-XSS-Protection", _xss),
}
"""Security headers by what the API calls them."""
