"""The one way from an intent to an outcome, for the API, the command line and everything else.

A new intent is a record in `trunkline.model`, a member of `Intent`, and a line in the table below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Protocol, get_args, overload

from trunkline.kit.call_ids import CallIds, uuids
from trunkline.model.changes import ChangeBatch, ChangeStream
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
from trunkline.model.intents import (
    CallPage,
    CallStream,
    ExportCalls,
    FollowCalls,
    GetCall,
    Intent,
    ListCalls,
    ListChanges,
    OneCall,
    Outcome,
    ReadLedger,
    StreamCalls,
)
from trunkline.model.ledger import LedgerPage
from trunkline.model.recordings import ListRecordings, RecordingList, RecordingsRetried, RetryRecordings
from trunkline.model.totals import CheckTotals, RebuildTotals, TotalsChecked, TotalsRebuilt
from trunkline.model.writes import AppendEvents, ChangeCall, DeleteCall, UpsertCalls
from trunkline.service.calls import Calls, Org
from trunkline.service.changes import Changes
from trunkline.service.inbox import Inbox
from trunkline.service.ledger import Ledger
from trunkline.service.recordings import Recordings
from trunkline.service.totals import Totals
from trunkline.service.writes import Writes

OUR_IDS = uuids("")
"""The form of ids for requests that use our own ids."""


class Handler(Protocol):
    """Runs one type of intent for one org; `ids` is the form of ids in the request."""

    async def __call__(self, org: Org, intent: Any, ids: CallIds, /) -> Outcome:
        """Run an intent."""


def handlers(
    *,
    calls: Calls,
    changes: Changes,
    inbox: Inbox,
    ledger: Ledger,
    recordings: Recordings,
    totals: Totals,
    writes: Writes,
) -> dict[type, Handler]:
    """The table: the handler of each type of intent."""
    return {
        ListCalls: calls.page,
        StreamCalls: calls.stream,
        GetCall: calls.one,
        ExportCalls: calls.export,
        ListChanges: changes.page,
        FollowCalls: changes.follow,
        ReadLedger: ledger.page,
        ListInbox: inbox.page,
        GetInboxPayload: inbox.one,
        CountInbox: inbox.count,
        RetryInbox: inbox.retry,
        DropInbox: inbox.drop,
        ListRecordings: recordings.listed,
        RetryRecordings: recordings.retry,
        CheckTotals: totals.check,
        RebuildTotals: totals.rebuild,
        UpsertCalls: writes.upsert,
        AppendEvents: writes.append_events,
        ChangeCall: writes.change,
        DeleteCall: writes.delete,
    }


def intent_types(union: Any = Intent) -> Iterator[type]:
    """Every type of intent."""
    for member in get_args(union):
        if isinstance(member, UnionType):
            yield from intent_types(member)
        else:
            yield member


class Run:
    """Runs intents; raises `Refused`, and what the driver raises."""

    def __init__(self, table: Mapping[type, Handler]) -> None:
        """Raises `TypeError` for an intent without a handler, and for a handler without an intent."""
        wanted = set(intent_types())
        for missing in sorted(intent.__name__ for intent in wanted - table.keys()):
            raise TypeError(f"the intent {missing} has no handler; add a line in service/run.py")
        for unknown in sorted(intent.__name__ for intent in table.keys() - wanted):
            raise TypeError(f"{unknown} has a handler but is no intent; make it a member of `Intent`")
        self._table = dict(table)

    @overload
    async def __call__(self, org: Org, intent: ListCalls, ids: CallIds = ...) -> CallPage: ...
    @overload
    async def __call__(
        self, org: Org, intent: StreamCalls | ExportCalls, ids: CallIds = ...
    ) -> CallStream: ...
    @overload
    async def __call__(self, org: Org, intent: GetCall, ids: CallIds = ...) -> OneCall: ...
    @overload
    async def __call__(self, org: Org, intent: ListChanges, ids: CallIds = ...) -> ChangeBatch: ...
    @overload
    async def __call__(self, org: Org, intent: FollowCalls, ids: CallIds = ...) -> ChangeStream: ...
    @overload
    async def __call__(self, org: Org, intent: ReadLedger, ids: CallIds = ...) -> LedgerPage: ...
    @overload
    async def __call__(self, org: Org, intent: ListInbox, ids: CallIds = ...) -> InboxPage: ...
    @overload
    async def __call__(self, org: Org, intent: GetInboxPayload, ids: CallIds = ...) -> InboxContent: ...
    @overload
    async def __call__(self, org: Org, intent: CountInbox, ids: CallIds = ...) -> InboxCounts: ...
    @overload
    async def __call__(self, org: Org, intent: RetryInbox, ids: CallIds = ...) -> InboxRetried: ...
    @overload
    async def __call__(self, org: Org, intent: DropInbox, ids: CallIds = ...) -> InboxDropped: ...
    @overload
    async def __call__(self, org: Org, intent: ListRecordings, ids: CallIds = ...) -> RecordingList: ...
    @overload
    async def __call__(self, org: Org, intent: RetryRecordings, ids: CallIds = ...) -> RecordingsRetried: ...
    @overload
    async def __call__(self, org: Org, intent: CheckTotals, ids: CallIds = ...) -> TotalsChecked: ...
    @overload
    async def __call__(self, org: Org, intent: RebuildTotals, ids: CallIds = ...) -> TotalsRebuilt: ...
    @overload
    async def __call__(self, org: Org, intent: Intent, ids: CallIds = ...) -> Outcome: ...

    async def __call__(self, org: Org, intent: Intent, ids: CallIds = OUR_IDS) -> Outcome:
        """Run an intent for an org."""
        return await self._table[type(intent)](org, intent, ids)
