"""An org whose row another writer holds is answered for in every dialect: not now, come again."""

from __future__ import annotations

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from trunkline.api.handler import error_answer
from trunkline.service.intake import ORG_IS_LOCKED, TooManyWriters
from trunkline.vendors import dialects

LOCKED = [
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    TooManyWriters(ORG_IS_LOCKED),
    asyncpg.IdleInTransactionSessionTimeoutError("terminating connection"),
]


@pytest.mark.parametrize("dialect", list(dialects()))
@pytest.mark.parametrize("error", LOCKED, ids=lambda error: type(error).__name__)
def test_whoever_waits_too_long_for_an_org_may_come_again(dialect: str, error: Exception) -> None:
    with capture_logs() as logs:
        answer = error_answer(dialects()[dialect], error, operation="any", address=None)
    assert answer.status == 503
    assert (b"retry-after", b"1") in answer.headers
    assert b"lock timeout" not in answer.body, "what the database says is for the log"
    assert msgspec.json.decode(answer.body)
    assert len(logs) == 1


@pytest.mark.parametrize("error", LOCKED[:2], ids=lambda error: type(error).__name__)
def test_our_own_api_says_what_it_waited_for(error: Exception) -> None:
    answer = error_answer(dialects()["trunkline"], error)
    detail = msgspec.json.decode(answer.body)["detail"]
    assert detail == "Another writer has held the calls of your org for too long; try again."
