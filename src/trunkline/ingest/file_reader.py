"""The calls in entries of files: recognised as those of one vendor, or refused with those they may be of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from trunkline.ingest.files import Entry, decoded
from trunkline.ingest.payload_reader import FILE, SavedForm, received_from, received_from_line
from trunkline.kit.json_reader import problems_of_part
from trunkline.kit.payload import Unreadable
from trunkline.kit.recognition import candidates, matches, vendors_of
from trunkline.model.field_problems import FieldProblems
from trunkline.service.received import LINE, PRINTED, Provenance, Received, encoded

_NO_CALL = "not a call or an answer in the form of"


class Rejected(NamedTuple):
    """Something in a file that is not a call, and why."""

    file: str
    line: int
    item: int | None
    """The position within a line with several calls, from 0."""
    reason: str
    text: str
    unread: Received | None = None
    """The same for the inbox; `None` for what was not read whole."""


class Reader:
    """Reads calls from entries of files, in one vendor's form or in the one that is recognised."""

    def __init__(self, forms: Mapping[str, SavedForm], only: str | None = None) -> None:
        self._forms = forms
        self._only = None if only is None else forms[only]
        self._saved = {name: form.saved for name, form in forms.items()}
        self._last: SavedForm | None = self._only

    def quickly(self, line: bytes) -> Received | None:
        """The call on a line, if the last entry's form has a quick way to read it."""
        return None if self._last is None else received_from_line(self._last, line)

    def read_text(self, text: bytes) -> Iterator[Received | Rejected]:
        """Read a line that is known from elsewhere."""
        return self.read("", decoded(Entry(0, text)))

    def read(self, file: str, entry: Entry) -> Iterator[Received | Rejected]:
        """Read an entry: everything in it is either received or rejected."""
        if entry.received is not None:
            yield entry.received
            return
        found = entry.problem or self._calls_in(entry.document)
        if isinstance(found, str):
            vendor = "" if self._only is None else self._only.name
            unread = _unread(file, entry, None, entry.text, found, vendor, LINE) if entry.is_whole else None
            yield Rejected(file, entry.line, None, found, _shown(entry.text), unread)
            return
        form, items = found
        for index, item in enumerate(items):
            position = index if len(items) > 1 else None
            problem = self._of_another(form, item)
            vendor, kind = "", LINE
            if problem is None:
                try:
                    yield received_from(form, item, _problems_of(item, items, entry.problems))
                    continue
                except Unreadable as error:
                    problem, vendor, kind = f"{error}{self._hint(form, item)}", form.name, PRINTED.kind
            raw = encoded(item)
            unread = _unread(file, entry, position, raw, problem, vendor, kind)
            yield Rejected(file, entry.line, position, problem, _shown(raw), unread)

    def _calls_in(self, document: Any) -> tuple[SavedForm, list[Any]] | str:
        """The calls in a document and the form they have, or why there are none."""
        if self._only is not None:
            items = self._only.saved.calls_named_in(document)
            if items is not None:
                return self._only, items
            return (
                f"not a call or an answer in the form of {self._only.title}{self._hint(self._only, document)}"
            )
        found = matches(self._saved, document)
        if len(found) > 1:
            return f"may be {self._titles(match.name for match in found)}: choose with --vendor"
        if found:
            form = self._forms[found[0].name]
            self._last = form if found[0].items else None
            return form, found[0].items
        if perhaps := candidates(self._saved, document):
            return (
                f"has too few known fields to tell whose call it is: if it is of {self._titles(perhaps)},"
                " choose with --vendor"
            )
        return (
            f"not a call or an answer in the form of {', '.join(form.title for form in self._forms.values())}"
        )

    def _of_another(self, form: SavedForm, item: Any) -> str | None:
        """Why an item of a list cannot be of the vendor whose list it is."""
        if self._only is not None:
            return None
        likely = vendors_of(self._saved, item)
        if not likely or form.name in likely:
            return None
        return f"a call of {self._titles(likely)} in a list of {form.title}"

    def _hint(self, form: SavedForm, document: Any) -> str:
        """Which vendors a document seems to be of, if it is none of the one in whose form it was read."""
        if self._only is None:
            return ""
        likely = [match.name for match in matches(self._saved, document)]
        if not likely or form.name in likely:
            return ""
        return f"; it looks like {self._titles(likely)} (--vendor {' or '.join(likely)})"

    def _titles(self, names: Iterable[str]) -> str:
        *others, last = [self._forms[name].title for name in names]
        return f"{', '.join(others)} or {last}" if others else last


def _unread(
    file: str, entry: Entry, position: int | None, raw: bytes, reason: str, vendor: str, kind: str
) -> Received:
    item = "" if position is None else f", item {position}"
    provenance = Provenance(
        vendor=vendor, kind=kind, source=FILE, problem=reason, place=f"{file}, line {entry.line}{item}"
    )
    return Received(None, raw, provenance)


def _problems_of(item: Any, items: list[Any], problems: FieldProblems | None) -> FieldProblems | None:
    return problems_of_part(encoded(item), problems) if problems and len(items) > 1 else problems


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
