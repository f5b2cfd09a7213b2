"""Auth, paths, errors, pages and tokens of our own API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.trunkline.samples import AT, made, numbers, refuses, refuses_parameter, uuid
from trunkline.model.words import Status

NO_CREDENTIAL = ("no-credential", "No credential", "Send an Authorization: Bearer header.")
MALFORMED = (
    "malformed-credential",
    "Malformed credential",
    "A key begins with tl_ and has letters and digits.",
)
UNKNOWN = ("unknown-credential", "Unknown credential", "This key is not known.")
NOT_FOUND = ("call-not-found", "Call not found", "There is no call with this id.")
BAD_TOKEN = (
    "bad-page-token",
    "Bad page token",
    "Send next_page_token back with the filter and order it came from.",
)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# -- auth -----------------------------------------------------------------


@pytest.mark.claim("trunkline:auth.bearer", "trunkline:auth.org")
def test_a_bearer_token_shows_its_own_orgs_calls(world: World, new_world: Callable[..., World]) -> None:
    world.take([made(1)])
    new_world().take([made(2)])
    (authorization,) = world.headers["trunkline"].values()
    assert authorization.startswith("Bearer tl_")
    answer = world.get("trunkline", "/v1/calls?include_total=true")
    assert (numbers(answer), answer.json()["total_size"]) == ([1], 1)


@pytest.mark.parametrize("path", ["/v1/calls", f"/v1/calls/{uuid(1)}", "/v1/calls?nonsense=1"])
@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        pytest.param({}, NO_CREDENTIAL, marks=pytest.mark.claim("trunkline:auth.missing")),
        ({"x-api-key": "tl_abc"}, NO_CREDENTIAL),
        ({"authorization": "Basic dGxfOng="}, NO_CREDENTIAL),
        pytest.param(bearer("ck_live_abc"), MALFORMED, marks=pytest.mark.claim("trunkline:auth.malformed")),
        (bearer("tl_"), MALFORMED),
        (bearer("tl_a.b"), MALFORMED),
        pytest.param(bearer("tl_abc"), UNKNOWN, marks=pytest.mark.claim("trunkline:auth.unknown")),
        (bearer("tl_" + "0" * 60), UNKNOWN),
    ],
)
@pytest.mark.claim("trunkline:error.problem")
def test_a_request_without_a_good_key_is_401_with_the_reason(
    world: World, headers: dict[str, str], kind: tuple[str, str, str], path: str
) -> None:
    refuses(world.get("trunkline", path, headers=headers), 401, *kind)


@pytest.mark.claim("trunkline:auth.unknown", "trunkline:auth.address", "trunkline:auth.scope")
def test_a_key_that_is_no_longer_or_not_here_good_is_refused_with_the_reason(world: World) -> None:
    keys = world.joined.keys
    expired = world.run(keys.create(world.name, lifetime=timedelta(seconds=-1)))
    revoked = world.run(keys.create(world.name))
    assert world.run(keys.revoke(world.name, revoked.id))
    bound = world.run(keys.create(world.name, addresses=["203.0.113.7"]))
    writing = world.run(keys.create(world.name, scopes=["write"]))
    for key, status, kind in (
        (expired, 401, ("expired-credential", "Expired credential", "This key has expired.")),
        (revoked, 401, ("revoked-credential", "Revoked credential", "This key was revoked.")),
        (
            bound,
            403,
            ("address-not-allowed", "Address not allowed", "This key may not be used from this address."),
        ),
        (writing, 403, ("scope-missing", "Scope missing", "This key may not do that.")),
    ):
        refuses(world.get("trunkline", "/v1/calls", headers=key.headers["trunkline"]), status, *kind)


# -- paths and errors -----------------------------------------------------


@pytest.mark.claim("trunkline:path.prefix")
def test_the_bare_paths_belong_to_the_vendors(world: World) -> None:
    world.take([made(1)])
    assert numbers(world.get("trunkline", "/v1/calls")) == [1]
    for path in ("/v1/calls", f"/v1/calls/{uuid(1)}"):
        answer = world.request("GET", path, headers=world.headers["trunkline"])
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.claim("trunkline:path.unknown", "trunkline:error.problem")
def test_what_is_not_served_is_404_or_405_as_a_problem(world: World) -> None:
    nowhere = world.get("trunkline", "/v1/nowhere")
    refuses(nowhere, 404, "no-such-route", "No such route", "There is nothing at this path.")
    kind = ("method-not-allowed", "Method not allowed", "This path does not support this method.")
    allowed = {"/v1/calls": "GET, POST, HEAD", f"/v1/calls/{uuid(1)}": "GET, PATCH, DELETE, HEAD"}
    for path, methods in allowed.items():
        answer = world.request("PUT", f"/trunkline{path}", headers=world.headers["trunkline"])
        refuses(answer, 405, *kind)
        assert answer.headers["allow"] == methods


@pytest.mark.claim("trunkline:error.internal", "trunkline:error.problem")
def test_an_error_of_ours_is_500_and_reveals_nothing_of_its_cause(world: World) -> None:
    world.take([made(1)])
    world.run(world.joined.pool.execute("UPDATE calls SET body = '{}' WHERE org_id = $1", world.org.id))
    for path in ("/v1/calls", f"/v1/calls/{uuid(1)}"):
        answer = world.get("trunkline", path)
        refuses(answer, 500, "internal", "Internal error", "Something went wrong on our side; try again.")


@pytest.mark.parametrize(
    ("query", "name", "reason"),
    [
        pytest.param(
            "limit=5", "limit", "is not a parameter of this list",
            marks=pytest.mark.claim("trunkline:query.unknown_parameter"),
        ),
        ("Status=completed", "Status", "is not a parameter of this list"),
        pytest.param(
            "status=completed&status=failed", "status", "is given more than once",
            marks=pytest.mark.claim("trunkline:query.repeated"),
        ),
        pytest.param(
            "page_size=0", "page_size", "must be between 1 and 1000",
            marks=pytest.mark.claim("trunkline:list.page_size.range"),
        ),
        ("page_size=1001", "page_size", "must be between 1 and 1000"),
        ("page_size=-1", "page_size", "must be between 1 and 1000"),
        ("page_size=ten", "page_size", "must be an integer"),
        pytest.param(
            "include=turns,all", "include", "must be one or more of turns, words, tools",
            marks=pytest.mark.claim("trunkline:include.unknown"),
        ),
        ("include=events", "include", "must be one or more of turns, words, tools"),
        ("include=", "include", "must not contain an empty word"),
        ("include_total=yes", "include_total", "must be true or false"),
        ("success=maybe", "success", "must be true or false"),
        ("order=newest", "order", "must be one of asc, desc"),
        ("order_by=id", "order_by", "must be one of created_at, started_at, ended_at, duration_ms"),
        ("phone=nobody", "phone", "must be a phone number in E.164 form"),
        ("duration_ms_min=-1", "duration_ms_min", "must be at least 0"),
        ("duration_ms_max=1.5", "duration_ms_max", "must be an integer"),
        ("format=xml", "format", "must be one of json, toon"),
    ],
)  # fmt: skip
@pytest.mark.claim("trunkline:query.malformed", "trunkline:error.problem", "trunkline:error.parameter")
def test_a_malformed_parameter_is_400_and_named(world: World, query: str, name: str, reason: str) -> None:
    refuses_parameter(world.get("trunkline", f"/v1/calls?{query}"), name, reason)


@pytest.mark.parametrize("name", ["created_from", "created_to", "started_from", "ended_to"])
@pytest.mark.parametrize("value", ["yesterday", "2026-02-30", "1770000000", ""])
@pytest.mark.claim("trunkline:query.malformed", "trunkline:error.parameter")
def test_a_malformed_instant_is_400_and_named(world: World, name: str, value: str) -> None:
    answer = world.get("trunkline", f"/v1/calls?{name}={value}")
    (error,) = answer.json()["errors"]
    assert error["parameter"] == name
    refuses_parameter(answer, name, error["detail"].removeprefix(f"{name} "))


@pytest.mark.claim(
    "trunkline:query.unknown_parameter", "trunkline:include.unknown", "trunkline:error.parameter"
)
def test_get_refuses_what_it_does_not_know(world: World) -> None:
    world.take([made(1)])
    path = f"/v1/calls/{uuid(1)}"
    answer = world.get("trunkline", f"{path}?include=everything")
    refuses_parameter(answer, "include", "must be one or more of turns, words, tools")
    answer = world.get("trunkline", f"{path}?status=completed")
    (error,) = answer.json()["errors"]
    refuses_parameter(answer, "status", error["detail"].removeprefix("status "))


# -- pages ----------------------------------------------------------------


@pytest.fixture(scope="module")
def many(new_world: Callable[..., World]) -> World:
    """60 calls, a minute apart, every third of them failed."""
    world = new_world()
    world.take([made(n, status=Status.FAILED if n % 3 == 0 else Status.COMPLETED) for n in range(60)])
    return world


def walk(world: World, query: str) -> list[list[int]]:
    """The pages that the tokens of a query lead to."""
    met, token = [], ""
    for _ in range(100):
        answer = world.get("trunkline", f"/v1/calls?{query}{token}")
        met.append(numbers(answer))
        following = answer.json()["next_page_token"]
        if following is None:
            return met
        token = f"&page_token={quote(following, safe='')}"
    raise AssertionError("the pages never end")


def first_token(world: World, query: str) -> str:
    token: str = world.get("trunkline", f"/v1/calls?{query}").json()["next_page_token"]
    return quote(token, safe="")


@pytest.mark.claim("trunkline:list.envelope", "trunkline:list.total.absent", "trunkline:list.total.asked")
def test_a_list_has_calls_and_a_token_and_the_total_only_if_it_was_requested(
    world: World, many: World
) -> None:
    says(world.get("trunkline", "/v1/calls"), {"calls": [], "next_page_token": None})
    says(world.get("trunkline", "/v1/calls?include_total=false"), {"calls": [], "next_page_token": None})
    asked = world.get("trunkline", "/v1/calls?include_total=true")
    says(asked, {"calls": [], "next_page_token": None, "total_size": 0})
    counted = many.get("trunkline", "/v1/calls?status=failed&page_size=3&include_total=1")
    assert list(counted.json()) == ["calls", "next_page_token", "total_size"]
    assert (numbers(counted), counted.json()["total_size"]) == ([57, 54, 51], 20)


@pytest.mark.claim("trunkline:list.page_size.default", "trunkline:list.order.default")
def test_a_page_holds_the_newest_50_calls(many: World) -> None:
    assert numbers(many.get("trunkline", "/v1/calls")) == list(range(59, 9, -1))
    assert numbers(many.get("trunkline", "/v1/calls?page_size=1")) == [59]
    assert numbers(many.get("trunkline", "/v1/calls?page_size=1000&order=asc")) == list(range(60))


@pytest.mark.claim("trunkline:list.order.default", "trunkline:list.token.walk")
def test_calls_of_one_instant_follow_the_id_in_the_same_direction(world: World) -> None:
    world.take([made(n, created_at=AT) for n in (3, 1, 5, 2, 4)])
    for order, expected in (("asc", [1, 2, 3, 4, 5]), ("desc", [5, 4, 3, 2, 1])):
        assert numbers(world.get("trunkline", f"/v1/calls?order={order}")) == expected
        assert walk(world, f"order={order}&page_size=1") == [[n] for n in expected]


TIMES: dict[int, dict[str, Any]] = {
    1: {"started_at": AT, "ended_at": AT + timedelta(hours=9), "duration_ms": 5000},
    2: {"started_at": AT + timedelta(hours=2), "ended_at": AT + timedelta(hours=3), "duration_ms": 0},
    3: {},
    4: {"started_at": AT + timedelta(hours=1), "duration_ms": 5000},
    5: {"ended_at": AT + timedelta(hours=1)},
}


@pytest.mark.parametrize(
    ("order_by", "ascending", "unknown"),
    [
        ("created_at", [1, 2, 3, 4, 5], []),
        ("started_at", [1, 4, 2], [3, 5]),
        ("ended_at", [5, 2, 1], [3, 4]),
        ("duration_ms", [2, 1, 4], [3, 5]),
    ],
)
@pytest.mark.claim("trunkline:list.order.by", "trunkline:list.order.nulls", "trunkline:list.token.walk")
def test_a_list_is_ordered_either_way_with_unknown_values_last(
    world: World, order_by: str, ascending: list[int], unknown: list[int]
) -> None:
    world.take([made(n, **times) for n, times in TIMES.items()])
    for order, expected in (
        ("asc", [*ascending, *unknown]),
        ("desc", [*ascending[::-1], *unknown[::-1]]),
    ):
        query = f"order_by={order_by}&order={order}"
        assert numbers(world.get("trunkline", f"/v1/calls?{query}")) == expected
        assert walk(world, f"{query}&page_size=1") == [[n] for n in expected]


# -- page tokens ----------------------------------------------------------


@pytest.mark.claim("trunkline:list.token.walk", "trunkline:list.token.last_page")
def test_the_last_page_has_no_token_even_when_it_is_full(many: World) -> None:
    met = walk(many, "page_size=20")
    assert [len(page) for page in met] == [20, 20, 20]
    assert [number for page in met for number in page] == list(range(59, -1, -1))
    assert [len(page) for page in walk(many, "page_size=60")] == [60]
    assert [len(page) for page in walk(many, "page_size=7&status=failed")] == [7, 7, 6]


@pytest.mark.claim("trunkline:list.token.walk")
@pytest.mark.parametrize(("order", "expected"), [("desc", [6, 5, 4, 3]), ("asc", [3, 4, 5, 6, 7])])
def test_calls_that_arrive_in_between_move_no_page(world: World, order: str, expected: list[int]) -> None:
    world.take([made(n) for n in (3, 4, 5, 6)])
    first = world.get("trunkline", f"/v1/calls?order={order}&page_size=2")
    world.take([made(7), made(2)] if order == "desc" else [made(2), made(7)])
    token = quote(first.json()["next_page_token"], safe="")
    rest = world.get("trunkline", f"/v1/calls?order={order}&page_token={token}")
    older = [2] if order == "desc" else []  # it lies on a page that is still to come
    assert [*numbers(first), *numbers(rest)] == [*expected, *older]


@pytest.mark.claim("trunkline:list.token.other_query", "trunkline:error.parameter")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "&status=completed"),
        ("&status=completed", ""),
        ("&status=completed", "&status=failed"),
        ("", "&order=asc"),
        ("", "&order_by=duration_ms"),
    ],
)
def test_a_token_of_another_filter_or_order_is_400(many: World, before: str, after: str) -> None:
    token = first_token(many, f"page_size=2{before}")
    answer = many.get("trunkline", f"/v1/calls?page_token={token}{after}")
    refuses(answer, 400, *BAD_TOKEN, "page_token", "page_token belongs to another filter or order")


@pytest.mark.claim("trunkline:list.token.other_org", "trunkline:error.parameter")
def test_a_token_of_another_org_is_400(world: World, many: World) -> None:
    world.take([made(1), made(2)])
    answer = world.get("trunkline", f"/v1/calls?page_token={first_token(many, 'page_size=2')}")
    refuses(answer, 400, *BAD_TOKEN, "page_token", "the page token belongs to another list")


@pytest.mark.claim("trunkline:list.token.malformed", "trunkline:error.parameter")
@pytest.mark.parametrize("token", ["x", "%25%25", "bnVsbA==", "W10=", "A" * 3000, "%C3%A9"])
def test_a_token_that_cannot_be_read_is_400(many: World, token: str) -> None:
    answer = many.get("trunkline", f"/v1/calls?page_token={token}")
    refuses(answer, 400, *BAD_TOKEN, "page_token", "page_token cannot be read")


@pytest.mark.claim("trunkline:list.token.malformed")
def test_an_empty_token_is_400(many: World) -> None:
    answer = many.get("trunkline", "/v1/calls?page_token=")
    refuses_parameter(answer, "page_token", "must have 1 to 4096 characters")


@pytest.mark.claim("trunkline:list.token.free_parameters")
def test_what_does_not_decide_the_next_call_may_change_from_page_to_page(many: World) -> None:
    token = first_token(many, "page_size=2&status=completed&include=turns")
    query = f"status=completed&page_token={token}&page_size=3&include_total=true&include=words,tools"
    answer = many.get("trunkline", f"/v1/calls?{query}")
    assert (numbers(answer), answer.json()["total_size"]) == ([56, 55, 53], 40)
    toon = many.get("trunkline", f"/v1/calls?{query}&format=toon")
    assert (toon.status_code, toon.headers["content-type"]) == (200, "text/toon; charset=utf-8")


# -- get ------------------------------------------------------------------


@pytest.mark.claim("trunkline:get.not_found", "trunkline:get.foreign", "trunkline:error.problem")
def test_a_call_of_another_org_is_404_byte_for_byte_like_an_unknown_one(
    world: World, new_world: Callable[..., World]
) -> None:
    new_world().take([made(1)])
    foreign = world.get("trunkline", f"/v1/calls/{uuid(1)}")
    unknown = world.get("trunkline", f"/v1/calls/{uuid(2)}")
    refuses(unknown, 404, *NOT_FOUND)
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)


@pytest.mark.claim("trunkline:get.not_found", "trunkline:get.vendor_call_id")
@pytest.mark.parametrize("text", ["call-1", "1", "not-a-uuid", uuid(1)[:-1], "%00", "%FF", "x" * 300])
def test_a_text_that_is_no_uuid_is_404_the_vendors_own_id_included(world: World, text: str) -> None:
    world.take([made(1), made(2, vendor="trunkline", vendor_call_id="call-1")])
    refuses(world.get("trunkline", f"/v1/calls/{text}"), 404, *NOT_FOUND)


@pytest.mark.claim("trunkline:get.canonical_id", "trunkline:get.vendor_call_id")
@pytest.mark.parametrize("vendor", ["elsewhere", "trunkline", "callem"])
def test_every_call_is_found_by_its_canonical_id_in_any_case(world: World, vendor: str) -> None:
    canonical = "abcdef00-0000-4000-8000-000000000001"
    call = made(1, vendor=vendor)
    call.id = canonical
    world.take([call])
    for text in (canonical, canonical.upper()):
        assert world.get("trunkline", f"/v1/calls/{text}").json()["id"] == canonical
    (row,) = world.get("trunkline", "/v1/calls?vendor_call_id=call-1").json()["calls"]
    assert row["id"] == canonical
