"""What a request wants, and what comes of it, without a word of HTTP or of any vendor."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.pieces import Part
from trunkline.model.query import CallFilter, Order, Window


class ListCalls(Struct, frozen=True, kw_only=True):
    """One page of the calls that match."""

    filter: CallFilter
    window: Window
    order: Order = Order()
    with_total: bool = True
    with_transcript: bool = False
    """Whether turns, tool calls, text and events are fetched; without it they are absent."""


class GetCall(Struct, frozen=True, kw_only=True):
    """One call by an id that the asking dialect prints."""

    printed_id: str
    with_transcript: bool = True
    tell_foreign: bool = False
    """Whether a call of another org is told apart from one that does not exist."""


class ExportCalls(Struct, frozen=True, kw_only=True):
    """All calls that match, as they stand at one moment."""

    filter: CallFilter
    order: Order = Order()
    with_total: bool = False
    with_transcript: bool = True


Intent = ListCalls | GetCall | ExportCalls


class CallPage(Struct, frozen=True, kw_only=True):
    """A page of calls in order."""

    org: str
    """The asking org's name, which some envelopes print."""
    calls: list[Call]
    total: int | None = None
    """How many match in all, exactly; `None` if it was not asked for."""
    has_more: bool = False
    """Whether at least one more call follows this page."""


class OneCall(Struct, frozen=True):
    """One call, and the asking org's name."""

    org: str
    call: Call


class CallStream(Struct, frozen=True):
    """Calls that come part by part, and the asking org's name; nothing is read before the first part."""

    org: str
    parts: AsyncGenerator[Part, None]


Outcome = CallPage | OneCall | CallStream
