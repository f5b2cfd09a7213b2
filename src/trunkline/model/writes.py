"""What a request wants to have written, and the result, without a word of HTTP or of any vendor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.live import Event
from trunkline.model.sighting import Sighting


class CallUpsert(Struct, frozen=True):
    """One call of a request: what was read, or why it could not be."""

    raw: bytes
    sighting: Sighting | None = None
    path: str = ""
    """The field at fault."""
    problem: str = ""


class UpsertCalls(Struct, frozen=True):
    """Calls that are reported in our own form."""

    upserts: Sequence[CallUpsert]


class AppendEvents(Struct, frozen=True):
    """Events of a running call; for each that cannot be read a sentence that says why."""

    printed_id: str
    events: Sequence[Event | str]


class ChangeCall(Struct, frozen=True):
    """A change of an existing call, which replaces what was stated before."""

    printed_id: str
    change: Callable[[Call], Sighting]
    """What is stated, given the call as it is; its `vendor` and `vendor_call_id` are not used."""
    is_long: bool = False
    """Whether it brings so much that making it takes a thread."""


class DeleteCall(Struct, frozen=True):
    """A call is deleted and stays deleted."""

    printed_id: str
    instead: Callable[[Call], Sighting | None] | None = None
    """What is stated about the call instead, if it is not to be deleted as it is."""


Write = UpsertCalls | AppendEvents | ChangeCall | DeleteCall


class UpsertResult(Struct, frozen=True):
    """The result of one upsert."""

    state: str
    """`new`, `changed`, `unchanged`, `deleted` if the call was deleted before, or `refused`."""
    call_id: str | None = None
    path: str = ""
    problem: str = ""


class CallsUpserted(Struct, frozen=True):
    """The result of each upsert, in their order."""

    org: str
    results: Sequence[UpsertResult]

    @property
    def call_ids(self) -> list[str]:
        """The calls in the answer."""
        return [result.call_id for result in self.results if result.call_id is not None]


class EventsAppended(Struct, frozen=True):
    """The result of events: the call as it is now, without its transcript, and the refused events."""

    org: str
    call: Call
    accepted: int
    refused: Sequence[tuple[int, str]]

    @property
    def call_ids(self) -> list[str]:
        """The calls in the answer."""
        return [self.call.id]


class CallChanged(Struct, frozen=True):
    """A call before and after a change."""

    org: str
    before: Call
    call: Call

    @property
    def call_ids(self) -> list[str]:
        """The calls in the answer."""
        return [self.call.id]


class CallDeleted(Struct, frozen=True):
    """A call that was deleted, as it was."""

    org: str
    call: Call

    @property
    def call_ids(self) -> list[str]:
        """None: the answer to a deletion has nothing of the call, and stays."""
        return []


WriteOutcome = CallsUpserted | EventsAppended | CallChanged | CallDeleted
