"""Cursors: opaque texts that say where the next page begins."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from trunkline.model.faults import Fault, Refused

_MAX_LENGTH = 2048


def cursor_of(content: dict[str, Any]) -> str:
    """Write a cursor: Base64, with padding, of JSON with Python's usual separators."""
    return base64.b64encode(json.dumps(content).encode()).decode()


def content_of(cursor: str) -> dict[str, Any]:
    """Read a cursor; the URL-safe alphabet and missing padding are accepted as well.

    Raises `Refused` with `BAD_CURSOR` for anything that is not Base64 of a JSON object.
    """
    if len(cursor) > _MAX_LENGTH:
        raise Refused(Fault.BAD_CURSOR)
    # A `+` of the alphabet arrives as a space when a client does not escape it.
    standard = cursor.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        content = json.loads(raw.decode("utf-8"))
    except (binascii.Error, ValueError, RecursionError):
        raise Refused(Fault.BAD_CURSOR) from None
    if not isinstance(content, dict):
        raise Refused(Fault.BAD_CURSOR)
    return content
