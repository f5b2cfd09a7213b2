"""Calls as our own API prints them: whole but for parts not included, one by one or as a file."""

from __future__ import annotations

import base64
from typing import Any

from msgspec import UNSET, structs

from trunkline.kit.call_ids import uuids
from trunkline.kit.export import COMPRESSIONS, FORMATS, File, file_of
from trunkline.kit.export.shape import Shape
from trunkline.model.call import Call
from trunkline.model.inbox import InboxContent, InboxPage, InboxRetried, PrintedPayload
from trunkline.model.intents import CallStream
from trunkline.vendors.trunkline.filters import Include, inbox_token_after, included_in_get
from trunkline.vendors.trunkline.wire import (
    ExportQuery,
    InboxList,
    InboxPayloadQuery,
    InboxQuery,
    RetryAnswer,
    WriteQuery,
)

# Every call prints its canonical id here, also one that was made with this API and has a vendor's call
# id of its own. No call has an empty vendor, so no call counts as the vendor's own.
IDS = uuids("")


def to_wire(call: Call) -> Call:
    """Write a call with everything there is."""
    return call


def in_list(call: Call, _: str, include: Include) -> Call:
    """Write a call as a list prints it, which does not depend on the org."""
    return shown(call, include)


def shown(call: Call, include: Include) -> Call:
    """The call with what is included; what is not is absent rather than empty."""
    absent: dict[str, Any] = dict.fromkeys(left_out(include), UNSET)
    if "turns" in include and "words" not in include and call.turns:
        absent["turns"] = [structs.replace(turn, words=UNSET) for turn in call.turns]
    if all(getattr(call, name) is UNSET for name in absent):
        return call
    return structs.replace(call, **absent)


def left_out(include: Include) -> frozenset[str]:
    """The fields that are not printed at all."""
    without_turns = () if "turns" in include else ("turns", "transcript_text", "events")
    return frozenset(without_turns if "tools" in include else (*without_turns, "tool_calls"))


def write_file(stream: CallStream, query: ExportQuery) -> File:
    """Make the file of a query."""
    include = included_in_get(query)
    shape = Shape(
        absent=left_out(include),
        words="words" in include,
        bom=query.bom,
        zone=None if query.tz is None else query.tz.zone,
    )
    form, compression = FORMATS[query.format], COMPRESSIONS[query.compression]
    return file_of(stream.chunks, form, compression, shape, name=f"{stream.org}-calls")


def write_inbox(page: InboxPage, query: InboxQuery) -> InboxList:
    """From a page of the inbox to the answer."""
    return InboxList(
        payloads=list(page.entries),
        next_page_token=inbox_token_after(page, query),
        sources=list(page.counts),
        total_size=UNSET if page.total is None else page.total,
    )


def write_inbox_payload(content: InboxContent, _: InboxPayloadQuery) -> PrintedPayload:
    """From a payload to the answer: a text where it is one."""
    fields = structs.asdict(content.entry)
    try:
        return PrintedPayload(**fields, payload=content.body.decode())
    except UnicodeDecodeError:
        return PrintedPayload(**fields, payload_base64=base64.b64encode(content.body).decode())


def write_retried(retried: InboxRetried, _: WriteQuery) -> RetryAnswer:
    """From what came of a payload to the answer."""
    reason = retried.unread[0].reason if retried.unread else None
    return RetryAnswer(read=retried.read > 0, calls=retried.calls, reason=reason)
