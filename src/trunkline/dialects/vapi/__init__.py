"""Vapi: server messages about a call while it runs and when it is over, and a list of calls.

Sources: docs.vapi.ai for server messages, server authentication and ended reasons; the vendor's own Python
SDK for the names of fields and words; its published examples of messages.

Events: `status-update`, `end-of-call-report`, `conversation-update`, `transcript`, `speech-update`,
`hang`, `transfer-update`, `user-interrupted`, `model-output` and `assistant.speechStarted`, and a call as
the list and the get print it. Messages of chats and sessions, and of a call's files and deletion, are
noted. Messages that expect an answer are left to the agent's own server.

Not carried: word times, whose zero point is not documented, and the assistant's settings, which hold
secrets.

Our choice: the call inside a message was printed when it began, so status, end, reason, cost and analysis
are taken from it only where it says `ended`; a report and an update tell them beside it. Any message from
within the conversation says that the call is in progress. A message holds as of its `timestamp`; one
without it as of the call's end or start. A `transcript` is one turn of a conversation that other messages
carry whole, so it is as old as the call and gives way to any of them; a partial one is no turn. A message
of the conversation ends where its two epoch times say, because the unit of its `duration` is not sure. A
call that ended as busy, unanswered, voicemail, canceled or with an error has that status; any other one is
completed.

An HMAC signature is checked with the vendor's default settings: SHA-256 in hex, in `x-signature`, over
`timestamp.body` with the time in `x-timestamp`, or over the body alone. Whether the time is in seconds or
milliseconds is not documented, and its length tells; it may lie five minutes away.
"""

from __future__ import annotations

from trunkline.dialects.vapi.parse import from_wire, read
from trunkline.dialects.vapi.pull import LIST_API
from trunkline.dialects.vapi.webhooks import SIGNING
from trunkline.dialects.vapi.words import NAME
from trunkline.kit.door import Door

DOOR = Door(
    name=NAME,
    title="Vapi",
    about=__doc__ or "",
    signing=SIGNING,
    read=read,
    from_wire=from_wire,
    list_api=LIST_API,
)
