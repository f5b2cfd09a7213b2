"""The vendors' own example answers, imported and read back over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import World
from trunkline.service.received import Received, encoded
from trunkline.vendors import dialects, saved_answers

CAPTURES = sorted((Path(__file__).parents[1] / "vendors").glob("*/captures/*.json"))


def capture_id(path: Path) -> str:
    return f"{path.parents[1].name}-{path.stem}"


@pytest.mark.parametrize("path", CAPTURES, ids=capture_id)
def test_a_capture_comes_back_identical_key_order_included(
    path: Path, new_world: Callable[..., World]
) -> None:
    capture = json.loads(path.read_text())
    dialect = dialects()[path.parents[1].name]
    world = new_world()
    items = saved_answers()[dialect.name].calls_in(capture["body"])
    assert items
    sightings = [dialect.from_wire(item) for item in items]
    seen = [Received(sighting, encoded(item)) for sighting, item in zip(sightings, items, strict=True)]
    world.run(world.joined.intake.ingest(world.org, seen, "file"))

    operation = next(op for op in dialect.operations if op.name == capture["operation"])
    address = operation.path.replace("{id}", sightings[0].vendor_call_id)
    answer = world.get(dialect.name, f"{address}?{capture['query']}")
    assert answer.status_code == capture["status"]
    printed, expected = answer.json(), capture["body"]
    for difference in [*capture["differs"], *counts(expected)]:
        put(printed, difference["path"], "…")
        put(expected, difference["path"], "…")
    assert json.dumps(printed, indent=1) == json.dumps(expected, indent=1)


def counts(body: dict[str, Any]) -> list[dict[str, str]]:
    """Where an example says how many calls the vendor had, of which it prints one."""
    paths = (
        "$.count",
        "$.pagination.total",
        "$.data.pagination.total_count",
        "$.data.pagination.total_pages",
    )
    more = ("$.data.pagination.has_next_page", "$.pagination.has_more", "$.total_size")
    return [{"path": path} for path in (*paths, *more) if has(body, path)]


def has(body: Any, path: str) -> bool:
    for name in path.removeprefix("$.").split("."):
        if not isinstance(body, dict) or name not in body:
            return False
        body = body[name]
    return True


def put(body: Any, path: str, value: str) -> None:
    *parents, last = path.removeprefix("$.").split(".")
    for name in parents:
        body = body[int(name)] if isinstance(body, list) else body[name]
    body[last] = value
