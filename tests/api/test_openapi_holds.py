"""Schemathesis on every dialect over real HTTP: no server error, no answer that breaks its own schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import World
from tests.vendors.conftest import some_calls
from tests.vendors.walks import WALKS, listed
from trunkline.kit.events import MEDIA_TYPE as EVENTS
from trunkline.vendors import dialects

NAMES = sorted(dialects())
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def varied(new_world: Callable[..., World]) -> World:
    world = new_world()
    for name in NAMES:
        world.take(some_calls(name, 25))
    return world


@pytest.fixture(scope="module")
def known(varied: World) -> dict[str, list[str]]:
    """The ids before anything was written, since what is drawn must not depend on what was drawn before."""
    return {name: [WALKS[name].id_of(row) for row in listed(varied, name)] for name in NAMES}


@pytest.fixture(scope="module")
def document(http: httpx2.Client) -> Callable[[str], dict[str, Any]]:
    def load(dialect: str) -> dict[str, Any]:
        answer = http.get(f"/{dialect}/openapi.json")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    return load


def is_endless(item: dict[str, Any]) -> bool:
    """Whether a path answers with a stream, which nobody can wait for."""
    answers = [described["responses"].get("200", {}) for described in item.values()]
    return any(EVENTS in answer.get("content", {}) for answer in answers)


@pytest.mark.parametrize("dialect", NAMES)
@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_server_or_the_schema(
    dialect: str,
    data: st.DataObject,
    varied: World,
    known: dict[str, list[str]],
    document: Callable[[str], dict[str, Any]],
    server_url: str,
) -> None:
    schema = schemathesis.openapi.from_dict(document(dialect))
    schema.config.update(base_url=f"{server_url}/{dialect}")
    endless = {path for path, item in document(dialect)["paths"].items() if is_endless(item)}
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    operations = [one for one in found if one.path not in endless]
    operation = data.draw(st.sampled_from(operations), label="operation")
    mode = data.draw(st.sampled_from(list(schemathesis.GenerationMode)), label="mode")
    case = data.draw(operation.as_strategy(generation_mode=mode), label="case")
    if "id" in case.path_parameters and data.draw(st.booleans(), label="a known id"):
        case.path_parameters["id"] = data.draw(st.sampled_from(known[dialect]), label="id")
    case.headers.update(varied.headers[dialect])
    case.call_and_validate(checks=CHECKS, headers=varied.headers[dialect])
