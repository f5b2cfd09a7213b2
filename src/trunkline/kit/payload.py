"""Reading a vendor's JSON tolerantly: absent and null are distinguished, and what cannot be read is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from trunkline.kit.instants import InstantForm, read_instant
from trunkline.kit.json_depth import MAX_DEPTH, deeper_than
from trunkline.kit.wire import ms_of_seconds
from trunkline.model.field_problems import FieldProblem, FieldProblems
from trunkline.model.field_problems import note as note_problem

V = TypeVar("V")

MAX_DURATION_MS = 366 * 24 * 3600 * 1000


def or_none(value: V | UnsetType | None) -> V | None:
    """The value, or `None` where absent and null mean the same."""
    return None if value is UNSET else value


class Unreadable(ValueError):
    """A payload does not say which call it is of, or is no payload at all."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Payload:
    """A JSON object with typed access by name.

    Each accessor takes the names under which variants of a vendor's API know the field, and returns
    `UNSET` if none is present, `None` if the first one present is null. A value that is not what its field is
    documented to hold is left out, as if it were absent, and named in `problems`; one that can be read
    another way is read, and named too. Only `identifier` and `part` raise `Unreadable`.
    """

    def __init__(self, raw: dict[str, Any], path: str = "", problems: FieldProblems | None = None) -> None:
        self.raw = raw
        self.path = path
        self.problems: FieldProblems = {} if problems is None else problems
        """Of the whole payload: an object in it has those of the object around it."""

    @classmethod
    def of(cls, raw: Any, path: str = "") -> Payload:
        """Read a JSON value as an object; raises `Unreadable` if it is something else."""
        if isinstance(raw, Payload):
            return raw
        if not isinstance(raw, dict):
            raise Unreadable(path or "payload", f"expected an object, found {kind_of(raw)}")
        return cls(raw, path)

    def __contains__(self, name: str) -> bool:
        return name in self.raw

    def value(self, *names: str) -> Any:
        """The value under the first of the names that is present."""
        for name in names:
            if name in self.raw:
                return self.raw[name]
        return UNSET

    def text(self, *names: str) -> str | UnsetType | None:
        """A text; a number is read as its digits, since some vendors send ids like that."""
        value = self.value(*names)
        if value is UNSET or value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**30:
            return str(value)
        return self._left_out(names, "a text", value)

    def identifier(self, *names: str) -> str:
        """A text that must be present and not empty, under any of the names; raises `Unreadable`."""
        values = (self.text(name) for name in names)
        value = next((value for value in values if isinstance(value, str) and value.strip()), None)
        if value is None:
            raise Unreadable(self.where(*names), "an id is required")
        if len(value) > 200:
            raise Unreadable(self.where(*names), "an id has at most 200 characters")
        return value

    def flag(self, *names: str) -> bool | UnsetType | None:
        """A boolean, also as 0 and 1 and as the texts for them."""
        value = self.value(*names)
        if value is UNSET or value is None or isinstance(value, bool):
            return value
        if isinstance(value, str | int) and (read := _FLAGS.get(str(value).strip().lower())) is not None:
            return read
        return self._left_out(names, "true or false", value)

    def number(self, *names: str) -> Decimal | UnsetType | None:
        """A number, also as a text of digits."""
        value = self.value(*names)
        if value is UNSET or value is None:
            return value
        read = _decimal(value)
        return self._left_out(names, "a number", value) if read is None else read

    def count(self, *names: str) -> int | UnsetType | None:
        """A whole number of things."""
        value = self.number(*names)
        if value is UNSET or value is None:
            return value
        if value != value.to_integral_value() or not 0 <= value < 2**31:
            return self._left_out(names, "a whole number", self.value(*names))
        return int(value)

    def seconds(self, *names: str) -> int | UnsetType | None:
        """A duration in decimal seconds, read as whole milliseconds."""
        return self._duration(names, 1000)

    def milliseconds(self, *names: str) -> int | UnsetType | None:
        """A duration in milliseconds."""
        return self._duration(names, 1)

    def minutes(self, *names: str) -> int | UnsetType | None:
        """A duration in decimal minutes, read as whole milliseconds."""
        return self._duration(names, 60_000)

    def _duration(self, names: tuple[str, ...], unit_ms: int) -> int | UnsetType | None:
        value = self.value(*names)
        if value is UNSET or value is None:
            return value
        number = _decimal(value)
        if number is None or not 0 <= number * unit_ms <= MAX_DURATION_MS:
            return self._left_out(names, "a duration from nothing to a year", value)
        return ms_of_seconds(number) if unit_ms == 1000 else round(number * unit_ms)

    def instant(self, *names: str) -> datetime | UnsetType | None:
        """An ISO 8601 date or date-time."""
        return self._instant(names, InstantForm.ISO)

    def rfc_2822(self, *names: str) -> datetime | UnsetType | None:
        """A date as in the headers of mail."""
        return self._instant(names, InstantForm.RFC_2822)

    def epoch_ms(self, *names: str) -> datetime | UnsetType | None:
        """An instant in epoch milliseconds; zero means that it is not known."""
        return self._instant(names, InstantForm.MILLISECONDS)

    def epoch_s(self, *names: str) -> datetime | UnsetType | None:
        """An instant in epoch seconds; zero means that it is not known."""
        return self._instant(names, InstantForm.SECONDS)

    def _instant(self, names: tuple[str, ...], documented: InstantForm) -> datetime | UnsetType | None:
        value = self.value(*names)
        if value is UNSET or value is None:
            return value
        try:
            at, form = read_instant(value, documented)
        except ValueError:
            return self._left_out(names, documented.value, value)
        if form is not documented:
            self.note(self.where(*names), value, documented.value, read_as=form.value)
        return at

    def object(self, *names: str) -> Payload | UnsetType | None:
        """A nested object, also as JSON text."""
        value = self.value(*names)
        if value is UNSET or value is None:
            return value
        if isinstance(value, str):
            value = self._json_text(names, "an object", value)
        if not isinstance(value, dict):
            return UNSET if value is UNSET else self._left_out(names, "an object", value)
        return Payload(value, self.where(*names), self.problems)

    def part(self, *names: str) -> Payload:
        """A nested object that must be there; raises `Unreadable`."""
        found = self.object(*names)
        if not isinstance(found, Payload):
            raise Unreadable(self.where(*names), f"expected an object, found {kind_of(self.value(*names))}")
        return found

    def json_object(self, *names: str) -> dict[str, Any] | UnsetType | None:
        """A nested object, unchanged."""
        value = self.object(*names)
        return value.raw if isinstance(value, Payload) else value

    def items(self, *names: str) -> list[Any] | UnsetType | None:
        """A list of anything, also as JSON text."""
        value = self.value(*names)
        if value is UNSET or value is None or isinstance(value, list):
            return value
        if isinstance(value, str):
            value = self._json_text(names, "a list", value)
            if isinstance(value, list) or value is UNSET:
                return value
        return self._left_out(names, "a list", value)

    def json_objects(self, *names: str) -> list[dict[str, Any]] | UnsetType | None:
        """A list of objects as they are; other items are left out."""
        found = self.items(*names)
        return [item.raw for item in self.objects(*names)] if isinstance(found, list) else found

    def objects(self, *names: str) -> Iterator[Payload]:
        """The objects of a list; none if the list is absent or null."""
        found = self.items(*names)
        if not isinstance(found, list) or not found:
            return
        where = self.where(*names)
        for index, item in enumerate(found):
            if isinstance(item, dict):
                yield Payload(item, f"{where}[{index}]", self.problems)
                continue
            read = _json_in(item, dict) if isinstance(item, str) else None
            self.note(f"{where}[{index}]", item, "an object", read_as="JSON in a text" if read else "")
            if read is not None:
                yield Payload(read, f"{where}[{index}]", self.problems)

    def rest(self, *documented: str) -> dict[str, Any]:
        """The members that are none of these."""
        return {name: value for name, value in self.raw.items() if name not in documented}

    def where(self, *names: str) -> str:
        """The path of the first of the names that is present."""
        name = next((name for name in names if name in self.raw), names[0])
        return f"{self.path}.{name}" if self.path else name

    def note(self, path: str, found: Any, expected: str, *, read_as: str = "") -> None:
        """Name a value that is not what is documented, and how it was read if it was."""
        note_problem(self.problems, path, FieldProblem(kind_of(found), expected, read_as))

    def _left_out(self, names: tuple[str, ...], expected: str, value: Any) -> UnsetType:
        self.note(self.where(*names), value, expected)
        return UNSET

    def _json_text(self, names: tuple[str, ...], expected: str, text: str) -> Any:
        """JSON in a text where JSON itself is documented; `UNSET`, and named, if it is none."""
        read = _json_in(text, dict if expected == "an object" else list)
        if read is None:
            return self._left_out(names, expected, text)
        self.note(self.where(*names), text, expected, read_as="JSON in a text")
        return read


def _json_in(text: str, kind: type) -> Any:
    """The object or list that a text holds as JSON; `None` if it holds none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        read = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return read if isinstance(read, kind) and not deeper_than(MAX_DEPTH // 2, read) else None


_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _decimal(value: Any) -> Decimal | None:
    if not isinstance(value, int | float | str | Decimal) or isinstance(value, bool):
        return None
    try:
        read = Decimal(str(value))
    except (InvalidOperation, ValueError):  # also of an integer with thousands of digits
        return None
    return (
        read
        if read.is_finite() and abs(read.adjusted()) <= 30 and len(read.as_tuple().digits) <= 40
        else None
    )


def kind_of(value: Any) -> str:
    """A value in a few words, for a sentence about it."""
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None or value is UNSET:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)[:40] if isinstance(value, str | float) else str(value)[:40]
