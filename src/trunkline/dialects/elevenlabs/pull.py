"""ElevenLabs: conversations come in by post-call webhook, and are asked for at `/v1/convai/conversations`.

Sources: elevenlabs.io/docs on post-call webhooks, list conversations and get conversation; the types and
the verifier of ElevenLabs' own Python SDK. Documented are the three types of webhook, the fields and their
units, and the signature `ElevenLabs-Signature: t=<s>,v0=<hex>`, which holds for thirty minutes.

Events: `post_call_transcription`, `post_call_audio` and `call_initiation_failure`, also as
`unredacted_…`.

Not carried: what each turn took and cost, feedback on turns, an interrupted turn's first wording, the
audio itself, conversations that come as OpenTelemetry traces; the payload is kept, so that they can be
read later.

Our choice: a signature may lie five minutes in the future. A delivery is as old as its `event_timestamp`.
The reasons for an end are sentences that nobody documents; some are guessed by their beginning. A call
that could not be made is dated by its delivery, and where its reason is `unknown` the carrier's SIP code
is the reason. `processing` counts as over. The end is derived from the start and the duration. Costs are
credits. What a team collects is kept as its values, and whole in `analysis` beside them. Dynamic
variables stand in the metadata under the vendor's name. The list is asked for a second more at either
end, since nobody says whether its bounds count, and each conversation is then asked for by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from trunkline.dialects.elevenlabs.parse import from_wire
from trunkline.dialects.elevenlabs.webhooks import hear
from trunkline.dialects.elevenlabs.words import NAME
from trunkline.kit.door import Door
from trunkline.kit.listing_api import ListApi, Listed, Request
from trunkline.kit.payload import Payload, Unreadable, told
from trunkline.kit.signatures import HmacSigned, Window, epoch_seconds, pairs_in_header
from trunkline.kit.wire import ms_of_instant

PATH = "/v1/convai/conversations"
PAGE = "100"

SIGNING = HmacSigned(
    secret_is="the webhook's shared secret",  # noqa: S106 (its name, not itself)
    shown=pairs_in_header("elevenlabs-signature", "t", "v0"),
    message=lambda body, stamp: stamp.encode() + b"." + body,
    instant=epoch_seconds,
    window=Window(past=timedelta(minutes=30), future=timedelta(minutes=5)),
)


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """The API key in its own header."""
    return {"xi-api-key": credential["api_key"]}


def first(low: datetime | None, high: datetime | None) -> Request:
    """The first page of the conversations that started in a range."""
    query = [("page_size", PAGE), ("summary_mode", "include"), ("sort_direction", "desc")]
    if low is not None:
        query.append(("call_start_after_unix", str(ms_of_instant(low) // 1000 - 1)))
    if high is not None:
        query.append(("call_start_before_unix", str(ms_of_instant(high) // 1000 + 2)))
    return Request(path=PATH, query=tuple(query))


def read(answer: Any, request: Request) -> Listed:
    """A page: `{"conversations", "has_more", "next_cursor"}`."""
    page = Payload.of(answer)
    items = page.items("conversations")
    if not isinstance(items, list):
        raise Unreadable("conversations", "a list of conversations is required")
    cursor = told(page.text("next_cursor")) if told(page.flag("has_more")) is not False else None
    if not cursor or ("cursor", cursor) in request.query:
        return Listed(items=items)  # a page that points at itself would be read for ever
    rest = tuple(pair for pair in request.query if pair[0] != "cursor")
    return Listed(items=items, following=Request(path=request.path, query=(*rest, ("cursor", cursor))))


def one(vendor_call_id: str) -> Request:
    """One conversation with its transcript."""
    return Request(path=f"{PATH}/{quote(vendor_call_id, safe='')}")


DOOR = Door(
    name=NAME,
    title="ElevenLabs",
    about=__doc__ or "",
    signing=SIGNING,
    read=hear,
    from_wire=from_wire,
    list_api=ListApi(
        base_url="https://api.elevenlabs.io",
        credential=("api_key",),
        headers=headers,
        first=first,
        read=read,
        one=one,
        read_one=lambda answer: answer,
        requests_per_minute=120,  # our choice: their limits count requests at a time
    ),
)
