"""What must be true of every list API from which calls are pulled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from trunkline.kit.door import Door
from trunkline.kit.list_api import Request
from trunkline.vendors import doors

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERY = list(doors().values())

LISTED = [door for door in EVERY if door.list_api is not None]
every_list = pytest.mark.parametrize("door", LISTED, ids=[door.name for door in LISTED])


@every_list
def test_a_request_is_data_that_can_be_stored_and_sent_later(door: Door) -> None:
    api = door.list_api
    assert api is not None
    for since, until in ((None, None), (NOW - timedelta(days=7), NOW)):
        request = api.first(since, until)
        assert msgspec.json.decode(msgspec.json.encode(request), type=Request) == request
        assert request.path.startswith("/")
        assert "?" not in request.path


@every_list
def test_a_credential_is_sent_in_headers_and_nowhere_else(door: Door) -> None:
    api = door.list_api
    assert api is not None
    assert api.base_url.startswith("https://" if door.name != "trunkline" else "http://127.0.0.1")
    assert not api.base_url.endswith("/")
    credential = {name: f"value-of-{name}" for name in api.credential}
    worn = api.headers(credential)
    assert worn
    assert api.credential
    assert api.requests_per_minute > 0
    query = "&".join(value for _, value in api.first(None, None).query)
    assert not any(value in query for value in credential.values())


@every_list
def test_an_id_cannot_lead_a_request_elsewhere(door: Door) -> None:
    api = door.list_api
    assert api is not None
    assert (api.one is None) == (api.read_one is None)
    if api.one is not None:
        usual, odd = api.one("abc"), api.one("../a?b#c/d")
        assert odd.path.count("/") == usual.path.count("/")
        assert not set("?#") & set(odd.path)
