"""Changes: what happened to an org's calls, in the order in which it was stored."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from msgspec import Struct

from trunkline.model.call import Call


class Change(Struct, frozen=True):
    """The last change of one call; earlier ones are no longer listed."""

    sequence: int
    """The number in the org's sequence; the next change of any call has a greater one."""
    id: str
    call: Call | None
    """As it is now; `None` if it was deleted."""


class ChangeBatch(Struct, frozen=True):
    """Some changes, in order."""

    changes: Sequence[Change]
    sequence: int
    """Up to here every change was read, whether it matched or not."""
    has_more: bool
    """Whether there may be more at once."""


class ChangeStream(Struct, frozen=True):
    """Batches without an end: the first at once and empty, then whenever something changed, and now and then.

    Nothing is read before the first one is requested.
    """

    batches: AsyncGenerator[ChangeBatch, None]
