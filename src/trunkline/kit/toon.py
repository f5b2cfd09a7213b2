"""TOON, the token-oriented notation: any answer as text for a language model.

Token-Oriented Object Notation, specification 4.0. The vendors that offer TOON publish no grammar of
their own, so this is our choice.
"""

from __future__ import annotations

from typing import Any

import msgspec
import toons

MEDIA_TYPE = "text/toon"

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
