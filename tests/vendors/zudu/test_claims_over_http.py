"""Auth, paths, errors and single calls, as Zudu's clients see them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.zudu.samples import (
    NOTHING_HERE,
    UNAUTHORIZED,
    a_call,
    elsewhere,
    got,
    made,
    numbers,
    row,
    uuid,
)
from trunkline.vendors import dialects

ZUDU = dialects()["zudu"]
KEY, SECRET = "X-API-KEY", "X-API-SECRET"

SentHeaders = dict[str, str]


def invalid(error: str) -> dict[str, Any]:
    return {"message": "Validation error", "status": "error", "error": error}


def unknown(call_id: str) -> dict[str, Any]:
    return {
        "message": "Call not found",
        "status": "error",
        "error": f"Call with ID '{call_id}' does not exist",
    }


# -- auth -----------------------------------------------------------------


@pytest.mark.claim("zudu:auth.headers", "zudu:auth.form", "zudu:auth.organization", "zudu:list.path")
def test_a_key_with_its_secret_shows_its_own_organizations_calls(
    world: World, new_world: Callable[..., World]
) -> None:
    other = new_world()
    world.take([made(1)])
    other.take([made(2), made(3)])
    key, secret = world.headers["zudu"][KEY], world.headers["zudu"][SECRET]
    assert key.startswith("sk_")
    assert secret.startswith("s3cr3t_")
    for headers in ({KEY: key, SECRET: secret}, {KEY.lower(): key, SECRET.lower(): secret}):
        assert numbers(world.get("zudu", "/api/calls", headers=headers)) == [1]
    assert sorted(numbers(other.get("zudu", "/api/calls"))) == [2, 3]


@pytest.mark.parametrize("path", ["/api/calls", "/api/calls/call-1"])
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda own, other: {}, id="neither"),
        pytest.param(lambda own, other: {KEY: own[KEY]}, id="no secret"),
        pytest.param(lambda own, other: {SECRET: own[SECRET]}, id="no key"),
        pytest.param(lambda own, other: {KEY: own[KEY], SECRET: ""}, id="empty secret"),
        pytest.param(lambda own, other: {KEY: "", SECRET: own[SECRET]}, id="empty key"),
        pytest.param(lambda own, other: {KEY: own[KEY], SECRET: own[SECRET] + "0"}, id="wrong secret"),
        pytest.param(lambda own, other: {KEY: "sk_" + "0" * 60, SECRET: own[SECRET]}, id="wrong key"),
        pytest.param(lambda own, other: {KEY: own[KEY], SECRET: other[SECRET]}, id="another's secret"),
        pytest.param(lambda own, other: {KEY: own[SECRET], SECRET: own[KEY]}, id="the other way round"),
        pytest.param(lambda own, other: {KEY: "two words", SECRET: own[SECRET]}, id="no key's form"),
        pytest.param(lambda own, other: {"Authorization": f"Bearer {own[KEY]}"}, id="bearer"),
    ],
)
@pytest.mark.claim("zudu:auth.headers", "zudu:auth.refused", "zudu:envelope.error")
def test_a_missing_or_wrong_key_or_secret_is_401(
    world: World,
    new_world: Callable[..., World],
    spoil: Callable[[SentHeaders, SentHeaders], SentHeaders],
    path: str,
) -> None:
    world.take([made(1)])
    headers = spoil(world.headers["zudu"], new_world().headers["zudu"])
    says(world.get("zudu", path, headers=headers), UNAUTHORIZED, 401)


@pytest.mark.claim("zudu:auth.refused")
def test_the_key_that_other_dialects_use_is_not_zudus(world: World) -> None:
    whole = world.headers["butter"]["X-API-Key"].removeprefix("bk_live_")
    headers = {KEY: f"sk_{whole}", SECRET: world.headers["zudu"][SECRET]}
    says(world.get("zudu", "/api/calls", headers=headers), UNAUTHORIZED, 401)


@pytest.mark.claim("zudu:auth.any_length")
@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("{}", "s"),
        ("sk_{}", "s3cr3t_short"),
        ("sk_{}" + "k" * 47, "s3cr3t_" + "s" * 47),
        ("{}!" + "k" * 400, "s" * 500),
    ],
)
def test_a_pair_of_any_length_can_be_imported(world: World, key: str, secret: str) -> None:
    worn = {KEY: key.format(world.name), SECRET: secret}
    world.run(world.joined.keys.import_key(world.name, "zudu", worn[KEY], worn[SECRET]))
    world.take([made(1)])
    assert numbers(world.get("zudu", "/api/calls", headers=worn)) == [1]
    says(world.get("zudu", "/api/calls", headers=worn | {SECRET: secret + "x"}), UNAUTHORIZED, 401)


@pytest.mark.claim("zudu:auth.no_403", "zudu:auth.refused")
def test_a_key_that_is_no_longer_or_not_here_good_is_401(world: World) -> None:
    keys = world.joined.keys
    expired = world.run(keys.create(world.name, lifetime=timedelta(seconds=-1)))
    elsewhere_only = world.run(keys.create(world.name, addresses=["203.0.113.0/24"]))
    revoked = world.run(keys.create(world.name))
    assert world.run(keys.revoke(world.name, revoked.id))
    for key in (expired, elsewhere_only, revoked):
        says(world.get("zudu", "/api/calls", headers=key.headers["zudu"]), UNAUTHORIZED, 401)


@pytest.mark.claim("zudu:auth.scope")
def test_a_key_that_may_only_write_is_403(world: World) -> None:
    key = world.run(world.joined.keys.create(world.name, scopes=["write"]))
    answer = world.get("zudu", "/api/calls", headers=key.headers["zudu"])
    refusal = {"message": "Forbidden", "status": "error", "error": "This API key may not do that"}
    says(answer, refusal, 403)


# -- paths ----------------------------------------------------------------


@pytest.mark.claim("zudu:path.root", "zudu:list.path", "zudu:get.path")
def test_the_documented_paths_answer_at_the_root_wherever_a_secret_is_sent(world: World) -> None:
    world.take([made(1)])
    headers = world.headers["zudu"]
    for path in ("/api/calls", "/api/calls?page=0&limit=1", "/api/calls/call-1"):
        at_root = world.request("GET", path, headers=headers)
        assert at_root.status_code == 200
        assert at_root.content == world.get("zudu", path).content
    says(world.request("GET", "/api/calls", headers={SECRET: "wrong"}), UNAUTHORIZED, 401)
    says(world.request("GET", "/api/calls", headers=headers | {SECRET: ""}), UNAUTHORIZED, 401)
    without_secret = world.request("GET", "/api/calls", headers={KEY: headers[KEY]})
    assert without_secret.status_code == 401
    assert without_secret.json() != UNAUTHORIZED
    says(world.get("zudu", "/api/calls", headers={KEY: headers[KEY]}), UNAUTHORIZED, 401)


@pytest.mark.claim("zudu:path.unknown", "zudu:envelope.error")
def test_what_is_not_served_under_the_prefix_is_404_or_405(world: World) -> None:
    headers = world.headers["zudu"]
    for path in ("/api/nowhere", "/api/calls/", "/calls", "/api/calls/call-1/events"):
        says(world.get("zudu", path), NOTHING_HERE, 404)
    refusal = {
        "message": "Method not allowed",
        "status": "error",
        "error": "This path does not have this method",
    }
    allowed = {"/api/calls": "GET, POST, HEAD", "/api/calls/call-1": "GET, PUT, DELETE, HEAD"}
    for path, methods in allowed.items():
        refused = world.request("PATCH", f"/zudu{path}", headers=headers)
        says(refused, refusal, 405)
        assert refused.headers["allow"] == methods


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/batch-call/list", 404, marks=pytest.mark.claim("zudu:path.others")),
        pytest.param("GET", "/api/post-call-webhooks", 404, marks=pytest.mark.claim("zudu:path.others")),
        pytest.param("GET", "/api/agents", 404, marks=pytest.mark.claim("zudu:path.others")),
    ],
)
def test_the_vendors_other_endpoints_are_not_there_and_change_nothing(
    world: World, method: str, path: str, status: int
) -> None:
    world.take([made(1)])
    before = world.get("zudu", "/api/calls").content
    answer = world.request(method, f"/zudu{path}", headers=world.headers["zudu"], json={"limit": 1})
    assert answer.status_code == status
    assert list(answer.json()) == ["message", "status", "error"]
    assert world.get("zudu", "/api/calls").content == before


@pytest.mark.claim("zudu:rate.limit")
def test_a_hundred_requests_in_a_row_are_all_answered(world: World) -> None:
    answers = [world.get("zudu", "/api/calls?limit=1") for _ in range(100)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in name.lower() for name in answers[0].headers)


# -- errors ---------------------------------------------------------------


@pytest.mark.claim("zudu:error.internal", "zudu:envelope.error")
def test_an_error_of_ours_is_500_and_reveals_nothing(world: World) -> None:
    world.take([made(1)])
    spoil = "UPDATE calls SET body = '{}' WHERE org_id = $1"
    world.run(world.joined.pool.execute(spoil, world.org.id))
    refusal = {
        "message": "Internal server error",
        "status": "error",
        "error": "An unexpected error occurred",
    }
    for path in ("/api/calls", "/api/calls/call-1"):
        says(world.get("zudu", path), refusal, 500)


@pytest.mark.claim("zudu:get.unknown", "zudu:envelope.error")
@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("call_abc123", "call_abc123"),
        ("call-2", "call-2"),
        ("CALL-1", "CALL-1"),
        (uuid(9), uuid(9)),
        ("caf%C3%A9%20%22", 'café "'),
        ("%7Bdetail%7D", "{detail}"),
        ("%00", "\x00"),
        ("%FF", "(not a text)"),
        ("x" * 300, "x" * 300),
        ("create-phone-call", "create-phone-call"),
    ],
)
def test_an_unknown_id_is_404_and_is_named(world: World, asked: str, named: str) -> None:
    world.take([made(1)])
    says(world.get("zudu", f"/api/calls/{asked}"), unknown(named), 404)


@pytest.mark.claim("zudu:get.foreign")
def test_a_call_of_another_organization_is_404_byte_for_byte_like_an_unknown_one(
    world: World, new_world: Callable[..., World]
) -> None:
    other, strangers = new_world(), elsewhere(2)
    for call_id in ("call-1", uuid(1), ZUDU.ids.printed(strangers)):
        before = world.get("zudu", f"/api/calls/{call_id}")
        other.take([made(1), elsewhere(2)])
        after = world.get("zudu", f"/api/calls/{call_id}")
        says(after, unknown(call_id), 404)
        assert after.content == before.content
        assert other.get("zudu", f"/api/calls/{call_id}").status_code == 200


# -- get ------------------------------------------------------------------


@pytest.mark.claim("zudu:get.path", "zudu:get.message", "zudu:envelope.success", "zudu:get.by_either_id")
def test_get_answers_with_the_call_by_either_of_its_ids(world: World) -> None:
    world.take([made(1), made(2)])
    for call_id in ("call-1", uuid(1), uuid(1).upper()):
        says(world.get("zudu", f"/api/calls/{call_id}"), got(row(1, world.name)))


@pytest.mark.claim("zudu:get.by_either_id", "zudu:call.id.uuid")
def test_an_id_that_is_no_uuid_is_not_printed_and_the_printed_one_is_found(world: World) -> None:
    world.see([ZUDU.from_wire(a_call(id="row-17"))])
    by_call_id = world.get("zudu", "/api/calls/call_Hb7Qm2Zt9Xw4")
    printed = by_call_id.json()["data"]["id"]
    assert len(printed) == 36
    assert world.get("zudu", f"/api/calls/{printed}").content == by_call_id.content
    says(world.get("zudu", "/api/calls/row-17"), unknown("row-17"), 404)


@pytest.mark.claim("zudu:call.id.uuid", "zudu:get.by_either_id")
def test_the_vendors_own_uuid_is_stored_in_lower_case(world: World) -> None:
    world.see([ZUDU.from_wire(a_call(id="7D9F0A52-3C1E-4B8A-9E64-1F5D2C7B8A90"))])
    call = world.get("zudu", "/api/calls/call_Hb7Qm2Zt9Xw4").json()["data"]
    assert call["id"] == "7d9f0a52-3c1e-4b8a-9e64-1f5d2c7b8a90"


@pytest.mark.claim("zudu:call.id.derived", "zudu:get.by_either_id")
def test_a_call_of_another_vendor_is_found_by_the_id_that_it_prints(world: World) -> None:
    world.take([elsewhere(1)])
    (printed,) = (call["call_id"] for call in world.get("zudu", "/api/calls").json()["data"]["calls"])
    assert printed == "call_NrcaRdn0f9xW"  # made from the call's own id, and the same for ever
    expected = got(row(1, world.name, call_id=printed))
    says(world.get("zudu", f"/api/calls/{printed}"), expected)
    says(world.get("zudu", f"/api/calls/{uuid(1)}"), expected)
    says(world.get("zudu", "/api/calls/call-1"), unknown("call-1"), 404)


@pytest.mark.claim("zudu:list.ignored")
def test_get_takes_no_parameters_and_names_those_it_was_given(world: World) -> None:
    world.take([made(1)])
    ignoring = world.get("zudu", "/api/calls/call-1?page=-5&include=%C3%A9")
    assert ignoring.content == world.get("zudu", "/api/calls/call-1").content
    assert ignoring.headers["trunkline-ignored"] == "page, include"
