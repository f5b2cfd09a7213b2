"""The table from intents to handlers, and that what comes up from them are values."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import Struct

from tests.conftest import World
from trunkline.kit.dialect import Operation
from trunkline.kit.losses import full_call
from trunkline.kit.query import read_query
from trunkline.kit.request_body import RequestBody
from trunkline.model.intents import Intent, ListCalls, Outcome, StreamCalls
from trunkline.service.calls import Calls
from trunkline.service.changes import Changes
from trunkline.service.inbox import Inbox
from trunkline.service.ledger import Ledger
from trunkline.service.recordings import Recordings
from trunkline.service.run import Run, handlers, intent_types
from trunkline.service.totals import Totals
from trunkline.service.writes import Writes
from trunkline.vendors import dialects


def table() -> dict[type, Any]:
    """The table with functions of the classes of services instead of methods."""
    services: Any = {
        "calls": Calls,
        "changes": Changes,
        "inbox": Inbox,
        "ledger": Ledger,
        "recordings": Recordings,
        "totals": Totals,
        "writes": Writes,
    }
    return handlers(**services)


OPERATIONS = [
    pytest.param(name, operation, id=f"{name}-{operation.name}")
    for name, dialect in dialects().items()
    for operation in dialect.operations
]


def intent_of(name: str, operation: Operation) -> Intent:
    query: Any = read_query(operation.example.encode(), operation.query)[0]
    if operation.parse_body is not None and operation.body is not None:
        query = operation.parse_body(RequestBody(operation.body.example, "application/json"))
    return operation.to_intent(query, dialects()[name].ids.printed(full_call()))


def arms(hint: Any) -> list[Any]:
    return list(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else [hint]


def outcomes_of(intent: type) -> list[Any]:
    return arms(get_type_hints(table()[intent])["return"])


# -- one way --------------------------------------------------------------


def test_every_type_of_intent_has_one_handler_that_takes_it() -> None:
    answered = table()
    assert set(answered) == set(intent_types())
    assert len(set(answered.values())) == len(answered)
    for intent, handler in answered.items():
        hints = get_type_hints(handler)
        assert [hint for name, hint in hints.items() if name != "return"][1] is intent
        assert set(arms(hints["return"])) <= set(arms(Outcome)), intent


def test_an_intent_without_a_handler_is_refused_with_a_sentence_before_anything_is_served() -> None:
    forgetful = table()
    del forgetful[ListCalls]
    with pytest.raises(TypeError, match="the intent ListCalls has no handler; add a line in service/run"):
        Run(forgetful)


def test_a_handler_of_what_is_no_intent_is_refused_with_a_sentence() -> None:
    class Wish(Struct):
        """An intent that does not exist."""

    with pytest.raises(TypeError, match="Wish has a handler but is no intent"):
        Run({**table(), Wish: table()[ListCalls]})


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_every_operation_requests_something_that_is_answered(name: str, operation: Operation) -> None:
    intent = intent_of(name, operation)
    assert type(intent) in table()
    assert outcomes_of(type(intent))


# -- values ---------------------------------------------------------------


def records_in(hint: Any, path: str, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """Every type that a value of a type may hold, and where."""
    yield path, hint
    for part in get_args(hint):
        yield from records_in(part, path, seen)
    if isinstance(hint, type) and hint not in seen and hasattr(hint, "__annotations__"):
        seen.add(hint)
        for name, inner in get_type_hints(hint, include_extras=False).items():
            yield from records_in(inner, f"{path}.{name}", seen)


def holds_callables(hint: Any) -> list[str]:
    return [
        path
        for path, part in records_in(hint, getattr(hint, "__name__", str(hint)), set())
        if part is Callable
        or get_origin(part) is Callable
        or part is types.FunctionType
        # What `collections.abc.Callable[...]` has as its origin.
        or get_origin(part) is get_origin(Callable[[], None])
    ]


class WithCallback(Struct):
    """What no outcome may be."""

    inner: list[Callable[[int], int] | None]


class AroundIt(Struct):
    """What no outcome may hold."""

    deep: dict[str, WithCallback]


def test_a_callable_is_found_wherever_it_is() -> None:
    assert holds_callables(WithCallback) == ["WithCallback.inner"]
    assert holds_callables(AroundIt) == ["AroundIt.deep.inner"]


@pytest.mark.parametrize("outcome", arms(Outcome), ids=lambda outcome: outcome.__name__)
def test_an_outcome_holds_no_callables(outcome: type) -> None:
    assert holds_callables(outcome) == []


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_what_comes_up_of_an_operation_is_a_value(name: str, operation: Operation) -> None:
    intents = [type(intent_of(name, operation))]
    if operation.rows is not None and ListCalls in intents:
        intents.append(StreamCalls)
    for intent in intents:
        for outcome in outcomes_of(intent):
            assert holds_callables(outcome) == [], outcome


def test_a_page_that_was_requested_has_its_calls_as_they_are_stored(world: World) -> None:
    world.take([full_call()])
    for dialect in dialects().values():
        intent = intent_of(dialect.name, dialect.operations[0])
        assert isinstance(intent, ListCalls)
        page = world.run(world.joined.run(world.org, intent, dialect.ids))
        assert [call.vendor_call_id for call in page.read()] == [full_call().vendor_call_id]
        assert msgspec.json.decode(msgspec.json.encode(page), type=type(page)) == page
