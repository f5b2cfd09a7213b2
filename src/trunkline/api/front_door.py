"""The front door: which dialect and operation a request means, by prefix, host name or documented path.

It follows from what each dialect declares. Under a dialect's prefix or host name every path is that
dialect's. At the root the documented paths are served too; where several dialects document the same path, the
request goes to the one with the most specific auth scheme that its headers match, or else to the least
specific one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from trunkline.kit.auth import Headers
from trunkline.kit.dialect import Dialect, Operation
from trunkline.model.faults import Fault, Refused

_ID = "{id}"

UNSUPPORTED = "Trunkline records calls; it does not place or steer them"


class Route(NamedTuple):
    """Where a request goes."""

    dialect: Dialect
    operation: Operation | None
    """`None` if the dialect is known but has nothing at this path, or not with this method."""
    printed_id: str
    refused: Refused | None = None


class AmbiguousDialects(TypeError):
    """Two dialects document one path and cannot be distinguished by their auth schemes."""


class FrontDoor:
    """Finds the route of a request."""

    def __init__(self, dialects: Mapping[str, Dialect], hosts: Mapping[str, str]) -> None:
        unknown = sorted(set(hosts.values()) - set(dialects))
        if unknown:
            raise ValueError(
                f"a host name is assigned to a dialect that does not exist: {', '.join(unknown)}"
            )
        self._dialects = dialects
        self._hosts = {host: dialects[name] for host, name in hosts.items()}
        self._at_root = _by_shape([dialect for dialect in dialects.values() if dialect.at_root])

    def route(self, method: str, raw_path: bytes, headers: Headers) -> Route | None:
        """The route of a request; `None` if it is not for any dialect."""
        segments = raw_path.split(b"/")[1:]
        if self._hosts:
            host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
            dialect = self._hosts.get(host.lower().removesuffix("."))
            if dialect is not None:
                return _within(dialect, method, segments)
        prefixed = self._dialects.get(segments[0].decode("ascii", "replace"))
        if prefixed is not None:
            return _within(prefixed, method, segments[1:])
        for reaches in (_fits, _begins):  # a documented path goes before one that contains it
            for shape, candidates in self._at_root.items():
                if reaches(shape, segments):
                    meant = next((d for d in candidates if d.auth.matches(headers)), candidates[-1])
                    return _within(meant, method, segments)
        return None


Shape = tuple[bytes, ...]


@cache
def _shape(path: str) -> Shape:
    return tuple(path.encode().split(b"/")[1:])


def _fits(shape: Shape, segments: list[bytes]) -> bool:
    if len(shape) != len(segments):
        return False
    return all(
        given != b"" if wanted == _ID.encode() else wanted == given
        for wanted, given in zip(shape, segments, strict=True)
    )


def _begins(shape: Shape, segments: list[bytes]) -> bool:
    """Whether a path is below a documented one: then its vendor's dialect answers that there is nothing."""
    return _ID.encode() not in shape and segments[: len(shape)] == list(shape)


def _by_shape(dialects: list[Dialect]) -> dict[Shape, list[Dialect]]:
    """For each documented path the dialects that have it, the most specific first."""
    found: dict[Shape, list[Dialect]] = {}
    for dialect in sorted(dialects, key=lambda dialect: -dialect.auth.specificity):
        paths = [operation.path for operation in dialect.operations]
        for shape in dict.fromkeys(map(_shape, [*paths, *(path for _, path in dialect.unsupported)])):
            found.setdefault(shape, []).append(dialect)
    for shape, sharing in found.items():
        demands = [dialect.auth.specificity for dialect in sharing]
        if len(set(demands)) != len(demands):
            names = ", ".join(dialect.name for dialect in sharing)
            raise AmbiguousDialects(f"{b'/'.join(shape).decode()}: {names} cannot be distinguished")
    return found


def _within(dialect: Dialect, method: str, segments: list[bytes]) -> Route:
    allowed = []
    for method_there, path in dialect.unsupported:
        if _fits(_shape(path), segments):
            if method_there == method:
                return Route(dialect, None, "", Refused(Fault.UNSUPPORTED, UNSUPPORTED))
            allowed.append(method_there)
    for operation in dialect.operations:
        shape = _shape(operation.path)
        if not _fits(shape, segments):
            continue
        if operation.method == method or (method == "HEAD" and operation.method == "GET"):
            try:
                return Route(dialect, operation, _printed_id(shape, segments))
            except UnicodeDecodeError:
                return Route(dialect, None, "", Refused(Fault.CALL_NOT_FOUND, "(not a text)"))
        allowed.append(operation.method)
    if allowed:
        methods = ", ".join(dict.fromkeys(_with_head(allowed)))
        return Route(dialect, None, "", Refused(Fault.METHOD_NOT_ALLOWED, methods))
    return Route(dialect, None, "", Refused(Fault.NO_SUCH_ROUTE))


def _with_head(methods: list[str]) -> list[str]:
    return [*methods, "HEAD"] if "GET" in methods else methods


def _printed_id(shape: Shape, segments: list[bytes]) -> str:
    if _ID.encode() not in shape:
        return ""
    return unquote_to_bytes(segments[shape.index(_ID.encode())]).decode("utf-8")
