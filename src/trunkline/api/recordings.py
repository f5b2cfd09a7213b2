"""`GET /recordings/{token}`: stored recordings, whole or in ranges, by our links."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import msgspec
import obstore
from msgspec import Struct
from obstore.store import ObjectStore
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trunkline.model.recordings import StoredRecording
from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.recordings import LinkRefused, Links, Recordings

_CHUNK = 512 * 1024
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class Shelf(Struct, frozen=True):
    """Where recordings are stored, and the links to them."""

    recordings: Recordings
    objects: ObjectStore
    links: Links


def recording_routes(shelf: Callable[[], Shelf]) -> list[Route]:
    """The route that serves recordings."""

    async def serve(request: Request) -> Response:
        joined = shelf()
        try:
            linked = joined.links.read(request.path_params["token"])
            stored = await joined.recordings.stored(linked)
        except LinkRefused as error:
            return (
                _problem(410, "This link has expired")
                if error.over
                else _problem(404, "There is no recording")
            )
        except DATABASE_DOWN:
            return _problem(503, "The call log cannot be reached")
        if stored is None:
            return _problem(404, "There is no recording")
        return _answer(request, joined.objects, stored, str(linked.call_id))

    return [Route("/recordings/{token}", serve, methods=["GET"])]


def _answer(request: Request, objects: ObjectStore, stored: StoredRecording, name: str) -> Response:
    tag = f'"{stored.sha256.hex()}"'
    headers = {
        "accept-ranges": "bytes",
        "etag": tag,
        "cache-control": "private, max-age=3600",
        "content-disposition": f'inline; filename="{name}"',
        "x-content-type-options": "nosniff",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    first, last, status = 0, stored.size_bytes - 1, 200
    requested = request.headers.get("range")
    if (
        requested is not None
        and request.headers.get("if-range", tag) == tag
        and requested.startswith("bytes=")
    ):
        found = _range_of(requested, stored.size_bytes)
        if found is None:
            return Response(
                status_code=416, headers={**headers, "content-range": f"bytes */{stored.size_bytes}"}
            )
        first, last, status = *found, 206
        headers["content-range"] = f"bytes {first}-{last}/{stored.size_bytes}"
    headers["content-length"] = str(last - first + 1)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=stored.media_type)
    chunks = _chunks(objects, stored.path, first, last)
    return StreamingResponse(chunks, status, headers, media_type=stored.media_type)


def _range_of(header: str, size: int) -> tuple[int, int] | None:
    """The first and last byte of a single range; `None` if it cannot be satisfied."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        count = min(int(match[2]), size)
        return (size - count, size - 1) if count else None
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return (first, last) if first <= last else None


async def _chunks(objects: ObjectStore, path: str, first: int, last: int) -> AsyncIterator[bytes]:
    while first <= last:
        end = min(first + _CHUNK, last + 1)
        yield bytes(await obstore.get_range_async(objects, path, start=first, end=end))
        first = end


def _problem(status: int, title: str) -> Response:
    body = msgspec.json.encode({"title": title, "status": status})
    headers = {"retry-after": "1"} if status == 503 else None
    return Response(body, status, headers, media_type="application/problem+json")
