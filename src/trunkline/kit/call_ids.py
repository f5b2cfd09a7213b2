"""The forms in which dialects print a call's id, and how a printed id is read again."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.ids import (
    DigestRange,
    hex_piece,
    is_uuid,
    letters_piece,
    range_of_hex,
    range_of_letters,
)

_HEX = re.compile(r"[0-9a-f]+")
_LETTERS = re.compile(r"[0-9A-Za-z]{12}")
MAX_LENGTH = 200


class CallLookup(Struct, frozen=True):
    """All the ways in which a printed id may name a call; the first that fits wins."""

    vendor: str
    vendor_call_id: str
    id: str | None = None
    digests: DigestRange | None = None


class CallIds(Struct, frozen=True, kw_only=True):
    """A vendor's form of call id.

    A call of the vendor itself prints the vendor's own id; any other call prints a derived one.
    """

    vendor: str
    derive: Callable[[str], str]
    """From a canonical id to one of the vendor's form."""
    digests: Callable[[str], DigestRange | None]
    """From a printed id back to the digests that begin with it."""
    by_canonical_id: bool = False
    """Whether a canonical id is understood as well."""

    def printed(self, call: Call) -> str:
        """The id that the dialect prints for a call."""
        return call.vendor_call_id if call.vendor == self.vendor else self.derive(call.id)

    def lookup(self, printed_id: str) -> CallLookup | None:
        """What a printed id names; `None` for a text that no call can have as its id."""
        if not printed_id or len(printed_id) > MAX_LENGTH or "\x00" in printed_id:
            return None
        return CallLookup(
            vendor=self.vendor,
            vendor_call_id=printed_id,
            id=printed_id.lower() if self.by_canonical_id and is_uuid(printed_id) else None,
            digests=self.digests(printed_id),
        )


def _none(printed_id: str) -> None:
    return None


def uuids(vendor: str) -> CallIds:
    """Ids are UUIDs, and the canonical id is one."""
    return CallIds(vendor=vendor, derive=str, digests=_none, by_canonical_id=True)


def hex_digits(vendor: str, length: int) -> CallIds:
    """Ids are a fixed number of hex digits."""

    def digests(printed_id: str) -> DigestRange | None:
        fits = len(printed_id) == length and _HEX.fullmatch(printed_id)
        return range_of_hex(printed_id) if fits else None

    return CallIds(vendor=vendor, derive=lambda call_id: hex_piece(call_id, length), digests=digests)


def prefixed_letters(vendor: str, prefix: str, *, by_canonical_id: bool = False) -> CallIds:
    """Ids are a prefix and twelve letters or digits."""

    def digests(printed_id: str) -> DigestRange | None:
        letters = printed_id.removeprefix(prefix)
        fits = printed_id.startswith(prefix) and _LETTERS.fullmatch(letters)
        return range_of_letters(letters) if fits else None

    return CallIds(
        vendor=vendor,
        derive=lambda call_id: prefix + letters_piece(call_id),
        digests=digests,
        by_canonical_id=by_canonical_id,
    )
