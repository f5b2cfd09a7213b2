"""What a request wants to have written, and what came of it, without a word of HTTP or of any vendor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.live import Event
from trunkline.model.sighting import Sighting


class CallUpsert(Struct, frozen=True):
    """One call as a request tells of it: what was read of it, or why nothing could be."""

    raw: bytes
    sighting: Sighting | None = None
    path: str = ""
    """The field at fault."""
    problem: str = ""


class UpsertCalls(Struct, frozen=True):
    """Calls that are told in our own form."""

    upserts: Sequence[CallUpsert]


class AppendEvents(Struct, frozen=True):
    """Events of a call that runs; for each that cannot be read a sentence in its place."""

    printed_id: str
    events: Sequence[Event | str]


class ChangeCall(Struct, frozen=True):
    """Something is said of a known call now, and wins over what was said of it before."""

    printed_id: str
    change: Callable[[Call], Sighting]
    """What is said, given the call as it stands; its `vendor` and `vendor_call_id` are not looked at."""
    is_long: bool = False
    """Whether it brings so much that making it takes a thread."""


class DeleteCall(Struct, frozen=True):
    """A call is taken out of the log and stays out."""

    printed_id: str
    instead: Callable[[Call], Sighting | None] | None = None
    """What is said of the call instead, if it is not to be taken out as it stands."""


Write = UpsertCalls | AppendEvents | ChangeCall | DeleteCall


class UpsertResult(Struct, frozen=True):
    """What came of one telling."""

    state: str
    """`new`, `changed`, `unchanged`, `deleted` if the call was taken out before, or `refused`."""
    call_id: str | None = None
    path: str = ""
    problem: str = ""


class CallsUpserted(Struct, frozen=True):
    """What came of each telling, in their order."""

    org: str
    results: Sequence[UpsertResult]

    @property
    def call_ids(self) -> list[str]:
        """The calls that the answer speaks of."""
        return [result.call_id for result in self.results if result.call_id is not None]


class EventsAppended(Struct, frozen=True):
    """What came of events: the call as it stands now, without its conversation, and what was refused."""

    org: str
    call: Call
    accepted: int
    refused: Sequence[tuple[int, str]]

    @property
    def call_ids(self) -> list[str]:
        """The calls that the answer speaks of."""
        return [self.call.id]


class CallChanged(Struct, frozen=True):
    """A call before and after something was said of it."""

    org: str
    before: Call
    call: Call

    @property
    def call_ids(self) -> list[str]:
        """The calls that the answer speaks of."""
        return [self.call.id]


class CallDeleted(Struct, frozen=True):
    """A call that was taken out, as it stood."""

    org: str
    call: Call

    @property
    def call_ids(self) -> list[str]:
        """None: an answer that can be repeated says nothing of the call, and stays."""
        return []


WriteOutcome = CallsUpserted | EventsAppended | CallChanged | CallDeleted
