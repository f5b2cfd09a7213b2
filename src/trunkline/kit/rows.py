"""Rows: how one call of a list is printed, and the envelope around the rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.intents import CallPage


class PageSummary(Struct, frozen=True, kw_only=True):
    """What an envelope may contain about its page."""

    org: str
    """The name of the key's org."""
    count: int
    """How many rows there are."""
    total: int | None = None
    """How many calls match in all; `None` if it was not requested."""
    has_more: bool = False
    """Whether at least one more call follows the page."""
    last: EncodedCall | None = None
    """The last call of the page."""
    facts: Sequence[Any] = ()
    """The result of `RowFormat.fact` for each call, if there is such a function."""


class RowFormat(Struct, frozen=True, kw_only=True):
    """How an operation prints calls one by one.

    A row depends only on the call, the org's name and the options: where these are the same, a row that was
        printed before is used again.
    """

    row: Callable[..., Any]
    """From a call, the org's name and the options, if there are any, to a record; a function of a module."""
    options: Callable[[Any], Hashable] | None = None
    """The part of the typed query that decides how a row is printed; by default none."""
    fact: Callable[[Call, str], Any] | None = None
    """What the envelope needs of each call, from the call and the org's name."""
    path: str = ""
    """The path of the rows in the answer, such as `data.calls`; empty for a stream, which has no envelope."""
    envelope: Callable[[PageSummary, Any], Struct] | None = None
    """From the page and the typed query to the answer, with an empty list instead of the rows.

        A page may be printed while it is read, so that everything before the rows must depend only on the
        query, the org and the total. With facts a page is always printed as a whole.
    """

    def __post_init__(self) -> None:
        if bool(self.path) != (self.envelope is not None):
            raise TypeError("a path of the rows is required with an envelope, and not allowed without one")

    def options_of(self, query: Any) -> Hashable:
        """The part of a query that decides how a row is printed."""
        return None if self.options is None else self.options(query)

    def print_row(self, call: Call, org: str, options: Hashable) -> Any:
        """The printed record of a call."""
        return self.row(call, org) if self.options is None else self.row(call, org, options)

    def answer(self, page: CallPage, query: Any) -> Any:
        """The whole answer as a record, for documentation and for forms other than JSON."""
        if self.envelope is None:
            raise TypeError("a stream has no envelope")
        calls, options = page.read(), self.options_of(query)
        facts = [] if self.fact is None else [self.fact(call, page.org) for call in calls]
        holder = answer = self.envelope(summary_of(page, facts), query)
        *above, name = self.path.split(".")
        for step in above:
            holder = getattr(holder, step)
        setattr(holder, name, [self.print_row(call, page.org, options) for call in calls])
        return answer


def summary_of(page: CallPage, facts: Sequence[Any] = ()) -> PageSummary:
    """What an envelope may contain about a whole page."""
    return PageSummary(
        org=page.org,
        count=len(page.calls),
        total=page.total,
        has_more=page.has_more,
        last=page.calls[-1] if page.calls else None,
        facts=facts,
    )
