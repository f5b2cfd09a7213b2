"""Made-up calls: a month of a small call desk, the same for the same arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from trunkline.demo.agents import draw_campaigns, draw_desks
from trunkline.demo.dialogues import Dialogue, Item, Template, load_templates
from trunkline.demo.endings import (
    analysis_of,
    cost_of,
    end_reason_of,
    latency_of,
    recording_of,
    result_of,
    telephony_of,
)
from trunkline.demo.people import Person, draw_people, pick_person
from trunkline.demo.rhythm import draw_instants
from trunkline.demo.slots import draw_slots
from trunkline.demo.talk import Mark, assemble, lay_out
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.words import Channel, Direction, EndReason, Role, Status

MIX = (
    (Status.COMPLETED, 0.61),
    (Status.NO_ANSWER, 0.12),
    (Status.VOICEMAIL, 0.09),
    (Status.INCOMPLETE, 0.06),
    (Status.BUSY, 0.05),
    (Status.FAILED, 0.04),
    (Status.CANCELED, 0.03),
)
"""The outcomes of the finished calls, and their shares."""

LIVE = (
    Status.IN_PROGRESS,
    Status.SCHEDULED,
    Status.QUEUED,
    Status.RINGING,
    Status.IN_PROGRESS,
    Status.SCHEDULED,
    Status.IN_PROGRESS,
    Status.QUEUED,
    Status.SCHEDULED,
)
"""What the newest calls are up to; a small demo has the first of these only."""

CONVERSATION_STATUSES = frozenset({Status.COMPLETED, Status.VOICEMAIL, Status.INCOMPLETE, Status.IN_PROGRESS})
OUTBOUND_ONLY = frozenset(
    {Status.NO_ANSWER, Status.BUSY, Status.VOICEMAIL, Status.CANCELED, Status.SCHEDULED, Status.QUEUED}
)
STILL_THERE = {
    "en": "Are you still there?",
    "fr": "Vous êtes toujours là ?",
    "es": "¿Sigue usted ahí?",
    "de": "Sind Sie noch dran?",
}


@dataclass(frozen=True)
class Origin:
    """The claimed origin of the made-up calls: one vendor's name, ids and cost unit."""

    vendor: str
    make_call_id: Callable[[Random], str]
    make_agent_id: Callable[[Random], str]
    cost_unit: str | None = None
    """A currency code or `credits`; without one the calls have no cost."""
    word_times: bool = True
    """Whether this vendor reports the times of words."""


@dataclass(frozen=True)
class Plan:
    """What was decided about one call before anybody speaks."""

    status: Status
    created_at: datetime
    until: datetime


def demo_calls(origin: Origin, *, count: int, seed: int, until: datetime) -> Iterator[Call]:
    """Make calls created over the 30 days before `until`, oldest first.

    The agents, campaigns and contacts are the same for every seed, so a second batch has known faces.
    """
    desk = _CallDesk(origin, Random(f"{origin.vendor} calls {seed}"))
    for plan in _plans(desk.rng, count, until.astimezone(UTC).replace(microsecond=0)):
        yield desk.call(plan)


def _plans(rng: Random, count: int, until: datetime) -> Iterator[Plan]:
    live = LIVE[: min(len(LIVE), -(-count // 12))]
    statuses, shares = zip(*MIX, strict=True)
    for created_at in draw_instants(rng, count - len(live), until):
        yield Plan(rng.choices(statuses, shares)[0], created_at, until)
    ages = {
        Status.IN_PROGRESS: (20, 70),
        Status.SCHEDULED: (120, 800),
        Status.QUEUED: (1, 60),
        Status.RINGING: (2, 9),
    }
    newest = [(until - timedelta(seconds=rng.randint(*ages[status])), status) for status in live]
    for created_at, status in sorted(newest):
        yield Plan(status, created_at, until)


class _CallDesk:
    """The people, agents and dialogues from which calls are made."""

    def __init__(self, origin: Origin, rng: Random) -> None:
        fixed = Random(f"{origin.vendor} desk")
        self.origin, self.rng = origin, rng
        self.people = draw_people(fixed)
        self.desks = draw_desks(fixed, origin.make_agent_id)
        self.campaigns = draw_campaigns(fixed)
        templates = load_templates()
        self.machines = [one for one in templates if one.is_voicemail]
        spoken = [one for one in templates if not one.is_voicemail]
        self.inbound = [one for one in spoken if one.open.direction is Direction.INBOUND]
        self.outbound = [one for one in spoken if one.open.direction is Direction.OUTBOUND]

    def call(self, plan: Plan) -> Call:
        """Put one call together."""
        rng, status = self.rng, plan.status
        template = self._template(status)
        person = pick_person(rng, self.people[template.open.language])
        desk = self.desks[template.open.agent]
        dialogue = template.fill(draw_slots(rng, person, desk.persona, plan.created_at))
        reason = end_reason_of(status, dialogue, rng)
        marks = self._marks(status, dialogue, reason)
        vendor_call_id = self.origin.make_call_id(rng)
        call = Call(
            id=call_id(self.origin.vendor, vendor_call_id),
            vendor=self.origin.vendor,
            vendor_call_id=vendor_call_id,
            direction=dialogue.direction,
            status=status,
            result=result_of(status),
            end_reason=reason,
            created_at=plan.created_at,
            agent=desk.agent,
            campaign=self.campaigns[dialogue.campaign] if dialogue.campaign else None,
            metadata={"topic": dialogue.trade, "language": dialogue.language},
        )
        self._connect(call, person, desk.number(person.land.country))
        self._run(call, plan, marks, reason)
        call.analysis = analysis_of(call, dialogue)
        call.cost = cost_of(call, self.origin.cost_unit)
        call.latency = latency_of(call, rng)
        call.recording = recording_of(call)
        call.telephony = telephony_of(call, rng)
        return call

    def _template(self, status: Status) -> Template:
        if status is Status.VOICEMAIL:
            return self.rng.choice(self.machines)
        outbound = status in OUTBOUND_ONLY or self.rng.random() < (0.8 if status is Status.FAILED else 0.32)
        return self.rng.choice(self.outbound if outbound else self.inbound)

    def _marks(self, status: Status, dialogue: Dialogue, reason: EndReason | None) -> Sequence[Mark]:
        """What is said and done in the call, with times; nothing if nobody picked up."""
        if status not in CONVERSATION_STATUSES:
            return ()
        items = dialogue.items
        if status is Status.INCOMPLETE:
            items = _break_off(items, dialogue.language, reason, self.rng)
        return lay_out(items, self.rng, words=self.origin.word_times and self.rng.random() < 0.34)

    def _connect(self, call: Call, person: Person, own_number: str) -> None:
        """Say over what the call travelled, and between which numbers."""
        inbound, draw = call.direction is Direction.INBOUND, self.rng.random()
        call.channel = Channel.PHONE
        if inbound and draw < 0.13:
            call.channel = Channel.WEB if draw < 0.09 else Channel.TEST
        if call.channel is Channel.PHONE:
            hidden = inbound and draw > 0.97
            theirs = None if hidden else person.contact.phone_number
            call.from_number, call.to_number = (theirs, own_number) if inbound else (own_number, theirs)
            call.contact = None if hidden else person.contact
        elif call.channel is Channel.WEB:
            call.contact = person.contact

    def _run(self, call: Call, plan: Plan, marks: Sequence[Mark], reason: EndReason | None) -> None:
        """Make up the course of the call: its instants, its length, and what was said by then."""
        rng, status = self.rng, plan.status
        call.updated_at = call.created_at
        if marks:
            ring = rng.randint(1, 3) if call.direction is Direction.INBOUND else rng.randint(4, 16)
            call.started_at = call.updated_at = call.created_at + timedelta(seconds=ring)
            if status is Status.IN_PROGRESS:
                so_far = (plan.until - call.started_at) // timedelta(milliseconds=1)
                marks = [mark for mark in marks if mark.at_ms <= so_far]
                call.updated_at = plan.until
            else:
                silence = (
                    rng.randint(9000, 15000) if reason is EndReason.INACTIVITY else rng.randint(250, 1600)
                )
                call.duration_ms = marks[-1].at_ms + silence
                call.ended_at = call.started_at + timedelta(seconds=-(-call.duration_ms // 1000))
        elif status is Status.SCHEDULED:
            later = plan.until + timedelta(days=rng.randint(1, 3))
            call.scheduled_at = later.replace(
                hour=rng.randint(9, 17), minute=rng.randrange(0, 60, 5), second=0
            )
        elif status.is_final:
            waited = rng.randint(24, 40) if status is Status.NO_ANSWER else rng.randint(1, 9)
            call.ended_at = call.created_at + timedelta(seconds=waited)
            call.duration_ms = 0
        if call.ended_at is not None:
            call.updated_at = call.ended_at + timedelta(seconds=rng.randint(1, 25))
        call.turns, call.tool_calls = assemble(marks)
        call.turn_count = len(call.turns)


def _break_off(items: Sequence[Item], language: str, reason: EndReason | None, rng: Random) -> list[Item]:
    """The beginning of a dialogue that stops in the middle, often in the middle of a sentence."""
    beginning = list(items[: rng.randint(2, max(3, len(items) * 2 // 3))])
    if reason is EndReason.INACTIVITY:
        while beginning[-1].role is not Role.AGENT:
            beginning.pop()
        return [*beginning, Item(role=Role.AGENT, text=STILL_THERE[language])]
    last, words = beginning[-1], beginning[-1].text.split()
    if len(words) > 4 and rng.random() < 0.6:
        beginning[-1] = Item(role=last.role, text=" ".join(words[: rng.randint(2, len(words) - 2)]))
    return beginning
