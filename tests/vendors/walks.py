"""How a client of each dialect follows pages: the next page's query, and the ids on a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.conftest import World


class Walk(NamedTuple):
    """One dialect's way of paging."""

    path: str
    limit: str
    largest: int
    rows: Callable[[Any], list[Any]]
    id_of: Callable[[Any], str]
    total: Callable[[Any], int | None]
    following: Callable[[Any, int, int], str | None]
    """From an answer, the page's number and its size to the next query; `None` at the end."""
    by_position: bool = False
    """Whether the next page begins after a call, so that new calls do not move it."""
    prefix: str = ""


def _offset(total: Callable[[Any], int]) -> Callable[[Any, int, int], str | None]:
    def following(answer: Any, number: int, size: int) -> str | None:
        return f"offset={number * size}" if number * size < total(answer) else None

    return following


def _token(parameter: str, token: Callable[[Any], str | None]) -> Callable[[Any, int, int], str | None]:
    def following(answer: Any, number: int, size: int) -> str | None:
        found = token(answer)
        return None if found is None else f"{parameter}={quote(found, safe='')}"

    return following


WALKS: dict[str, Walk] = {
    "contactship": Walk(
        path="/v1/calls",
        limit="limit",
        largest=1000,
        rows=lambda answer: answer["data"],
        id_of=lambda row: row["id"],
        total=lambda answer: answer["count"],
        following=_offset(lambda answer: answer["count"]),
    ),
    "callem": Walk(
        path="/v1/calls",
        limit="limit",
        largest=1000,
        rows=lambda answer: answer["data"],
        id_of=lambda row: row["id"],
        total=lambda answer: answer["pagination"]["total"],
        following=_offset(lambda answer: answer["pagination"]["total"]),
    ),
    "zudu": Walk(
        path="/api/calls",
        limit="limit",
        largest=100,
        rows=lambda answer: answer["data"]["calls"],
        id_of=lambda row: row["call_id"],
        total=lambda answer: answer["data"]["pagination"]["total_count"],
        following=lambda answer, number, size: (
            f"page={number}" if answer["data"]["pagination"]["has_next_page"] else None
        ),
    ),
    "butter": Walk(
        path="/api/calls",
        limit="limit",
        largest=100,
        rows=lambda answer: answer["data"],
        id_of=lambda row: row["call_sid"],
        total=lambda answer: None,
        following=_token("cursor", lambda answer: answer["pagination"]["next_cursor"]),
        by_position=True,
    ),
    "trunkline": Walk(
        path="/v1/calls",
        limit="page_size",
        largest=1000,
        rows=lambda answer: answer["calls"],
        id_of=lambda row: row["id"],
        total=lambda answer: answer.get("total_size"),
        following=_token("page_token", lambda answer: answer["next_page_token"]),
        by_position=True,
    ),
}


def pages(world: World, dialect: str, size: int, query: str = "") -> Iterator[list[str]]:
    """The ids of each page in turn, as a client sees them; bounded, in case the pages never end."""
    walk, following = WALKS[dialect], ""
    for number in range(1, 2000):
        asked = "&".join(part for part in (f"{walk.limit}={size}", query, following) if part)
        answer = world.get(dialect, f"{walk.path}?{asked}")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        yield [walk.id_of(row) for row in walk.rows(body)]
        found = walk.following(body, number, size)
        if found is None:
            return
        following = found
    raise AssertionError("the pages never end")


def listed(world: World, dialect: str, query: str = "") -> list[Any]:
    """Everything a dialect lists, as printed, by the largest pages there are."""
    walk, rows, following = WALKS[dialect], [], ""
    for number in range(1, 2000):
        asked = "&".join(part for part in (f"{walk.limit}={walk.largest}", query, following) if part)
        answer = world.get(dialect, f"{walk.path}?{asked}")
        assert answer.status_code == 200, answer.text
        rows += walk.rows(answer.json())
        found = walk.following(answer.json(), number, walk.largest)
        if found is None:
            return rows
        following = found
    raise AssertionError("the pages never end")
