"""`/hooks/{address}`: where vendors send their webhooks, by POST, or by GET where a vendor has that.

HEAD says whether the address is right, for senders that ask first.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trunkline.api.answers import Answer, StreamedAnswer
from trunkline.api.body import Bodies, Gone
from trunkline.api.bulkhead import Bulkhead
from trunkline.api.headers import read_headers
from trunkline.api.problems import MEDIA_TYPE, problem_body
from trunkline.ingest.webhooks import DeliveryRefused, Refusal, Webhooks
from trunkline.kit.signatures import Delivery
from trunkline.model.faults import Fault, Refused
from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.intake import TooManyWriters
from trunkline.service.sources import Source

log = structlog.get_logger(__name__)

HOOKS = "hooks"
"""The first segment of the path of every delivery."""

_NO_DATABASE = "the database does not answer"

_TITLES = {
    Refusal.NO_SUCH_SOURCE: "No source has this address",
    Refusal.DISABLED: "This source is disabled",
    Refusal.WRONG_METHOD: "This method is not served at this path",
    Refusal.INVALID_SIGNATURE: "The signature of the delivery is not valid",
    Refusal.ANSWER_EXPECTED: "Trunkline records calls; it does not answer for them",
}

_FAULTS = {
    Fault.BAD_REQUEST: "The request cannot be read",
    Fault.TOO_LARGE: "The body is too large",
    Fault.TOO_SLOW: "The body arrived too slowly",
    Fault.UNAVAILABLE: "Not stored: send it again",
}


def hook_routes(
    webhooks: Callable[[], Webhooks],
    public_url: str,
    bodies: Bodies,
    bulkhead: Callable[[], Bulkhead | None] = lambda: None,
    reason: Callable[[BaseException], str] = lambda _: "",
) -> list[Route]:
    """The route for deliveries; a body is read once its source is known.

    `reason` tells why the database is unavailable, from the error of it.
    """

    async def take(request: Request) -> Response:
        path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        query: bytes = request.scope["query_string"]
        url = f"{public_url}{path.decode('latin-1')}" + (f"?{query.decode('latin-1')}" if query else "")
        try:
            headers = read_headers(request.scope["headers"])
            joined = webhooks()
            if request.method == "HEAD":
                await joined.check_address(request.path_params["address"])
                return Response()
            source = await joined.source_at(request.path_params["address"], headers, request.method)
            with bodies.of(source.org.id) as body:
                content = await body.read(request.receive, headers.get("content-length"))
                elsewhere = await _passed_on(bulkhead(), source, request, content)
                if elsewhere is not None:
                    return elsewhere
                delivery = Delivery(body=content, headers=headers, url=url, method=request.method)
                receipt = await joined.ingest(source, delivery)
        except DeliveryRefused as error:
            log.info("refused", refusal=error.refusal.name)
            refused = _problem(error.refusal.value, _TITLES[error.refusal], error.detail)
            if error.refusal is Refusal.WRONG_METHOD:
                refused.headers["allow"] = "POST, HEAD"
            return refused
        except Refused as error:
            log.info("refused", fault=error.fault.name, detail=error.detail[:200])
            title = _FAULTS.get(error.fault, "The request is refused")
            return _problem(error.fault.status, title, error.detail)
        except Gone:
            return Response(status_code=400)
        except TooManyWriters as error:
            log.warning("too many writers", error=str(error))
            return _problem(503, _FAULTS[Fault.UNAVAILABLE], str(error))
        except DATABASE_DOWN as error:
            why = reason(error) or _NO_DATABASE
            log.error("delivery not stored", error=repr(error)[:200], reason=why)
            return _problem(503, _FAULTS[Fault.UNAVAILABLE], f"{why}; try again")
        except Exception as error:
            log.error("delivery failed", exc_info=error)
            return _problem(Fault.INTERNAL.status, "Something went wrong on our side", "send it again")
        return Response(msgspec.json.encode(receipt), media_type="application/json")

    return [Route(f"/{HOOKS}/{{address}}", take, methods=["POST", "GET", "HEAD"])]


async def _passed_on(
    bulkhead: Bulkhead | None, source: Source, request: Request, content: bytes
) -> Response | None:
    """The answer of the process for large requests, if the delivery is one for it."""
    if bulkhead is None:
        return None
    whole = bulkhead.request(source.org.id, request.scope, None, _broken_off)
    answer = await whole.answer_by_body(content)
    if isinstance(answer, StreamedAnswer):
        raise TypeError("the answer to a delivery is short")
    return None if answer is None else Response(answer.body, answer.status, _text_headers(answer))


def _broken_off(error: Exception) -> Answer:
    log.error("large delivery broken off", error=str(error))
    body = problem_body(Fault.UNAVAILABLE.status, _FAULTS[Fault.UNAVAILABLE], "it was interrupted")
    return Answer(
        Fault.UNAVAILABLE.status, body, [(b"content-type", MEDIA_TYPE.encode()), (b"retry-after", b"1")]
    )


def _text_headers(answer: Answer) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}


def _problem(status: int, title: str, detail: str) -> Response:
    headers = {"retry-after": "1"} if status == Fault.UNAVAILABLE.status else None
    return Response(problem_body(status, title, detail), status, headers, media_type=MEDIA_TYPE)
