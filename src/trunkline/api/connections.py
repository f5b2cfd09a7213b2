"""Open connections: limits for one address and in all, and timeouts."""

from __future__ import annotations

import asyncio
import math
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple, Protocol

import msgspec
import structlog
from msgspec import Struct

from trunkline.api.counters import EdgeCounters
from trunkline.service.keys import is_within

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
"""Between two checks of the open connections: one timer for all of them instead of one for each request."""

REPORT_SECONDS = 10.0
"""Between two log lines about refused and closed connections, however many there were."""

MAX_REFUSED_OPEN = 64
"""Refused connections that stay open for a moment to read the reason; any more are closed at once."""

_IPV6_SITE_BITS = 64
"""The prefix of an IPv6 address by which a subscriber is counted: a subscriber has all addresses with it."""


class Connection(Protocol):
    """What the table needs of a connection."""

    due: float
    """The instant, by the loop's clock, from which `expire` is called; infinite if there is no timeout."""

    def expire(self) -> None:
        """Handle the timeout, or extend it."""


class ConnectionLimits(Struct, frozen=True, kw_only=True):
    """How many connections a process has, and how long it waits for each."""

    head_seconds: float = 10.0
    """From connecting, or from a head's first byte, until the head must be complete."""
    idle_seconds: float = 75.0
    """How long a connection may stay open between two requests."""
    connections: int = 4000
    connections_per_address: int = 256
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose connections count only in all: proxies, which carry everybody's requests."""


class Refusal(NamedTuple):
    """Why a connection is refused."""

    status: int
    title: str


OVER_TOTAL = Refusal(503, "The server has as many connections as it may have")
OVER_ADDRESS = Refusal(429, "Your address has as many connections as it may have")


class ConnectionTable:
    """The open connections of a process."""

    def __init__(self, limits: ConnectionLimits, counters: EdgeCounters) -> None:
        self.limits = limits
        self.counters = counters
        self._open: dict[Connection, str] = {}
        self._refused: set[Connection] = set()
        self._by_address: dict[str, int] = {}
        self._sweeping = False
        self._reported = msgspec.structs.asdict(counters)
        self._report_at = -math.inf

    def admit(self, connection: Connection, address: str | None) -> Refusal | None:
        """Add a connection; returns the reason if it is refused. It is watched in both cases."""
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
        if len(self._open) >= self.limits.connections:
            self.counters.connections_over_total += 1
            self._refused.add(connection)
            return OVER_TOTAL
        site = self._site(address)
        if site:
            held = self._by_address.get(site, 0)
            if held >= self.limits.connections_per_address:
                self.counters.connections_over_address += 1
                self._refused.add(connection)
                return OVER_ADDRESS
            self._by_address[site] = held + 1
        self._open[connection] = site
        return None

    @property
    def may_linger(self) -> bool:
        """Whether there is room for another refused connection to stay open for a moment."""
        return len(self._refused) <= MAX_REFUSED_OPEN

    def remove(self, connection: Connection) -> None:
        """Remove a closed connection."""
        self._refused.discard(connection)
        site = self._open.pop(connection, "")
        if site:
            held = self._by_address[site] - 1
            if held:
                self._by_address[site] = held
            else:
                del self._by_address[site]

    def _site(self, address: str | None) -> str:
        """The key by which a connection is counted; empty if it is not counted by its address."""
        if address is None or is_within(address, self.limits.trusted_proxies):
            return ""
        if ":" not in address:
            return address
        try:
            peer = IPv6Address(address.partition("%")[0])
        except ValueError:
            return address
        if peer.ipv4_mapped is not None:
            return str(peer.ipv4_mapped)
        return f"{IPv6Address(int(peer) >> _IPV6_SITE_BITS << _IPV6_SITE_BITS)}/{_IPV6_SITE_BITS}"

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = [connection for connection in self._open if connection.due <= now]
        due += [connection for connection in self._refused if connection.due <= now]
        for connection in due:
            connection.expire()
        is_reported = self._report(now)
        self._sweeping = bool(self._open or self._refused or not is_reported)
        if self._sweeping:
            loop.call_later(SWEEP_SECONDS, self._sweep)

    def _report(self, now: float) -> bool:
        """Log what was refused or closed since the last time; false if it is too soon for that."""
        counted = msgspec.structs.asdict(self.counters)
        if counted == self._reported:
            return True
        if now < self._report_at:
            return False
        shed = {name: count - self._reported[name] for name, count in counted.items()}
        log.warning("clients shed", **{name: count for name, count in shed.items() if count})
        self._reported, self._report_at = counted, now + REPORT_SECONDS
        return True
