"""Request headers as a mapping in which a repeated one cannot be mistaken for a single one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, overload

from trunkline.model.faults import Fault, Refused

T = TypeVar("T")

RawHeaders = Iterable[tuple[bytes, bytes]]
"""Headers as ASGI has them: names in lower case."""

LISTS = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-encoding",
        "cookie",
        "forwarded",
        "if-match",
        "if-none-match",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    }
)
"""Headers that are lists by definition: repeated, they are one longer list (RFC 9110, 5.3)."""


class RepeatedHeaders(dict[str, str]):
    """Headers of which some are repeated.

    Lists are joined. Reading any other repeated header raises `Refused` instead of returning a value: which
    of two keys or two signatures is meant must not be guessed, and a proxy in front may have checked the
    other. A repeated header that nothing reads is ignored.
    """

    def __init__(self, raw: RawHeaders) -> None:
        super().__init__()
        repeated = set()
        for raw_name, raw_value in raw:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            if name not in self:
                self[name] = value
            elif name in LISTS:
                self[name] = f"{super().__getitem__(name)}, {value}"
            else:
                repeated.add(name)
        self.repeated = frozenset(repeated)

    def __getitem__(self, name: str) -> str:
        if name in self.repeated:
            raise self.refusal(name)
        return super().__getitem__(name)

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str, /) -> str: ...
    @overload
    def get(self, name: str, default: T, /) -> str | T: ...
    def get(self, name: str, default: object = None, /) -> object:
        """The value of a header, which must not be repeated; raises `Refused` with `BAD_REQUEST`."""
        if name in self.repeated:
            raise self.refusal(name)
        return super().get(name, default)

    def refusal(self, name: str) -> Refused:
        """The sentence for a client that repeated a header."""
        return Refused(Fault.BAD_REQUEST, f"the header {name} was sent more than once", name)


def last_headers(raw: RawHeaders) -> dict[str, str]:
    """Headers by name, the last of each: enough to choose the dialect of a request."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


def read_headers(raw: RawHeaders) -> dict[str, str]:
    """Headers by name; reading one that is repeated and is no list raises `Refused`."""
    raw = list(raw)
    headers = last_headers(raw)
    return headers if len(headers) == len(raw) else RepeatedHeaders(raw)
