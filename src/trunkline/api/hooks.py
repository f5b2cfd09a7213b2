"""`POST /hooks/{address}`: where vendors send their webhooks."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trunkline.api.body import Bodies, Gone
from trunkline.api.headers import read_headers
from trunkline.api.problems import MEDIA_TYPE, problem_body
from trunkline.ingest.webhooks import DeliveryRefused, Refusal, Webhooks
from trunkline.kit.signatures import Delivery
from trunkline.model.faults import Fault, Refused
from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.intake import TooManyWriters

log = structlog.get_logger(__name__)

_NO_DATABASE = "the database does not answer"

_TITLES = {
    Refusal.NO_SUCH_SOURCE: "No source has this address",
    Refusal.DISABLED: "This source is disabled",
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
            source = await joined.source_at(request.path_params["address"], headers)
            with bodies.of(source.org.id) as body:
                content = await body.read(request.receive, headers.get("content-length"))
                receipt = await joined.ingest(source, Delivery(body=content, headers=headers, url=url))
        except DeliveryRefused as error:
            log.info("refused", refusal=error.refusal.name)
            return _problem(error.refusal.value, _TITLES[error.refusal], error.detail)
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

    return [Route("/hooks/{address}", take, methods=["POST"])]


def _problem(status: int, title: str, detail: str) -> Response:
    headers = {"retry-after": "1"} if status == Fault.UNAVAILABLE.status else None
    return Response(problem_body(status, title, detail), status, headers, media_type=MEDIA_TYPE)
