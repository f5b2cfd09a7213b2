"""What a request wants, and its result, without a word of HTTP or of any vendor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.changes import ChangeBatch, ChangeStream
from trunkline.model.encoded_call import Chunk, EncodedCall
from trunkline.model.inbox import (
    CountInbox,
    DropInbox,
    GetInboxPayload,
    InboxContent,
    InboxCounts,
    InboxDropped,
    InboxPage,
    InboxRetried,
    ListInbox,
    RetryInbox,
)
from trunkline.model.ledger import LedgerPage
from trunkline.model.query import CallFilter, Order, Window
from trunkline.model.recordings import ListRecordings, RecordingList, RecordingsRetried, RetryRecordings
from trunkline.model.totals import CheckTotals, RebuildTotals, TotalsChecked, TotalsRebuilt
from trunkline.model.writes import Write, WriteOutcome


class ListCalls(Struct, frozen=True, kw_only=True):
    """One page of the calls that match."""

    filter: CallFilter
    window: Window
    order: Order = Order()
    with_total: bool = True
    with_transcript: bool = False
    """Whether turns, tool calls, text and events are read; without it they are absent."""


class StreamCalls(Struct, frozen=True):
    """One page, of any size, of the calls that match; it comes in chunks."""

    page: ListCalls


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
    """Changes of calls that match, in order and as they happen."""

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


Intent = (
    ListCalls
    | StreamCalls
    | GetCall
    | ExportCalls
    | ListChanges
    | FollowCalls
    | ReadLedger
    | ListInbox
    | GetInboxPayload
    | CountInbox
    | RetryInbox
    | DropInbox
    | ListRecordings
    | RetryRecordings
    | CheckTotals
    | RebuildTotals
    | Write
)


class CallPage(Struct, frozen=True, kw_only=True):
    """A page of calls in order."""

    org: str
    """The name of the key's org, which some envelopes print."""
    calls: Sequence[EncodedCall]
    total: int | None = None
    """How many match in all, exactly; `None` if it was not requested."""
    has_more: bool = False
    """Whether at least one more call follows this page."""

    @classmethod
    def of(
        cls, org: str, calls: Sequence[Call], *, total: int | None = None, has_more: bool = False
    ) -> CallPage:
        """A page of calls that are not in their stored form."""
        encoded = [EncodedCall.of(call) for call in calls]
        return cls(org=org, calls=encoded, total=total, has_more=has_more)

    def read(self) -> list[Call]:
        """The calls, each read whole."""
        return [encoded.call() for encoded in self.calls]


class OneCall(Struct, frozen=True):
    """One call, and the name of the key's org."""

    org: str
    call: Call


class CallStream(Struct, frozen=True):
    """Calls in chunks, and the name of the key's org; nothing is read before the first chunk is requested."""

    org: str
    chunks: AsyncGenerator[Chunk, None]


Outcome = (
    CallPage
    | OneCall
    | CallStream
    | ChangeBatch
    | ChangeStream
    | LedgerPage
    | InboxPage
    | InboxContent
    | InboxCounts
    | InboxRetried
    | InboxDropped
    | RecordingList
    | RecordingsRetried
    | TotalsChecked
    | TotalsRebuilt
    | WriteOutcome
)
"""The result of an intent: values, with every call as it is stored.

Whoever prints a call fills in our link to its recording, which changes every day
(`service.recordings.Links`).
"""
