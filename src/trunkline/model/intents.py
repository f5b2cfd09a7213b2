"""What a request wants, and what comes of it, without a word of HTTP or of any vendor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.changes import ChangeBatch, ChangeStream
from trunkline.model.encoded_call import Chunk
from trunkline.model.ledger import LedgerPage
from trunkline.model.query import CallFilter, Order, Window
from trunkline.model.writes import Write, WriteOutcome


class ListCalls(Struct, frozen=True, kw_only=True):
    """One page of the calls that match."""

    filter: CallFilter
    window: Window
    order: Order = Order()
    with_total: bool = True
    with_transcript: bool = False
    """Whether turns, tool calls, text and events are fetched; without it they are absent."""


class GetCall(Struct, frozen=True, kw_only=True):
    """One call by an id that the request's dialect prints."""

    printed_id: str
    with_transcript: bool = True
    reveal_foreign: bool = False
    """Whether a call of another org is refused differently from one that does not exist."""


class ExportCalls(Struct, frozen=True, kw_only=True):
    """All calls that match, as they are at one moment."""

    filter: CallFilter
    order: Order = Order()
    with_total: bool = False
    with_transcript: bool = True


class ListChanges(Struct, frozen=True, kw_only=True):
    """Some changes of calls that match, in order."""

    filter: CallFilter
    after: int
    """The sequence after which to begin."""
    with_transcript: bool = False


class FollowCalls(Struct, frozen=True, kw_only=True):
    """Changes of calls that match, in order and as they come."""

    filter: CallFilter
    after: int | None = None
    """The sequence after which to begin; `None` begins now."""
    with_transcript: bool = False


class ReadLedger(Struct, frozen=True, kw_only=True):
    """What vendors list, compared with what the log stores."""

    source_id: str | None = None
    """A UUID; `None` for all sources of the org."""
    since: datetime | None = None
    until: datetime | None = None


Question = ListCalls | GetCall | ExportCalls
"""A request for calls as they are now."""

Intent = Question | ListChanges | FollowCalls | ReadLedger | Write


class RowPrinter(Protocol):
    """Prints rows of lists, and may know some of them already."""

    def rows(
        self, calls: Sequence[Call], write: Callable[..., Any], org: str, options: tuple[Hashable, ...]
    ) -> list[Any]:
        """What `write` makes of each call, or that as JSON."""


class CallPage(Struct, frozen=True, kw_only=True):
    """A page of calls in order."""

    org: str
    """The name of the key's org, which some envelopes print."""
    calls: Sequence[Call]
    total: int | None = None
    """How many match in all, exactly; `None` if it was not requested."""
    has_more: bool = False
    """Whether at least one more call follows this page."""
    printer: RowPrinter | None = None

    def rows(self, write: Callable[..., Any], *options: Hashable) -> list[Any]:
        """The calls as `write` prints each from the call, the org's name and the options.

        `write` belongs to a module, and what it answers follows from what it is given and nothing else: a row
        that it made of an equal call may come instead, as the JSON that it is sent as.
        """
        if self.printer is None:
            return [write(call, self.org, *options) for call in self.calls]
        return self.printer.rows(self.calls, write, self.org, options)


class OneCall(Struct, frozen=True):
    """One call, and the name of the key's org."""

    org: str
    call: Call


class CallStream(Struct, frozen=True):
    """Calls in chunks, and the name of the key's org; nothing is read before the first chunk is requested."""

    org: str
    chunks: AsyncGenerator[Chunk, None]


CallsOutcome = CallPage | OneCall | CallStream

Outcome = CallsOutcome | ChangeBatch | ChangeStream | LedgerPage | WriteOutcome
