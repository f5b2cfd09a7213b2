"""Reading a vendor's JSON tolerantly: absent and null are distinguished, and what cannot be read is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from trunkline.kit.wire import instant_of_iso, instant_of_ms, ms_of_seconds

V = TypeVar("V")

_MAX_DURATION_MS = 366 * 24 * 3600 * 1000


def or_none(value: V | UnsetType | None) -> V | None:
    """The value, or `None` where absent and null mean the same."""
    return None if value is UNSET else value


def has_call(items: list[Any], recognise: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether a list has at least one call; other items in it are then rejected one by one."""
    return any(isinstance(item, dict) and recognise(item) for item in items)


class Unreadable(ValueError):
    """A payload has a value that is impossible for its field."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Payload:
    """A JSON object with typed access by name.

    Each accessor takes the names under which variants of a vendor's API know the field, and returns `UNSET`
        if none is present, `None` if the first one present is null.
    """

    def __init__(self, raw: dict[str, Any], path: str = "") -> None:
        self.raw = raw
        self.path = path

    @classmethod
    def of(cls, raw: Any, path: str = "") -> Payload:
        """Read a JSON value as an object; raises `Unreadable` if it is something else."""
        if not isinstance(raw, dict):
            raise Unreadable(path or "payload", f"expected an object, found {_kind(raw)}")
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
        raise self._unreadable(names, "a text", value)

    def identifier(self, *names: str) -> str:
        """A text that must be present and not empty."""
        value = self.text(*names)
        if not isinstance(value, str) or not value.strip():
            raise Unreadable(self._where(names), "an id is required")
        if len(value) > 200:
            raise Unreadable(self._where(names), "an id has at most 200 characters")
        return value

    def flag(self, *names: str) -> bool | UnsetType | None:
        """A boolean, also as the texts `true` and `false`."""
        value = self.value(*names)
        if value is UNSET or value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise self._unreadable(names, "true or false", value)

    def number(self, *names: str) -> Decimal | UnsetType | None:
        """A number, also as a text of digits."""
        value = self.value(*names)
        if value is UNSET or value is None:
            return value
        if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
            try:
                read = Decimal(str(value))
            except (InvalidOperation, ValueError):  # also of an integer with thousands of digits
                read = Decimal("NaN")
            if read.is_finite() and abs(read.adjusted()) <= 30 and len(read.as_tuple().digits) <= 40:
                return read
        raise self._unreadable(names, "a number", value)

    def count(self, *names: str) -> int | UnsetType | None:
        """A whole number of things."""
        value = self.number(*names)
        if value is UNSET or value is None:
            return value
        if value != value.to_integral_value() or not 0 <= value < 2**31:
            raise self._unreadable(names, "a whole number", value)
        return int(value)

    def seconds(self, *names: str) -> int | UnsetType | None:
        """A duration in decimal seconds, read as whole milliseconds."""
        value = self.number(*names)
        if not isinstance(value, Decimal):
            return value
        return self._duration(names, ms_of_seconds(value) if abs(value) < 10**9 else 10**12)

    def milliseconds(self, *names: str) -> int | UnsetType | None:
        """A duration in milliseconds."""
        value = self.number(*names)
        return self._duration(names, round(value)) if isinstance(value, Decimal) else value

    def _duration(self, names: tuple[str, ...], ms: int) -> int:
        if not 0 <= ms <= _MAX_DURATION_MS:
            raise Unreadable(self._where(names), "must be between zero and a year")
        return ms

    def instant(self, *names: str) -> datetime | UnsetType | None:
        """An ISO 8601 date or date-time."""
        value = self.value(*names)
        if value is UNSET or value is None:
            return value
        if isinstance(value, str):
            try:
                return instant_of_iso(value)
            except ValueError as error:
                raise Unreadable(self._where(names), f"{error}: {value[:40]!r}") from None
        raise self._unreadable(names, "an ISO 8601 text", value)

    def epoch_ms(self, *names: str) -> datetime | UnsetType | None:
        """An instant in epoch milliseconds; zero means that it is not known."""
        value = self.number(*names)
        if not isinstance(value, Decimal):
            return value
        if value == 0:
            return None
        try:
            return instant_of_ms(float(value))
        except ValueError as error:
            raise Unreadable(self._where(names), str(error)) from None

    def object(self, *names: str) -> Payload | UnsetType | None:
        """A nested object."""
        value = self.value(*names)
        if value is UNSET or value is None:
            return value
        return Payload.of(value, self._where(names))

    def json_object(self, *names: str) -> dict[str, Any] | UnsetType | None:
        """A nested object, unchanged."""
        value = self.object(*names)
        return value.raw if isinstance(value, Payload) else value

    def items(self, *names: str) -> list[Any] | UnsetType | None:
        """A list of anything."""
        value = self.value(*names)
        if value is UNSET or value is None or isinstance(value, list):
            return value
        raise self._unreadable(names, "a list", value)

    def json_objects(self, *names: str) -> list[dict[str, Any]] | UnsetType | None:
        """A list of objects as they are; other items are left out."""
        found = self.items(*names)
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else found

    def objects(self, *names: str) -> Iterator[Payload]:
        """The objects of a list; none if the list is absent or null."""
        found = self.items(*names)
        for index, item in enumerate(found if isinstance(found, list) else ()):
            yield Payload.of(item, f"{self._where(names)}[{index}]")

    def rest(self, *documented: str) -> dict[str, Any]:
        """The members that are none of these."""
        return {name: value for name, value in self.raw.items() if name not in documented}

    def _where(self, names: tuple[str, ...]) -> str:
        name = next((name for name in names if name in self.raw), names[0])
        return f"{self.path}.{name}" if self.path else name

    def _unreadable(self, names: tuple[str, ...], expected: str, value: Any) -> Unreadable:
        return Unreadable(self._where(names), f"expected {expected}, found {_kind(value)}")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "null" if value is None else repr(value)[:40]
