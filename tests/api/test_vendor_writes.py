"""The vendors' own writes over real HTTP, and what is refused because it would steer a call."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.api.test_writes import ask
from tests.conftest import World
from trunkline.kit.auth import NewKey
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.words import Status
from trunkline.vendors import dialects
from trunkline.vendors.butter.parse import from_wire as butter_from_wire
from trunkline.vendors.callem.parse import from_wire as callem_from_wire
from trunkline.vendors.zudu.parse import from_wire as zudu_from_wire

claim = pytest.mark.claim
MS = 1_772_444_400_000


def zudu_call(name: str, **said: Any) -> dict[str, Any]:
    usual = {"call_status": "ENDED", "call_type": "PHONE_CALL", "start_timestamp": MS, "metadata": {}}
    return {"call_id": name, **usual, **said}


def zudu(world: World, name: str = "call_a", **said: Any) -> None:
    world.see([zudu_from_wire(zudu_call(name, **said))])


def scheduled(world: World, name: str = "call_s") -> None:
    metadata = {"is_scheduled": True, "scheduled_timestamp": 1_772_440_000, "team": "north"}
    zudu(world, name, call_status="SCHEDULED", start_timestamp=None, metadata=metadata)


def foreign(world: World, status: Status = Status.COMPLETED, **fields: Any) -> str:
    """A call of another vendor, and the id that Zudu prints for it."""
    call = Call(
        id=str(uuid.uuid4()),
        vendor="elsewhere",
        vendor_call_id="e-1",
        status=status,
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
        **fields,
    )
    world.take([call])
    return dialects()["zudu"].ids.printed(call)


def in_zudu(world: World, name: str) -> Any:
    answer = world.get("zudu", f"/api/calls/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


# -- Callem ---------------------------------------------------------------


@claim("callem:path.delete")
def test_callem_deletes_a_call_and_says_so(world: World) -> None:
    name = "65f0a1b2c3d4e5f6a7b8c9d0"
    world.see([callem_from_wire({"id": name, "status": "completed", "callerNumber": "+12025550100"})])
    gone = ask(world, "DELETE", f"/v1/calls/{name}", dialect="callem")
    assert (gone.status_code, gone.json()) == (200, {"id": name, "deleted": True})
    again = ask(world, "DELETE", f"/v1/calls/{name}", dialect="callem")
    assert (again.status_code, again.json()) == (404, {"statusCode": 404, "message": "Call not found"})
    assert world.get("callem", "/v1/calls").json()["pagination"]["total"] == 0


# -- Zudu: update ---------------------------------------------------------


@claim("zudu:path.update")
def test_zudu_updates_a_call_and_merges_metadata(world: World) -> None:
    zudu(world, call_status="ONGOING", metadata={"a": 1})
    body = {
        "call_status": "ended",
        "direction": "outbound",
        "metadata": {"b": 2},
        "from_number": "+12025550111",
    }
    answer = ask(world, "PUT", "/api/calls/call_a", body, dialect="zudu")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["message"], found["status"], found["error"]) == (
        "Call updated successfully",
        "success",
        None,
    )
    assert list(found["data"]) == ["operation", "organization_id", "call"]
    call = found["data"]["call"]
    assert found["data"]["operation"] == "update"
    assert (call["call_status"], call["direction"]) == ("ENDED", "OUTBOUND")
    assert (call["metadata"], call["from_number"]) == ({"a": 1, "b": 2}, "+12025550111")
    assert call == in_zudu(world, "call_a")


def test_zudu_update_of_another_vendors_call_leaves_what_says_more(world: World) -> None:
    printed = foreign(
        world, Status.NO_ANSWER, vendor_type="reminder", vendor_words={"status.no_answer": "na"}
    )
    answer = ask(world, "PUT", f"/api/calls/{printed}", {"call_status": "ended"}, dialect="zudu")
    assert answer.status_code == 200
    call = world.get("trunkline", "/v1/calls").json()["calls"][0]
    assert (call["status"], call["vendor_type"]) == ("no_answer", "reminder")
    assert call["vendor_words"] == {"status.no_answer": "na"}


@pytest.mark.parametrize(
    "body",
    [
        {"duration": 5},
        {"call_status": "asleep"},
        {"metadata": None},
        {"metadata": 5},
        {"from_number": "1" * 9999},
    ],
)
def test_zudu_update_refuses_what_it_does_not_take(world: World, body: Any) -> None:
    zudu(world)
    answer = ask(world, "PUT", "/api/calls/call_a", body, dialect="zudu")
    assert (answer.status_code, answer.json()["message"]) == (400, "Validation error"), answer.text


# -- Zudu: schedule and delete --------------------------------------------


@claim("zudu:path.schedule")
def test_zudu_moves_a_schedule(world: World) -> None:
    scheduled(world)
    moved = ask(
        world, "PUT", "/api/calls/call_s/schedule", {"scheduled_timestamp": 1_772_450_000}, dialect="zudu"
    )
    assert moved.status_code == 200, moved.text
    assert moved.json()["message"] == "Scheduled call time updated successfully"
    data = moved.json()["data"]
    assert list(data) == [
        "operation",
        "organization_id",
        "call_id",
        "previous_scheduled_timestamp",
        "new_scheduled_timestamp",
        "scheduled_for_human",
        "call",
    ]
    assert (data["operation"], data["call_id"]) == ("schedule_update", "call_s")
    assert data["previous_scheduled_timestamp"] == 1_772_440_000
    assert data["new_scheduled_timestamp"] == 1_772_450_000
    assert data["scheduled_for_human"] == "2026-03-02T11:13:20.000Z"
    assert in_zudu(world, "call_s")["metadata"]["scheduled_timestamp"] == 1_772_450_000


@pytest.mark.parametrize("path", ["/api/calls/call_s/schedule", "/api/calls/call_s"])
def test_zudu_cancels_a_schedule_and_the_call_stays(world: World, path: str) -> None:
    scheduled(world)
    answer = ask(world, "DELETE", path, dialect="zudu")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["message"] == "Scheduled call cancelled successfully - converted to regular call"
    data = found["data"]
    assert (data["operation"], data["cancelled_scheduled_timestamp"]) == ("schedule_cancelled", 1_772_440_000)
    assert list(data["call"]) == ["call_id", "metadata", "events"]
    assert data["call"]["metadata"]["is_scheduled"] is False
    assert data["call"]["metadata"]["team"] == "north"
    assert in_zudu(world, "call_s")["call_status"] == "REGISTERED"
    again = ask(world, "DELETE", "/api/calls/call_s/schedule", dialect="zudu")
    assert (again.status_code, again.json()["error"]) == (400, "Call is not scheduled")


def test_zudu_moves_and_cancels_the_schedule_of_another_vendors_call(world: World) -> None:
    printed = foreign(world, Status.SCHEDULED, scheduled_at=datetime(2026, 3, 2, 9, tzinfo=UTC))
    body = {"scheduled_timestamp": 1_772_450_000}
    moved = ask(world, "PUT", f"/api/calls/{printed}/schedule", body, dialect="zudu")
    assert moved.json()["data"]["call"]["metadata"] == {
        "is_scheduled": True,
        "scheduled_timestamp": 1_772_450_000,
    }
    gone = ask(world, "DELETE", f"/api/calls/{printed}/schedule", dialect="zudu")
    assert gone.json()["data"]["call"]["metadata"]["is_scheduled"] is False


@pytest.mark.parametrize("body", [{}, {"scheduled_timestamp": "soon"}, {"scheduled_timestamp": None}, [1]])
def test_zudu_refuses_a_schedule_that_is_no_time(world: World, body: Any) -> None:
    scheduled(world)
    assert ask(world, "PUT", "/api/calls/call_s/schedule", body, dialect="zudu").status_code == 400


def test_zudu_deletes_a_call_that_is_not_scheduled(world: World) -> None:
    zudu(world)
    gone = ask(world, "DELETE", "/api/calls/call_a", dialect="zudu")
    assert gone.json() == {
        "message": "Call deleted successfully",
        "status": "success",
        "error": None,
        "data": {"operation": "delete", "organization_id": world.name, "call_id": "call_a"},
    }
    again = ask(world, "DELETE", "/api/calls/call_a", dialect="zudu")
    assert again.status_code == 404
    assert again.json()["error"] == "Call with ID 'call_a' does not exist"


# -- Zudu: the list by POST -----------------------------------------------

CRITERIA: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"a", "b", "c"}),
    ({"call_status": ["ended", "ONGOING"]}, {"a", "b"}),
    ({"call_status": "error"}, {"c"}),
    ({"call_status": "unheard"}, set()),
    ({"agent_id": "agent_1"}, {"a"}),
    ({"agent_id": ["agent_1", "agent_2"]}, {"a", "b"}),
    ({"call_type": ["web_call"]}, {"b"}),
    ({"duration_ms": {"lower_threshold": 1000, "upper_threshold": 2000}}, {"a"}),
    ({"duration_ms": {"lower_threshold": 2001}}, {"b"}),
    ({"duration_ms": {"upper_threshold": 10**30}}, {"a", "b"}),
    ({"start_timestamp": {"upper_threshold": MS}}, {"a"}),
    ({"transcript_search": "thursDAY"}, {"b"}),
    ({"direction": ["inbound"]}, {"a"}),
    ({"disconnection_reason": "USER_HANGUP"}, {"a"}),
    ({"user_sentiment": ["positive", "Negative"]}, {"a", "c"}),
    ({"from_number": "+12025550101"}, {"b"}),
    ({"to_number": ["+12025550109"]}, {"a"}),
    ({"batch_call_id": "batch-7"}, {"c"}),
    ({"call_successful": True}, {"a"}),
    ({"in_voicemail": [False]}, {"a"}),
    ({"call_status": ["ended"], "agent_id": "agent_2"}, set()),
]


@pytest.fixture(scope="module")
def three(new_world: Callable[..., World]) -> World:
    world = new_world()
    analysis = {"call_successful": True, "in_voicemail": False, "user_sentiment": "Positive"}
    zudu(
        world,
        "a",
        agent_id="agent_1",
        call_duration=1000,
        direction="INBOUND",
        disconnection_reason="USER_HANGUP",
        to_number="+12025550109",
        call_analysis=analysis,
    )
    zudu(
        world,
        "b",
        call_status="ONGOING",
        agent_id="agent_2",
        call_type="WEB_CALL",
        call_duration=9000,
        start_timestamp=MS + 1,
        from_number="+12025550101",
        transcript_object=[{"role": "user", "content": "On Thursday."}],
    )
    zudu(
        world,
        "c",
        call_status="ERROR",
        start_timestamp=MS + 2,
        metadata={"batch_call_id": "batch-7"},
        call_analysis={"user_sentiment": "Negative"},
    )
    return world


@claim("zudu:path.filter_body")
@pytest.mark.parametrize(("criteria", "names"), CRITERIA)
def test_zudu_lists_what_matches_and_echoes_the_request(
    three: World, criteria: dict[str, Any], names: set[str]
) -> None:
    answer = ask(three, "POST", "/api/calls", {"filter_criteria": criteria}, dialect="zudu")
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert {call["call_id"] for call in data["calls"]} == names
    assert data["applied_filters"] == criteria
    assert data["pagination"]["total_count"] == len(names)


def test_zudu_list_by_post_without_a_body_is_the_list_by_get(three: World) -> None:
    posted = ask(three, "POST", "/api/calls", b"", dialect="zudu")
    assert posted.content == three.get("zudu", "/api/calls").content


def test_zudu_list_by_post_pages_and_sorts(three: World) -> None:
    body = {"page": 1, "limit": 2, "sort_by": "start_timestamp", "sort_order": "ascending"}
    data = ask(three, "POST", "/api/calls", body, dialect="zudu").json()["data"]
    assert [call["call_id"] for call in data["calls"]] == ["c"]
    assert data["pagination"]["has_previous_page"] is True


@pytest.mark.parametrize(
    "body",
    [
        {"filter_criteria": {"colour": "red"}},
        {"filters": {}},
        {"limit": 101},
        {"page": -1},
        {"sort_by": "colour"},
        {"filter_criteria": {"duration_ms": 5}},
        {"filter_criteria": {"duration_ms": {"min": 5}}},
        {"filter_criteria": {"call_status": [5]}},
        {"filter_criteria": {"transcript_search": ""}},
        {"filter_criteria": {"from_number": "nobody"}},
        {"filter_criteria": {"call_successful": [True, False]}},
        {"filter_criteria": {"start_timestamp": {"lower_threshold": 10**18}}},
        [],
    ],
)
def test_zudu_list_by_post_refuses_what_it_does_not_know(three: World, body: Any) -> None:
    answer = ask(three, "POST", "/api/calls", body, dialect="zudu")
    assert (answer.status_code, answer.json()["message"]) == (400, "Validation error"), answer.text


def test_zudu_list_by_post_needs_no_more_than_a_key_that_reads(three: World) -> None:
    made = three.run(three.joined.keys.create(three.name, scopes=["read"]))
    answer = three.request("POST", "/zudu/api/calls", headers=made.headers["zudu"])
    assert answer.status_code == 200


# -- ContactShip ----------------------------------------------------------

POLLED = {
    Status.SCHEDULED: ("scheduled", False),
    Status.QUEUED: ("in_queue", False),
    Status.RINGING: ("pending", False),
    Status.IN_PROGRESS: ("in_progress", False),
    Status.COMPLETED: ("ended", True),
    Status.NO_ANSWER: ("no_answer", True),
    Status.VOICEMAIL: ("voicemail", True),
    Status.FAILED: ("failed", True),
    Status.CANCELED: ("canceled", True),
}


@claim("contactship:path.status")
@pytest.mark.parametrize("status", POLLED)
def test_contactship_prints_the_state_of_a_call(world: World, status: Status) -> None:
    foreign(world, status)
    call_id = world.get("contactship", "/v1/calls").json()["data"][0]["id"]
    answer = world.get("contactship", f"/v1/calls/{call_id}/status")
    assert answer.status_code == 200
    assert list(answer.json()) == ["statusCode", "data"]
    data = answer.json()["data"]
    assert list(data) == [
        "call_id",
        "agent_id",
        "call_status",
        "finished",
        "disconnection_reason",
        "started_at",
        "ended_at",
    ]
    assert (data["call_id"], data["call_status"], data["finished"]) == (call_id, *POLLED[status])


def test_contactship_status_of_no_uuid_is_400_and_of_no_call_404(world: World) -> None:
    assert world.get("contactship", "/v1/calls/7/status").status_code == 400
    assert world.get("contactship", f"/v1/calls/{uuid.uuid4()}/status").status_code == 404


# -- what would place or steer a call -------------------------------------

NOT_DONE = [
    (name, method, path) for name, dialect in dialects().items() for method, path in dialect.unsupported
]


@claim(
    "contactship:path.other_endpoints", "contactship:path.stop", "zudu:path.place", "butter:path.make_call"
)
@pytest.mark.parametrize(("name", "method", "path"), NOT_DONE)
def test_nothing_here_places_or_steers_a_call(world: World, name: str, method: str, path: str) -> None:
    path = path.replace("{id}", str(uuid.uuid4()))
    for prefix in (f"/{name}", ""):
        answer = world.request(method, f"{prefix}{path}", headers=world.headers[name], content=b"{}")
        assert answer.status_code == 501, answer.text
        assert "Trunkline records calls" in answer.text
        assert answer.headers["content-type"] == dialects()[name].errors.media_type


@pytest.mark.parametrize(("name", "method", "path"), NOT_DONE)
def test_what_is_not_done_here_is_not_revealed_without_a_good_key(
    world: World, name: str, method: str, path: str
) -> None:
    errors = dialects()[name].errors
    reader = world.run(world.joined.keys.create(world.name, scopes=["read"])).headers[name]
    strangers = dialects()[name].auth.headers_for(NewKey.generate())
    for headers, fault in (
        ({}, Fault.NO_CREDENTIAL),
        (strangers, Fault.UNKNOWN_CREDENTIAL),
        (reader, Fault.SCOPE_MISSING),
    ):
        answer = world.request(method, f"/{name}{path}".replace("{id}", "x"), headers=headers, content=b"{}")
        status, body = errors.answer(Refused(fault, "write" if fault is Fault.SCOPE_MISSING else ""))
        assert (answer.status_code, answer.json()) == (status, msgspec.to_builtins(body))
        assert answer.status_code in (401, 403)


def test_there_is_something_that_is_not_done() -> None:
    assert {name for name, _, _ in NOT_DONE} == {"contactship", "zudu", "butter"}


# -- Butter ---------------------------------------------------------------


@claim("butter:list.cursor.deleted")
def test_butter_goes_on_after_a_call_that_was_deleted_since(
    world: World, new_world: Callable[..., World]
) -> None:
    for number in range(5):
        at = f"2026-03-0{number + 1}T00:00:00Z"
        world.see(
            [butter_from_wire({"call_sid": f"call_{number:012}", "status": "completed", "created_at": at})]
        )
    first = world.get("butter", "/api/calls?limit=2").json()
    cursor = first["pagination"]["next_cursor"]
    last = first["data"][-1]["call_sid"]
    for call in world.get("trunkline", "/v1/calls").json()["calls"]:
        if call["vendor_call_id"] == last:
            assert ask(world, "DELETE", f"/v1/calls/{call['id']}").status_code == 204
    rest = world.get("butter", f"/api/calls?limit=9&cursor={cursor}").json()
    assert [row["call_sid"] for row in rest["data"]] == [f"call_{number:012}" for number in (2, 1, 0)]
    other = new_world()
    assert other.get("butter", f"/api/calls?cursor={cursor}").status_code == 400
