"""Auth, paths, errors and single calls, as ContactShip's clients see them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.contactship.samples import CHAT, NOT_FOUND, PAYLOAD, elsewhere, made, numbers, uuid
from trunkline.vendors import dialects
from trunkline.vendors.contactship.recognition import SAVED

CONTACTSHIP = dialects()["contactship"]
UNAUTHORIZED = {"statusCode": 401, "message": "Invalid or missing API key"}


def bad(detail: str) -> dict[str, Any]:
    return {"statusCode": 400, "message": f"Invalid query parameters: {detail}"}


# -- auth -----------------------------------------------------------------


@pytest.mark.claim("contactship:auth.header", "contactship:auth.organization", "contactship:list.count")
def test_a_key_in_x_api_key_shows_its_own_organizations_calls(
    world: World, new_world: Callable[..., World]
) -> None:
    other = new_world()
    world.take([made(1)])
    other.take([made(2), made(3)])
    key = world.headers["contactship"]["x-api-key"]
    for name in ("x-api-key", "X-API-KEY"):
        answer = world.get("contactship", "/v1/calls", headers={name: key})
        assert numbers(answer) == [1]
        assert answer.json()["count"] == 1


@pytest.mark.parametrize("path", ["/v1/calls", f"/v1/calls/{uuid(1)}"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "wrong"},
        {"x-api-key": "cs_" + "0" * 60},
        {"x-api-key": "two words"},
    ],
    ids=["no key", "empty", "wrong", "well-formed but unknown", "not printable"],
)
@pytest.mark.claim("contactship:auth.invalid", "contactship:auth.message", "contactship:error.shape")
def test_a_missing_or_wrong_key_is_401(world: World, headers: dict[str, str], path: str) -> None:
    world.take([made(1)])
    says(world.get("contactship", path, headers=headers), UNAUTHORIZED, 401)


@pytest.mark.claim("contactship:auth.any_key")
@pytest.mark.parametrize("shape", ["{}", "sk-live.{}!", "cs_{}"])
def test_a_key_may_be_any_printable_text(world: World, shape: str) -> None:
    key = shape.format(world.name)
    world.run(world.joined.keys.import_key(world.name, "contactship", key, None))
    world.take([made(1)])
    assert numbers(world.get("contactship", "/v1/calls", headers={"x-api-key": key})) == [1]


@pytest.mark.claim("contactship:auth.no_403", "contactship:auth.message")
def test_a_key_that_is_no_longer_or_not_here_good_is_401(world: World) -> None:
    keys = world.joined.keys
    expired = world.run(keys.create(world.name, lifetime=timedelta(seconds=-1)))
    elsewhere_only = world.run(keys.create(world.name, addresses=["203.0.113.0/24"]))
    revoked = world.run(keys.create(world.name))
    assert world.run(keys.revoke(world.name, revoked.id))
    for key in (expired, elsewhere_only, revoked):
        says(world.get("contactship", "/v1/calls", headers=key.headers["contactship"]), UNAUTHORIZED, 401)


@pytest.mark.claim("contactship:auth.scope")
def test_a_key_that_may_only_write_is_403(world: World) -> None:
    key = world.run(world.joined.keys.create(world.name, scopes=["write"]))
    answer = world.get("contactship", "/v1/calls", headers=key.headers["contactship"])
    says(answer, {"statusCode": 403, "message": "This API key may not do that"}, 403)


# -- paths ----------------------------------------------------------------


@pytest.mark.claim("contactship:path.root")
def test_the_documented_paths_answer_at_the_root_unless_there_is_a_bearer_token(world: World) -> None:
    world.take([made(1)])
    headers = world.headers["contactship"]
    listed = world.request("GET", "/v1/calls", headers=headers)
    assert listed.content == world.get("contactship", "/v1/calls").content
    got = world.request("GET", f"/v1/calls/{uuid(1)}", headers=headers)
    assert got.content == world.get("contactship", f"/v1/calls/{uuid(1)}").content
    for other in ({}, {"authorization": "Basic eDp5"}):
        says(world.request("GET", "/v1/calls", headers=other), UNAUTHORIZED, 401)
    with_bearer = world.request("GET", "/v1/calls", headers=headers | {"authorization": "Bearer x"})
    assert with_bearer.json() != UNAUTHORIZED
    under_prefix = world.get("contactship", "/v1/calls", headers=headers | {"authorization": "Bearer x"})
    assert numbers(under_prefix) == [1]


@pytest.mark.claim("contactship:path.unknown", "contactship:error.shape")
def test_what_is_not_documented_under_the_prefix_is_404_or_405(world: World) -> None:
    headers = world.headers["contactship"]
    nowhere = world.get("contactship", "/v1/nowhere")
    says(nowhere, {"statusCode": 404, "message": "Cannot find this path"}, 404)
    for path in ("/v1/calls", f"/v1/calls/{uuid(1)}"):
        refused = world.request("DELETE", f"/contactship{path}", headers=headers)
        says(refused, {"statusCode": 405, "message": "Method not allowed"}, 405)
        assert refused.headers["allow"] == "GET, HEAD"


@pytest.mark.claim("contactship:rate.limit")
def test_more_lists_than_the_vendor_allows_in_a_minute_are_all_answered(world: World) -> None:
    answers = [world.get("contactship", "/v1/calls?limit=0") for _ in range(130)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(name.lower().startswith("x-ratelimit") for name in answers[0].headers)


# -- errors ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=-1", "limit must be between 0 and 1000"),
        ("limit=1001", "limit must be between 0 and 1000"),
        ("limit=ten", "limit must be an integer"),
        ("limit=2.5", "limit must be an integer"),
        ("limit=", "limit must be an integer"),
        ("offset=-1", "offset must be at least 0"),
        ("offset=1e2", "offset must be an integer"),
        ("order=newest", "order must be one of asc, desc"),
        ("order=ASC", "order must be one of asc, desc"),
        ("call_result=no-answer", "call_result must be one of answered, voicemail, no_answer, busy, failed"),
        ("agent_id=agent-1", "agent_id must be a UUID"),
        ("campaign_id=1", "campaign_id must be a UUID"),
        ("phoneNumber=nobody", "phoneNumber must be a phone number in E.164 form"),
        ("include_transcript=yes", "include_transcript must be true or false"),
        ("include_words=", "include_words must be true or false"),
        ("include_tools=2", "include_tools must be true or false"),
        ("transcript_format=xml", "transcript_format must be one of json, toon"),
        ("limit=5&limit=5", "limit is given more than once"),
    ],
)
@pytest.mark.claim(
    "contactship:error.bad_request",
    "contactship:error.bad_request.message",
    "contactship:error.shape",
    "contactship:filter.malformed",
    "contactship:list.limit.malformed",
    "contactship:list.limit.over_max",
    "contactship:list.offset.negative",
    "contactship:query.booleans",
    "contactship:query.repeated",
)
def test_a_malformed_parameter_of_a_list_is_400_and_named(world: World, query: str, detail: str) -> None:
    says(world.get("contactship", f"/v1/calls?{query}"), bad(detail), 400)


@pytest.mark.parametrize("name", ["date_from", "date_to"])
@pytest.mark.parametrize(
    "value", ["yesterday", "2026-02-30", "2026-3-1", "1767225600", "2026-01-01T25:00:00Z", ""]
)
@pytest.mark.claim("contactship:filter.malformed")
def test_a_malformed_date_is_400_and_named(world: World, name: str, value: str) -> None:
    answer = world.get("contactship", f"/v1/calls?{name}={value}")
    message = answer.json().pop("message")
    says(answer, {"statusCode": 400, "message": message}, 400)
    assert message.startswith(f"Invalid query parameters: {name} ")


@pytest.mark.claim("contactship:filter.malformed")
def test_an_undocumented_status_is_400_and_the_documented_ones_are_listed(world: World) -> None:
    words = (
        "in-progress, completed, no-answer, failed, in-queue, incomplete, busy, answering-machine, scheduled"
    )
    answer = world.get("contactship", "/v1/calls?call_status=no_answer")
    says(answer, bad(f"call_status must be one of {words}, voice_mail"), 400)


@pytest.mark.claim("contactship:error.internal", "contactship:error.internal.message")
def test_an_error_of_ours_is_500_and_reveals_nothing(world: World) -> None:
    world.take([made(1)])
    spoil = "UPDATE calls SET body = '{}' WHERE org_id = $1"
    world.run(world.joined.pool.execute(spoil, world.org.id))
    for path in ("/v1/calls", f"/v1/calls/{uuid(1)}"):
        answer = world.get("contactship", path)
        says(answer, {"statusCode": 500, "message": "Internal server error"}, 500)


# -- get ------------------------------------------------------------------


@pytest.mark.claim(
    "contactship:get.not_found", "contactship:get.not_found.message", "contactship:get.foreign"
)
def test_a_call_of_another_organization_is_404_byte_for_byte_like_an_unknown_one(
    world: World, new_world: Callable[..., World]
) -> None:
    new_world().take([made(1)])
    foreign = world.get("contactship", f"/v1/calls/{uuid(1)}")
    unknown = world.get("contactship", f"/v1/calls/{uuid(2)}")
    says(unknown, NOT_FOUND, 404)
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert foreign.headers.multi_items()[1:] == unknown.headers.multi_items()[1:]  # all but the date


@pytest.mark.claim("contactship:get.id_not_uuid", "contactship:error.shape")
@pytest.mark.parametrize(
    "call_id", ["1", "not-a-uuid", uuid(1)[:-1], "%20", "%00", "%FF", "x" * 300, "call-2"]
)
def test_an_id_that_is_no_uuid_is_404(world: World, call_id: str) -> None:
    world.take([made(1), elsewhere(2)])
    says(world.get("contactship", f"/v1/calls/{call_id}"), NOT_FOUND, 404)


@pytest.mark.claim("contactship:get.id_case")
def test_a_call_is_found_by_its_id_in_any_case(world: World) -> None:
    world.see([CONTACTSHIP.from_wire(PAYLOAD)])
    answers = [
        world.get("contactship", f"/v1/calls/{write(PAYLOAD['id'])}") for write in (str.lower, str.upper)
    ]
    assert [answer.json()["id"] for answer in answers] == [PAYLOAD["id"]] * 2


@pytest.mark.claim(
    "contactship:get.malformed", "contactship:query.booleans", "contactship:filter.unknown_parameter"
)
def test_get_refuses_its_own_parameters_and_ignores_those_of_the_list(world: World) -> None:
    world.take([made(1)])
    refused = world.get("contactship", f"/v1/calls/{uuid(1)}?include_words=maybe")
    says(refused, bad("include_words must be true or false"), 400)
    refused = world.get("contactship", f"/v1/calls/{uuid(1)}?transcript_format=csv")
    says(refused, bad("transcript_format must be one of json, toon"), 400)
    ignoring = world.get("contactship", f"/v1/calls/{uuid(1)}?limit=-5&call_status=x")
    assert ignoring.content == world.get("contactship", f"/v1/calls/{uuid(1)}").content
    assert ignoring.headers["trunkline-ignored"] == "limit, call_status"


@pytest.mark.claim("contactship:get.bare", "contactship:get.campaign", "contactship:get.like_list")
def test_get_is_the_call_of_the_list_without_its_campaign(world: World) -> None:
    world.see([CONTACTSHIP.from_wire(PAYLOAD | {"chat_history": CHAT})])
    path = f"/v1/calls/{PAYLOAD['id']}"
    bare = {name: value for name, value in PAYLOAD.items() if name != "campaign_id"}
    says(world.get("contactship", f"{path}?include_transcript=false"), bare)
    says(world.get("contactship", path), bare | {"chat_history": CHAT, "transcript_format": "json"})
    everything = "include_transcript=true&include_words=true&include_tools=true"
    (row,) = world.get("contactship", f"/v1/calls?{everything}").json()["data"]
    assert row.pop("campaign_id") is None
    says(world.get("contactship", f"{path}?{everything}"), row)


@pytest.mark.claim("contactship:list.envelope.newer", "contactship:read.variants")
def test_the_newer_wrappers_are_read_and_the_seeds_are_printed(world: World) -> None:
    listed = {
        "statusCode": 200,
        "data": [PAYLOAD],
        "pagination": {"page": 1, "total_rows": 1, "total_pages": 1},
    }
    assert SAVED.calls_in(listed) == [PAYLOAD]
    assert SAVED.calls_in({"statusCode": 200, "data": PAYLOAD}) == [PAYLOAD]
    world.see([CONTACTSHIP.from_wire(call) for call in SAVED.calls_in(listed) or ()])
    says(world.get("contactship", "/v1/calls"), {"data": [PAYLOAD], "count": 1})
    assert list(world.get("contactship", f"/v1/calls/{PAYLOAD['id']}").json())[:2] == ["id", "direction"]


@pytest.mark.claim("contactship:read.variants")
def test_a_call_of_a_call_history_is_read_under_its_other_names(world: World) -> None:
    call = {
        "id": uuid(1),
        "direction": "outbound-api",
        "status": "completed",
        "call_result": "answered",
        "duration": "45",
        "price": 0.12,
        "price_unit": "USD",
        "type": "api_call",
        "created_at": "2026-03-15T14:30:00Z",
        "chat_history": [{"role": "assistant", "content": "Hello"}],
    }
    document = {
        "statusCode": 200,
        "data": {"contact_id": "c", "history": {"call_attempts": 1, "calls": [call]}},
    }
    world.see([CONTACTSHIP.from_wire(found) for found in SAVED.calls_in(document) or ()])
    answer = world.get("contactship", f"/v1/calls/{uuid(1)}").json()
    assert (answer["direction"], answer["call_status"], answer["type"]) == (
        "outbound",
        "completed",
        "api_call",
    )
    assert answer["chat_history"] == [{"role": "agent", "content": "Hello"}]
    assert float(answer["duration"]) == 45
    cost = world.get("trunkline", f"/v1/calls/{uuid(1)}").json()["cost"]
    assert cost == {"amount": 0.12, "unit": "USD", "items": None}
