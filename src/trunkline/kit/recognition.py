"""Saved answers: where a vendor's answers have calls, and how a call of the vendor is recognised.

Each vendor's folder says which fields its calls have and which of them no other vendor prints. A call is
scored by them for all vendors; the vendor with the most points is the one, if it is clearly ahead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Set
from itertools import islice
from typing import Any, NamedTuple

from msgspec import Struct

LEAD = 3
"""Points by which a vendor must be ahead of the next one: one field that the other does not know."""

_DISTINCTIVE = 2
"""Points of a distinctive field besides the one of every known field."""
_UNKNOWN = 3
"""Points that an unknown field costs: vendors add fields, but not many at a time."""
_ENOUGH = 5
"""Known fields that make up for having none that is distinctive."""

_VOTERS = 100
"""Calls of a list that decide whose it is; each of the others is compared with that."""

Path = tuple[str, ...]
"""Names from the document to a value in it; empty for the document itself."""


class SavedAnswers(Struct, frozen=True, kw_only=True):
    """How one vendor's saved answers are recognised and taken apart."""

    ids: frozenset[str]
    """Names under which a call has its id; one of them must be there."""
    fields: frozenset[str]
    """Every field that a call of a list or a get is known to have."""
    distinctive: frozenset[str]
    """Those of them that calls of no other vendor have."""
    not_calls: frozenset[str] = frozenset()
    """Fields of other things that the vendor prints alike, such as a chat."""
    ones: tuple[Path, ...] = ((),)
    """Where the answer of a get has the call."""
    lists: tuple[Path, ...] = ((),)
    """Where the answer of a list has the calls."""
    envelope: frozenset[str] = frozenset()
    """Names beside a list; one of them makes an empty list an answer."""
    unpack: Callable[[Any], list[Any] | None] | None = None
    """The calls in an answer of another shape; `None` for a document that is not one."""

    def __post_init__(self) -> None:
        if not self.distinctive | self.ids <= self.fields:
            raise TypeError("ids and distinctive fields must be among the fields")

    def points(self, names: Set[str]) -> int:
        """How well an object with these members fits; negative if most of them are unknown."""
        known = len(names & self.fields)
        return known + _DISTINCTIVE * len(names & self.distinctive) - _UNKNOWN * (len(names) - known)

    def fits(self, raw: Any) -> bool:
        """Whether a value looks like one call of this vendor."""
        return isinstance(raw, dict) and self.fits_names(raw.keys())

    def fits_names(self, names: Set[str]) -> bool:
        """Whether an object with these members looks like one call of this vendor."""
        known = len(names & self.fields)
        return (
            not self.ids.isdisjoint(names)
            and self.not_calls.isdisjoint(names)
            and 2 * known >= len(names)
            and (known >= _ENOUGH or not self.distinctive.isdisjoint(names))
        )

    def calls_in(self, document: Any) -> list[Any] | None:
        """The calls in a saved answer; `None` if it does not look like one of this vendor."""
        return self._found_in(document, self.fits)

    def calls_named_in(self, document: Any) -> list[Any] | None:
        """The same where the vendor is known: everything that has an id is a call."""
        found = self.calls_in(document)
        return found if found is not None else self._found_in(document, self._has_id)

    def _has_id(self, raw: Any) -> bool:
        return isinstance(raw, dict) and not self.ids.isdisjoint(raw)

    def _found_in(self, document: Any, is_call: Callable[[Any], bool]) -> list[Any] | None:
        if self.unpack is not None and (unpacked := self.unpack(document)) is not None:
            return unpacked
        for path in self.ones:
            if is_call(one := _at(document, path)):
                return [one]
        for path in self.lists:
            items = _at(document, path)
            if not isinstance(items, list):
                continue
            # Other items of a list with a call are rejected one by one.
            if any(map(is_call, items)) or (
                not items and not self.envelope.isdisjoint(_beside(document, path))
            ):
                return items
        return None


def _at(document: Any, path: Path) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _beside(document: Any, path: Path) -> set[str]:
    """The names in all objects on the way to a list."""
    around = [_at(document, path[:depth]) for depth in range(len(path))]
    return {name for each in around if isinstance(each, dict) for name in each}


class Match(NamedTuple):
    """A vendor of which a document may be, and the calls in it."""

    name: str
    points: int
    items: list[Any]


def matches(saved: Mapping[str, SavedAnswers], document: Any) -> list[Match]:
    """The vendors of which a document may be: the one with the most points, and those that are close to it.

    A close one counts even if it would not find a call in the document, as in a call without its id.
    """
    found = []
    for name, one in saved.items():
        items = one.calls_in(document)
        if items is not None:
            found.append(Match(name, one.points(_names_in(items)), items))
    found.sort(key=lambda match: -match.points)
    full = [match for match in found if match.items]
    if not full:
        return found[:1]  # an answer without calls is the same of every vendor
    votes = Counter(
        of[0] for item in islice(full[0].items, _VOTERS) if len(of := vendors_of(saved, item)) == 1
    ).most_common()
    winners = [name for name, count in votes if count == votes[0][1]]
    if elected := [match for match in full if match.name in winners]:
        return elected
    # No call is clear by itself, but all of them together may be.
    best = full[0]
    names = _names_in(best.items)
    points = {name: one.points(names) for name, one in saved.items()} | {one.name: one.points for one in full}
    close = [name for name, one in points.items() if name != best.name and one > best.points - LEAD]
    return [best, *(Match(name, points[name], best.items) for name in close)]


def candidates(saved: Mapping[str, SavedAnswers], document: Any) -> list[str]:
    """The vendors of which a document may be that fits none: most of its fields are known to them."""
    found = []
    for name, one in saved.items():
        items = one.calls_named_in(document)
        if items and one.points(_names_in(items)) > 0:
            found.append(name)
    return found


def vendors_of(saved: Mapping[str, SavedAnswers], item: Any) -> list[str]:
    """The vendors of which one call may be; none if it does not look like a call."""
    if not isinstance(item, dict) or not any(one.fits(item) for one in saved.values()):
        return []
    points = {name: one.points(item.keys()) for name, one in saved.items()}
    best = max(points.values())
    return [name for name, one in points.items() if one > best - LEAD]


def _names_in(items: list[Any]) -> set[str]:
    return {name for item in items if isinstance(item, dict) for name in item}
