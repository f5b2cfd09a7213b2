"""The three ways of paging, as a client uses them on lists of any length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.kit.list_api import ListApi, Page, Paging, Request
from trunkline.kit.paging import CursorPaging, NumberPaging, OffsetPaging

CALLS = [f"call-{number}" for number in range(25)]
REQUEST = Request(path="/calls", query=(("order", "desc"), ("since", "2026-03-01")))
POSTED = Request(method="POST", path="/calls", body={"order": "desc"})


def parameters_of(request: Request) -> dict[str, Any]:
    return dict(request.query) if request.body is None else request.body


def by_offset(calls: list[str], request: Request) -> list[str]:
    at, size = int(parameters_of(request)["from"]), int(parameters_of(request)["limit"])
    return calls[at : at + size]


def by_number(calls: list[str], request: Request) -> list[str]:
    at, size = int(parameters_of(request)["page"]) - 1, int(parameters_of(request)["limit"])
    return calls[at * size : (at + 1) * size]


def by_cursor(calls: list[str], request: Request) -> list[str]:
    at = calls.index(parameters_of(request)["after"]) + 1 if "after" in parameters_of(request) else 0
    return calls[at : at + int(parameters_of(request)["limit"])]


Server = Callable[[list[str], Request], list[str]]
WAYS: dict[str, tuple[Callable[[int], Paging], Server]] = {
    "offset": (lambda size: OffsetPaging(size=size, offset_name="from"), by_offset),
    "number": (lambda size: NumberPaging(size=size, first_number=1), by_number),
    "cursor": (lambda size: CursorPaging(size=size, cursor_name="after"), by_cursor),
}


@pytest.mark.parametrize("way", WAYS)
@given(
    count=st.integers(0, 25),
    size=st.integers(1, 9),
    first=st.sampled_from([REQUEST, POSTED]),
    tells=st.sampled_from(["total", "more", "nothing"]),
)
def test_a_list_of_any_length_is_read_once_to_its_end_whatever_its_pages_report(
    way: str, count: int, size: int, first: Request, tells: str
) -> None:
    made, server = WAYS[way]
    calls, found = CALLS[:count], list[str]()

    def page(answer: Any) -> Page:
        read = Page(items=answer, cursor=answer[-1] if answer else None)
        if tells == "total":
            read.total = count
        if tells == "more":
            read.has_more = len(found) + len(answer) < count
        return read

    api = ListApi(
        base_url="https://api.example.com",
        credential=("api_key",),
        headers=lambda _: {},
        request=lambda _, __: first,
        page=page,
        paging=made(size),
        requests_per_minute=1,
    )
    request: Request | None = api.first(None, None)
    requests = 0
    while request is not None:
        assert parameters_of(first).items() <= parameters_of(request).items()
        listed = api.read(server(calls, request), request)
        found += listed.items
        request, requests = listed.next_request, requests + 1
        assert requests <= count + 2
    assert found == calls


def test_a_list_that_has_to_go_on_without_a_call_ends() -> None:
    nothing = Page(items=[], has_more=True, total=9)
    for paging in (OffsetPaging(size=3), NumberPaging(size=3)):
        assert paging.next_request(nothing, paging.first(REQUEST)) is None


def test_a_parameter_keeps_its_position_and_a_repeated_one_its_values() -> None:
    paging = OffsetPaging(size=3)
    request = Request(path="/calls", query=(("offset", "9"), ("tag", "a"), ("tag", "b")))
    first = paging.first(request)
    assert first.query == (("offset", "0"), ("tag", "a"), ("tag", "b"), ("limit", "3"))


def test_numbers_stay_numbers_in_a_body() -> None:
    assert OffsetPaging(size=3).first(POSTED).body == {"order": "desc", "limit": 3, "offset": 0}


def test_what_only_the_first_page_is_requested_with_is_left_out_of_the_others() -> None:
    paging = CursorPaging(size=3, first_page_only=("since",))
    first = paging.first(REQUEST)
    following = paging.next_request(Page(items=["c"], cursor="k"), first)
    assert "since" in parameters_of(first)
    assert following is not None
    assert parameters_of(following) == {"order": "desc", "limit": "3", "cursor": "k"}


@pytest.mark.parametrize(("ends_in_itself", "goes_on"), [(True, False), (False, True)])
def test_a_page_that_names_itself_is_the_last_one_only_where_a_vendor_ends_so(
    ends_in_itself: bool, goes_on: bool
) -> None:
    paging = CursorPaging(size=3, ends_in_itself=ends_in_itself)
    page = Page(items=["c"], cursor="k")
    following = paging.next_request(page, paging.first(REQUEST))
    assert following is not None
    assert (paging.next_request(page, following) is not None) is goes_on


def test_a_page_that_is_not_full_is_the_last_one_where_only_that_decides() -> None:
    paging = CursorPaging(size=2, while_full=True)
    first = paging.first(REQUEST)
    assert paging.next_request(Page(items=["a", "b"], cursor="b"), first) is not None
    assert paging.next_request(Page(items=["a"], cursor="a"), first) is None


def test_pages_by_offset_are_those_that_a_moving_list_moves() -> None:
    assert OffsetPaging(size=1).by_offset
    assert NumberPaging(size=1).by_offset
    assert not CursorPaging(size=1).by_offset
