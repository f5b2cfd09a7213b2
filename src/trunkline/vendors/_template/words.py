"""Examplia's words, both ways."""

from __future__ import annotations

from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.words import Direction, EndReason, Role, Status

NAME = "examplia"  # the name in addresses and in the database: lower case, for ever

# One vocabulary for each of our closed lists that the vendor has a field for. `read` has every word the
# vendor documents, `write` needs a word for every one of ours, or it will not build. `otherwise` is what an
# undocumented word is read as: such a call is stored, and prints its own word again. A vendor whose API is
# not served has one table, theirs to ours: `OneWay` of the same module.

STATUS = Vocabulary(
    "status",
    Status,
    read={
        "planned": Status.SCHEDULED,
        "active": Status.IN_PROGRESS,
        "done": Status.COMPLETED,
        "unanswered": Status.NO_ANSWER,
        "error": Status.FAILED,
    },
    write={
        Status.SCHEDULED: "planned",
        Status.QUEUED: "planned",
        Status.RINGING: "active",  # they do not distinguish ringing from talking
        Status.IN_PROGRESS: "active",
        Status.COMPLETED: "done",
        Status.NO_ANSWER: "unanswered",
        Status.BUSY: "unanswered",  # our choice
        Status.VOICEMAIL: "done",
        Status.FAILED: "error",
        Status.CANCELED: "error",  # our choice
        Status.INCOMPLETE: "done",
    },
    otherwise=Status.INCOMPLETE,
)

DIRECTION = Vocabulary(
    "direction",
    Direction,
    read={"in": Direction.INBOUND, "out": Direction.OUTBOUND},
    write={
        Direction.INBOUND: "in",
        Direction.OUTBOUND: "out",
        Direction.UNKNOWN: "in",  # our choice: they know no third word
    },
    otherwise=Direction.UNKNOWN,
)

END_REASON = Vocabulary(
    "end_reason",
    EndReason,
    read={"caller_left": EndReason.USER_HANGUP, "agent_left": EndReason.AGENT_HANGUP},
    write={
        **{reason: reason.value for reason in EndReason},  # our choice, for reasons they do not document
        EndReason.USER_HANGUP: "caller_left",
        EndReason.AGENT_HANGUP: "agent_left",
        EndReason.OTHER: None,  # the raw word is printed
    },
    otherwise=EndReason.OTHER,
)

ROLES = {"bot": Role.AGENT, "caller": Role.USER}
SPOKEN_BY = {Role.AGENT: "bot", Role.USER: "caller"}
