"""Ids: which one a call gets, and how an id that does not fit a vendor's form is derived.

A derived id is a piece of the call's digest, a fixed hash of its canonical id. The store indexes the
digest, so that the call is found again by whichever piece a dialect printed.
"""

from __future__ import annotations

import hashlib
import re
import uuid

NAMESPACE = uuid.UUID("9c2f8a5e-6f0b-5d0e-8f57-2f6c1f4f9a10")
"""Fixed for ever: ids derived today must be the ids derived in ten years."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LETTERS_BITS = 71
"""Twelve characters of base 62 have 71 whole bits."""


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID in its usual 36-character form, in any case."""
    return _UUID.fullmatch(text) is not None


def uuid_of(text: str) -> str:
    """The UUID form of an id: itself in lower case if it is one, else one derived from it.

    >>> uuid_of("F1E2D3C4-B5A6-7890-1234-567890ABCDEF")
    'f1e2d3c4-b5a6-7890-1234-567890abcdef'
    >>> uuid_of("agent_xyz789") == uuid_of("agent_xyz789")
    True
    """
    return text.lower() if is_uuid(text) else str(uuid.uuid5(NAMESPACE, text))


def call_id(vendor: str, vendor_call_id: str) -> str:
    """The canonical id of a call: the vendor's own where it is a UUID, else derived from both names."""
    if is_uuid(vendor_call_id):
        return vendor_call_id.lower()
    return derived_call_id(vendor, vendor_call_id)


def derived_call_id(vendor: str, vendor_call_id: str) -> str:
    """A canonical id that no other vendor's call can have."""
    return str(uuid.uuid5(NAMESPACE, f"{vendor}\n{vendor_call_id}"))


def digest(canonical_id: str) -> uuid.UUID:
    """The 128-bit digest of a canonical call id, whose leading bits derived ids are made of."""
    return uuid.UUID(bytes=hashlib.sha256(uuid.UUID(canonical_id).bytes).digest()[:16])


def hex_piece(canonical_id: str, length: int) -> str:
    """The first hex digits of a call's digest."""
    return digest(canonical_id).hex[:length]


def letters_piece(canonical_id: str) -> str:
    """Twelve letters and digits with the first 71 bits of a call's digest."""
    number = digest(canonical_id).int >> (128 - _LETTERS_BITS)
    letters = []
    for _ in range(12):
        number, digit = divmod(number, 62)
        letters.append(_ALPHABET[digit])
    return "".join(reversed(letters))


DigestRange = tuple[uuid.UUID, uuid.UUID]
"""The first and last digest that begin with one piece."""


def range_of_hex(piece: str) -> DigestRange:
    """The digests that begin with some hex digits."""
    return uuid.UUID(piece.ljust(32, "0")), uuid.UUID(piece.ljust(32, "f"))


def range_of_letters(piece: str) -> DigestRange | None:
    """The digests that begin with twelve letters; `None` if no digest does."""
    number = 0
    for letter in piece:
        number = number * 62 + _ALPHABET.index(letter)
    if number >> _LETTERS_BITS:
        return None
    low = number << (128 - _LETTERS_BITS)
    return uuid.UUID(int=low), uuid.UUID(int=low | ((1 << (128 - _LETTERS_BITS)) - 1))
