"""What the API says of itself (OpenAPI 3.1), at /openapi.json. tests/media/test_api.py holds it against the routes."""

from __future__ import annotations

from typing import Any

from ..captions.track import KINDS, LABEL_MAX
from ..captions.webvtt import BYTES_MAX

_Security = list[dict[str, list[str]]]
_TENANT: _Security = [{"tenant": []}]
_UPLOAD: _Security = [{"tenant": []}, {"upload": []}]
_SESSION: _Security = [{"session": []}]
_ASSET = {"name": "asset", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
_OWNER = {"name": "tenant", "in": "path", "required": True, "schema": {"type": "string"}}

_LANGUAGE = {"name": "language", "in": "path", "required": True, "schema": {"type": "string"}, "description": "Its tag (BCP 47)"}
_LABEL = {
    "name": "label",
    "in": "query",
    "schema": {"type": "string", "maxLength": LABEL_MAX, "default": ""},
    "description": "What people call them; empty: by the language",
}
_KIND = {"name": "kind", "in": "query", "schema": {"type": "string", "enum": [*KINDS], "default": KINDS[0]}}


def _told(summary: str, security: _Security, *parameters: dict[str, Any], **answers: str) -> dict[str, Any]:
    said = {status.removeprefix("s"): {"description": text} for status, text in answers.items()}
    return {"summary": summary, "security": security, "parameters": [*parameters], "responses": said}


_REFUSED = "No token, or none for this"
_GONE = "No such asset of this tenant"
_UNTOLD = "No webhook"

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Media server",
        "version": "1",
        "description": "Takes course videos, encrypts them, and gives keys to those who may watch.",
    },
    "components": {
        "securitySchemes": {
            name: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": text}
            for name, text in {
                "tenant": "A tenant's backend",
                "upload": "A browser that sends one file",
                "session": "A viewer of one asset",
            }.items()
        }
    },
    "paths": {
        "/healthz": {"get": _told("Whether the process is up", [], s200="It is")},
        "/readyz": {"get": _told("Whether it can serve", [], s200="It can", s503="It has not seen for a while who was revoked")},
        "/metrics": {"get": _told("Numbers for Prometheus", [], s200="They")},
        "/openapi.json": {"get": _told("This", [], s200="It")},
        "/assets": {
            "post": _told(
                "Create an asset and begin its upload: title, length, offers", _TENANT, s201="Made", s400="What is wrong", s401=_REFUSED
            ),
            "get": _told("A tenant's assets", _TENANT, s200="They", s401=_REFUSED),
        },
        "/assets/{asset}": {
            "get": _told("An asset: state, progress, why it failed, captions", _UPLOAD, _ASSET, s200="It", s401=_REFUSED, s404=_GONE),
            "delete": _told("Delete an asset and all that was made of it", _TENANT, _ASSET, s204="Gone", s401=_REFUSED, s404=_GONE),
        },
        "/assets/{asset}/poster": {
            "get": _told(
                "Its poster, a JPEG", _TENANT, _ASSET, s200="It", s401=_REFUSED, s404="No such asset of this tenant, or it has none"
            )
        },
        "/assets/{asset}/captions/{language}": {
            "put": _told(
                "Put captions beside an asset, in the place of those in this language: WebVTT in UTF-8. Style sheets, regions and comments "
                "are not kept",
                _TENANT,
                _ASSET,
                _LANGUAGE,
                _LABEL,
                _KIND,
                s200="They are there instead of others",
                s201="They are there",
                s400="What is wrong, and in which line",
                s401=_REFUSED,
                s404=_GONE,
                s409="There are captions in too many languages",
                s413="They are too long",
                s415="They are not text/vtt",
            )
            | {"requestBody": {"required": True, "content": {"text/vtt": {"schema": {"type": "string", "maxLength": BYTES_MAX}}}}},
            "delete": _told("Take captions away", _TENANT, _ASSET, _LANGUAGE, s204="Gone", s401=_REFUSED, s404="There are none"),
        },
        "/uploads": {
            "options": _told("What is known of tus 1.0", [], s204="See headers"),
            "post": _told("Create an asset as tus creates an upload", _TENANT, s201="Made", s400="What is wrong", s401=_REFUSED),
        },
        "/uploads/{asset}": {
            "options": _told("What is known of tus 1.0", [], _ASSET, s204="See headers"),
            "head": _told("How much is there", _UPLOAD, _ASSET, s200="See Upload-Offset", s401=_REFUSED, s404=_GONE),
            "patch": _told(
                "Send bytes: a part of 8 MiB at least, or all that is left",
                _UPLOAD,
                _ASSET,
                s204="See Upload-Offset",
                s409="The upload is elsewhere",
            ),
            "delete": _told("Give up an upload", _UPLOAD, _ASSET, s204="Gone", s401=_REFUSED, s404=_GONE),
        },
        "/sessions": {
            "post": _told(
                "Let a viewer play an asset: asset, seconds", _TENANT, s201="A token", s401=_REFUSED, s404=_GONE, s409="Not ready"
            )
        },
        "/sessions/revoke": {"post": _told("End a session: token", _TENANT, s204="Ended", s400="What is wrong", s401=_REFUSED, s404=_GONE)},
        "/webhook": {
            "put": _told(
                "Be told of events: url, events (asset.ready, asset.failed), rotate (a new secret; the one before signs for a day more)",
                _TENANT,
                s200="It is another now; with its secret, if that is new",
                s201="It is set; with its secret, which is shown this once",
                s400="What is wrong",
                s401=_REFUSED,
            ),
            "get": _told(
                "Where a tenant is told, and what came of it last", _TENANT, s200="It, without its secret", s401=_REFUSED, s404=_UNTOLD
            ),
            "delete": _told("Be told no more", _TENANT, s204="Gone", s401=_REFUSED, s404=_UNTOLD),
        },
        "/webhook/test": {
            "post": _told(
                "Order a ping, which is sent once; GET /webhook tells what came of it",
                _TENANT,
                s202="Its id: the header webhook-id",
                s401=_REFUSED,
                s404=_UNTOLD,
                s409="It is switched off",
            )
        },
        "/play": {"post": _told("Begin to play: cookies for all that is loaded", _SESSION, s200="Where they are", s403="Refused")},
        "/hashes": {"get": _told("The SHA-256 of all that is loaded", _SESSION, s200="By path", s403="Refused")},
        "/licences/{tenant}/{asset}": {"post": _told("A licence of ClearKey", _SESSION, _OWNER, _ASSET, s200="Keys", s403="Refused")},
        "/pictures/{tenant}/{asset}/{name}": {
            "get": _told(
                "The poster (JPEG), the storyboard as a track of thumbnails (WebVTT, `#xywh=`), or one of its sprites (JPEG)",
                _SESSION,
                _OWNER,
                _ASSET,
                {
                    "name": "name",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                    "description": "`poster.jpg`, `storyboard.vtt`, or as that names sprites",
                },
                s200="It",
                s403="Refused, or it has none",
            )
        },
        "/captions/{tenant}/{asset}/{language}": {
            "get": _told("Captions in a language: WebVTT", _SESSION, _OWNER, _ASSET, _LANGUAGE, s200="They", s403="Refused")
        },
        "/keys/{tenant}/{asset}/{profile}/{rendition}/{period}": {
            "get": _told(
                "A key of 16 bytes",
                _SESSION,
                _OWNER,
                _ASSET,
                *(
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                    for name in ("profile", "rendition", "period")
                ),
                s200="It",
                s403="Refused",
            )
        },
        "/v/{tenant}/{asset}/{path}": {
            method: _told(
                "A segment, encrypted, or what tells players of them; where no edge stands before the server",
                _SESSION,
                _OWNER,
                _ASSET,
                {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}, "description": "Has slashes; see /hashes"},
                s200="It",
                s206="The range that was asked for",
                s304="It is known already",
                s403="Refused",
                s416="There is no such range",
            )
            for method in ("get", "head")
        },
    },
}
