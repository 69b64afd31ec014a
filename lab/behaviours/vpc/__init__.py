"""The behaviour `vpc`: networks that obey the EC2 API, on the hosts and on the router between the regions."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from ...world.behaviour import Behaviour, World
from ...world.net import EDGE, NETNS, OUTSIDE, ROUTER, Host, NetError, ip, nft, region_namespace
from . import api, host, router

EDGE_NET = f"{OUTSIDE[EDGE][1]}/32"
"""Where CloudFront's requests come from."""

ANYWAY = 30.0
"""Seconds after which the API is read again though nothing has changed in it."""


class Vpc(Behaviour):
    """Reads VPCs, and gives each host and the router their rules and routes.

    What a namespace was given last is remembered with the namespace's own identity, so that one made anew is given it anew.
    """

    name = "vpc"
    services = frozenset({"ec2"})
    every = 2.0

    def __init__(self, world: World, log: logging.Logger) -> None:
        super().__init__(world, log)
        self._networks: list[api.Network] = []
        self._version, self._read = -1, 0.0
        self._given: dict[str, tuple[float, str]] = {}
        self._obeying = threading.Lock()
        self._refused: list[str] = []
        world.net.after.append(self._hosts_changed)

    def look(self) -> None:
        version, services = self.world.changes(self._version, 0)
        if self.moved(services) or time.monotonic() - self._read > ANYWAY:
            found = (api.read(self.world.client("ec2", region), region, EDGE_NET) for region in self.world.regions)
            self._networks = [network for network in found if network]
            self._read = time.monotonic()
        self._version = version
        self.obey()

    def down(self) -> None:
        """Nothing of it outlasts the namespaces."""

    def obey(self) -> None:
        """Give every namespace what it has not been given yet.

        Raises:
            NetError: Some of it was refused; the others have theirs.
        """
        with self._obeying:
            self._refused.clear()
            if not (NETNS / ROUTER).exists():
                raise NetError(f"the namespace {ROUTER} is gone: `python -m lab up --world` makes it again")
            router_is = made(ROUTER)  # one made anew has lost the routes to every region
            for network in self._networks:
                what = f"{network.cidr} {router_is}"
                self._give(region_namespace(network.region), what, partial(self.world.net.vpc, network.region, network.cidr))
            text = router.rules(self._networks, self.world.net.links, self.world.net.uplink)
            self._give(ROUTER, text, partial(nft, text, ROUTER))
            hosts = self.world.net.hosts()
            networks = {network.region: network for network in self._networks}
            for each in hosts:
                if each.region in networks:
                    self._host(networks[each.region], each, hosts)
            standing = {ROUTER, *map(region_namespace, self.world.regions), *(each.namespace for each in hosts)}
            self._given = {name: given for name, given in self._given.items() if name in standing}
            if self._refused:
                raise NetError("; ".join(self._refused))

    def _host(self, network: api.Network, each: Host, hosts: list[Host]) -> None:
        rules, routes = host.rules(network, each, hosts), host.routes(network, each)

        def act() -> None:
            nft(rules, each.namespace)
            _route(each.namespace, routes)

        self._give(each.namespace, rules + json.dumps(routes), act)

    def _give(self, namespace: str, what: str, act: Callable[[], None]) -> None:
        """Do `act` if the namespace as it stands was not given `what` last; one that is gone is no error."""
        try:
            given = (made(namespace), hashlib.sha256(what.encode()).hexdigest())
            if self._given.get(namespace) != given:
                act()
                self._given[namespace] = given
                self.log.info("%s obeys what changed", namespace)
        except FileNotFoundError:
            return
        except NetError as error:
            if (NETNS / namespace).exists():
                self._refused.append(str(error))

    def _hosts_changed(self) -> None:
        """Give a host its rules before whoever attached it goes on."""
        try:
            if self._read:
                self.obey()
        except (NetError, OSError) as error:
            self.log.warning("a host has come or gone: %s; the next look tries again", error)


def made(namespace: str) -> float:
    """Return when a namespace was made, by which it is told from another one of its name.

    Raises:
        FileNotFoundError: It is not there.
    """
    return (NETNS / namespace).stat().st_ctime


def _route(namespace: str, wanted: dict[str, str]) -> None:
    """Make a host's routes beyond its VPC what they should be; what stays is not interrupted."""
    for to, via in wanted.items():
        ip("route", "replace", *([to, "via", via] if via else ["unreachable", to]), "proto", "static", namespace=namespace)
    for route in json.loads(ip("-j", "route", "show", "proto", "static", namespace=namespace)):
        to = "0.0.0.0/0" if route["dst"] == "default" else route["dst"] if "/" in route["dst"] else f"{route['dst']}/32"
        if to not in wanted:
            ip("route", "del", *([to] if "gateway" in route else ["unreachable", to]), "proto", "static", namespace=namespace)
