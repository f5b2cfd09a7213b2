"""Merging sightings into one call, so that any order, repeat or delay of them ends in the same call.

A call's state is a map from paths (`status`, `agent/name`, `metadata/priority`) to values, each with a
version: the time at which it was stated. Two states merge path by path, and the greater statement wins.
"Greater" is a total order, so the merge is commutative, associative and idempotent by construction:

1. any value beats null, a value beats one that counts as empty at its path, and a stated value a derived one;
2. an ended status beats a live one;
3. the later statement beats the earlier one;
4. between statements of the same instant the richer one wins, then the greater encoding, so that the order is
   total.

The state is values and versions: a sighting that only confirms a value moves its version, and that decides
what a later sighting can still change. Null, and a value that counts as empty, has no version. The order of
an object's members is merged as well: the longest list of names in one payload comes first, then the rest by
name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from msgspec import UNSET, structs

from trunkline.model.call import Call
from trunkline.model.chunked_json import LONG_ITEMS, ChunkedDecoder, ChunkedEncoder, are_long
from trunkline.model.sighting import STATEMENTS, Sighting
from trunkline.model.versions import CONVERSATION, EVERY, Versions, milliseconds, versions_of
from trunkline.model.words import Channel, Direction, Status

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
"""Paths whose members are merged one by one; every other value is replaced as a whole."""

EMPTY_VALUES: dict[Path, Any] = {
    ("direction",): Direction.UNKNOWN.value,
    ("channel",): Channel.UNKNOWN.value,
    ("turns",): [],
    ("tool_calls",): [],
    ("events",): [],
    ("transcript_text",): "",
}
"""What never replaces a value at a path: an empty transcript is not a shorter one. Elsewhere the same value
is a statement like any other."""

_ORDERED: tuple[Path, ...] = (("analysis", "custom"), ("metadata",), ("vendor_fields",))
"""Objects whose members are printed in the order in which they were reported."""

_SORTED = ("vendor_words", "verbatim")
"""Objects whose members are in the order of their names."""

_PLAIN = frozenset(
    name
    for name in STATEMENTS
    if (name,) not in OBJECTS and (name,) not in EMPTY_VALUES and name not in ("created_at", "turn_count")
)
"""Fields that are one path each, with a version whenever they are not null."""

_encoder = ChunkedEncoder(decimal_format="number")
_encode = _encoder.encode_short
# An amount keeps the digits with which it was reported.
_decode = ChunkedDecoder(float_hook=Decimal).decode
_decode_call = ChunkedDecoder(Call).decode

_UNSAID: dict[str, Any] = {
    field.name: _decode(_encode(field.default))
    for field in structs.fields(Call)
    if field.name in STATEMENTS and field.default in (None, Direction.UNKNOWN, Channel.UNKNOWN)
}
"""The values of a call where nothing was stated."""

_FINAL_WORDS = frozenset(status.value for status in Status if status.is_final)


class Statement(NamedTuple):
    """One value and what decides between it and another; compared field by field."""

    weight: int
    """0 for null, 1 for a value that counts as empty, 2 for any other; -1 for the mark of a derived value."""
    stated: bool
    """Whether it is not derived. Where no values compete, the other way round: the mark stays."""
    final: bool
    order: int
    """Epoch milliseconds of the statement; see `_order`. 0 where no two statements can differ."""
    richness: int
    encoding: bytes
    value: Any
    is_derived: bool = False


State = dict[Path, Statement]


class Difference(Enum):
    """In what two states of a call differ."""

    NONE = "none"
    VERSIONS = "versions"
    """The same call, confirmed at other times."""
    VALUES = "values"


def merged(
    current: Call, versions: Versions, sighting: Sighting, received_at: datetime
) -> tuple[Call, Versions]:
    """Merge a sighting into a stored call.

    `received_at` counts where the payload does not say when its facts were true. If no value changes,
    `current` itself is returned, and if no version changes either, `versions` itself.
    """
    before = _state(current, versions)
    state = dict(before)
    for path, statement in _state(
        _completed(sighting, received_at), versions_of(sighting, received_at)
    ).items():
        winner = state.get(path)
        if winner is None or statement[:6] > winner[:6]:
            state[path] = statement
    state = _settled(state)
    match _difference(before, state):
        case Difference.NONE:
            return current, versions
        case Difference.VERSIONS:
            return current, _versions(state)
    return _call(current, state), _versions(state)


def first_call(sighting: Sighting, call_id: str, received_at: datetime) -> tuple[Call, Versions]:
    """Make the call of a first sighting: the result of merging it into nothing."""
    whole = _completed(sighting, received_at)
    versions = versions_of(sighting, received_at)
    said = {name: value for name in STATEMENTS if (value := getattr(whole, name)) is not UNSET}
    call = Call(id=call_id, vendor=sighting.vendor, vendor_call_id=sighting.vendor_call_id, **said)
    if len(versions) > 1:
        versions = {
            path: version
            for path, version in versions.items()
            if path not in CONVERSATION or _is_meaningful((path,), said.get(path))
        }
    plain = 1 if len(versions) == 1 else sum(said[name] is not None for name in _PLAIN & said.keys())
    if sighting.as_of_by_path is not UNSET or plain < len(versions) or _has_other_words(whole):
        # The default version and outdated words depend on the whole state.
        call.derived = whole.derived or None
        state = _settled(_state(call, versions))
        return _call(call, state), _versions(state)
    _sort_members(call)
    call.derived = sorted(set(whole.derived or ())) or None
    return settled(call), versions


def unmerged(
    call: Call, versions: Versions, sighting: Sighting, received_at: datetime
) -> tuple[Call, Versions]:
    """A call without the values of a sighting, as far as that can be determined from the call.

    Values that the sighting replaced are lost; the required status and creation are guesses then, and give
    way to any stated value.
    """
    state = _state(call, versions)
    for path, statement in _state(
        _completed(sighting, received_at), versions_of(sighting, received_at)
    ).items():
        winner = state.get(path)
        if winner is None or winner[:6] != statement[:6] or path in OBJECTS:
            continue
        if path == ("created_at",):
            state[path] = _statement(path, winner.value, 0, is_derived=True)
        elif path == ("status",):
            state[path] = _statement(path, Status.IN_PROGRESS.value, 0, is_derived=True)
        else:
            del state[path]
    return _call(call, _settled(state)), _versions(state)


def difference(one: Call, versions: Versions, other: Call, other_versions: Versions) -> Difference:
    """In what two states of one call differ; the order of members does not count where they are merged."""
    return _difference(_state(one, versions), _state(other, other_versions))


def _completed(sighting: Sighting, received_at: datetime) -> Sighting:
    """A sighting with the required fields of a call, derived where they are not stated."""
    missing: dict[str, Any] = {}
    if sighting.status is UNSET:
        missing["status"] = Status.COMPLETED if sighting.ended_at else Status.IN_PROGRESS
    if sighting.created_at is UNSET:
        times = (sighting.started_at, sighting.scheduled_at, sighting.ended_at)
        missing["created_at"] = next((at for at in times if isinstance(at, datetime)), received_at)
    if not missing:
        return sighting
    return structs.replace(sighting, **missing, derived=[*(sighting.derived or ()), *missing])


def settled(call: Call) -> Call:
    """Fill in what follows from the rest of a call: the count of its turns, unless it was stated."""
    derived = set(call.derived or ())
    if call.turns is not UNSET and (call.turn_count is None or "turn_count" in derived):
        call.turn_count = len(call.turns)
        call.derived = sorted(derived | {"turn_count"})
    return call


def _is_meaningful(path: Path, value: Any) -> bool:
    is_empty = path in EMPTY_VALUES and EMPTY_VALUES[path] == value
    return value is not None and value is not UNSET and not is_empty


def _state(record: Call | Sighting, versions: Versions) -> State:
    is_long = are_long(record.turns, record.tool_calls, record.events)
    raw: dict[str, Any] = _decode(_encoder.encode(record) if is_long else _encode(record))
    derived = frozenset(record.derived or ())
    state: State = {}
    for path, value in _leaves({name: raw[name] for name in STATEMENTS if name in raw}, ()):
        name = "/".join(path)
        is_ordered = path in _ORDERED and value is not None
        said = list(value)[: versions.get("#" + name)] if is_ordered else value
        state[path] = _statement(
            path, said, versions.get(name, versions[EVERY]), is_derived=path[0] in derived
        )
    for name in derived - {path[0] for path in state}:
        mark = Statement(-1, True, False, 0, 0, b"", UNSET, is_derived=True)
        state[(name,)] = _statement((name,), _UNSAID[name], 0, is_derived=True) if name in _UNSAID else mark
    return _counted(state)


def _statement(path: Path, value: Any, version: int, *, is_derived: bool) -> Statement:
    is_long = type(value) is list and len(value) > LONG_ITEMS
    encoding = _encoder.encode(value) if is_long else _encode(value)
    is_derived = is_derived and len(path) == 1
    if value is None or not _is_meaningful(path, value):
        says = 0 if value is None else 1
        return Statement(says, is_derived, False, 0, 0, encoding, value, is_derived)
    if path in OBJECTS:
        return Statement(2, is_derived, False, 0, len(value), encoding, value, is_derived)
    return Statement(
        weight=2,
        stated=not is_derived,
        final=path == ("status",) and value in _FINAL_WORDS,
        order=_order(path, value, version) if is_derived else version,
        richness=len(encoding),
        encoding=encoding,
        value=value,
        is_derived=is_derived,
    )


def _settled(state: State) -> State:
    """The state without what follows from the rest of it, and without words that are outdated.

    Neither can come back: turns stay, and a value that outdates a word is only replaced by one that does too.
    """
    words = [path for path in state if len(path) == 2 and path[0] == "vendor_words"]
    outdated = [path for path in words if _is_outdated(path, state[path], state)]
    for path in outdated:
        del state[path]
    return _counted(state)


def _counted(state: State) -> State:
    count = state.get(("turn_count",))
    if count is not None and ("turns",) in state and not (count.stated and count.weight == 2):
        del state[("turn_count",)]  # counted again after the merge
    return state


def _is_outdated(path: Path, word: Statement, state: State) -> bool:
    """Whether a vendor's word was stored for a value that was stated again since, in the usual word."""
    field, _, value = path[1].partition(".")
    named = state.get((field,)) or state.get(("analysis", field))
    if named is None or named.weight < 2 or named.is_derived:
        return False
    # A word ranks like its value, so that a word that is once outdated stays so.
    return (named.final, named.order) > (field == "status" and value in _FINAL_WORDS, word.order)


def _has_other_words(whole: Sighting) -> bool:
    """Whether a sighting has a word for another status than its own."""
    if not whole.vendor_words:
        return False
    own = f"status.{whole.status}"
    return any(name.startswith("status.") and name != own for name in whole.vendor_words)


def _order(path: Path, value: Any, version: int) -> int:
    # Of several guesses at the creation the earliest instant is the best one, whenever it was made.
    if path == ("created_at",):
        return -milliseconds(datetime.fromisoformat(value))
    return version


def _leaves(values: dict[str, Any], parent: Path) -> Iterator[tuple[Path, Any]]:
    for name, value in values.items():
        path = (*parent, name)
        if path in OBJECTS and isinstance(value, dict):
            yield path, value if path in _ORDERED else {}
            yield from _leaves(value, path)
        else:
            yield path, value


def _difference(before: State, state: State) -> Difference:
    if before == state:
        return Difference.NONE
    if _printed(before) != _printed(state):
        return Difference.VALUES
    return Difference.NONE if _versions(before) == _versions(state) else Difference.VERSIONS


def _printed(state: State) -> tuple[dict[Path, tuple[bool, bytes]], list[list[str]]]:
    """The part of a state that is in the call."""
    values = {
        path: (one.is_derived, b"{}" if path in _ORDERED and one.weight == 2 else one.encoding)
        for path, one in state.items()
    }
    return values, [_member_names(path, state) for path in _ORDERED]


def _member_names(path: Path, state: State) -> list[str]:
    """The members of an object in the order in which they are printed."""
    named = state.get(path)
    first = [] if named is None or named.value is None else named.value
    return [*first, *sorted(_members(path, state) - set(first))]


def _members(path: Path, state: State) -> set[str]:
    length = len(path)
    return {one[length] for one in state if len(one) > length and one[:length] == path}


def _versions(state: State) -> Versions:
    versions = {
        "/".join(path): one.order
        for path, one in sorted(state.items())
        if one.weight == 2 and path not in OBJECTS and not (one.is_derived and path == ("created_at",))
    }
    counts = Counter(versions.values())
    usual = max(counts, key=lambda version: (counts[version], version))
    own = {
        "#" + "/".join(path): len(state[path].value)
        for path in _ORDERED
        if path in state and len(state[path].value or ()) < len(_members(path, state))
    }
    return {EVERY: usual, **own, **{path: version for path, version in versions.items() if version != usual}}


def _call(current: Call, state: State) -> Call:
    raw: dict[str, Any] = {
        "id": current.id,
        "vendor": current.vendor,
        "vendor_call_id": current.vendor_call_id,
    }
    for path, statement in sorted(state.items(), key=lambda item: (len(item[0]), item[0])):
        if statement.value is UNSET:
            continue
        place = raw
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = {} if path in OBJECTS and statement.weight == 2 else statement.value
        if path in _ORDERED and statement.weight == 2:
            place[path[-1]] = dict.fromkeys(_member_names(path, state))
    raw["derived"] = sorted(path[0] for path, statement in state.items() if statement.is_derived) or None
    is_long = are_long(raw.get("turns"), raw.get("tool_calls"), raw.get("events"))
    return settled(_decode_call(_encoder.encode(raw) if is_long else _encode(raw)))


def _sort_members(call: Call) -> None:
    for name in _SORTED:
        members = getattr(call, name)
        if members and len(members) > 1:
            setattr(call, name, {one: members[one] for one in sorted(members)})
