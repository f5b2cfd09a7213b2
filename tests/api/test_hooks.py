"""Webhooks over real HTTP: verified, stored, read once, and answered after their commit."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.api.files import exported
from tests.conftest import MAX_WAIT_SECONDS, Server, World
from trunkline.compose import reprocessor
from trunkline.service.sources import Source, SourceProblem
from trunkline.settings import Settings
from trunkline.store.totals.totals import differences
from trunkline.vendors import doors

SECRET = "s3cr3t-of-the-webhook"
CALL: dict[str, Any] = {
    "id": "6789abcdef0123456789abcd",
    "agentCollectionId": "agent-1",
    "callerNum": "+12025550123",
    "calledNum": "+12025550100",
    "createdAt": "2026-03-01T10:00:00Z",
}
STARTED = {"event": "call_started", "timestamp": "2026-03-01T10:00:00Z", "call": {**CALL, "isLive": True}}
ENDED = {
    "event": "call_ended",
    "timestamp": "2026-03-01T10:02:00Z",
    "call": {**CALL, "isLive": False, "duration": 120.5, "transcription": []},
}


def source_in(world: World, vendor: str = "callem", secret: str = SECRET) -> Source:
    secrets = [secret] if doors()[vendor].signature.secret_is else []
    return world.run(world.joined.sources.add(world.org.name, vendor, webhook_secrets=secrets))


def deliver(
    world: World, source: Source, document: Any, *, secret: str = SECRET, at: datetime | None = None
) -> httpx2.Response:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    stamp = str(int((at or datetime.now(UTC)).timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-callem-timestamp": stamp, "x-callem-signature": digest, "content-type": "application/json"}
    return world.request("POST", f"/hooks/{source.address}", content=body, headers=headers)


def stored_payloads(world: World) -> list[Any]:
    return world.run(
        world.joined.pool.fetch(
            "SELECT * FROM sightings WHERE org_id = $1 ORDER BY received_at, event", world.org.id
        )
    )


def unread_payloads(world: World) -> list[Any]:
    return world.run(world.joined.pool.fetch("SELECT * FROM inbox WHERE org_id = $1", world.org.id))


def test_a_delivery_is_stored_as_it_came_and_becomes_a_call(world: World) -> None:
    source = source_in(world)
    answer = deliver(world, source, STARTED)
    assert (answer.status_code, answer.json()) == (
        200,
        {"received": True, "event": "call_started", "calls": 1},
    )
    live = world.get("callem", f"/v1/calls/{CALL['id']}").json()
    assert live["status"] == "live"
    assert deliver(world, source, ENDED).status_code == 200
    assert world.get("callem", f"/v1/calls/{CALL['id']}").json()["duration"] == 120.5
    (first, second) = stored_payloads(world)
    assert first["payload"] == json.dumps(STARTED).encode()
    assert (first["kind"], first["event"], str(first["source_id"])) == ("hook", "call_started", source.id)
    assert second["event"] == "call_ended"
    assert world.run(differences(world.joined.pool, world.org.id)) == []


def test_what_comes_twice_or_late_changes_nothing(world: World) -> None:
    source = source_in(world)
    for document in (ENDED, STARTED, ENDED, STARTED, STARTED):
        assert deliver(world, source, document).status_code == 200
    call = world.get("trunkline", f"/v1/calls?vendor_call_id={CALL['id']}&include_total=true").json()
    assert call["total_size"] == 1
    assert call["calls"][0]["status"] == "completed"
    assert sorted(row["times"] for row in stored_payloads(world)) == [2, 3]


@pytest.mark.parametrize(
    ("secret", "late"), [("another secret", timedelta()), (SECRET, timedelta(minutes=6)), ("", timedelta())]
)
def test_a_delivery_that_is_not_the_vendors_is_refused_and_not_stored(
    world: World, secret: str, late: timedelta
) -> None:
    answer = deliver(world, source_in(world), STARTED, secret=secret, at=datetime.now(UTC) - late)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
    assert stored_payloads(world) == []


def test_unknown_words_and_fields_reject_nothing_and_are_counted(world: World) -> None:
    document = {**ENDED, "call": {**ENDED["call"], "mood": "sunny"}}  # type: ignore[dict-item]
    assert deliver(world, source_in(world), document).json()["calls"] == 1
    assert [list(row["unknown"]) for row in stored_payloads(world)] == [["call.mood"]]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"event": "call_ended", "call": {}}', b"[" * 100_000],
)
def test_what_is_the_vendors_and_cannot_be_read_is_stored_with_its_reason(world: World, body: bytes) -> None:
    answer = deliver(world, source_in(world), body)
    assert answer.status_code == 200
    assert answer.json()["note"]
    (row,) = unread_payloads(world)
    assert row["payload"] == body
    assert row["reason"] == answer.json()["note"]
    assert stored_payloads(world) == []


def test_a_hook_that_expects_an_answer_is_refused_with_a_sentence(world: World) -> None:
    source = source_in(world, "vapi")
    answer = world.request(
        "POST",
        f"/hooks/{source.address}",
        json={"message": {"type": "tool-calls", "call": {"id": "x"}}},
        headers={"authorization": f"Bearer {SECRET}"},
    )
    assert answer.status_code == 501
    assert "tool-calls" in answer.json()["detail"]
    assert stored_payloads(world) == []


def test_addresses_that_are_not_there_or_are_disabled(world: World) -> None:
    source = source_in(world)
    assert world.request("POST", "/hooks/nobody-has-this", content=b"{}").status_code == 404
    assert world.request("GET", f"/hooks/{source.address}").status_code == 405
    world.run(world.joined.sources.disable(world.org.name, source.id))
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while (status := deliver(world, source, STARTED).status_code) != 410:
        assert status == 200  # a lookup is good for less than a second
        assert time.monotonic() < deadline


def test_another_orgs_call_of_the_same_name_stays_another_call(new_world: Callable[..., World]) -> None:
    mine, theirs = new_world(), new_world()
    assert deliver(mine, source_in(mine), ENDED).status_code == 200
    assert deliver(theirs, source_in(theirs), STARTED).status_code == 200
    assert mine.get("callem", f"/v1/calls/{CALL['id']}").json()["status"] == "completed"
    assert theirs.get("callem", f"/v1/calls/{CALL['id']}").json()["status"] == "live"


def test_a_body_that_is_too_large_or_too_slow_is_cut_off(
    world: World, embedded_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("small") / "server.log"
    served = Server(embedded_url, log, TRUNKLINE_MAX_BODY_BYTES="2000", TRUNKLINE_BODY_SECONDS="1")
    served.wait_until_ready()
    try:
        source = source_in(world, "zudu")  # which does not sign, so that the body is read
        url = f"{served.url}/hooks/{source.address}"
        assert httpx2.post(url, content=b"x" * 2001).status_code == 413

        def pieces() -> Any:
            for _ in range(30):
                yield b"x" * 100

        assert httpx2.post(url, content=pieces()).status_code == 413
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as slow:
            head = f"POST /hooks/{source.address} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx"
            slow.sendall(head.encode())
            assert slow.recv(100).startswith(b"HTTP/1.1 408")
    finally:
        served.stop()


def test_the_command_line_makes_lists_and_disables_sources(embedded_url: str, world: World) -> None:
    environment = {**os.environ, "TRUNKLINE_DATABASE_URL": embedded_url}

    def run(*args: str, told: str = "") -> str:
        command = [sys.executable, "-m", "trunkline", "sources", *args, "--org", world.org.name]
        done = subprocess.run(
            command, env=environment, input=told, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = run("add", "--vendor", "callem", "--stdin", told=json.dumps({"secret": SECRET}))
    address = re.search(r"/hooks/([A-Za-z0-9_-]{32})", said)
    assert address is not None
    listed = json.loads(run("list", "--json"))["sources"]
    assert [(one["vendor"], one["signed"], one["pulled"]) for one in listed] == [("callem", True, False)]
    assert SECRET not in json.dumps(listed)
    run("disable", listed[0]["id"])
    assert json.loads(run("list", "--json"))["sources"][0]["disabled_at"]


def test_a_source_is_not_made_without_what_it_needs(world: World) -> None:
    add = world.joined.sources.add
    with pytest.raises(SourceProblem, match="signs its webhooks"):
        world.run(add(world.org.name, "retell"))
    with pytest.raises(SourceProblem, match="no vendor 'nobody'"):
        world.run(add(world.org.name, "nobody"))
    with pytest.raises(SourceProblem, match="requires"):
        world.run(add(world.org.name, "zudu", credential={"key": "x"}))
    with pytest.raises(SourceProblem, match="documents no signature"):
        world.run(add(world.org.name, "zudu", webhook_secrets=["x"]))


def test_our_own_form_is_accepted_by_its_address_or_signed_as_standard_webhooks_says(world: World) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    add = world.joined.sources.add
    bare, signing = (
        world.run(add(world.org.name, "trunkline", webhook_secrets=each)) for each in ((), (secret,))
    )
    body = json.dumps({"vendor": "elsewhere", "vendor_call_id": "c-1", "status": "completed"})
    now = datetime.now(UTC)
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body),
    }

    def status(source: Source, headers: dict[str, str]) -> int:
        headers = {"content-type": "application/json", **headers}
        return world.request("POST", f"/hooks/{source.address}", content=body, headers=headers).status_code

    assert [status(bare, {}), status(signing, {}), status(signing, signed)] == [200, 401, 200]


def test_secrets_are_sealed_in_the_database(world: World) -> None:
    source = source_in(world)
    (row,) = world.run(world.joined.pool.fetch("SELECT * FROM sources WHERE org_id = $1", world.org.id))
    stored = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert SECRET.encode() not in stored
    assert source.address.encode() not in stored
    assert SECRET not in repr(source)


# -- the ways in which senders send ---------------------------------------


def by_get(world: World, source: Source, fields: dict[str, str], *, secret: str = SECRET) -> httpx2.Response:
    """A callback of Twilio's by GET: the address alone is signed, with the fields in its query."""
    path = f"/hooks/{source.address}?{urlencode(fields)}"
    address = f"{Settings.read({}).public_url}{path}".encode()
    signature = base64.b64encode(hmac.new(secret.encode(), address, hashlib.sha1).digest()).decode()
    return world.request("GET", path, headers={"x-twilio-signature": signature})


CALLBACK = {"CallSid": "CA1", "CallStatus": "completed", "From": "+12025550111", "To": "+12025550122"}


def test_a_callback_by_get_is_taken_where_the_vendor_has_that(world: World) -> None:
    source = source_in(world, "twilio")
    answer = by_get(world, source, CALLBACK)
    assert (answer.status_code, answer.json()["calls"]) == (200, 1)
    (listed,) = exported(world).text.splitlines()
    call = json.loads(listed)
    assert (call["vendor_call_id"], call["from_number"]) == ("CA1", "+12025550111")
    assert world.run(reprocessor(world.joined).run(world.org)).changed == 0


@pytest.mark.parametrize("changed", ["another secret", "a field"])
def test_a_callback_by_get_that_is_not_genuine_is_refused(changed: str, world: World) -> None:
    source = source_in(world, "twilio")
    if changed == "a field":
        genuine = by_get(world, source, CALLBACK).request
        url = str(genuine.url).replace("completed", "failed")
        answer = httpx2.get(url, headers={"x-twilio-signature": genuine.headers["x-twilio-signature"]})
    else:
        answer = by_get(world, source, CALLBACK, secret=changed)
    assert answer.status_code == 401


def test_get_is_refused_where_the_vendor_has_no_such_thing(world: World) -> None:
    source = source_in(world, "zudu")
    answer = world.request("GET", f"/hooks/{source.address}?id=1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, HEAD")
    assert answer.json()["detail"] == "Zudu sends its webhooks by POST"


def test_head_says_whether_an_address_is_right(world: World) -> None:
    source = source_in(world)
    assert world.request("HEAD", f"/hooks/{source.address}").status_code == 200
    assert world.request("HEAD", "/hooks/nobody").status_code == 404
    world.run(world.joined.sources.disable(world.org.name, source.id))
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while (status := world.request("HEAD", f"/hooks/{source.address}").status_code) != 410:
        assert status == 200  # a lookup is good for less than a second
        assert time.monotonic() < deadline


@pytest.mark.parametrize("path", ["/hooks/{}/", "//hooks/{}", "/hooks//{}//"])
def test_slashes_too_many_change_nothing(path: str, world: World) -> None:
    source = source_in(world, "zudu")
    url = f"{world.url}{path.format(source.address)}"
    answer = httpx2.post(url, json={"nothing": "that zudu sends"})
    assert (answer.status_code, answer.json()["received"]) == (200, True)


def test_the_names_that_svix_writes_are_those_of_the_standard(world: World) -> None:
    key = "whsec_" + base64.b64encode(b"k" * 24).decode()
    source = world.run(world.joined.sources.add(world.org.name, "trunkline", webhook_secrets=[key]))
    body, now = json.dumps({"vendor_call_id": "svix", "vendor": "x"}), datetime.now(UTC)
    signature = Webhook(key).sign("msg_1", now, body)
    headers = {"id": "msg_1", "timestamp": str(int(now.timestamp())), "signature": signature}
    for names, status in (("svix", 200), ("webhook", 200), ("other", 401)):
        sent = {f"{names}-{name}": value for name, value in headers.items()}
        answer = world.request("POST", f"/hooks/{source.address}", content=body, headers=sent)
        assert answer.status_code == status, answer.text
