"""What is known of a made-up call once it is over, or so far: outcome, findings, money, delays."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from trunkline.demo.dialogues import Dialogue
from trunkline.demo.latency import summarize
from trunkline.demo.talk import answer_delays
from trunkline.model.call import Analysis, Call, Cost, Recording, Telephony
from trunkline.model.words import Channel, EndReason, Result, Sentiment, Status

RESULTS = {
    Status.COMPLETED: Result.ANSWERED,
    Status.INCOMPLETE: Result.ANSWERED,
    Status.VOICEMAIL: Result.VOICEMAIL,
    Status.NO_ANSWER: Result.NO_ANSWER,
    Status.BUSY: Result.BUSY,
    Status.FAILED: Result.FAILED,
}
REASONS = {
    Status.VOICEMAIL: EndReason.VOICEMAIL,
    Status.NO_ANSWER: EndReason.NO_ANSWER,
    Status.BUSY: EndReason.BUSY,
    Status.FAILED: EndReason.ERROR,
    Status.CANCELED: EndReason.CANCELED,
}
BREAKS = {EndReason.USER_HANGUP: 60, EndReason.INACTIVITY: 22, EndReason.ERROR: 18}
BREAK_WORDS = {
    EndReason.USER_HANGUP: "The caller hung up",
    EndReason.INACTIVITY: "The line went silent",
    EndReason.ERROR: "The connection failed",
}
CENTS_A_MINUTE = {"telephony": 140, "transcription": 77, "language_model": 210, "voice": 350}
"""Hundredths of a cent, or hundredths of a credit, for each minute."""


def result_of(status: Status) -> Result | None:
    """The result of a call with this status."""
    return RESULTS.get(status)


def end_reason_of(status: Status, dialogue: Dialogue, rng: Random) -> EndReason | None:
    """Why the call ended; `None` while it has not."""
    if status is Status.COMPLETED:
        return dialogue.reason
    if status is Status.INCOMPLETE:
        return rng.choices(list(BREAKS), list(BREAKS.values()))[0]
    return REASONS.get(status)


def analysis_of(call: Call, dialogue: Dialogue) -> Analysis | None:
    """The findings on a call that somebody, or some machine, picked up."""
    if call.status is Status.COMPLETED or call.status is Status.VOICEMAIL:
        machine = call.status is Status.VOICEMAIL
        return Analysis(
            summary=dialogue.summary,
            sentiment=dialogue.sentiment,
            success=dialogue.success,
            voicemail=machine,
            engaged=not machine and (call.turn_count or 0) > 6,
            custom=dialogue.custom,
        )
    if call.status is Status.INCOMPLETE:
        what = BREAK_WORDS[call.end_reason] if call.end_reason else "The call broke off"
        return Analysis(
            summary=f"{what} before anything was settled; the call was about: {dialogue.trade}.",
            sentiment=Sentiment.UNKNOWN if (call.turn_count or 0) < 4 else dialogue.sentiment,
            success=False,
            voicemail=False,
            engaged=(call.turn_count or 0) > 6,
        )
    return None


def cost_of(call: Call, unit: str | None) -> Cost | None:
    """What an ended call cost, as the sum of its parts."""
    if unit is None or call.duration_ms is None:
        return None
    # A credit counts as a hundredth of a dollar.
    scale = 2 if unit == "credits" else 4
    parts = {
        name: Decimal(round(price * call.duration_ms / 60_000)).scaleb(-scale)
        for name, price in CENTS_A_MINUTE.items()
    }
    items: list[dict[str, Any]] = [{"part": name, "amount": str(amount)} for name, amount in parts.items()]
    return Cost(amount=sum(parts.values(), Decimal(0)), unit=unit, items=items if call.duration_ms else [])


def latency_of(call: Call, rng: Random) -> dict[str, Any] | None:
    """How fast the agent answered, for most of the calls in which it did."""
    delays = answer_delays(call.turns) if call.turns else []
    return {"e2e": summarize(delays)} if delays and rng.random() < 0.75 else None


def recording_of(call: Call) -> Recording | None:
    """The link to the recording of a call in which somebody spoke."""
    if call.started_at is None:
        return Recording(enabled=False) if call.status.is_final else None
    url = f"https://recordings.example.com/{call.id}.wav" if call.ended_at else None
    return Recording(enabled=True, url=url)


def telephony_of(call: Call, rng: Random) -> Telephony | None:
    """The carrier's ids, for most of the phone calls that reached a carrier."""
    if call.channel is Channel.WEB:
        return Telephony(transport="webrtc")
    if call.channel is not Channel.PHONE or call.status in (Status.SCHEDULED, Status.QUEUED):
        return None
    return Telephony(sid=f"CA{rng.getrandbits(128):032x}") if rng.random() < 0.7 else None
