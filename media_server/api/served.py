"""The application as `python -m media_server server` runs it: with AWS behind."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from .. import settings
from ..assets import Assets
from ..aws import Clients, client, clients
from ..jobs import order
from ..notices import order as order_notice
from ..store import delete_below
from ..webhooks import Webhooks
from ..wrap import Wrapper
from .app import ASGI, Parts, application
from .audit import Audit
from .captions import Captions, Shown
from .cookies import Signers
from .kept import Directory
from .objects import Objects
from .pages import Pages
from .pictures import Pictures
from .revoked import Revoked
from .ring import Region, Ring
from .segments import Segments
from .tenants import Tenants
from .tokens import Tokens
from .uploads import Uploads
from .viewers import Viewers
from .webhooks import Hooks


def parts(told: settings.Server, own: Clients, other: Clients | None, signers: Signers | None) -> Parts:
    """Return what the application is made of, with these clients."""
    assets, wrapper = Assets(own.s3, told.media), Wrapper(own.kms, told.key)
    regions = [Region(told.region, assets, wrapper)]
    if other is not None:
        regions.append(Region(told.other, Assets(other.s3, told.other_media), Wrapper(other.kms, told.key)))
    tokens, revoked, ring = Tokens(told.secret), Revoked(own.s3, told.media), Ring(regions)
    viewers = Viewers(tokens, ring, revoked, Audit(told.secret, sys.stdout), Shown(ring), told.origins, told.public, signers)
    uploads = Uploads(own.s3, told.uploads, assets, wrapper, partial(order, own.sqs, told.queue))
    delete = partial(delete_below, own.s3, told.media)
    tenants = Tenants(tokens, assets, uploads, Captions(assets, wrapper, delete), ring, revoked, told.public, delete)
    directory = Directory(Path(told.cache), told.cache_bytes) if told.cache else None
    objects = Objects(ring, told.memory, directory)
    segments = Segments(viewers, objects) if signers is None else None
    pages = Pages.read(told.pages) if told.pages else None
    hooks = Hooks(tokens, Webhooks(own.s3, told.media, wrapper), partial(order_notice, own.sqs, told.notices), bool(told.networks))
    return Parts(viewers, tenants, hooks, revoked, Pictures(viewers, objects), segments, pages)


def app() -> ASGI:
    """Return the application, by the environment's settings."""
    told = settings.server()
    other = clients(told.other) if told.other else None
    signers = None
    if told.cookies_parameter:
        ssm, secrets = client(told.region, "ssm"), client(told.region, "secretsmanager")
        signers = Signers(ssm, secrets, told.cookies_parameter, told.cookies_secret)
    return application(parts(told, clients(told.region), other, signers))
