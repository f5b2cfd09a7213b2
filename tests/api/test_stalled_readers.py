"""A reader that takes nothing is waited for as long as its answer says, by a clock of the test's own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.conftest import MAX_WAIT_SECONDS
from trunkline.api.answers import Answer, StreamedAnswer
from trunkline.api.response import MAX_STALL_SECONDS, PIECE_BYTES, BrokenOff, send_streamed
from trunkline.service.limits import CONTENDED_PATIENCE_SECONDS, PATIENCE_SECONDS

LONG = b"x" * (5 * PIECE_BYTES)


class Reader:
    """A client, whose clock goes on by a second whenever somebody looks whether it still reads."""

    def __init__(self, patience: Callable[[], float] | None) -> None:
        self.now = 0.0
        self._went_on = asyncio.Event()
        self.pieces: list[bytes] = []
        self.ended = False
        self.closed = False
        self.patience = patience
        self.waits_for: Callable[[int], int] = lambda _: 0
        """How many seconds it leaves each piece."""

    def _clock(self) -> float:
        return self.now

    def _look(self) -> float:
        self.now += 1
        self._went_on.set()
        return MAX_STALL_SECONDS if self.patience is None else self.patience()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            yield LONG
            yield b"last"
        finally:
            self.closed = True

    async def _send(self, message: Any) -> None:
        if message["type"] != "http.response.body":
            return
        await self.until(self.now + self.waits_for(len(self.pieces)))
        self.pieces.append(message["body"])
        self.ended = not message.get("more_body", False)

    async def until(self, moment: float) -> None:
        """Wait until it is so late."""
        while self.now < moment:
            self._went_on.clear()
            await self._went_on.wait()

    async def _receive(self) -> Any:
        await asyncio.Event().wait()

    async def read(self) -> None:
        def never(error: Exception) -> Answer:
            raise error

        answer = StreamedAnswer([], self._chunks(), never, patience_seconds=self._look)
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            await send_streamed(
                answer, self._receive, self._send, without_body=False, clock=self._clock, look_seconds=0
            )


@pytest.mark.parametrize("seconds", [15, 60])
def test_a_reader_that_stops_is_cut_off_when_its_time_is_over_and_not_before(seconds: int) -> None:
    reader = Reader(lambda: seconds)
    reader.waits_for = lambda piece: 0 if piece < 3 else 10_000
    with capture_logs() as logs, pytest.raises(BrokenOff):
        asyncio.run(reader.read())
    assert seconds <= reader.now <= seconds + 2
    assert reader.pieces == [b"first", LONG[:PIECE_BYTES], LONG[:PIECE_BYTES]]
    assert not reader.ended, "it would look like a whole answer"
    assert reader.closed, "what it was read from is held no longer"
    reason = f"the client read nothing, or too little, for {seconds} seconds"
    assert logs == [{"event": "answer broken off", "reason": reason, "log_level": "warning"}]


def test_a_reader_that_stops_has_less_time_from_the_moment_in_which_somebody_else_waits() -> None:
    looks = itertools.count()
    reader = Reader(lambda: PATIENCE_SECONDS if next(looks) < 30 else CONTENDED_PATIENCE_SECONDS)
    reader.waits_for = lambda _: 10_000
    with pytest.raises(BrokenOff, match="15 seconds"):
        asyncio.run(reader.read())
    assert 30 <= reader.now <= 32


def test_a_slow_reader_that_takes_a_piece_in_time_gets_everything() -> None:
    reader = Reader(lambda: 15)
    # All pieces together take it much longer than fifteen seconds; the end of the answer is empty.
    reader.waits_for = lambda piece: 10 if piece < 7 else 0
    asyncio.run(reader.read())
    assert b"".join(reader.pieces) == b"first" + LONG + b"last"
    assert all(len(piece) <= PIECE_BYTES for piece in reader.pieces)
    assert reader.ended
    assert reader.now >= 60


def test_an_answer_that_takes_long_to_be_made_is_not_its_readers_fault() -> None:
    reader = Reader(lambda: 15)

    async def slow() -> AsyncGenerator[bytes, None]:
        yield b"first"
        await reader.until(reader.now + 100)
        yield b"last"

    reader._chunks = slow  # type: ignore[method-assign]
    asyncio.run(reader.read())
    assert b"".join(reader.pieces) == b"firstlast"
    assert reader.ended
