"""The ways in which vendors' lists are requested page by page: by offset, by number, by cursor.

The parameters of a page go into the request's body if it has one, else into its
query.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, structs

from trunkline.kit.list_api import Page, Request


class OffsetPaging(Struct, frozen=True, kw_only=True):
    """Pages begin after a number of calls, as `limit=100&offset=200`."""

    size: int
    """Calls on a page."""
    size_name: str = "limit"
    offset_name: str = "offset"

    @property
    def by_offset(self) -> bool:
        """See `Paging`."""
        return True

    def first(self, request: Request) -> Request:
        """See `Paging`."""
        return _with_values(request, {self.size_name: self.size, self.offset_name: 0})

    def next_request(self, page: Page, request: Request) -> Request | None:
        """See `Paging`."""
        reached = int(_value_of(request, self.offset_name)) + len(page.items)
        if not _goes_on(page, reached, self.size):
            return None
        return _with_values(request, {self.offset_name: reached})


class NumberPaging(Struct, frozen=True, kw_only=True):
    """Pages have numbers, as `limit=100&page=2`."""

    size: int
    """Calls on a page."""
    size_name: str = "limit"
    number_name: str = "page"
    first_number: int = 0

    @property
    def by_offset(self) -> bool:
        """See `Paging`."""
        return True

    def first(self, request: Request) -> Request:
        """See `Paging`."""
        return _with_values(request, {self.size_name: self.size, self.number_name: self.first_number})

    def next_request(self, page: Page, request: Request) -> Request | None:
        """See `Paging`."""
        number = int(_value_of(request, self.number_name))
        reached = (number - self.first_number) * self.size + len(page.items)
        return (
            _with_values(request, {self.number_name: number + 1})
            if _goes_on(page, reached, self.size)
            else None
        )


class CursorPaging(Struct, frozen=True, kw_only=True):
    """Each page says where the next one begins, as `limit=100&cursor=…`."""

    size: int
    """Calls on a page."""
    size_name: str = "limit"
    cursor_name: str = "cursor"
    first_page_only: tuple[str, ...] = ()
    """Parameters that only the request for the first page has."""
    while_full: bool = False
    """Whether a page with fewer calls than requested is the last one, whatever cursor it has."""
    ends_in_itself: bool = False
    """Whether a page that names the cursor of its own request is the last one. Otherwise such a list is an
    endless loop, at which a pull stops."""

    @property
    def by_offset(self) -> bool:
        """See `Paging`."""
        return False

    def first(self, request: Request) -> Request:
        """See `Paging`."""
        return _with_values(request, {self.size_name: self.size})

    def next_request(self, page: Page, request: Request) -> Request | None:
        """See `Paging`."""
        if not page.cursor or page.has_more is False:
            return None
        if self.while_full and len(page.items) < self.size:
            return None
        if self.ends_in_itself and page.cursor == _value_of(request, self.cursor_name):
            return None
        return _with_values(_without(request, self.first_page_only), {self.cursor_name: page.cursor})


def _goes_on(page: Page, reached: int, size: int) -> bool:
    """Whether a list continues after so many calls, by the most reliable value on its page."""
    if not page.items:
        return False
    if page.has_more is not None:
        return page.has_more
    return len(page.items) >= size if page.total is None else reached < page.total


def _value_of(request: Request, name: str) -> Any:
    return dict(request.query).get(name) if request.body is None else request.body.get(name)


def _with_values(request: Request, values: dict[str, Any]) -> Request:
    """The request with some parameters set; one that it has already keeps its position."""
    if request.body is not None:
        return structs.replace(request, body={**request.body, **values})
    present = {name for name, _ in request.query}
    query = [(name, str(values.get(name, value))) for name, value in request.query]
    query += [(name, str(value)) for name, value in values.items() if name not in present]
    return structs.replace(request, query=tuple(query))


def _without(request: Request, names: tuple[str, ...]) -> Request:
    query = tuple(pair for pair in request.query if pair[0] not in names)
    body = request.body and {name: value for name, value in request.body.items() if name not in names}
    return structs.replace(request, query=query, body=body)
