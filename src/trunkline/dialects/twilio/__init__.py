"""Twilio: callbacks about the status and the recording of a call, as forms, in no sure order.

Sources: docs.twilio.com for status callbacks, recording callbacks and request signatures; the published
examples of the REST API; the vendor's own request validator, which signs and checks as this door does.

Events: status and recording callbacks, and of the REST API a call or a recording.

Not carried: turns, agent and analysis, which a carrier does not have.

Our choice: an empty field of a form says nothing. A callback holds as of its `Timestamp`, which has whole
seconds, plus a millisecond for each `SequenceNumber`, so that callbacks of one second keep their order. The
vendor tells neither creation nor start nor end in a callback: creation is the earliest callback, the start
that of `in-progress`, the end that of a final status, and all are marked as derived. `CallDuration` is the
length; `Duration` is what was billed, in minutes, and is kept as a field of the vendor. A price is printed
below zero, a cost is not.
"""

from __future__ import annotations

from trunkline.dialects.twilio.parse import from_wire, read
from trunkline.dialects.twilio.webhooks import FormSigned
from trunkline.dialects.twilio.words import NAME
from trunkline.kit.door import Door

DOOR = Door(
    name=NAME,
    title="Twilio",
    about=__doc__ or "",
    signing=FormSigned(secret_is="the account's auth token"),  # noqa: S106 - what it is called
    read=read,
    from_wire=from_wire,
)
