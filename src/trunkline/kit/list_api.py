"""A vendor's list API as a client sees it: which requests to send, and what their answers contain.

Nothing here sends anything. A request is data, so that a pull that was stopped continues with the request it
was about to send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct


class Request(Struct, frozen=True, kw_only=True):
    """A request to a vendor; its path is relative to the vendor's base address."""

    method: str = "GET"
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None
    """Sent as JSON; `None` for no body."""


class Page(Struct, kw_only=True):
    """The content of one answer to a list request, as the vendor prints it."""

    items: list[Any]
    """The calls, each as the vendor prints it."""
    total: int | None = None
    """How many calls the vendor says there are in all."""
    has_more: bool | None = None
    """Whether another page follows; `None` where the vendor does not say."""
    cursor: str | None = None
    """Where the next page begins, for a vendor that says so."""


class ListPage(Struct, kw_only=True):
    """A page, and the request for the one after it."""

    items: list[Any]
    next_request: Request | None = None
    """The request for the next page; `None` on the last one."""
    total: int | None = None


class Paging(Protocol):
    """How one vendor's list is requested page by page; `kit/paging.py` has the known ways."""

    @property
    def by_offset(self) -> bool:
        """Whether pages are requested by position, such as an offset.

        A list that changes then shifts calls onto another page.
        """

    def first(self, request: Request) -> Request:
        """The request for the first page."""

    def next_request(self, page: Page, request: Request) -> Request | None:
        """The request for the page after the one that `request` returned; `None` after the last one."""


def can_be_sent(headers: Mapping[str, str]) -> bool:
    """Whether a request can carry headers with these values: HTTP has room for printable ASCII alone."""
    return all(value.isascii() and value.isprintable() for value in headers.values())


class ListApi(Struct, frozen=True, kw_only=True):
    """How to request one vendor's calls."""

    base_url: str
    credential: tuple[str, ...]
    """Names in the credential, such as `api_key`."""
    headers: Callable[[Mapping[str, str]], dict[str, str]]
    """From the credential to the headers of a request."""
    request: Callable[[datetime | None, datetime | None], Request]
    """The request for the calls of a range of creation, without paging; for a vendor that cannot filter by
    time the request for everything, newest first where possible."""
    page: Callable[[Any], Page]
    """The content of an answer; raises `Unreadable`."""
    paging: Paging
    one: Callable[[str], Request] | None = None
    """The request for one call by the vendor's id, where the list does not have the whole call."""
    read_one: Callable[[Any], Any] | None = None
    """The call in the answer to that."""
    newest_first: bool = True
    """Whether pages come newest first, so that a pull may stop at the first call before its range."""
    requests_per_minute: int
    """What the vendor allows, or a polite guess."""

    @property
    def by_offset(self) -> bool:
        """See `Paging`."""
        return self.paging.by_offset

    def first(self, since: datetime | None, until: datetime | None) -> Request:
        """The first request for the calls of a range of creation."""
        return self.paging.first(self.request(since, until))

    def read(self, answer: Any, request: Request) -> ListPage:
        """The page in an answer to a request, with the next request; raises `Unreadable`."""
        page = self.page(answer)
        next_request = self.paging.next_request(page, request)
        return ListPage(items=page.items, next_request=next_request, total=page.total)
