"""Twilio's words, and the fields that its callbacks and its REST API are known to have."""

from __future__ import annotations

from trunkline.kit.vocabulary import OneWay
from trunkline.model.words import RESULTS, Direction, EndReason, Result, Status

NAME = "twilio"

STATUS = OneWay(
    "status",
    read={
        "queued": Status.QUEUED,
        "initiated": Status.QUEUED,
        "ringing": Status.RINGING,
        "in-progress": Status.IN_PROGRESS,
        "answered": Status.IN_PROGRESS,  # our choice: the name of the event, seen for its status
        "completed": Status.COMPLETED,
        "busy": Status.BUSY,
        "no-answer": Status.NO_ANSWER,
        "failed": Status.FAILED,
        "canceled": Status.CANCELED,
    },
    otherwise=Status.INCOMPLETE,
)

DIRECTION = OneWay(
    "direction",
    read={
        "inbound": Direction.INBOUND,
        "outbound-api": Direction.OUTBOUND,
        "outbound-dial": Direction.OUTBOUND,
        "trunking-terminating": Direction.OUTBOUND,
        "trunking-originating": Direction.INBOUND,
    },
    otherwise=Direction.UNKNOWN,
)

ANSWERED_BY = OneWay(
    "answered_by",
    read={
        "human": Result.ANSWERED,
        "unknown": Result.ANSWERED,
        "fax": Result.ANSWERED,
        "machine_start": Result.VOICEMAIL,
        "machine_end_beep": Result.VOICEMAIL,
        "machine_end_silence": Result.VOICEMAIL,
        "machine_end_other": Result.VOICEMAIL,
    },
    otherwise=None,
)

OUTCOMES = {
    **RESULTS,
    Status.COMPLETED: Result.ANSWERED,  # docs: the call was answered and has ended
}

ENDED = frozenset({Status.COMPLETED, Status.BUSY, Status.NO_ANSWER, Status.FAILED, Status.CANCELED})
"""States that a callback reports at the moment of the call's end."""

END_REASONS = {  # our choice: they have no reason, and who hung up a completed call is unknown
    Status.BUSY: EndReason.BUSY,
    Status.NO_ANSWER: EndReason.NO_ANSWER,
    Status.FAILED: EndReason.ERROR,
    Status.CANCELED: EndReason.CANCELED,
}

RECORDED = {
    "in-progress": True,
    "paused": True,
    "stopped": True,
    "processing": True,
    "completed": True,
    "absent": False,
    "failed": False,
    "deleted": False,
}
"""Whether there is a recording to fetch, now or soon."""

LEFT_OUT = ("CallToken", "StirPassportToken")
"""Fields that give access to something."""

READ_IN_CALLBACK = (
    *("CallSid", "CallStatus", "From", "To", "Direction", "CallDuration", "Timestamp", "SequenceNumber"),
    *("AnsweredBy", "CallerName", "RecordingSid", "RecordingUrl", "RecordingStatus", "RecordingStartTime"),
    *("RecordingDuration", "ConferenceSid"),
)
STORED_OF_CALLBACK = (
    *("AccountSid", "ApiVersion", "ForwardedFrom", "ParentCallSid", "SipResponseCode", "CallbackSource"),
    *("Duration", "Caller", "Called", "StirVerstat", "SipCallId"),
    *("CallerCity", "CallerState", "CallerZip", "CallerCountry"),
    *("CalledCity", "CalledState", "CalledZip", "CalledCountry"),
    *("FromCity", "FromState", "FromZip", "FromCountry", "ToCity", "ToState", "ToZip", "ToCountry"),
    *("MachineDetectionDuration", "QueueTime", "ErrorCode", "ErrorMessage"),
    *("RecordingChannels", "RecordingSource", "RecordingTrack", "RecordingErrorCode"),
)

READ_IN_CALL = (
    *("sid", "status", "from", "to", "direction", "duration", "start_time", "end_time", "answered_by"),
    *("caller_name", "date_created", "date_updated", "price", "price_unit"),
)
STORED_OF_CALL = (
    *("account_sid", "api_version", "forwarded_from", "from_formatted", "to_formatted", "group_sid"),
    *("parent_call_sid", "phone_number_sid", "trunk_sid", "queue_time", "uri", "subresource_uris"),
    "annotation",
)
