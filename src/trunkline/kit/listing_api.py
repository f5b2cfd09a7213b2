"""A vendor's list API as a client sees it: which requests to send, and what their answers hold.

Nothing here sends anything. A request is data, so that a pull that was stopped goes on from the request it
was about to send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct


class Request(Struct, frozen=True, kw_only=True):
    """A request to a vendor; its path is relative to the vendor's base address."""

    method: str = "GET"
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None
    """Sent as JSON; `None` for no body."""


class Listed(Struct, kw_only=True):
    """What one answer to a list request holds."""

    items: list[Any]
    """The calls, each as the vendor prints it."""
    following: Request | None = None
    """The request for the next page; `None` on the last one."""
    total: int | None = None
    """How many calls the vendor says there are in all."""


class ListApi(Struct, frozen=True, kw_only=True):
    """How to ask one vendor for its calls."""

    base_url: str
    credential: tuple[str, ...]
    """Names of what a team must give, as `api_key`."""
    headers: Callable[[Mapping[str, str]], dict[str, str]]
    """From the credential to the headers of a request."""
    first: Callable[[datetime | None, datetime | None], Request]
    """The first request for the calls of a range of creation; a vendor that cannot filter by time is asked
    for everything, newest first where it can be."""
    read: Callable[[Any, Request], Listed]
    """From an answer, and the request that it answers; raises `Unreadable`."""
    one: Callable[[str], Request] | None = None
    """The request for one call by the vendor's id, where the list leaves parts of a call out."""
    read_one: Callable[[Any], Any] | None = None
    """The call in the answer to that."""
    newest_first: bool = True
    """Whether pages come newest first, so that a pull may stop at the first call before its range."""
    by_place: bool = False
    """Whether pages are asked for by their place, as by an offset: a list that moves pushes calls onto
    the next page or past it."""
    requests_per_minute: int
    """What the vendor allows, or a polite guess."""
