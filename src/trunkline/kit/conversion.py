"""JSON converted to a typed record as far as it fits: what does not is left out, and named."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from trunkline.kit.payload import Payload, Unreadable
from trunkline.model.chunked_json import converted as convert
from trunkline.model.field_problems import MAX_PROBLEMS

T = TypeVar("T", bound=Struct)

_MESSAGE = re.compile(r"(.*?)(?: - at `(\$.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[([0-9]+)\]|\[\.\.\.\]")
_MISSING = re.compile(r"Object missing required field `(.*)`")


def converted(
    fields: dict[str, Any], record: type[T], wire: Payload, words: Callable[[str], Iterable[str] | None]
) -> T:
    """The fields as a record, without the values that do not fit it, which are named in `wire.problems`.

    A list keeps the items that fit. `words` answers which words a field of a path may hold, where they are
    few. Raises `Unreadable` if the record cannot do without a value.
    """
    try:
        return convert(fields, record)
    except msgspec.ValidationError as error:
        pruner = _Pruner(copy.deepcopy(fields), wire, words)
        found = str(error)
    for _ in range(MAX_PROBLEMS):
        pruner.leave_out(found)
        try:
            return convert(pruner.fields, record)
        except msgspec.ValidationError as error:
            found = str(error)
    pruner.leave_out(found, whole_field=True)
    for _ in range(len(pruner.fields) + 1):
        try:
            return convert(pruner.fields, record)
        except msgspec.ValidationError as error:
            pruner.leave_out(str(error), whole_field=True)
    raise Unreadable("payload", "does not fit")


class _Pruner:
    """Takes values out of a document, one after another."""

    def __init__(
        self, fields: dict[str, Any], wire: Payload, words: Callable[[str], Iterable[str] | None]
    ) -> None:
        self.fields = fields
        self._wire = wire
        self._words = words
        self._places: dict[int, list[int]] = {}
        """Of each list that items were taken out of, where the others stood."""

    def leave_out(self, message: str, *, whole_field: bool = False) -> None:
        """Take out the value that an error of msgspec is about."""
        found = _MESSAGE.fullmatch(message)
        reason, at = (found[1], found[2] or "$") if found else (message, "$")
        steps = [
            int(match[2]) if match[2] else match[1] for match in _STEP.finditer(at) if match[1] or match[2]
        ]
        if not steps:
            raise Unreadable("payload", reason[:1].lower() + reason[1:])
        steps = steps[:1] if whole_field else steps
        container: Any = self.fields
        path = self._wire.path
        for step in steps[:-1]:
            path = self._joined(path, container, step)
            container = container[step]
        last = steps[-1]
        where = self._joined(path, container, last)
        value = container[last]
        if missing := _MISSING.fullmatch(reason):
            self._wire.note(f"{where}.{missing[1]}", None, "a value")
        else:
            words = self._words(where) if reason.startswith("Invalid enum value") else None
            self._wire.note(where, value, f"one of {', '.join(words)}" if words else _expected(reason))
        if isinstance(container, list) and isinstance(last, int):
            self._place(container).pop(last)
        del container[last]

    def _place(self, items: list[Any]) -> list[int]:
        return self._places.setdefault(id(items), list(range(len(items))))

    def _joined(self, path: str, container: Any, step: int | str) -> str:
        if isinstance(container, list) and isinstance(step, int):
            return f"{path}[{self._place(container)[step]}]"
        return f"{path}.{step}" if path else str(step)


def _expected(reason: str) -> str:
    """What msgspec expected, in the words of other problems."""
    match = re.fullmatch(r"Expected `(.*)`, got `.*`", reason)
    if match is None:
        return reason[:1].lower() + reason[1:]
    return " or ".join(_WORDS.get(kind.strip(), kind.strip()) for kind in match[1].split("|"))


_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
    "datetime": "an ISO 8601 date-time",
}
