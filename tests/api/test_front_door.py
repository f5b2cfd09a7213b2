"""The front door: prefix, host name and root path, and no request that falls to two dialects."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import World
from tests.vendors.conftest import some_calls
from tests.vendors.walks import WALKS
from trunkline.api.front_door import AmbiguousDialects, FrontDoor
from trunkline.kit.auth import NewKey
from trunkline.vendors import dialects

DOOR = FrontDoor(dialects(), {})
AT_ROOT = [dialect for dialect in dialects().values() if dialect.at_root]
KEY = NewKey.generate()


def headers_of(name: str) -> dict[str, str]:
    return {header.lower(): value for header, value in dialects()[name].auth.headers_for(KEY).items()}


def meant(path: str, headers: dict[str, str]) -> str | None:
    route = DOOR.route("GET", path.encode(), headers)
    return None if route is None else route.dialect.name


@pytest.mark.parametrize("name", sorted(dialects()))
def test_everything_under_a_prefix_is_that_dialects_whatever_the_headers(name: str) -> None:
    for other in dialects():
        for operation in dialects()[name].operations:
            assert meant(f"/{name}{operation.path}", headers_of(other)) == name
    assert meant(f"/{name}/nowhere", {}) == name


@pytest.mark.parametrize("name", [dialect.name for dialect in AT_ROOT])
def test_a_documented_path_at_the_root_goes_to_the_dialect_whose_key_is_sent(name: str) -> None:
    for operation in dialects()[name].operations:
        assert meant(operation.path, headers_of(name)) == name


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/v1/calls", {"authorization": "Bearer x"}, "callem"),
        ("/v1/calls/abc", {"authorization": "bearer x"}, "callem"),
        ("/v1/calls/a/b", {"authorization": "Bearer"}, "callem"),
        ("/v1/calls/", {}, "contactship"),
        ("/v1/calls", {"x-api-key": "k"}, "contactship"),
        ("/v1/calls", {}, "contactship"),
        ("/v1/calls", {"authorization": "Basic x"}, "contactship"),
        ("/api/calls", {"x-api-key": "k", "x-api-secret": "s"}, "zudu"),
        ("/api/calls", {"x-api-secret": ""}, "zudu"),
        ("/api/calls/abc", {"x-api-key": "k"}, "butter"),
        ("/api/calls", {"authorization": "Bearer bk_live_x"}, "butter"),
        ("/api/calls", {}, "butter"),
    ],
)
def test_the_table_of_the_front_door(path: str, headers: dict[str, str], name: str) -> None:
    assert meant(path, headers) == name


names = st.sampled_from(["authorization", "x-api-key", "x-api-secret", "x-organization-id", "accept"])
values = st.sampled_from(["", "Bearer x", "bearer ck_live_1", "Basic y", "sk_1", "k"])
paths = st.sampled_from([operation.path for dialect in AT_ROOT for operation in dialect.operations])


@given(path=paths, headers=st.dictionaries(names, values))
def test_no_request_can_fall_to_two_dialects(path: str, headers: dict[str, str]) -> None:
    """Of the dialects that document a path, each but one is passed over for a reason that it declares."""
    documenting = [d for d in AT_ROOT if path in [operation.path for operation in d.operations]]
    claiming = [dialect for dialect in documenting if dialect.auth.matches(headers)]
    demands = [dialect.auth.specificity for dialect in claiming]
    assert len(set(demands)) == len(demands)
    last = min(
        documenting, key=lambda dialect: dialect.auth.specificity
    )  # which gets requests that match no other
    highest = max(claiming, key=lambda dialect: dialect.auth.specificity) if claiming else last
    assert meant(path.replace("{id}", "an-id"), headers) == highest.name


def test_two_dialects_that_cannot_be_distinguished_are_refused_when_the_door_is_built() -> None:
    one = dialects()["butter"]
    twin = msgspec.structs.replace(one, name="margarine")
    with pytest.raises(AmbiguousDialects, match="butter, margarine"):
        FrontDoor({"butter": one, "margarine": twin}, {})


def test_a_host_name_of_no_dialect_is_refused_when_the_door_is_built() -> None:
    with pytest.raises(ValueError, match="nobody"):
        FrontDoor(dialects(), {"calls.example.com": "nobody"})


@pytest.mark.parametrize("path", ["/", "/v1", "/api", "/nowhere/v1/calls", "//v1/calls"])
def test_other_paths_are_nobodys(path: str) -> None:
    assert meant(path, {}) is None


@pytest.fixture(scope="module")
def filled(new_world: Callable[..., World]) -> World:
    world = new_world()
    for name in dialects():
        world.take(some_calls(name, 3))
    return world


@pytest.mark.parametrize("name", sorted(dialects()))
def test_prefix_root_and_host_give_the_same_answer(name: str, filled: World, http: httpx2.Client) -> None:
    path, headers = WALKS[name].path, filled.headers[name]
    prefixed = http.get(f"/{name}{path}", headers=headers)
    assert prefixed.status_code == 200
    if dialects()[name].at_root:
        assert http.get(path, headers=headers).json() == prefixed.json()
    if name in ("callem", "zudu"):  # the server has their host names in a setting
        host = {"Host": f"calls.{name}.test"}
        assert http.get(path, headers={**headers, **host}).json() == prefixed.json()
        elsewhere = http.get("/somewhere/else", headers={**headers, **host})
        assert elsewhere.status_code == 404
        msgspec.json.decode(elsewhere.content, type=dialects()[name].errors.shape)


def test_our_own_api_does_not_answer_at_the_root(filled: World, http: httpx2.Client) -> None:
    answer = http.get("/v1/calls", headers=filled.headers["trunkline"])
    assert answer.json() == {"statusCode": 401, "message": "Invalid API key format"}


@pytest.mark.parametrize("name", sorted(dialects()))
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_405_in_the_vendors_words_with_what_is_allowed(
    name: str, method: str, http: httpx2.Client
) -> None:
    operations = dialects()[name].operations
    for path in {operation.path for operation in operations}:
        taken = {operation.method for operation in operations if operation.path == path}
        if method in taken:
            continue
        answer = http.request(method, f"/{name}{path.replace('{id}', 'x')}")
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == taken | ({"HEAD"} if "GET" in taken else set())
        msgspec.json.decode(answer.content, type=dialects()[name].errors.shape)


@pytest.mark.parametrize("name", sorted(dialects()))
def test_head_is_get_without_a_body(name: str, filled: World, http: httpx2.Client) -> None:
    path, headers = f"/{name}{WALKS[name].path}", filled.headers[name]
    got, headed = http.get(path, headers=headers), http.head(path, headers=headers)
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == str(len(got.content))
