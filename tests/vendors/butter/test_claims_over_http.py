"""Auth, paths, errors and the finding of single calls, as Butter's clients see them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.butter.samples import (
    FOREIGN,
    NOT_FOUND,
    UNAUTHORIZED,
    detail,
    elsewhere,
    got,
    listed,
    made,
    sid,
    sids,
    summary,
    uuid,
)
from trunkline.vendors import dialects

BUTTER = dialects()["butter"]
KEY, ORG = "X-API-Key", "X-Organization-Id"
OTHER_ORG = {"success": False, "message": "This API key belongs to a different organization"}


# -- auth -----------------------------------------------------------------


@pytest.mark.claim("butter:auth.header", "butter:auth.form", "butter:auth.scope", "butter:list.path")
def test_a_key_shows_its_own_organizations_calls(world: World, new_world: Callable[..., World]) -> None:
    other = new_world()
    world.take([made(1)])
    other.take([made(2), made(3)])
    key = world.headers["butter"][KEY]
    assert key.startswith("bk_live_")
    for name in (KEY, "x-api-key", "X-API-KEY"):
        assert sids(world.get("butter", "/api/calls", headers={name: key})) == [sid(1)]
    assert sids(other.get("butter", "/api/calls")) == [sid(3), sid(2)]


@pytest.mark.claim("butter:auth.bearer")
def test_a_bearer_token_is_accepted_where_there_is_no_x_api_key(
    world: World, new_world: Callable[..., World]
) -> None:
    world.take([made(1)])
    key, other = world.headers["butter"][KEY], new_world().headers["butter"][KEY]
    for path in ("/api/calls", f"/api/calls/{sid(1)}"):
        usual = world.get("butter", path)
        for scheme in ("Bearer", "bearer"):
            answer = world.get("butter", path, headers={"Authorization": f"{scheme} {key}"})
            assert (answer.status_code, answer.content) == (200, usual.content)
        both = {KEY: key, "Authorization": f"Bearer {other}"}
        assert world.get("butter", path, headers=both).content == usual.content
    for wrong in (f"Basic {key}", "Bearer", "Bearer bk_live_x", key):
        says(world.get("butter", "/api/calls", headers={"Authorization": wrong}), UNAUTHORIZED, 401)


@pytest.mark.claim("butter:auth.organization", "butter:auth.bearer")
def test_the_organization_may_be_left_out_and_must_be_the_keys_if_it_is_sent(
    world: World, new_world: Callable[..., World]
) -> None:
    world.take([made(1)])
    key = world.headers["butter"][KEY]
    for worn in ({KEY: key}, {"Authorization": f"Bearer {key}"}):
        for path in ("/api/calls", f"/api/calls/{sid(1)}"):
            assert world.get("butter", path, headers=worn | {ORG: world.name}).status_code == 200
            assert world.get("butter", path, headers=worn).status_code == 200
            for name in (new_world().name, "org_123", world.name.upper()):
                says(world.get("butter", path, headers=worn | {ORG: name}), OTHER_ORG, 403)
    says(world.get("butter", "/api/calls", headers={ORG: world.name}), UNAUTHORIZED, 401)
    says(world.get("butter", "/api/calls", headers={KEY: "wrong", ORG: "org_1"}), UNAUTHORIZED, 401)


@pytest.mark.parametrize("path", ["/api/calls", f"/api/calls/{sid(1)}"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {KEY: ""},
        {KEY: "wrong"},
        {KEY: "bk_live_" + "0" * 60},
        {KEY: "two words"},
        {"Authorization": "Bearer wrong"},
    ],
    ids=["no key", "empty", "wrong", "well-formed but unknown", "no key's form", "wrong bearer"],
)
@pytest.mark.claim("butter:auth.refused", "butter:envelope.error")
def test_a_missing_or_wrong_key_is_401(world: World, headers: dict[str, str], path: str) -> None:
    world.take([made(1)])
    says(world.get("butter", path, headers=headers), UNAUTHORIZED, 401)


@pytest.mark.claim("butter:auth.refused")
def test_the_half_of_a_pair_that_zudu_shows_is_worth_nothing_here(world: World) -> None:
    shown = world.headers["zudu"]["X-API-KEY"].removeprefix("sk_")
    for key in (shown, f"sk_{shown}", f"bk_live_{shown}"):
        says(world.get("butter", "/api/calls", headers={KEY: key}), UNAUTHORIZED, 401)


@pytest.mark.claim("butter:auth.refused", "butter:auth.address")
def test_a_key_that_is_no_longer_good_is_401_and_one_that_is_not_good_here_403(world: World) -> None:
    keys = world.joined.keys
    expired = world.run(keys.create(world.name, lifetime=timedelta(seconds=-1)))
    revoked = world.run(keys.create(world.name))
    assert world.run(keys.revoke(world.name, revoked.id))
    for key in (expired, revoked):
        says(world.get("butter", "/api/calls", headers=key.headers["butter"]), UNAUTHORIZED, 401)
    elsewhere_only = world.run(keys.create(world.name, addresses=["203.0.113.0/24"]))
    answer = world.get("butter", "/api/calls", headers=elsewhere_only.headers["butter"])
    says(answer, {"success": False, "message": "IP address not allowed"}, 403)


@pytest.mark.claim("butter:auth.scope", "butter:auth.scope.refused")
def test_a_key_that_may_only_write_is_403(world: World) -> None:
    key = world.run(world.joined.keys.create(world.name, scopes=["write"]))
    answer = world.get("butter", "/api/calls", headers=key.headers["butter"])
    says(answer, {"success": False, "message": "This API key may not do that"}, 403)


@pytest.mark.claim("butter:auth.header")
def test_a_key_that_clients_already_carry_can_be_imported(world: World) -> None:
    key = f"bk_live_{world.name}" + "x" * 40
    world.run(world.joined.keys.import_key(world.name, "butter", key, None))
    world.take([made(1)])
    for worn in ({KEY: key}, {"Authorization": f"Bearer {key}", ORG: world.name}):
        assert sids(world.get("butter", "/api/calls", headers=worn)) == [sid(1)]


# -- paths ----------------------------------------------------------------


@pytest.mark.claim("butter:path.root", "butter:list.path", "butter:get.path")
def test_the_documented_paths_answer_at_the_root_unless_a_secret_is_sent(world: World) -> None:
    world.take([made(1)])
    headers = world.headers["butter"]
    bearer = {"Authorization": f"Bearer {headers[KEY]}"}
    for path in ("/api/calls", "/api/calls?limit=1", f"/api/calls/{sid(1)}"):
        usual = world.get("butter", path)
        for worn in (headers, bearer, headers | bearer):
            at_root = world.request("GET", path, headers=worn)
            assert (at_root.status_code, at_root.content) == (200, usual.content)
    says(world.request("GET", "/api/calls"), UNAUTHORIZED, 401)
    with_secret = world.request("GET", "/api/calls", headers=headers | {"X-API-SECRET": "s"})
    assert with_secret.status_code == 401
    assert with_secret.json() != UNAUTHORIZED
    under_prefix = world.get("butter", "/api/calls", headers=headers | {"X-API-SECRET": "s"})
    assert sids(under_prefix) == [sid(1)]


@pytest.mark.claim("butter:path.unknown", "butter:envelope.error")
def test_what_is_not_served_under_the_prefix_is_404_or_405(world: World) -> None:
    for path in ("/api/nowhere", "/api/calls/", "/calls", f"/api/calls/{sid(1)}/turns"):
        says(world.get("butter", path), {"success": False, "message": "Not found"}, 404)
    for path in ("/api/calls", f"/api/calls/{sid(1)}"):
        refused = world.request("DELETE", f"/butter{path}", headers=world.headers["butter"])
        says(refused, {"success": False, "message": "Method not allowed"}, 405)
        assert refused.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/api/analytics/all", marks=pytest.mark.claim("butter:path.others")),
        pytest.param("GET", "/api/agents", marks=pytest.mark.claim("butter:path.others")),
        pytest.param("GET", "/api/api-keys", marks=pytest.mark.claim("butter:path.others")),
    ],
)
def test_the_vendors_other_endpoints_are_not_there(world: World, method: str, path: str) -> None:
    answer = world.request(method, f"/butter{path}", headers=world.headers["butter"])
    says(answer, {"success": False, "message": "Not found"}, 404)


@pytest.mark.claim("butter:rate.limit")
def test_more_requests_than_the_vendor_allows_in_a_second_are_all_answered(world: World) -> None:
    answers = [world.get("butter", "/api/calls?limit=1") for _ in range(100)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in name.lower() for name in answers[0].headers)


# -- errors and get -------------------------------------------------------


@pytest.mark.claim("butter:error.internal", "butter:envelope.error")
def test_an_error_of_ours_is_500_and_reveals_nothing(world: World) -> None:
    world.take([made(1)])
    spoil = "UPDATE calls SET body = '{}' WHERE org_id = $1"
    world.run(world.joined.pool.execute(spoil, world.org.id))
    for path in ("/api/calls", f"/api/calls/{sid(1)}"):
        says(world.get("butter", path), {"success": False, "message": "Internal server error"}, 500)


@pytest.mark.claim("butter:get.path", "butter:envelope.success", "butter:get.ids")
def test_get_answers_with_the_detail_of_the_call_that_a_list_names(world: World) -> None:
    world.take([made(1)])
    says(world.get("butter", "/api/calls"), listed([summary(1, world.name)]))
    says(world.get("butter", f"/api/calls/{sid(1)}"), got(detail(1, world.name)))
    for other_id in (uuid(1), sid(1).upper()):
        says(world.get("butter", f"/api/calls/{other_id}"), NOT_FOUND, 404)


@pytest.mark.claim("butter:get.unknown", "butter:envelope.error")
@pytest.mark.parametrize(
    "call_sid", ["call_NobodyHasIt1", "NobodyHasIt", "%20", "%00", "%FF", "x" * 300, "caf%C3%A9", "call_"]
)
def test_an_unknown_id_is_404(world: World, call_sid: str) -> None:
    world.take([made(1)])
    says(world.get("butter", f"/api/calls/{call_sid}"), NOT_FOUND, 404)


@pytest.mark.claim("butter:get.foreign", "butter:get.foreign.message", "butter:get.unknown")
def test_a_call_of_another_organization_is_403_and_becomes_ones_own_when_it_is_stored(
    world: World, new_world: Callable[..., World]
) -> None:
    # Ids of this test alone, for calls of other tests belong to other organizations.
    own = made(1, id=new_id(world, 1), vendor_call_id=f"call_{world.name}")
    strangers = elsewhere(2, id=new_id(world, 2))
    ids = (own.vendor_call_id, BUTTER.ids.printed(strangers))
    for call_id in ids:
        says(world.get("butter", f"/api/calls/{call_id}"), NOT_FOUND, 404)
    new_world().take([own, strangers])
    for call_id in ids:
        says(world.get("butter", f"/api/calls/{call_id}"), FOREIGN, 403)
    world.take([own, strangers])
    for call_id in ids:
        assert world.get("butter", f"/api/calls/{call_id}").json()["data"]["call_sid"] == call_id


def new_id(world: World, number: int) -> str:
    return f"{world.name.removeprefix('org-')[:8]}-0000-4000-8000-{number:012d}"


@pytest.mark.claim("butter:call.id.derived")
def test_a_call_of_another_vendor_is_found_by_the_id_that_it_prints(world: World) -> None:
    world.take([elsewhere(1)])
    (printed,) = sids(world.get("butter", "/api/calls"))
    assert printed == "call_NrcaRdn0f9xW"  # made from the call's own id, and the same for ever
    says(world.get("butter", f"/api/calls/{printed}"), got(detail(1, world.name, call_sid=printed)))
    says(world.get("butter", "/api/calls/their-1"), NOT_FOUND, 404)


@pytest.mark.claim("butter:list.ignored")
def test_get_takes_no_parameters_and_names_those_it_was_given(world: World) -> None:
    world.take([made(1)])
    ignoring = world.get("butter", f"/api/calls/{sid(1)}?limit=0&cursor=x")
    assert ignoring.content == world.get("butter", f"/api/calls/{sid(1)}").content
    assert ignoring.headers["trunkline-ignored"] == "limit, cursor"
