"""The dialect: one vendor's API as a frozen value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from trunkline.kit.auth import AuthScheme
from trunkline.kit.call_ids import CallIds
from trunkline.kit.errors import ErrorEnvelope
from trunkline.kit.query import parameters
from trunkline.kit.request_body import RequestBody
from trunkline.kit.rows import RowFormat
from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.call import Call
from trunkline.model.faults import Fault
from trunkline.model.intents import Intent
from trunkline.model.sighting import Sighting


class Body(Struct, frozen=True, kw_only=True):
    """The documented body of a request."""

    shape: Any
    """The type of the body as JSON, or a tuple of types of which it has one."""
    example: bytes
    may_be_lines: bool = False
    """Whether the body may be JSON Lines."""


class Operation(Struct, frozen=True, kw_only=True):
    """One endpoint: how a request becomes an intent and an outcome an answer."""

    name: str
    """A verb and a noun, in our words; unique within the dialect."""
    summary: str
    path: str
    """The vendor's documented path; `{id}` is a call id."""
    method: str = "GET"
    scope: Literal["read", "write"] = "read"
    """The scope that a key must have."""
    query: type[Struct]
    parse_body: Callable[[RequestBody], Any] | None = None
    """From the request's body to a record that `to_intent` and `to_answer` get in place of the query; raises
    `Refused`. Without it a body is not read."""
    body: Body | None = None
    """The body as the documentation describes it."""
    answer: Any
    """The type of the answer, in which the vendor's key order is the field order. A tuple of types if it is
    one of several, and `None` if there is no body."""
    to_intent: Callable[[Any, str], Intent]
    """From the typed query and the id in the path, empty where the path has none."""
    to_answer: Callable[[Any, Any], Any] | None = None
    """From the outcome and the typed query to an `answer`, or to a file if there are `media_types`."""
    rows: RowFormat | None = None
    """How calls are printed one by one, where the outcome is a page of them or a stream of changes."""
    statuses: tuple[int, ...] = (200,)
    """The statuses of its answers, refusals aside."""
    status: Callable[[Any], int] | None = None
    """From the outcome to one of `statuses`, if there are several; a 204 is sent without a body."""
    idempotent: bool = False
    """Whether it accepts an `Idempotency-Key`, under which a request is run once."""
    faults: tuple[Fault, ...] = ()
    """What the vendor documents, or we chose, as refusals of this endpoint besides those of auth."""
    example: str = ""
    """The query string of the vendor's own example."""
    media_types: tuple[str, ...] = ()
    """What the answer may be if it is a file or a stream; without any it is JSON."""
    offers_toon: bool = False
    """Whether the whole answer can be had as TOON, by `Accept: text/toon` or a parameter `format`."""

    def __post_init__(self) -> None:
        if (self.parse_body is None) != (self.body is None):
            raise TypeError(f"{self.name}: a body that is parsed must be described, and no other one")
        if (self.to_answer is None) == (self.rows is None):
            raise TypeError(f"{self.name}: an answer is printed either as a whole or by rows")
        parameters(self.query)  # a query record that cannot be read must fail here, not on a request

    def answer_of(self, outcome: Any, query: Any) -> Any:
        """The whole answer as a record: an `answer`, or a file."""
        if self.rows is not None:
            return self.rows.answer(outcome, query)
        if self.to_answer is None:  # excluded by the checks above
            raise TypeError(f"{self.name} has no answer")
        return self.to_answer(outcome, query)


class Dialect(Struct, frozen=True, kw_only=True):
    """Everything that makes one vendor's API that vendor's."""

    name: str
    title: str
    about: str
    """The module's docstring, from which its docs page is made."""
    ids: CallIds
    auth: AuthScheme
    errors: ErrorEnvelope
    operations: tuple[Operation, ...]
    unsupported: tuple[tuple[str, str], ...] = ()
    """Methods and paths that the vendor documents and that would place or steer a call.

    A key that may write gets this refusal; any other is refused as everywhere.
    """
    wire: type[Struct]
    """A call as the vendor prints it in full."""
    from_wire: Callable[[Any], Sighting]
    """Reads one call as decoded JSON, in any documented variant; raises `Unreadable`."""
    to_wire: Callable[[Call], Struct]
    """Writes one call in full, with everything that can be included."""
    from_line: Callable[[bytes], Sighting | None] | None = None
    """Reads a line with one call like `from_wire`, but faster; `None` if `from_wire` has to read it."""
    vocabularies: tuple[Vocabulary[Any], ...] = ()
    drops: frozenset[str] = frozenset()
    """Paths of our fields that this dialect cannot express; checked against what a full call loses."""
    notes: tuple[str, ...] = ()
    """What else a reader of the loss table should know: values that are merged or made from others."""
    cost_unit: str | None = None
    """The unit of the vendor's costs; `None` if it has none."""
    at_root: bool = True
    """Whether the documented paths also answer without the dialect's prefix."""
    is_lossless: bool = False
    """Whether this form loses nothing, so that a payload in it need not be stored beside the call."""
    refuse_unknown: bool = False
    """Whether an unknown query parameter is an error; else it is ignored and listed in a header."""
