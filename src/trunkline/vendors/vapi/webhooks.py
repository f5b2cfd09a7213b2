"""Vapi: server messages about a call while it runs and when it is over, and a list of calls.

Sources: docs.vapi.ai for server messages, server authentication and ended reasons; the vendor's own Python
SDK for the names of fields and words; its published examples of messages.

Events: `status-update`, `end-of-call-report`, `conversation-update`, `transcript`, `speech-update`,
`hang`, `transfer-update`, `user-interrupted`, `model-output` and `assistant.speechStarted`, and a call as
the list and the get print it. Messages of chats and sessions, and of a call's files and deletion, are
stored but have no calls. Messages that expect an answer are left to the agent's own server.

Not carried: word times, whose zero point is not documented, and the assistant's settings, which contain
secrets.

Our choice: the call inside a message was printed when it began, so status, end, reason, cost and analysis are
read from it only where it says `ended`; a report and an update have them beside it. Any message from within
the conversation means that the call is in progress. A message is true as of its `timestamp`; one without it
as of the call's end or start. A `transcript` is one turn of a conversation that other messages contain whole,
so it is dated by the call's creation and gives way to any of them; a partial one is no turn. A message of the
conversation ends where its two epoch times say, because the unit of its `duration` is uncertain. A call that
ended as busy, unanswered, voicemail, canceled or with an error has that status; any other one is completed.

An HMAC signature is checked with the vendor's default settings: SHA-256 in hex, in `x-signature`, over
`timestamp.body` with the time in `x-timestamp`, or over the body alone. Whether the time is in seconds or
milliseconds is not documented and is decided by its length; it may differ from ours by five minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import AnswerExpected, Door, ParsedDelivery
from trunkline.kit.payload import Payload, Unreadable, or_none
from trunkline.kit.signatures import (
    AnyOf,
    HmacSigned,
    SharedSecret,
    Window,
    epoch_milliseconds,
    epoch_seconds,
    one_header,
    two_headers,
)
from trunkline.model.call import Turn
from trunkline.model.sighting import Sighting
from trunkline.model.words import Status
from trunkline.vendors.vapi.parse import from_wire, implied_at, read_call, settle
from trunkline.vendors.vapi.pull import LIST_API
from trunkline.vendors.vapi.words import (
    END_OF_CALL_FIELDS,
    EXPECT_AN_ANSWER,
    IN_ANY_MESSAGE,
    IN_MESSAGE,
    LIVE_EVENTS,
    NAME,
    NOT_OF_A_CALL,
    OTHERS,
    OVER,
    REPORT,
    ROLES,
    STATUS_UPDATE,
    TRANSCRIPT,
)

# -- messages -------------------------------------------------------------


def read(document: Any) -> ParsedDelivery:
    """Read a server message; raises `Unreadable` and `AnswerExpected`."""
    outer = Payload.of(document)
    wrapped = outer.object("message")
    message = wrapped if isinstance(wrapped, Payload) else outer
    event = or_none(message.text("type")) or ""
    if not event and "call" not in message:
        raise Unreadable("message.type", "a message has a type")
    if event.startswith(TRANSCRIPT + "["):  # the name under which a server asks for the final ones alone
        event = TRANSCRIPT
    if event in EXPECT_AN_ANSWER:
        raise AnswerExpected(event)
    if event in NOT_OF_A_CALL:
        return ParsedDelivery(event=event, note="the event does not describe a call")
    documented = event in OTHERS or event in LIVE_EVENTS
    unknown = [] if documented else [f"message.type={event}"]
    call = message.object("call")
    if not isinstance(call, Payload) or not or_none(call.text("id")):
        return ParsedDelivery(event=event, unknown=unknown, note="the message does not name its call")
    unknown += [f"message.{name}" for name in message.rest(*IN_ANY_MESSAGE)]
    sighting = read_call(Payload(_facts(event, message, call), "call", outer.problems), unknown)
    if event == REPORT:
        sighting.status = sighting.status if sighting.end_reason else Status.COMPLETED
    elif event in LIVE_EVENTS:
        sighting.status = Status.IN_PROGRESS
    settle(sighting)
    sighting.as_of = or_none(message.epoch_ms("timestamp")) or implied_at(sighting)
    sightings = [sighting]
    if event == TRANSCRIPT:
        sightings += _one_turn(message, sighting)
    return ParsedDelivery(event=event, sightings=sightings, unknown=unknown)


def _facts(event: str, message: Payload, call: Payload) -> dict[str, Any]:
    """The call of a message with the message's own fields beside it, and without outdated ones."""
    facts = call.raw if call.raw.get("status") == OVER else call.rest(*END_OF_CALL_FIELDS)
    beside = (
        IN_MESSAGE
        if event in (REPORT, STATUS_UPDATE)
        else ("artifact", "assistant", "customer", "phoneNumber")
    )
    stated = {}
    for name in beside:
        value, known = message.raw.get(name), facts.get(name)
        if value is None:
            continue
        if isinstance(known, dict) and not isinstance(value, dict):
            message.note(message.where(name), value, "an object")  # the call itself has one
        else:
            stated[name] = value
    if event == "conversation-update" and "messages" in message:
        stated["messages"] = message.raw["messages"]
    return {**facts, **stated}


def _one_turn(message: Payload, whole: Sighting) -> list[Sighting]:
    """A final transcript's turn as its own sighting, as old as the call, so that fuller messages win."""
    role = ROLES.get(or_none(message.text("role")) or "")
    text, kind = or_none(message.text("transcript")), or_none(message.text("transcriptType"))
    at = next((at for at in (whole.created_at, whole.started_at) if isinstance(at, datetime)), None)
    if kind != "final" or role is None or not text or at is None or whole.turns is not UNSET:
        return []
    turn = Turn(role=role, text=text)
    call_id = whole.vendor_call_id
    return [
        Sighting(vendor=NAME, vendor_call_id=call_id, created_at=whole.created_at, turns=[turn], as_of=at)
    ]


# -- three ways to authenticate a message, whichever a team has set ------

FIVE_MINUTES = timedelta(minutes=5)

CREDENTIAL = "the server credential: bearer token, server secret or HMAC key"


def _instant(text: str) -> datetime:
    """Unix seconds or milliseconds, by the count of digits; raises `ValueError`."""
    return epoch_milliseconds(text) if len(text) >= 13 else epoch_seconds(text)


SIGNATURE = AnyOf(
    secret_is=CREDENTIAL,
    ways=(
        SharedSecret(secret_is=CREDENTIAL, header="authorization", prefix="Bearer "),
        SharedSecret(secret_is=CREDENTIAL, header="x-vapi-secret"),
        HmacSigned(secret_is=CREDENTIAL, read_header=one_header("x-signature"), message=lambda body, _: body),
        HmacSigned(
            secret_is=CREDENTIAL,
            read_header=two_headers("x-signature", "x-timestamp"),
            message=lambda body, stamp: stamp.encode() + b"." + body,
            instant=_instant,
            window=Window(past=FIVE_MINUTES, future=FIVE_MINUTES),
        ),
    ),
)

DOOR = Door(
    name=NAME,
    title="Vapi",
    about=__doc__ or "",
    signature=SIGNATURE,
    parse_delivery=read,
    from_wire=from_wire,
    list_api=LIST_API,
)
