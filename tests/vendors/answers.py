"""Comparing an answer with what it should be to the letter: status, media type, values, key order."""

from __future__ import annotations

import json
from typing import Any

import httpx2


def says(
    answer: httpx2.Response, expected: Any, status: int = 200, media_type: str = "application/json"
) -> None:
    """Check that an answer holds exactly this JSON, with its keys in this order and numbers written so."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == media_type
    assert json.dumps(answer.json(), indent=1) == json.dumps(expected, indent=1)
