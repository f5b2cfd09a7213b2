"""Exports over HTTP, and their content."""

from __future__ import annotations

import csv
import io
from urllib.parse import urlencode

import httpx2
import msgspec

from tests.conftest import World
from trunkline.model.call import Call

EXPORT = "/v1/calls:export"


def exported(world: World, **query: str) -> httpx2.Response:
    answer = world.get("trunkline", f"{EXPORT}?{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    return answer


def read(answer: httpx2.Response) -> list[Call]:
    return [msgspec.json.decode(line, type=Call) for line in answer.content.splitlines()]


def rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))
