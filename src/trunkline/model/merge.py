"""Merging sightings into one call, so that any order, repeat or delay of them ends in the same call.

A call's state is a map from paths (`status`, `agent/name`, `metadata/priority`) to values, each with a
stamp: when it was said. Two states merge path by path, and the greater statement wins. "Greater" is a
total order, so the merge is commutative, associative and idempotent by construction:

1. any value beats null, one that says something beats `[]` and `unknown`, and a told value a derived one;
2. an ended status beats a live one;
3. the later statement beats the earlier one;
4. between statements of the same instant the richer one wins, then the greater encoding, so that there is an
   order at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, structs

from trunkline.model.call import Call
from trunkline.model.sighting import STATEMENTS, Sighting
from trunkline.model.words import Channel, Direction, Status

Stamps = dict[str, int]
"""Epoch milliseconds per path; `*` stands for every path that is not named."""

EVERY = "*"

Path = tuple[str, ...]

OBJECTS: frozenset[Path] = frozenset(
    {
        ("agent",),
        ("campaign",),
        ("contact",),
        ("analysis",),
        ("analysis", "custom"),
        ("cost",),
        ("recording",),
    }
    | {("privacy",), ("telephony",), ("metadata",), ("vendor_words",), ("vendor_fields",), ("verbatim",)}
)
"""Paths whose members are merged one by one; every other value is taken or left whole."""

SAYS_NOTHING: tuple[Any, ...] = ([], Direction.UNKNOWN.value, Channel.UNKNOWN.value)
"""Values that never replace one that says something. An empty transcript is not a shorter transcript."""

_encode = msgspec.json.Encoder(decimal_format="number").encode
_encode_comparably = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


class Statement(NamedTuple):
    """One value and what decides between it and another; compared field by field."""

    says: int
    """0 for null, 1 for what says nothing, 2 for anything else."""
    told: bool
    final: bool
    order: int
    """Epoch milliseconds of the statement; see `_order`."""
    richness: int
    encoding: bytes
    value: Any


State = dict[Path, Statement]


def merged(
    known: Call, stamps: Stamps, sighting: Sighting, seen_at: datetime, *, refolded: bool = False
) -> tuple[Call, Stamps]:
    """Merge a sighting into a known call.

    `seen_at` stands in where the payload does not say when its facts were true. The result is equal to
    the known call when the sighting brings nothing new. A sighting that was `refolded` holds all that its
    source ever told, so that it wins over an earlier fold of less, also where that said more words.
    """
    state = _state(known, stamps)
    for path, statement in _state(_completed(sighting, seen_at), stamps_of(sighting, seen_at)).items():
        standing = state.get(path)
        if standing is None or statement[:6] > standing[:6] or (refolded and statement[:4] == standing[:4]):
            state[path] = statement
    call, merged_stamps = _call(known, state)
    return settled(call), merged_stamps


def first_call(sighting: Sighting, call_id: str, seen_at: datetime) -> tuple[Call, Stamps]:
    """Make the call that a first sighting describes."""
    whole = _completed(sighting, seen_at)
    said = {name: value for name in STATEMENTS if (value := getattr(whole, name)) is not UNSET}
    call = Call(id=call_id, vendor=sighting.vendor, vendor_call_id=sighting.vendor_call_id, **said)
    call.derived = sorted(set(whole.derived or ())) or None
    return settled(call), stamps_of(sighting, seen_at)


def _completed(sighting: Sighting, seen_at: datetime) -> Sighting:
    """A sighting with what a call cannot do without, derived where it is not told."""
    missing: dict[str, Any] = {}
    if sighting.status is UNSET:
        missing["status"] = Status.COMPLETED if sighting.ended_at else Status.IN_PROGRESS
    if sighting.created_at is UNSET:
        told = (sighting.started_at, sighting.scheduled_at, sighting.ended_at)
        missing["created_at"] = next((at for at in told if isinstance(at, datetime)), seen_at)
    if not missing:
        return sighting
    return structs.replace(sighting, **missing, derived=[*(sighting.derived or ()), *missing])


def settled(call: Call) -> Call:
    """Fill in what follows from the rest of a call: the count of its turns, unless it was told."""
    derived = set(call.derived or ())
    if call.turns is not UNSET and (call.turn_count is None or "turn_count" in derived):
        call.turn_count = len(call.turns)
        call.derived = sorted(derived | {"turn_count"})
    return call


CONVERSATION = ("turns", "tool_calls", "transcript_text", "events")
"""Fields of which a payload may tell more or less, depending on what it was asked for."""


def stamps_of(sighting: Sighting, seen_at: datetime) -> Stamps:
    """The stamps of a sighting.

    What it says is as old as it says, or else as the moment it was seen. The conversation alone is as old as
    the call: of two tellings of one conversation the richer one is better, whichever was asked for last.
    """
    told = (sighting.said_at, sighting.updated_at)
    said_at = next((at for at in told if isinstance(at, datetime)), seen_at)
    times = (*told, sighting.ended_at, sighting.started_at, sighting.created_at)
    talked_at = next((at for at in times if isinstance(at, datetime)), seen_at)
    stamps = {EVERY: _milliseconds(said_at)}
    if talked_at != said_at:
        stamps |= {
            name: _milliseconds(talked_at) for name in CONVERSATION if getattr(sighting, name) is not UNSET
        }
    if sighting.said_ats is not UNSET:
        stamps |= {path: _milliseconds(at) for path, at in sighting.said_ats.items()}
    return stamps


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _state(record: Call | Sighting, stamps: Stamps) -> State:
    raw: dict[str, Any] = msgspec.json.decode(_encode(record))
    derived = frozenset(record.derived or ())
    state: State = {}
    for path, value in _leaves({name: raw[name] for name in STATEMENTS if name in raw}, ()):
        told = path[0] not in derived
        if path == ("turn_count",) and not told:
            continue  # counted again when the merging is done
        stamp = stamps.get("/".join(path), stamps[EVERY])
        encoding = _encode_comparably(value)
        state[path] = Statement(
            says=0 if value is None else 1 if value in SAYS_NOTHING else 2,
            told=told,
            final=path == ("status",) and Status(value).is_final,
            order=stamp if told else _order(path, value, stamp),
            richness=len(encoding),
            encoding=encoding,
            value=value,
        )
    return state


def _is_outdated(path: Path, statement: Statement, state: State) -> bool:
    """Whether a vendor's word was kept for a value that was said again since, in the usual word."""
    if len(path) != 2 or path[0] != "vendor_words":
        return False
    field = path[1].partition(".")[0]
    named = state.get((field,)) or state.get(("analysis", field))
    return named is not None and named.told and named.order > statement.order


def _order(path: Path, value: Any, stamp: int) -> int:
    # Of several guesses at the creation the earliest instant is the best one, whenever it was made.
    if path == ("created_at",):
        return -round(datetime.fromisoformat(value).timestamp() * 1000)
    return stamp


def _leaves(said: dict[str, Any], parent: Path) -> Iterator[tuple[Path, Any]]:
    for name, value in said.items():
        path = (*parent, name)
        if path in OBJECTS and isinstance(value, dict):
            yield path, {}
            yield from _leaves(value, path)
        else:
            yield path, value


def _call(known: Call, state: State) -> tuple[Call, Stamps]:
    raw: dict[str, Any] = {"id": known.id, "vendor": known.vendor, "vendor_call_id": known.vendor_call_id}
    for path, statement in sorted(state.items(), key=lambda item: len(item[0])):
        if _is_outdated(path, statement, state):
            continue
        place = raw
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = {} if path in OBJECTS and statement.value == {} else statement.value
    raw["derived"] = sorted(path[0] for path, statement in state.items() if not statement.told) or None
    stamps = {"/".join(path): statement.order for path, statement in state.items()}
    usual = Counter(stamps.values()).most_common(1)[0][0]
    kept = {path: stamp for path, stamp in sorted(stamps.items()) if stamp != usual}
    return msgspec.json.decode(_encode(raw), type=Call), {EVERY: usual, **kept}
