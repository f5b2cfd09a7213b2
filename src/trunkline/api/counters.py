"""Counters of refused requests and closed connections, which show why a client got no answer."""

from __future__ import annotations

from msgspec import Struct


class EdgeCounters(Struct):
    """One count for each reason to refuse a client or close its connection; since the process started."""

    connections_over_total: int = 0
    """Connections refused because the process had as many as it may have."""
    connections_over_address: int = 0
    """Connections refused because their address had as many as it may have."""
    silent_connections: int = 0
    """Connections closed because they never sent a request."""
    slow_heads: int = 0
    """Requests ended because their head was not complete in time."""
    large_heads: int = 0
    """Requests refused for too many or too large headers, trailers or chunk extensions."""
    deep_pipelines: int = 0
    """Connections closed because they sent too many requests without waiting for an answer."""
    stalled_readers: int = 0
    """Connections closed because the client read nothing of what it was sent."""
    cut_at_shutdown: int = 0
    """Requests whose body was not complete when the process stopped."""
    bodies_over_total: int = 0
    """Bodies refused because the process held as many bytes as it may hold."""
    bodies_over_org: int = 0
    """Bodies refused because their org was sending as many bytes as it may."""
