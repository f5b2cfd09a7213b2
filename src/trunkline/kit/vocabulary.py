"""Vocabularies: a vendor's words for one field of ours, both ways, with a named catch-all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from trunkline.model.query import Wording

W = TypeVar("W", bound=StrEnum)


def _as_is(word: str) -> str:
    return word


class Vocabulary(Generic[W]):
    """Two tables, theirs to ours and ours to theirs, for one field.

    It will not build if one of our words has no word of theirs. `write` may have `None` for a word that
    the vendor leaves out. `spelling` is applied to their words before they are looked up, for vendors
    that print one case and accept any.
    """

    def __init__(
        self,
        field: str,
        ours: type[W],
        *,
        read: Mapping[str, W],
        write: Mapping[W, str | None],
        otherwise: W | None,
        spelling: Callable[[str], str] = _as_is,
    ) -> None:
        missing = [word.value for word in ours if word not in write]
        if missing:
            raise TypeError(f"{field}: no vendor word for {', '.join(missing)}; add each to `write`")
        self.field = field
        self.ours = ours
        self.otherwise = otherwise
        self._read = dict(read)
        self._write = dict(write)
        self._spelling = spelling

    def read(self, word: str) -> W | None:
        """Theirs to ours. Unknown vendor words become `otherwise`."""
        return self._read.get(self._spelling(word), self.otherwise)

    def knows(self, word: str) -> bool:
        """Whether the vendor documents this word."""
        return self._spelling(word) in self._read

    def write(self, ours: W | None) -> str | None:
        """Ours to theirs."""
        return None if ours is None else self._write[ours]

    def vendor_words_for(self, word: str, ours: W | None) -> dict[str, str]:
        """The entry of `Call.vendor_words` that brings this word back, or nothing if `write` does."""
        spelled = self._spelling(word)
        return {} if self.write(ours) == spelled else {f"{self.field}.{_key(ours)}": spelled}

    def word_for(self, ours: W | None, vendor_words: Mapping[str, str] | None) -> str | None:
        """Ours to theirs for a call of the vendor itself, in the vendor's own word if it was stored."""
        if vendor_words is not None:
            stored = vendor_words.get(f"{self.field}.{_key(ours)}")
            if stored is not None:
                return stored
        return self.write(ours)

    def wording_for(self, vendor: str, word: str) -> Wording:
        """The calls that print this word: the inverse of `write`, and of the words that were stored."""
        spelled = self._spelling(word)
        values = frozenset(ours.value for ours, theirs in self._write.items() if theirs == spelled)
        return Wording(values=values, vendor=vendor, words=frozenset({spelled}))

    def losses(self) -> dict[W, W | None]:
        """Our words that come back as another one."""
        return {
            ours: back
            for ours, theirs in self._write.items()
            if (back := None if theirs is None else self.read(theirs)) != ours
        }

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that the vendor documents, in order."""
        return tuple(dict.fromkeys([*self._read, *(word for word in self._write.values() if word)]))


class OneWay(Generic[W]):
    """One table, theirs to ours, for one field of a vendor whose API is not served."""

    def __init__(
        self,
        field: str,
        *,
        read: Mapping[str, W],
        otherwise: W | None,
        spelling: Callable[[str], str] = _as_is,
    ) -> None:
        self.field = field
        self.otherwise = otherwise
        self._read = dict(read)
        self._spelling = spelling

    def read(self, word: str) -> W | None:
        """Theirs to ours. Unknown vendor words become `otherwise`."""
        return self._read.get(self._spelling(word), self.otherwise)

    def knows(self, word: str) -> bool:
        """Whether the vendor documents this word."""
        return self._spelling(word) in self._read

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that the vendor documents, in order."""
        return tuple(self._read)


def effective_word(field: str, ours: str | None, vendor_words: Mapping[str, str] | None) -> str | None:
    """The stored word for a field's present value, if there is one."""
    return None if vendor_words is None else vendor_words.get(f"{field}.{_key(ours)}")


def _key(ours: str | None) -> str:
    return "null" if ours is None else str(ours)
