"""Long JSON in chunks, so that no thread holds the interpreter for longer than a chunk takes.

Reading or writing a document is one call into a library that lets no other thread run until it is done. For a
call of 250,000 turns that is a third of a second in which a server answers nobody, whatever thread it is in.
What is read and written here is the same to the byte.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw, Struct, UnsetType, ValidationError, structs

T = TypeVar("T", bound=Struct)

LONG_BYTES = 512 * 1024
"""From which on a document is read in chunks; what is shorter takes a few milliseconds."""

LONG_ITEMS = 500
"""From so many members on a list is written in chunks."""

_CHUNK_BYTES = 32 * 1024
_CHUNK_ITEMS = 200
_DEEPEST = 8
"""Levels down to which anything is taken apart."""

_read_list = msgspec.json.Decoder(list[Raw]).decode
_read_members = msgspec.json.Decoder(dict[str, Raw]).decode
_write = msgspec.json.Encoder().encode
_AT = re.compile(r" - at `\$(.*)`\Z", re.DOTALL)
_INDEX = re.compile(r"\[(\d+)\]")


class ChunkedDecoder:
    """Reads JSON as a type, as `msgspec.json.Decoder` does."""

    def __init__(self, kind: Any = Any, **options: Any) -> None:
        """`kind` is read in chunks down to its lists, objects and records; the rest of it as a whole."""
        self._kind = kind
        self._options = options
        self._whole = msgspec.json.Decoder(kind, **options).decode
        self._parts: dict[Any, ChunkedDecoder] = {}

    def decode(self, data: bytes | str | Raw) -> Any:
        """Read a document; raises what msgspec raises, with the same paths."""
        return self._whole(data) if len(data) <= LONG_BYTES else self._read(data, 0)

    def _read(self, data: bytes | str | Raw, depth: int) -> Any:
        if len(data) <= LONG_BYTES or depth >= _DEEPEST:
            return self._whole(data)
        raw = data.encode() if isinstance(data, str) else bytes(data)
        opening, kind = raw.lstrip()[:1], self._kind
        if opening == b"[" and (kind is Any or get_origin(kind) is list):
            return self._list(raw, Any if kind is Any else get_args(kind)[0], depth)
        if opening == b"{" and (kind is Any or get_origin(kind) is dict):
            return self._dict(raw, Any if kind is Any else get_args(kind)[1], depth)
        if opening == b"{" and isinstance(kind, type) and issubclass(kind, Struct) and _is_plain(kind):
            return self._record(raw, kind, depth)
        return self._whole(raw)

    def _part(self, kind: Any) -> ChunkedDecoder:
        found = self._parts.get(kind)
        if found is None:
            found = self._parts[kind] = ChunkedDecoder(kind, **self._options)
        return found

    def _list(self, raw: bytes, item: Any, depth: int) -> list[Any]:
        read, read_long = self._part(list[item])._whole, self._part(item)
        found: list[Any] = []
        for chunk in _chunks(_read_list(raw)):
            if len(chunk) == 1:
                with _Path(f"[{len(found)}]"):
                    found.append(read_long._read(chunk[0], depth + 1))
            else:
                with _Path(len(found)):
                    found += read(b"[" + b",".join(chunk) + b"]")
        return found

    def _dict(self, raw: bytes, value: Any, depth: int) -> dict[str, Any]:
        read, read_long = self._part(dict[str, value])._whole, self._part(value)
        members = _read_members(raw)
        names = iter(members)
        found: dict[str, Any] = {}
        for chunk in _chunks(list(members.values())):
            some = {next(names): member for member in chunk}
            if len(chunk) == 1:
                ((name, member),) = some.items()
                with _Path("[...]"):
                    found[name] = read_long._read(member, depth + 1)
            else:
                found |= read(_write(some))
        return found

    def _record(self, raw: bytes, kind: type[Struct], depth: int) -> Any:
        members = _read_members(raw)
        long: dict[str, Any] = {}
        for name, part in _parts_of(kind).items():
            member = members.get(name)
            if member is not None and len(member) > _CHUNK_BYTES:
                with _Path(f".{name}"):
                    long[name] = self._part(part)._read(members.pop(name), depth + 1)
        record = self._whole(_write(members))
        for name, value in long.items():
            setattr(record, name, value)
        return record


class ChunkedEncoder:
    """Writes JSON, as `msgspec.json.Encoder` does."""

    def __init__(self, **options: Any) -> None:
        self.encode_short = msgspec.json.Encoder(**options).encode
        """Writes a value that is known to be short, in one go."""

    def encode(self, value: Any) -> bytes:
        """Write a value, in chunks wherever there is a long list in it; looking for one takes its time."""
        return self.encode_short(self._shortened(value, 0))

    def _shortened(self, value: Any, depth: int) -> Any:
        """A value in which what is long is JSON already; the value itself if nothing is."""
        kind = type(value)
        if kind is list:
            if len(value) > LONG_ITEMS:
                return Raw(b"[" + b",".join(self._lists(value)) + b"]")
            if depth < _DEEPEST and value and isinstance(value[0], dict | list | Struct):
                short = [self._shortened(item, depth + 1) for item in value]
                return short if any(map(_is_other, short, value)) else value
        elif depth >= _DEEPEST:
            return value
        elif kind is dict:
            if len(value) > LONG_ITEMS:
                return Raw(b"{" + b",".join(self._dicts(value)) + b"}")
            short_values = [self._shortened(item, depth + 1) for item in value.values()]
            if any(map(_is_other, short_values, value.values())):
                return dict(zip(value, short_values, strict=True))
        elif isinstance(value, Struct):
            changed: dict[str, Any] = {}
            for name in value.__struct_fields__:
                field = getattr(value, name)
                if isinstance(field, list | dict | Struct):
                    short_field = self._shortened(field, depth + 1)
                    if short_field is not field:
                        changed[name] = short_field
            return structs.replace(value, **changed) if changed else value
        return value

    def _lists(self, value: list[Any]) -> Iterator[bytes]:
        for start in range(0, len(value), _CHUNK_ITEMS):
            yield self.encode_short(value[start : start + _CHUNK_ITEMS])[1:-1]

    def _dicts(self, value: dict[Any, Any]) -> Iterator[bytes]:
        items = list(value.items())
        for start in range(0, len(items), _CHUNK_ITEMS):
            yield self.encode_short(dict(items[start : start + _CHUNK_ITEMS]))[1:-1]


def converted(said: dict[str, Any], kind: type[T]) -> T:
    """An object as a record, as `msgspec.convert` makes it, long lists in chunks."""
    parts = _parts_of(kind)
    long = {
        name: value
        for name, value in said.items()
        if type(value) is list and len(value) > LONG_ITEMS and get_origin(parts.get(name)) is list
    }
    if not long:
        return msgspec.convert(said, kind)
    record = msgspec.convert({name: value for name, value in said.items() if name not in long}, kind)
    for name, value in long.items():
        found: list[Any] = []
        with _Path(f".{name}"):
            for start in range(0, len(value), _CHUNK_ITEMS):
                with _Path(start):
                    found += msgspec.convert(value[start : start + _CHUNK_ITEMS], parts[name])
        setattr(record, name, found)
    return record


def are_long(*values: Any) -> bool:
    """Whether one of some values is a list that is better written in chunks."""
    return max([len(value) for value in values if type(value) is list], default=0) > LONG_ITEMS


def is_equal(one: Any, other: Any) -> bool:
    """Whether two values are equal; long lists are compared in chunks."""
    if type(one) is not list or type(other) is not list or len(one) != len(other):
        return bool(one == other)
    steps = range(0, len(one), _CHUNK_ITEMS)
    return all(one[start : start + _CHUNK_ITEMS] == other[start : start + _CHUNK_ITEMS] for start in steps)


def _is_other(one: Any, other: Any) -> bool:
    return one is not other


def _chunks(items: Sequence[Raw]) -> Iterator[list[Raw]]:
    """Items in order, so many at a time as make a chunk; a long one is alone."""
    chunk: list[Raw] = []
    size = 0
    for item in items:
        length = len(item) + 1  # with its comma
        if chunk and size + length > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += length
    if chunk:
        yield chunk


@cache
def _parts_of(kind: type[Struct]) -> dict[str, Any]:
    """The fields of a record that can be read by themselves, each with what its value has to be."""
    hints = get_type_hints(kind)
    optional = [field.name for field in structs.fields(kind) if not field.required]
    found = {name: _one_kind(hints[name]) for name in optional}
    return {name: part for name, part in found.items() if part is not None}


def _is_plain(kind: type[Struct]) -> bool:
    """Whether the fields of a record are named as they are written, and others are let through."""
    config = kind.__struct_config__
    plain = kind.__struct_encode_fields__ == kind.__struct_fields__ and not config.frozen
    return plain and not (config.array_like or config.forbid_unknown_fields or config.tag)


def _one_kind(hint: Any) -> Any:
    """What a value that is there has to be, if that can be read in chunks."""
    arms = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    arms = tuple(arm for arm in arms if arm not in (type(None), UnsetType))
    if len(arms) != 1:
        return None
    (arm,) = arms
    is_record = isinstance(arm, type) and issubclass(arm, Struct)
    return arm if arm is Any or is_record or get_origin(arm) in (list, dict) else None


class _Path:
    """Prepends a position to the path in an error."""

    def __init__(self, step: str | int) -> None:
        self._step = step

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, ValidationError):
            return
        message = str(error)
        found = _AT.search(message)
        text, path = (message[: found.start()], found[1]) if found else (message, "")
        if isinstance(self._step, str):
            path = self._step + path
        elif (index := _INDEX.match(path)) is not None:  # its place within the chunk
            path = f"[{self._step + int(index[1])}]{path[index.end() :]}"
        else:
            path = f"[{self._step}]{path}"
        raise ValidationError(f"{text} - at `${path}`") from None
