"""The one way from an intent to an outcome, whoever asks: the API, the command line, or what comes next.

A new intent is a record in `trunkline.model`, a member of `Intent`, and a line in the table below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Protocol, get_args, overload

from trunkline.kit.call_ids import CallIds, uuids
from trunkline.model.changes import ChangeBatch, ChangeStream
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
from trunkline.service.ledger import Ledger
from trunkline.service.recordings import Recordings
from trunkline.service.totals import Totals
from trunkline.service.writes import Writes

OUR_IDS = uuids("")
"""The form of ids for whoever names calls by our own ids."""


class Handler(Protocol):
    """Does what one type of intent wants, for one org; `ids` is the form in which the asker names calls."""

    async def __call__(self, org: Org, intent: Any, ids: CallIds, /) -> Outcome:
        """Answer an intent."""


def handlers(
    *,
    calls: Calls,
    changes: Changes,
    ledger: Ledger,
    recordings: Recordings,
    totals: Totals,
    writes: Writes,
) -> dict[type, Handler]:
    """The table: for each type of intent what answers it."""
    return {
        ListCalls: calls.page,
        StreamCalls: calls.stream,
        GetCall: calls.one,
        ExportCalls: calls.export,
        ListChanges: changes.page,
        FollowCalls: changes.follow,
        ReadLedger: ledger.page,
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
    """Every type of intent there is."""
    for member in get_args(union):
        if isinstance(member, UnionType):
            yield from intent_types(member)
        else:
            yield member


class Run:
    """Answers intents; raises `Refused`, and what the driver raises."""

    def __init__(self, table: Mapping[type, Handler]) -> None:
        """Raises `TypeError` for an intent that nothing answers, and for a handler that nothing calls for."""
        wanted = set(intent_types())
        for missing in sorted(intent.__name__ for intent in wanted - table.keys()):
            raise TypeError(f"the intent {missing} has no handler; give it a line in service/run.py")
        for unknown in sorted(intent.__name__ for intent in table.keys() - wanted):
            raise TypeError(f"{unknown} has a handler and is no intent; make it a member of `Intent`")
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
        """Answer an intent on behalf of an org."""
        return await self._table[type(intent)](org, intent, ids)
