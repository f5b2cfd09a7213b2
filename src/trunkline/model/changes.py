"""Changes: what happened to an org's calls, in the order in which it was stored."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from msgspec import Struct

from trunkline.model.call import Call


class Change(Struct, frozen=True):
    """The last change of one call; those before it are not told any more."""

    sequence: int
    """In the org's order of changes; the next change of any call has a greater one."""
    id: str
    call: Call | None
    """As it stands now; `None` if it was taken out of the log."""


class ChangeBatch(Struct, frozen=True):
    """What a look at the changes found."""

    changes: Sequence[Change]
    sequence: int
    """Up to here everything was looked at, whether it matched or not."""
    has_more: bool
    """Whether there may be more at once."""


class ChangeStream(Struct, frozen=True):
    """Looks without an end: the first at once and empty, then whenever something changed, and now and then.

    Nothing is done before the first is asked for.
    """

    batches: AsyncGenerator[ChangeBatch, None]
