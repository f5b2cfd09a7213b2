"""Our own API's refusals, as problem details after RFC 9457."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET

from trunkline.dialects.trunkline.wire import ParameterProblem, Problem
from trunkline.model.faults import Fault, Refused


class Kind(NamedTuple):
    """One kind of problem: the end of its `type`, its title, and the text of its detail."""

    slug: str
    title: str
    detail: str


_NOT_FOUND = Kind("call-not-found", "Call not found", "There is no call with this id.")

KINDS = {
    Fault.BAD_REQUEST: Kind("bad-request", "Bad request", "The request cannot be read: {detail}."),
    Fault.BAD_CURSOR: Kind(
        "bad-page-token",
        "Bad page token",
        "Send next_page_token back with the filter and order it came from.",
    ),
    Fault.NO_CREDENTIAL: Kind("no-credential", "No credential", "Send an Authorization: Bearer header."),
    Fault.MALFORMED_CREDENTIAL: Kind(
        "malformed-credential", "Malformed credential", "A key begins with tl_ and holds letters and digits."
    ),
    Fault.UNKNOWN_CREDENTIAL: Kind("unknown-credential", "Unknown credential", "This key is not known."),
    Fault.EXPIRED_CREDENTIAL: Kind("expired-credential", "Expired credential", "This key has expired."),
    Fault.REVOKED_CREDENTIAL: Kind("revoked-credential", "Revoked credential", "This key was revoked."),
    Fault.ADDRESS_NOT_ALLOWED: Kind(
        "address-not-allowed", "Address not allowed", "This key may not be used from this address."
    ),
    Fault.SCOPE_MISSING: Kind("scope-missing", "Scope missing", "This key may not do that."),
    Fault.OTHER_ORG: Kind("other-org", "Other org", "This key belongs to another org."),
    Fault.FOREIGN_CALL: _NOT_FOUND,  # whether another org has this call is nobody's business
    Fault.CALL_NOT_FOUND: _NOT_FOUND,
    Fault.NO_SUCH_ROUTE: Kind("no-such-route", "No such route", "There is nothing at this path."),
    Fault.METHOD_NOT_ALLOWED: Kind(
        "method-not-allowed", "Method not allowed", "This path does not take this method."
    ),
    Fault.NOT_ACCEPTABLE: Kind(
        "not-acceptable", "Not acceptable", "The answer is not to be had in a form that was asked for."
    ),
    Fault.TOO_LARGE: Kind("too-large", "Request body too large", "The request is too large: {detail}."),
    Fault.ADDRESS_TOO_LONG: Kind(
        "address-too-long", "Request address too long", "The request address is too long."
    ),
    Fault.TOO_SLOW: Kind("too-slow", "Request body too slow", "The request body came too slowly."),
    Fault.CONFLICT: Kind("conflict", "Request still running", "A request with this key is still running."),
    Fault.CALL_DELETED: Kind(
        "call-deleted", "Call deleted", "The call was taken out of the log and stays out."
    ),
    Fault.UNSUPPORTED_BODY: Kind(
        "unsupported-body", "Unsupported content type", "The body cannot be taken: {detail}."
    ),
    Fault.UNPROCESSABLE: Kind(
        "unprocessable", "Request cannot be done", "The request cannot be done: {detail}."
    ),
    Fault.NOT_DONE_HERE: Kind(
        "not-done-here", "Not done here", "Trunkline records calls; it does not steer them."
    ),
    Fault.INTERNAL: Kind("internal", "Internal error", "Something went wrong on our side; try again."),
    Fault.UNAVAILABLE: Kind("unavailable", "Unavailable", "The call log cannot be reached; try again soon."),
}


def texts() -> dict[Fault, str]:
    """The detail of every fault."""
    return {fault: kind.detail for fault, kind in KINDS.items()}


def problem(status: int, text: str, refused: Refused) -> Problem:
    """The body of a refusal; it names the parameter at fault where there is one."""
    kind = KINDS[refused.fault]
    # Whoever finds a token to be wrong need not know what this API calls it.
    parameter = refused.parameter or ("page_token" if refused.fault is Fault.BAD_CURSOR else "")
    errors = [ParameterProblem(parameter, refused.detail or text)] if parameter else UNSET
    return Problem(f"/problems/{kind.slug}", kind.title, status, text, errors)
