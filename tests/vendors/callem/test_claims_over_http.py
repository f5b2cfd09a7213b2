"""Auth, paths, errors and pages, as Callem's clients see them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.callem.samples import AT, NOT_FOUND, elsewhere, hex_id, made, numbers, page
from trunkline.model.ids import call_id

EXPIRED = timedelta(seconds=-1)


def refusal(status: int, message: str) -> dict[str, object]:
    return {"statusCode": status, "message": message}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# -- auth -----------------------------------------------------------------


@pytest.mark.claim("callem:auth.bearer", "callem:auth.form", "callem:auth.project", "callem:list.total")
def test_a_bearer_token_shows_its_own_projects_calls(world: World, new_world: Callable[..., World]) -> None:
    world.take([made(1)])
    new_world().take([made(2), made(3)])
    (authorization,) = world.headers["callem"].values()
    kind, _, token = authorization.partition(" ")
    assert kind == "Bearer"
    assert token.startswith("ck_live_")
    assert len(bytes.fromhex(token.removeprefix("ck_live_"))) == 30
    for header in (f"Bearer {token}", f"bearer {token}", f"BEARER  {token}"):
        answer = world.get("callem", "/v1/calls", headers={"Authorization": header})
        assert (numbers(answer), answer.json()["pagination"]["total"]) == ([1], 1)


@pytest.mark.claim("callem:auth.form")
def test_a_key_that_clients_already_carry_may_have_letters_digits_and_underscores(world: World) -> None:
    token = f"ck_live_Key_{world.name.replace('-', '_')}"
    world.run(world.joined.keys.import_key(world.name, "callem", token, None))
    world.take([made(1)])
    assert numbers(world.get("callem", "/v1/calls", headers=bearer(token))) == [1]


MISSING = "Missing or invalid Authorization header"


@pytest.mark.parametrize("path", ["/v1/calls", f"/v1/calls/{hex_id(1)}"])
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        pytest.param({}, MISSING, marks=pytest.mark.claim("callem:auth.missing")),
        ({"authorization": ""}, MISSING),
        ({"authorization": "Bearer"}, MISSING),
        ({"authorization": "Basic ck_live_abc"}, MISSING),
        ({"authorization": "ck_live_abc"}, MISSING),
        ({"x-api-key": "ck_live_abc"}, MISSING),
        pytest.param(
            bearer("abc"), "Invalid API key format", marks=pytest.mark.claim("callem:auth.malformed")
        ),
        (bearer("ck_test_abc"), "Invalid API key format"),
        (bearer("ck_live_"), "Invalid API key format"),
        (bearer("ck_live_a-b"), "Invalid API key format"),
        (bearer("CK_LIVE_abc"), "Invalid API key format"),
        pytest.param(
            bearer("ck_live_abc"), "Invalid API key", marks=pytest.mark.claim("callem:auth.unknown")
        ),
        (bearer("ck_live_" + "0" * 60), "Invalid API key"),
    ],
)
@pytest.mark.claim("callem:error.shape")
def test_a_request_without_a_good_key_is_401_with_the_reason(
    world: World, headers: dict[str, str], message: str, path: str
) -> None:
    says(world.get("callem", path, headers=headers), refusal(401, message), 401)


@pytest.mark.claim("callem:auth.expired", "callem:auth.address", "callem:auth.revoked", "callem:auth.scope")
def test_a_key_that_is_no_longer_or_not_here_good_is_refused_with_the_reason(world: World) -> None:
    keys = world.joined.keys
    expired = world.run(keys.create(world.name, lifetime=EXPIRED))
    elsewhere_only = world.run(keys.create(world.name, addresses=["203.0.113.7"]))
    revoked = world.run(keys.create(world.name))
    assert world.run(keys.revoke(world.name, revoked.id))
    writing = world.run(keys.create(world.name, scopes=["write"]))
    for key, status, message in (
        (expired, 401, "API key has expired"),
        (elsewhere_only, 403, "IP address not allowed"),
        (revoked, 401, "Invalid API key"),
        (writing, 403, "This API key may not do that"),
    ):
        answer = world.get("callem", "/v1/calls", headers=key.headers["callem"])
        says(answer, refusal(status, message), status)


@pytest.mark.claim("callem:auth.order")
def test_of_several_things_wrong_with_a_key_the_first_is_reported(world: World) -> None:
    keys = world.joined.keys
    everything = world.run(
        keys.create(world.name, lifetime=EXPIRED, addresses=["203.0.113.7"], scopes=["write"])
    )
    token = everything.headers["callem"]["Authorization"].removeprefix("Bearer ")
    steps = [
        ({"authorization": token}, 401, MISSING),
        (bearer(token.removeprefix("ck_live_")), 401, "Invalid API key format"),
        (bearer(token[:-1]), 401, "Invalid API key"),
        (bearer(token), 401, "API key has expired"),
    ]
    there = world.run(keys.create(world.name, addresses=["203.0.113.7"], scopes=["write"]))
    steps.append((there.headers["callem"], 403, "IP address not allowed"))
    for headers, status, message in steps:
        # A malformed query and an unknown id come after all of it.
        for path in ("/v1/calls?limit=0", "/v1/calls/x"):
            says(world.get("callem", path, headers=headers), refusal(status, message), status)


@pytest.mark.claim("callem:auth.address.list")
@pytest.mark.parametrize(
    ("addresses", "status"),
    [(["127.0.0.1"], 200), (["10.0.0.0/8", "127.0.0.0/8"], 200), (["*"], 200), (["10.0.0.0/8"], 403)],
)
def test_a_key_may_be_bound_to_addresses(world: World, addresses: list[str], status: int) -> None:
    key = world.run(world.joined.keys.create(world.name, addresses=addresses))
    assert world.get("callem", "/v1/calls", headers=key.headers["callem"]).status_code == status


# -- paths and errors -----------------------------------------------------


@pytest.mark.claim("callem:path.root")
def test_the_documented_paths_answer_at_the_root_for_a_bearer_token(world: World) -> None:
    world.take([made(1)])
    headers = world.headers["callem"]
    for path in ("/v1/calls", f"/v1/calls/{hex_id(1)}", "/v1/calls?limit=0", "/v1/calls/x"):
        at_root, under_prefix = world.request("GET", path, headers=headers), world.get("callem", path)
        assert (at_root.status_code, at_root.content) == (under_prefix.status_code, under_prefix.content)
    with_both = world.request("GET", "/v1/calls", headers=headers | {"x-api-key": "cs_1"})
    assert numbers(with_both) == [1]
    foreign_token = world.request("GET", "/v1/calls", headers=bearer("tl_abc"))
    says(foreign_token, refusal(401, "Invalid API key format"), 401)


@pytest.mark.claim("callem:path.host")
def test_at_its_host_name_the_vendor_answers_without_a_bearer_token_too(world: World) -> None:
    host = {"host": "calls.callem.test"}
    answer = world.request("GET", "/v1/calls", headers=host | {"x-api-key": "cs_1"})
    says(answer, refusal(401, MISSING), 401)
    world.take([made(1)])
    assert numbers(world.request("GET", "/v1/calls", headers=host | world.headers["callem"])) == [1]


@pytest.mark.claim("callem:path.unknown", "callem:path.knowledge")
def test_what_is_not_served_is_404_or_405_and_deletes_nothing(world: World) -> None:
    world.take([made(1)])
    headers = world.headers["callem"]
    for path in ("/v1/knowledge", "/v1/knowledge/1", "/v1", "/v1/calls/", "/v1/calls/1/audio"):
        says(world.get("callem", path), refusal(404, "Cannot find this path"), 404)
    allowed = {f"/v1/calls/{hex_id(1)}": "GET, DELETE, HEAD", "/v1/calls": "GET, HEAD"}
    for path, methods in allowed.items():
        answer = world.request("POST", f"/callem{path}", headers=headers)
        says(answer, refusal(405, "Method not allowed"), 405)
        assert answer.headers["allow"] == methods
    assert numbers(world.get("callem", "/v1/calls")) == [1]


@pytest.mark.claim("callem:rate.limit")
def test_more_requests_than_the_vendor_allows_in_a_minute_are_all_answered(world: World) -> None:
    answers = [world.get("callem", f"/v1/calls/{hex_id(1)}") for _ in range(130)]
    assert {answer.status_code for answer in answers} == {404}
    assert "retry-after" not in answers[-1].headers


@pytest.mark.claim("callem:error.internal", "callem:error.shape")
def test_an_error_of_ours_is_500_and_reveals_nothing(world: World) -> None:
    world.take([made(1)])
    world.run(world.joined.pool.execute("UPDATE calls SET body = '{}' WHERE org_id = $1", world.org.id))
    for path in ("/v1/calls", f"/v1/calls/{hex_id(1)}"):
        says(world.get("callem", path), refusal(500, "Internal server error"), 500)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=0", "limit must be at least 1"),
        ("limit=-1", "limit must be at least 1"),
        ("limit=ten", "limit must be an integer"),
        ("limit=1.5", "limit must be an integer"),
        ("limit=", "limit must be an integer"),
        ("offset=-1", "offset must be at least 0"),
        ("offset=1e3", "offset must be an integer"),
        ("offset=", "offset must be an integer"),
        ("limit=5&limit=6", "limit is given more than once"),
    ],
)
@pytest.mark.claim(
    "callem:error.bad_request",
    "callem:error.shape",
    "callem:list.limit.malformed",
    "callem:list.offset.malformed",
    "callem:list.repeated_parameter",
)
def test_a_malformed_parameter_is_400_and_named(world: World, query: str, detail: str) -> None:
    says(world.get("callem", f"/v1/calls?{query}"), refusal(400, f"Invalid request: {detail}"), 400)


# -- pages ----------------------------------------------------------------


@pytest.fixture(scope="module")
def many(new_world: Callable[..., World]) -> World:
    """1005 calls, a second apart."""
    world = new_world()
    world.take([made(number) for number in range(1005)])
    return world


@pytest.mark.claim("callem:list.envelope")
def test_a_list_has_data_and_pagination_in_this_order(world: World) -> None:
    says(world.get("callem", "/v1/calls"), {"data": [], "pagination": page(0, 100, 0)})


@pytest.mark.claim("callem:list.limit.default", "callem:list.offset.default", "callem:list.order")
def test_without_parameters_the_newest_100_calls_are_listed(many: World) -> None:
    answer = many.get("callem", "/v1/calls")
    assert numbers(answer) == list(range(1004, 904, -1))
    assert answer.json()["pagination"] == page(1005, 100, 0)


@pytest.mark.claim("callem:list.limit.max", "callem:list.limit.over_max", "callem:list.pagination.echo")
@pytest.mark.parametrize("limit", [1000, 1001, 5000, 999_999_999])
def test_a_limit_above_1000_is_counted_as_1000_and_printed_so(many: World, limit: int) -> None:
    answer = many.get("callem", f"/v1/calls?limit={limit}")
    assert numbers(answer) == list(range(1004, 4, -1))
    assert answer.json()["pagination"] == page(1005, 1000, 0)


@pytest.mark.claim("callem:list.total", "callem:list.pagination.echo", "callem:list.offset.default")
@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [(1, 0, [1004]), (3, 2, [1002, 1001, 1000]), (50, 1003, [1, 0]), (2, 500, [504, 503])],
)
def test_limit_and_offset_are_echoed_and_the_total_stays(
    many: World, limit: int, offset: int, expected: list[int]
) -> None:
    answer = many.get("callem", f"/v1/calls?limit={limit}&offset={offset}")
    assert numbers(answer) == expected
    assert answer.json()["pagination"] == page(1005, limit, offset)


@pytest.mark.claim("callem:list.offset.past_end")
@pytest.mark.parametrize("offset", [1005, 1006, 10**12])
def test_an_offset_past_the_end_is_an_empty_page_with_the_real_total(many: World, offset: int) -> None:
    answer = many.get("callem", f"/v1/calls?limit=10&offset={offset}")
    says(answer, {"data": [], "pagination": page(1005, 10, offset)})


@pytest.mark.claim("callem:list.order")
def test_calls_of_one_instant_follow_our_id_greatest_first(world: World) -> None:
    world.take([made(n, created_at=AT) for n in range(8)])
    by_our_id = sorted(range(8), key=lambda n: call_id("callem", hex_id(n)), reverse=True)
    assert numbers(world.get("callem", "/v1/calls")) == by_our_id
    in_pages = [
        n for place in range(8) for n in numbers(world.get("callem", f"/v1/calls?limit=1&offset={place}"))
    ]
    assert in_pages == by_our_id


@pytest.mark.claim("callem:list.unknown_parameter")
def test_what_is_not_documented_is_ignored_and_named(many: World) -> None:
    plain = many.get("callem", "/v1/calls?limit=1")
    assert "trunkline-ignored" not in plain.headers
    answer = many.get("callem", "/v1/calls?limit=1&status=live&order=asc&sort%5Bby%5D=id")
    assert (answer.content, answer.headers["trunkline-ignored"]) == (plain.content, "status, order, sort[by]")
    got = many.get("callem", f"/v1/calls/{hex_id(1)}?limit=0")
    assert (got.status_code, got.headers["trunkline-ignored"]) == (200, "limit")


# -- get ------------------------------------------------------------------


@pytest.mark.claim("callem:get.not_found", "callem:get.foreign", "callem:error.shape")
def test_a_call_of_another_project_is_404_byte_for_byte_like_an_unknown_one(
    world: World, new_world: Callable[..., World]
) -> None:
    new_world().take([made(1)])
    foreign = world.get("callem", f"/v1/calls/{hex_id(1)}")
    unknown = world.get("callem", f"/v1/calls/{hex_id(2)}")
    says(unknown, NOT_FOUND, 404)
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)


@pytest.mark.claim("callem:get.id_of_other_form")
@pytest.mark.parametrize(
    "text", ["1", "g" * 24, hex_id(1)[:-1], hex_id(1) + "0", "call-2", "%00", "%FF", "x" * 300]
)
def test_an_id_of_another_form_is_404_with_the_same_body(world: World, text: str) -> None:
    world.take([made(1), elsewhere(2)])
    says(world.get("callem", f"/v1/calls/{text}"), NOT_FOUND, 404)
    canonical = elsewhere(2).id
    says(world.get("callem", f"/v1/calls/{canonical}"), NOT_FOUND, 404)
