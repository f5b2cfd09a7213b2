"""Pages, order and envelope of Zudu's list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.zudu.samples import AT, NOTHING_HERE, a_call, elsewhere, made, numbers, row
from trunkline.model.call import Call
from trunkline.vendors import dialects

ZUDU = dialects()["zudu"]


def listed(org: str, calls: list[dict[str, Any]], **pagination: Any) -> dict[str, Any]:
    """The whole answer of a list in its default order."""
    return {
        "message": "Calls retrieved successfully",
        "status": "success",
        "error": None,
        "data": {
            "organization_id": org,
            "calls": calls,
            "pagination": {
                "page": 0,
                "limit": 20,
                "total_count": len(calls),
                "total_pages": 1,
                "has_next_page": False,
                "has_previous_page": False,
            }
            | pagination,
            "returned_count": len(calls),
            "sort_order": "descending",
            "sort_by": "start_timestamp",
            "applied_filters": {},
        },
    }


def started(number: int, **changes: Any) -> Call:
    """A call that started so many minutes after the first."""
    return made(number, **{"started_at": AT + timedelta(minutes=number)} | changes)


@pytest.fixture(scope="module")
def many(new_world: Callable[..., World]) -> World:
    """45 calls, each started a minute after the one before."""
    world = new_world()
    world.take([started(number) for number in range(45)])
    return world


# -- envelope -------------------------------------------------------------


@pytest.mark.claim(
    "zudu:envelope.success",
    "zudu:list.message",
    "zudu:list.data.keys",
    "zudu:list.pagination.keys",
    "zudu:list.pagination.empty",
    "zudu:list.applied_filters",
    "zudu:list.page.default",
    "zudu:list.limit.default",
)
def test_an_empty_list_is_answered_in_full_with_no_pages(world: World) -> None:
    says(world.get("zudu", "/api/calls"), listed(world.name, [], total_pages=0))
    beyond = listed(world.name, [], page=3, total_pages=0, has_previous_page=True)
    says(world.get("zudu", "/api/calls?page=3"), beyond)


@pytest.mark.claim(
    "zudu:envelope.success",
    "zudu:list.path",
    "zudu:list.message",
    "zudu:list.data.keys",
    "zudu:list.pagination.keys",
    "zudu:list.pagination.older",
    "zudu:list.returned_count",
)
def test_a_list_of_two_calls_is_answered_in_full(world: World) -> None:
    world.take([made(1), made(2)])
    says(world.get("zudu", "/api/calls"), listed(world.name, [row(2, world.name), row(1, world.name)]))


@pytest.mark.claim("zudu:list.organization")
def test_the_envelope_names_what_the_calls_of_the_page_name_if_they_agree(world: World) -> None:
    world.see([ZUDU.from_wire(a_call(organization_id="org-harbour"))])
    first = a_call()["start_timestamp"]
    other = a_call(id="x", call_id="call-2", organization_id="org-pier", start_timestamp=first + 1000)
    assert world.get("zudu", "/api/calls").json()["data"]["organization_id"] == "org-harbour"
    world.see([ZUDU.from_wire(other)])
    data = world.get("zudu", "/api/calls").json()["data"]
    assert [call["organization_id"] for call in data["calls"]] == ["org-pier", "org-harbour"]
    assert data["organization_id"] == world.name
    alone = world.get("zudu", "/api/calls?limit=1").json()["data"]
    assert alone["organization_id"] == "org-pier"
    assert world.get("zudu", "/api/calls?page=9").json()["data"]["organization_id"] == world.name


# -- pages ----------------------------------------------------------------


@pytest.mark.claim("zudu:list.page.default", "zudu:list.limit.default", "zudu:list.sort_order")
def test_without_parameters_the_20_calls_that_started_last_are_listed(many: World) -> None:
    answer = many.get("zudu", "/api/calls")
    assert numbers(answer) == list(range(44, 24, -1))
    explicit = "page=0&limit=20&sort_by=start_timestamp&sort_order=descending"
    assert answer.content == many.get("zudu", f"/api/calls?{explicit}").content
    assert answer.content == many.get("zudu", "/api/calls?").content


@pytest.mark.parametrize(
    ("query", "page", "limit", "pages", "further", "before", "expected"),
    [
        ("", 0, 20, 3, True, False, range(44, 24, -1)),
        ("page=1", 1, 20, 3, True, True, range(24, 4, -1)),
        ("page=2", 2, 20, 3, False, True, range(4, -1, -1)),
        ("limit=45", 0, 45, 1, False, False, range(44, -1, -1)),
        ("limit=44", 0, 44, 2, True, False, range(44, 0, -1)),
        ("limit=44&page=1", 1, 44, 2, False, True, [0]),
        ("limit=15&page=2", 2, 15, 3, False, True, range(14, -1, -1)),
        ("limit=1", 0, 1, 45, True, False, [44]),
        ("limit=1&page=44", 44, 1, 45, False, True, [0]),
        ("limit=100", 0, 100, 1, False, False, range(44, -1, -1)),
    ],
)
@pytest.mark.claim(
    "zudu:list.page.default",
    "zudu:list.limit.range",
    "zudu:list.pagination.keys",
    "zudu:list.pagination.total",
    "zudu:list.pagination.neighbours",
    "zudu:list.returned_count",
)
def test_pages_count_from_zero_and_know_their_neighbours(
    many: World,
    query: str,
    page: int,
    limit: int,
    pages: int,
    further: bool,
    before: bool,
    expected: range | list[int],
) -> None:
    answer = many.get("zudu", f"/api/calls?{query}")
    assert numbers(answer) == list(expected)
    data = answer.json()["data"]
    assert data["returned_count"] == len(expected)
    assert list(data["pagination"].items()) == [
        ("page", page),
        ("limit", limit),
        ("total_count", 45),
        ("total_pages", pages),
        ("has_next_page", further),
        ("has_previous_page", before),
    ]


@pytest.mark.claim("zudu:list.page.past_the_end", "zudu:list.organization")
@pytest.mark.parametrize("page", [3, 4, 1000, 2**31, 2**63, 10**30])
def test_a_page_past_the_end_is_empty_and_says_where_it_is(many: World, page: int) -> None:
    farthest = min(page, 2**62)  # what every greater number counts as
    pagination = {"page": farthest, "total_count": 45, "total_pages": 3, "has_previous_page": True}
    says(many.get("zudu", f"/api/calls?page={page}"), listed(many.name, [], **pagination))


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("page=-1", "page must be at least 0"),
        ("page=one", "page must be an integer"),
        ("page=1.0", "page must be an integer"),
        ("page=1e1", "page must be an integer"),
        ("page=", "page must be an integer"),
        ("page=null", "page must be an integer"),
        ("limit=0", "limit must be between 1 and 100"),
        ("limit=-1", "limit must be between 1 and 100"),
        ("limit=101", "limit must be between 1 and 100"),
        ("limit=ten", "limit must be an integer"),
        ("limit=", "limit must be an integer"),
        ("sort_order=desc", "sort_order must be one of ascending, descending"),
        ("sort_order=DESCENDING", "sort_order must be one of ascending, descending"),
        ("sort_order=", "sort_order must be one of ascending, descending"),
        ("page=0&page=1", "page is given more than once"),
        ("limit=%FF", "limit is not valid UTF-8 text"),
    ],
)
@pytest.mark.claim(
    "zudu:list.page.malformed",
    "zudu:list.limit.range",
    "zudu:list.sort.malformed",
    "zudu:query.repeated",
    "zudu:envelope.error",
)
def test_a_malformed_parameter_is_a_validation_error(world: World, query: str, error: str) -> None:
    refusal = {"message": "Validation error", "status": "error", "error": error}
    says(world.get("zudu", f"/api/calls?{query}"), refusal, 400)


@pytest.mark.claim("zudu:list.sort.malformed")
@pytest.mark.parametrize("word", ["", "id", "START_TIMESTAMP", "duration_ms", "updated_at"])
def test_another_word_for_the_sort_is_a_validation_error(world: World, word: str) -> None:
    words = "start_timestamp, end_timestamp, call_duration, created_at"
    refusal = {
        "message": "Validation error",
        "status": "error",
        "error": f"sort_by must be one of {words}",
    }
    says(world.get("zudu", f"/api/calls?sort_by={word}"), refusal, 400)


@pytest.mark.claim("zudu:list.ignored", "zudu:list.applied_filters")
def test_filters_in_the_query_string_are_ignored_and_named(many: World) -> None:
    answer = many.get("zudu", "/api/calls?call_status=ONGOING&limit=20&agent_id=a&x%5B%5D=1&agent_id=b")
    assert answer.headers["trunkline-ignored"] == "call_status, agent_id, x[]"
    assert answer.content == many.get("zudu", "/api/calls").content
    assert "trunkline-ignored" not in many.get("zudu", "/api/calls?limit=20").headers


# -- order ----------------------------------------------------------------


@pytest.fixture(scope="module")
def sorted_ones(new_world: Callable[..., World]) -> World:
    """Five calls that each order sets in another row, three of them without some value or other."""
    world = new_world()
    minute = timedelta(minutes=1)
    world.take(
        [
            made(1, started_at=AT + 3 * minute, ended_at=AT + 4 * minute, duration_ms=50),
            made(2, started_at=AT + 1 * minute, ended_at=AT + 9 * minute, duration_ms=None),
            made(3, started_at=None, ended_at=AT + 6 * minute, duration_ms=70),
            made(4, started_at=AT + 2 * minute, ended_at=None, duration_ms=0),
            made(5, started_at=None, ended_at=None, duration_ms=None),
        ]
    )
    return world


ORDERS = [
    ("start_timestamp", "descending", [1, 4, 2, 5, 3]),
    ("start_timestamp", "ascending", [2, 4, 1, 3, 5]),
    ("end_timestamp", "descending", [2, 3, 1, 5, 4]),
    ("end_timestamp", "ascending", [1, 3, 2, 4, 5]),
    ("call_duration", "descending", [3, 1, 4, 5, 2]),
    ("call_duration", "ascending", [4, 1, 3, 2, 5]),
    ("created_at", "descending", [5, 4, 3, 2, 1]),
    ("created_at", "ascending", [1, 2, 3, 4, 5]),
]


@pytest.mark.parametrize(("sort_by", "sort_order", "expected"), ORDERS)
@pytest.mark.claim(
    "zudu:list.sort_by",
    "zudu:list.sort_order",
    "zudu:list.sort.nulls",
    "zudu:list.sort.ties",
    "zudu:list.sort.echo",
)
def test_every_sort_goes_both_ways_with_empty_values_last(
    sorted_ones: World, sort_by: str, sort_order: str, expected: list[int]
) -> None:
    query = f"sort_by={sort_by}&sort_order={sort_order}"
    answer = sorted_ones.get("zudu", f"/api/calls?{query}")
    assert numbers(answer) == expected
    data = answer.json()["data"]
    assert (data["sort_order"], data["sort_by"]) == (sort_order, sort_by)
    for page, number in enumerate(expected):
        alone = sorted_ones.get("zudu", f"/api/calls?{query}&limit=1&page={page}")
        assert numbers(alone) == [number]


@pytest.mark.claim("zudu:list.sort_by", "zudu:list.sort_order", "zudu:list.sort.echo")
def test_either_half_of_a_sort_has_its_default(sorted_ones: World) -> None:
    answer = sorted_ones.get("zudu", "/api/calls?sort_order=ascending")
    assert numbers(answer) == [2, 4, 1, 3, 5]
    assert answer.json()["data"]["sort_by"] == "start_timestamp"
    answer = sorted_ones.get("zudu", "/api/calls?sort_by=call_duration")
    assert numbers(answer) == [3, 1, 4, 5, 2]
    assert answer.json()["data"]["sort_order"] == "descending"


@pytest.mark.claim("zudu:list.sort.ties")
def test_calls_of_one_start_follow_the_id_in_the_same_direction(world: World) -> None:
    world.take([started(n, started_at=AT) for n in (3, 1, 4, 2)])
    world.take([elsewhere(5, started_at=AT)])
    assert numbers(world.get("zudu", "/api/calls")) == [5, 4, 3, 2, 1]
    assert numbers(world.get("zudu", "/api/calls?sort_order=ascending")) == [1, 2, 3, 4, 5]
    assert numbers(world.get("zudu", "/api/calls?limit=2&page=1")) == [3, 2]


@pytest.mark.claim("zudu:list.path")
def test_a_list_has_no_second_path(world: World) -> None:
    says(world.get("zudu", "/api/call"), NOTHING_HERE, 404)
