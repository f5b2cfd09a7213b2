"""Retell: calls arrive by webhook, and can be pulled from `/v3/list-calls` and `/v2/get-call`.

Sources: docs.retellai.com on webhooks, list calls and get call; the types and the verifier of Retell's own
Python SDK. Documented are the events, the fields and their units, the reasons for a disconnection and the
signature `X-Retell-Signature: v=<ms>,d=<hex>`, which is valid for five minutes either way.

Events: `call_started`, `call_ended`, `call_analyzed`, `transcript_updated` and the four of a transfer are
read; those of chats are stored but have no calls.

Not carried: scrubbed transcripts beside the full one, the access token of a web call.

Our choice: a delivery has no time of its own, so it is true as of the last event in it: the last word of a
running call, the end or the transfer's end of one that is over, and a millisecond more once it is analyzed.
`ended` and `not_connected` become the status that the reason implies; a call that is analyzed as voicemail is
one. The person to whom a call was transferred counts as a user. Key presses, text messages and steps of a
flow become events. Costs arrive in cents and are stored in US dollars, their parts unchanged. Dynamic
variables are in the metadata under the vendor's names. Tool arguments stay the text they are. `call_inbound`
and custom functions expect an answer and are refused; chats are no calls. The list is requested a hundred
calls at a time, and each call is then requested by itself, since the list has no conversation.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET, UnsetType

from trunkline.kit.door import AnswerExpected, Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import HmacSigned, Window, epoch_milliseconds, pairs_in_header
from trunkline.model.call import Analysis
from trunkline.model.sighting import Sighting
from trunkline.vendors.retell.parse import from_wire, read_call
from trunkline.vendors.retell.pull import LIST_API
from trunkline.vendors.retell.words import EVENTS, NAME

SIGNATURE = HmacSigned(
    secret_is="the API key that has the webhook badge",  # noqa: S106 (its name, not itself)
    read_header=pairs_in_header("x-retell-signature", "v", "d"),
    message=lambda body, stamp: body + stamp.encode(),
    instant=epoch_milliseconds,
    window=Window(past=timedelta(minutes=5), future=timedelta(minutes=5)),
)


def parse_delivery(document: Any) -> ParsedDelivery:
    """Read a delivery: `{"event", "call"}`, with the other fields beside the call."""
    body = Payload.of(document)
    event = or_none(body.text("event")) or ""
    if event == "call_inbound" or (not event and "call" in body and "args" in body):
        raise AnswerExpected(event or "a custom function")
    if event.startswith("chat_"):
        return ParsedDelivery(event=event, note="a chat is no call")
    call = body.part("call")
    sighting, unknown = read_call(Payload({**body.rest("event", "call"), **call.raw}, "call", body.problems))
    sighting.as_of = _as_of(sighting, call)
    if event not in EVENTS:
        unknown.insert(0, f"event={event}")
    return ParsedDelivery(event=event, sightings=[sighting], unknown=unknown)


def _as_of(sighting: Sighting, call: Payload) -> datetime | UnsetType:
    # A delivery has no time of its own. It is true as of the last event in it; an
    # analysis is made after the end; a millisecond is enough to order the two.
    ended_at = or_none(sighting.ended_at)
    if ended_at is not None:
        transferred_at = or_none(call.epoch_ms("transfer_end_timestamp"))
        last = max(at for at in (ended_at, transferred_at) if at is not None)
        return last + timedelta(milliseconds=1) if isinstance(sighting.analysis, Analysis) else last
    started_at = or_none(sighting.started_at)
    if started_at is None:
        return UNSET
    turn_ends_ms = [turn.end_ms or 0 for turn in sighting.turns or ()]
    return started_at + timedelta(milliseconds=max(turn_ends_ms, default=0))


DOOR = Door(
    name=NAME,
    title="Retell",
    about=__doc__ or "",
    signature=SIGNATURE,
    parse_delivery=parse_delivery,
    from_wire=from_wire,
    list_api=LIST_API,
)
