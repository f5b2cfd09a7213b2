"""TOON, the token-oriented notation: any answer as text for a language model.

Token-Oriented Object Notation, specification 4.0. The vendors that offer TOON publish no grammar of
their own, so this is our choice.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import toons

MEDIA_TYPE = "text/toon"

LONG_BYTES = 2 * 1024 * 1024
"""From so much JSON on a process of its own writes the text; the library lets no thread run meanwhile."""

MAX_SECONDS = 60.0
"""That such a process may take; the longest text that is served takes a few."""

_json = msgspec.json.Encoder(decimal_format="number")


def toon(value: Any, *, indent: int = 2, delimiter: str = ",") -> str:
    """Write a value, records included, as TOON.

    >>> print(toon([{"role": "agent", "content": "Hi"}, {"role": "user", "content": "Yes, hello"}]))
    [2]{role,content}:
      agent,Hi
      user,"Yes, hello"
    """
    # By way of JSON, so that instants, decimals and absent fields come out as they do there.
    plain = msgspec.json.decode(_json.encode(value))
    text: str = toons.dumps(plain, indent_size=indent, delimiter=delimiter)
    return text


def toon_of_json(json: bytes) -> bytes:
    """Write JSON as TOON in UTF-8; call it from a thread where it may be long."""
    if len(json) < LONG_BYTES:
        return _text(json).encode()
    command = [sys.executable, "-m", "trunkline.kit.toon"]
    run = subprocess.run(  # noqa: S603 our own
        command, input=json, stdout=subprocess.PIPE, check=True, timeout=MAX_SECONDS
    )
    return run.stdout


def _text(json: bytes) -> str:
    text: str = toons.dumps(msgspec.json.decode(json), indent_size=2, delimiter=",")
    return text


if __name__ == "__main__":
    sys.stdout.buffer.write(_text(sys.stdin.buffer.read()).encode())
