"""Query strings as typed records: names, defaults and ranges from one `Struct`, read strictly.

JSON's leniency does not belong here: `1e3`, `5.0` and `null` are not integers. What a record does not
know is left out and named, for vendors that ignore unknown parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from msgspec import Meta, Struct, structs

from trunkline.kit.wire import instant_of_iso, is_day, parse_phone
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import is_uuid

MAX_QUERY_BYTES = 32 * 1024
"""Bytes of query string beyond which a request is refused unread."""

_INTEGER = re.compile(r"-?[0-9]{1,400}")
_MAX_INTEGER = 2**62
"""A greater integer counts as this one: past the end of every list, and still valid for a database."""
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})
_MAX_VALUE_LENGTH = 4096

Q = TypeVar("Q", bound=Struct)


class DayOrInstant(Struct, frozen=True):
    """A date, which means the whole UTC day, or an instant, which means itself."""

    first: datetime
    last: datetime

    @classmethod
    def read(cls, text: str) -> DayOrInstant:
        """Read ISO 8601; raises `ValueError`."""
        instant = instant_of_iso(text)
        if is_day(text):
            return cls(instant, instant.replace(hour=23, minute=59, second=59, microsecond=999999))
        return cls(instant, instant)


class Phone(Struct, frozen=True):
    """A phone number in E.164; a `+` that arrived as a space is put back."""

    number: str

    @classmethod
    def read(cls, text: str) -> Phone:
        """Raises `ValueError` for what cannot be a phone number."""
        number = parse_phone(text)
        if number is None:
            raise ValueError("must be a phone number in E.164 form")
        return cls(number)


class Uuid(Struct, frozen=True):
    """A UUID, in any case."""

    text: str

    @classmethod
    def read(cls, text: str) -> Uuid:
        """Raises `ValueError` for anything else."""
        if not is_uuid(text):
            raise ValueError("must be a UUID")
        return cls(text.lower())


class Words(Struct, frozen=True):
    """One or more words, separated by commas."""

    words: frozenset[str]

    @classmethod
    def read(cls, text: str) -> Words:
        """Raises `ValueError` if a word is empty."""
        words = frozenset(text.split(","))
        if "" in words:
            raise ValueError("must not contain an empty word")
        return cls(words)


class TimeZone(Struct, frozen=True):
    """A time zone by its name in the IANA database."""

    zone: ZoneInfo

    @classmethod
    def read(cls, text: str) -> TimeZone:
        """Raises `ValueError` for a name that the database does not have."""
        if text not in _zone_names():
            raise ValueError("must be the name of a time zone, such as Europe/Paris")
        return cls(ZoneInfo(text))


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


SCHEMAS: Mapping[type, dict[str, Any]] = {
    DayOrInstant: {"type": "string", "description": "ISO 8601 date or date-time", "examples": ["2026-01-01"]},
    Phone: {"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$", "examples": ["+12124567890"]},
    TimeZone: {
        "type": "string",
        "description": "a name of the IANA time zones",
        "examples": ["Europe/Paris"],
    },
    Uuid: {"type": "string", "format": "uuid"},
    Words: {"type": "string", "pattern": "^[^,]+(,[^,]+)*$"},
}
"""How each of the readable types above is described in OpenAPI."""


class Parameter(NamedTuple):
    """One query parameter, ready to be read."""

    field: str
    name: str
    kind: Any
    meta: Meta | None
    read: Callable[[str], Any]
    default: Any


def parameters(record: type[Struct]) -> dict[str, Parameter]:
    """The parameters of a query record by their wire names."""
    found = _PARAMETERS.get(record)
    if found is None:
        hints = get_type_hints(record, include_extras=True)
        found = {field.encode_name: _parameter(field, hints[field.name]) for field in structs.fields(record)}
        _PARAMETERS[record] = found
    return found


_PARAMETERS: dict[type[Struct], dict[str, Parameter]] = {}


def read_query(query_string: bytes, record: type[Q], *, refuse_unknown: bool = False) -> tuple[Q, list[str]]:
    """Read a query string into a record; also the names of parameters that it does not know.

    Raises `Refused` with `BAD_REQUEST`, naming the parameter, for a malformed or repeated value, and for an
    unknown name if those are to be refused; with `ADDRESS_TOO_LONG` beyond `MAX_QUERY_BYTES` bytes.
    """
    if not query_string:
        return record(), []
    if len(query_string) > MAX_QUERY_BYTES:
        raise Refused(Fault.ADDRESS_TOO_LONG, f"the query string has at most {MAX_QUERY_BYTES} bytes")
    known = parameters(record)
    values: dict[str, Any] = {}
    ignored: list[str] = []
    for pair in query_string.split(b"&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name = _text(raw_name)
        parameter = known.get(name) if name is not None else None
        if parameter is None:
            printable = name if name is not None else raw_name.decode("ascii", "replace")
            if refuse_unknown:
                raise _bad(printable[:60], "is not a parameter of this list")
            ignored.append(printable)
            continue
        if parameter.field in values:
            raise _bad(parameter.name, "is given more than once")
        value = _text(raw_value)
        if value is None or "\x00" in value:
            raise _bad(parameter.name, "is not valid UTF-8 text")
        if len(value) > _MAX_VALUE_LENGTH:
            raise _bad(parameter.name, f"has at most {_MAX_VALUE_LENGTH} characters")
        try:
            values[parameter.field] = parameter.read(value)
        except ValueError as error:
            raise _bad(parameter.name, str(error)) from None
    return record(**values), ignored


def _bad(name: str, reason: str) -> Refused:
    return Refused(Fault.BAD_REQUEST, f"{name} {reason}", name)


def _text(raw: bytes) -> str | None:
    try:
        if b"%" in raw or b"+" in raw:
            raw = unquote_to_bytes(raw.replace(b"+", b" "))
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _parameter(field: structs.FieldInfo, hint: Any) -> Parameter:
    kind, meta = _unwrap(hint)
    if field.default_factory is not msgspec.NODEFAULT or field.default is msgspec.NODEFAULT:
        raise TypeError(f"{field.name}: a query parameter needs a plain default")
    return Parameter(field.name, field.encode_name, kind, meta, _reader(kind, meta), field.default)


def _unwrap(hint: Any) -> tuple[Any, Meta | None]:
    meta: Meta | None = None
    while True:
        origin = get_origin(hint)
        if origin is Annotated:
            hint, *rest = get_args(hint)
            meta = next((item for item in rest if isinstance(item, Meta)), meta)
        elif origin in (Union, UnionType):
            (hint,) = (arm for arm in get_args(hint) if arm is not type(None))
        else:
            return hint, meta


def _reader(kind: Any, meta: Meta | None) -> Callable[[str], Any]:
    if kind is bool:
        return _flag
    if kind is int:
        return _integer(meta or Meta())
    if get_origin(kind) is Literal:
        return _choice(get_args(kind))
    if kind is str:
        return _string(meta or Meta(min_length=1))
    read: Callable[[str], Any] = kind.read
    return read


def _flag(text: str) -> bool:
    lower = text.lower()
    if lower in _TRUE:
        return True
    if lower in _FALSE:
        return False
    raise ValueError("must be true or false")


def _integer(meta: Meta) -> Callable[[str], int]:
    low, high = meta.ge, meta.le
    clamp = (meta.extra or {}).get("clamp")

    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise ValueError("must be an integer")
        value = int(text)
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"between {low} and {high}" if high is not None else f"at least {low}"
            raise ValueError(f"must be {bounds}")
        return min(value, _MAX_INTEGER if clamp is None else clamp)

    return read


def _choice(words: tuple[str, ...]) -> Callable[[str], str]:
    allowed = frozenset(words)

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return read


def _string(meta: Meta) -> Callable[[str], str]:
    shortest, longest = meta.min_length or 0, meta.max_length or _MAX_VALUE_LENGTH

    def read(text: str) -> str:
        if not shortest <= len(text) <= longest:
            raise ValueError(f"must have {shortest} to {longest} characters")
        return text

    return read
