"""A client of a stream of events, as strict as a browser and as easy to kill."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx2

from tests.conftest import MAX_WAIT_SECONDS, World

STREAM = "/trunkline/v1/calls:stream"


class Event(NamedTuple):
    """One event, or an id without data, from which a browser resumes without an event."""

    name: str
    sequence: int
    data: Any


class Following:
    """An open stream: its events so far, and its last id."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.sequence = -1
        self.events: list[Event] = []
        self._lines = answer.iter_lines()
        self.step()  # the first block is sent at once

    def step(self) -> Event | None:
        """Read one block; `None` at the end of the stream."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            return None
        event = Event(fields.get("event", ""), int(fields["id"]), json.loads(fields.get("data", "null")))
        assert event.sequence >= self.sequence
        if event.name:
            assert event.sequence > self.sequence, "a sequence number came twice"
            self.events.append(event)
        self.sequence = event.sequence
        return event

    def until(self, sequence: int) -> list[Event]:
        """Read until a sequence number is reached; bounded."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while self.sequence < sequence:
            assert time.monotonic() < deadline, (self.sequence, sequence)
            assert self.step() is not None, "the stream ended"
        return self.events

    def to_the_end(self) -> None:
        """Read until the stream ends; bounded."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while self.step() is not None:
            assert time.monotonic() < deadline


@contextmanager
def following(
    url: str, headers: Mapping[str, str], query: str = "", last: int | None = None
) -> Iterator[Following]:
    """Follow calls; the connection is cut at the end, wherever the stream is."""
    sent = dict(headers) if last is None else {**headers, "Last-Event-ID": str(last)}
    with (
        httpx2.Client(base_url=url, timeout=MAX_WAIT_SECONDS) as client,
        client.stream("GET", STREAM + query, headers=sent) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield Following(answer)


def reach(world: World) -> int:
    """The last sequence number of the org."""
    sql = "SELECT coalesce(max(n), 0) FROM change_sequences WHERE org_id = $1"
    sequence: int = world.run(world.joined.pool.fetchval(sql, world.org.id))
    return sequence


def last_changes(world: World) -> dict[int, str]:
    """The sequence number of every call, and of every deleted one."""
    sql = """
        SELECT change, id FROM calls WHERE org_id = $1 UNION ALL
        SELECT change, id FROM deleted_calls WHERE org_id = $1
    """
    return {row["change"]: str(row["id"]) for row in world.run(world.joined.pool.fetch(sql, world.org.id))}
