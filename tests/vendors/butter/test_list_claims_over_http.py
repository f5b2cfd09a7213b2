"""Pages, cursors and order of Butter's list."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.butter.samples import (
    AT,
    INVALID_CURSOR,
    body_of,
    cursor_after,
    elsewhere,
    listed,
    made,
    sid,
    sids,
    summary,
    uuid,
)

FIRST = "/api/calls"


def following(world: World, limit: int, cursor: str | None) -> dict[str, Any]:
    """The page after a cursor."""
    query = "" if cursor is None else f"&cursor={quote(cursor, safe='')}"
    answer = world.get("butter", f"{FIRST}?limit={limit}{query}")
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def newest_first(*numbers: int) -> list[str]:
    return [sid(number) for number in numbers]


@pytest.fixture(scope="module")
def many(new_world: Callable[..., World]) -> World:
    """51 calls, a minute apart."""
    world = new_world()
    world.take([made(number) for number in range(51)])
    return world


# -- envelope and limit ---------------------------------------------------


@pytest.mark.claim(
    "butter:envelope.success",
    "butter:list.pagination.keys",
    "butter:list.last_page",
    "butter:list.page_size",
)
def test_an_empty_list_is_answered_in_full(world: World) -> None:
    says(world.get("butter", FIRST), listed([]))


@pytest.mark.claim(
    "butter:envelope.success",
    "butter:list.pagination.keys",
    "butter:list.page_size",
    "butter:list.cursor.form",
    "butter:list.row.keys",
)
def test_a_page_that_another_one_follows_is_answered_in_full(world: World) -> None:
    world.take([made(1), made(2), made(3)])
    rows = [summary(3, world.name), summary(2, world.name)]
    says(world.get("butter", f"{FIRST}?limit=2"), listed(rows, cursor_after(sid(2))))


@pytest.mark.claim("butter:list.limit.default", "butter:list.cursor.first", "butter:list.page_size")
def test_without_parameters_the_newest_50_calls_are_listed(many: World) -> None:
    answer = many.get("butter", FIRST)
    assert sids(answer) == newest_first(*range(50, 0, -1))
    assert answer.json()["pagination"] == {
        "next_cursor": cursor_after(sid(1)),
        "has_more": True,
        "page_size": 50,
    }
    assert answer.content == many.get("butter", f"{FIRST}?limit=50").content
    assert answer.content == many.get("butter", f"{FIRST}?").content


@pytest.mark.claim("butter:list.limit.max", "butter:list.page_size", "butter:list.last_page")
@pytest.mark.parametrize(("limit", "size"), [(1, 1), (49, 49), (50, 50), (51, 51), (52, 51), (100, 51)])
def test_page_size_is_the_number_of_calls_and_has_more_is_exact(many: World, limit: int, size: int) -> None:
    answer = many.get("butter", f"{FIRST}?limit={limit}")
    assert sids(answer) == newest_first(*range(50, 50 - size, -1))
    more = size < 51
    assert list(answer.json()["pagination"].items()) == [
        ("next_cursor", cursor_after(sid(51 - size)) if more else None),
        ("has_more", more),
        ("page_size", size),
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "limit must be between 1 and 100"),
        ("limit=-1", "limit must be between 1 and 100"),
        ("limit=101", "limit must be between 1 and 100"),
        ("limit=1000000000000000000000", "limit must be between 1 and 100"),
        ("limit=ten", "limit must be an integer"),
        ("limit=5.0", "limit must be an integer"),
        ("limit=1e1", "limit must be an integer"),
        ("limit=", "limit must be an integer"),
        ("limit=null", "limit must be an integer"),
        ("limit=5&limit=5", "limit is given more than once"),
    ],
)
@pytest.mark.claim(
    "butter:list.limit.range", "butter:list.limit.malformed", "butter:query.repeated", "butter:envelope.error"
)
def test_a_limit_that_makes_no_sense_is_400(world: World, query: str, message: str) -> None:
    says(world.get("butter", f"{FIRST}?{query}"), {"success": False, "message": message}, 400)


@pytest.mark.claim("butter:list.ignored")
def test_filters_are_ignored_and_named(many: World) -> None:
    answer = many.get("butter", f"{FIRST}?status=failed&limit=50&agent_id=a&start%20date=1&agent_id=b")
    assert answer.headers["trunkline-ignored"] == "status, agent_id, start%20date"
    assert answer.content == many.get("butter", FIRST).content
    assert "trunkline-ignored" not in many.get("butter", FIRST).headers


# -- cursors --------------------------------------------------------------


@pytest.mark.claim("butter:list.cursor.form")
def test_the_cursor_of_the_vendors_example_is_made_to_the_letter(world: World) -> None:
    example = body_of("list.json")["pagination"]["next_cursor"]
    assert base64.b64decode(example) == b'{"call_sid": "call_abc123"}'
    world.take([made(2, vendor_call_id="call_abc123"), made(1)])
    first = world.get("butter", f"{FIRST}?limit=1")
    says(first, listed([summary(2, world.name, call_sid="call_abc123")], example))
    says(world.get("butter", f"{FIRST}?limit=1&cursor={example}"), listed([summary(1, world.name)]))


@pytest.mark.claim("butter:list.cursor.form", "butter:list.cursor.padding")
@pytest.mark.parametrize("call_sid", ["c", "ca", "cal", "call_1", "?a?b?c", ">a>b>c", "café-ü", 'quo"te\\'])
def test_a_cursor_is_the_base64_of_pythons_json_and_is_understood_in_every_spelling(
    world: World, call_sid: str
) -> None:
    world.take([made(3), made(2, vendor_call_id=call_sid), made(1)])
    cursor = following(world, 2, None)["pagination"]["next_cursor"]
    assert cursor == base64.b64encode(json.dumps({"call_sid": call_sid}).encode()).decode()
    assert len(cursor) % 4 == 0
    compact = json.dumps({"call_sid": call_sid}, separators=(",", ":"), ensure_ascii=False).encode()
    spellings = {
        quote(cursor, safe=""),
        quote(cursor.rstrip("="), safe=""),
        base64.urlsafe_b64encode(json.dumps({"call_sid": call_sid}).encode()).decode(),
        base64.urlsafe_b64encode(compact).decode().rstrip("="),
        cursor,  # unescaped, so that a plus arrives as a space
    }
    for spelling in spellings:
        answer = world.get("butter", f"{FIRST}?cursor={spelling}")
        assert sids(answer) == [sid(1)], spelling


@pytest.mark.claim("butter:list.cursor.padding")
def test_some_cursors_have_the_two_letters_that_the_url_safe_alphabet_spells_otherwise() -> None:
    assert "/" in cursor_after("?a?b?c")
    assert "+" in cursor_after(">a>b>c")


@pytest.mark.claim("butter:list.cursor.follow", "butter:list.cursor.first", "butter:list.last_page")
@pytest.mark.parametrize("limit", [1, 7, 17, 25, 50, 51])
def test_following_the_cursor_returns_every_call_once_and_ends_with_null(many: World, limit: int) -> None:
    met: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        page = following(many, limit, cursor)
        met += [row["call_sid"] for row in page["data"]]
        pages += 1
        cursor = page["pagination"]["next_cursor"]
        assert page["pagination"]["has_more"] is (cursor is not None)
    assert met == newest_first(*range(50, -1, -1))
    assert pages == -(-51 // limit)  # no empty page at the end


@pytest.mark.claim("butter:list.cursor.follow")
def test_the_limit_may_change_on_the_way_and_new_calls_do_not_move_the_page(world: World) -> None:
    world.take([made(number) for number in range(6)])
    cursor = following(world, 2, None)["pagination"]["next_cursor"]
    world.take([made(30), made(31)])
    assert [row["call_sid"] for row in following(world, 3, cursor)["data"]] == newest_first(3, 2, 1)
    assert [row["call_sid"] for row in following(world, 100, cursor)["data"]] == newest_first(3, 2, 1, 0)


@pytest.mark.claim("butter:list.cursor.follow", "butter:list.last_page")
def test_a_cursor_that_names_the_oldest_call_leads_to_an_empty_page(many: World) -> None:
    says(many.get("butter", f"{FIRST}?cursor={cursor_after(sid(0))}"), listed([]))


@pytest.mark.claim("butter:list.cursor.follow", "butter:call.id.derived")
def test_a_call_of_another_vendor_is_named_by_the_id_that_it_prints(world: World) -> None:
    world.take([elsewhere(3), elsewhere(2), made(1)])
    first = following(world, 2, None)
    printed = [row["call_sid"] for row in first["data"]]
    assert first["pagination"]["next_cursor"] == cursor_after(printed[-1])
    assert [row["call_sid"] for row in following(world, 2, cursor_after(printed[-1]))["data"]] == [sid(1)]
    says(world.get("butter", f"{FIRST}?cursor={cursor_after('their-2')}"), INVALID_CURSOR, 400)


def encoded(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return base64.urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%20",
        "x",
        "%25%25%25",
        "%FF",
        "%00",
        "eyJjYWxsX3NpZCI6",
        encoded("not json"),
        encoded(b"\xff\xfe"),
        encoded("null"),
        encoded('["call_1"]'),
        encoded('"call_1"'),
        encoded("{}"),
        encoded('{"call_id": "call_1"}'),
        encoded('{"call_sid": null}'),
        encoded('{"call_sid": 7}'),
        encoded('{"call_sid": ["call_1"]}'),
        encoded('{"call_sid": ""}'),
        encoded('{"call_sid": "\\u0000"}'),
        encoded('{"call_sid": "\\ud800"}'),
        encoded('{"call_sid": "call_1"'),
        encoded("[" * 1200),
        encoded('{"call_sid": "' + "x" * 300 + '"}'),
        encoded('{"call_sid": "' + "x" * 3500 + '"}'),
        "a" * 5000,
        f"{cursor_after(sid(1))}&cursor={cursor_after(sid(1))}",
    ],
)
@pytest.mark.claim("butter:list.cursor.malformed", "butter:envelope.error")
def test_a_cursor_that_makes_no_sense_is_400_in_the_same_words(world: World, cursor: str) -> None:
    world.take([made(1), made(2)])
    says(world.get("butter", f"{FIRST}?cursor={cursor}"), INVALID_CURSOR, 400)


@pytest.mark.claim("butter:list.cursor.unknown", "butter:list.cursor.foreign")
def test_a_cursor_of_another_organization_reads_like_one_that_names_nothing(
    world: World, new_world: Callable[..., World]
) -> None:
    other = new_world()
    other.take([made(1), elsewhere(2), elsewhere(3)])
    world.take([made(7)])
    unknown = world.get("butter", f"{FIRST}?cursor={cursor_after('call_NobodyHasIt1')}")
    says(unknown, INVALID_CURSOR, 400)
    for call_sid in sids(other.get("butter", FIRST)):
        foreign = world.get("butter", f"{FIRST}?cursor={cursor_after(call_sid)}")
        assert (foreign.status_code, foreign.content) == (400, unknown.content)
        assert other.get("butter", f"{FIRST}?cursor={cursor_after(call_sid)}").status_code == 200


# -- order ----------------------------------------------------------------


@pytest.mark.claim("butter:list.order")
def test_the_newest_call_by_creation_comes_first_whenever_it_started(world: World) -> None:
    world.take(
        [
            made(1, started_at=AT + timedelta(minutes=50)),
            made(3, started_at=AT),
            elsewhere(2, updated_at=AT + timedelta(hours=9)),
        ]
    )
    created = [row["created_at"] for row in world.get("butter", FIRST).json()["data"]]
    assert created == [f"2026-03-09T10:0{number}:00Z" for number in (3, 2, 1)]


@pytest.mark.claim("butter:list.order.ties")
def test_calls_of_one_creation_follow_their_canonical_ids_downwards(world: World) -> None:
    ties = [(4, "call_d"), (1, "call_z"), (3, "call_a"), (2, "call_m")]
    world.take([made(number, created_at=AT, vendor_call_id=call_sid) for number, call_sid in ties])
    in_order = ["call_d", "call_a", "call_m", "call_z"]
    assert sids(world.get("butter", FIRST)) == in_order
    ids = [call["id"] for call in world.get("trunkline", "/v1/calls").json()["calls"]]
    assert ids == [uuid(number) for number in (4, 3, 2, 1)]
    met = [sids(world.get("butter", f"{FIRST}?limit=1"))[0]]
    for _ in range(3):
        met += [row["call_sid"] for row in following(world, 1, cursor_after(met[-1]))["data"]]
    assert met == in_order
