"""Rows: how one call of a list is printed, and the envelope that stands around the rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.intents import CallPage


class PageSummary(Struct, frozen=True, kw_only=True):
    """What an envelope may say of its page."""

    org: str
    """The asking org's name."""
    count: int
    """How many rows there are."""
    total: int | None = None
    """How many calls match in all; `None` if it was not asked for."""
    has_more: bool = False
    """Whether at least one more call follows the page."""
    last: EncodedCall | None = None
    """The last call of the page."""
    facts: Sequence[Any] = ()
    """What `RowFormat.fact` says of each call, if it says anything."""


class RowFormat(Struct, frozen=True, kw_only=True):
    """How an operation prints calls one by one.

    A row follows from the call, the org's name and the options, and from nothing else: where these are the
    same, a row that was printed before is used again.
    """

    row: Callable[..., Any]
    """From a call, the org's name and the options, if there are any, to a record; a function of a module."""
    options: Callable[[Any], Hashable] | None = None
    """What of the typed query decides how a row is printed; nothing, without it."""
    fact: Callable[[Call, str], Any] | None = None
    """What the envelope has to know of each call, from the call and the org's name."""
    path: str = ""
    """Where the rows stand in the answer, as `data.calls`; empty for a stream, which has no envelope."""
    envelope: Callable[[PageSummary, Any], Struct] | None = None
    """From the page and the typed query to the answer, with an empty list in the place of the rows.

    A page may be printed while it is read, so that what stands before the rows must follow from the query,
    the org and the total alone. Only where there are facts a page is always printed as a whole.
    """

    def __post_init__(self) -> None:
        if bool(self.path) != (self.envelope is not None):
            raise TypeError("an envelope says where its rows stand, and nothing else does")

    def options_of(self, query: Any) -> Hashable:
        """What of a query decides how a row is printed."""
        return None if self.options is None else self.options(query)

    def print_row(self, call: Call, org: str, options: Hashable) -> Any:
        """The record that is printed of a call."""
        return self.row(call, org) if self.options is None else self.row(call, org, options)

    def answer(self, page: CallPage, query: Any) -> Any:
        """The whole answer as a record, for documents and for whoever does not want it as JSON."""
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
    """What an envelope may say of a page that is there as a whole."""
    return PageSummary(
        org=page.org,
        count=len(page.calls),
        total=page.total,
        has_more=page.has_more,
        last=page.calls[-1] if page.calls else None,
        facts=facts,
    )
