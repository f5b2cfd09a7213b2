"""Transcripts are found by their words, whether a call is indexed already or not."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import Background
from trunkline.compose import Services
from trunkline.jobs.followers import step_now
from trunkline.jobs.search_index import index_org, search_index
from trunkline.model.call import Turn
from trunkline.model.ids import call_id
from trunkline.model.query import CallFilter, Order, Rows
from trunkline.model.sighting import Sighting
from trunkline.model.words import Role
from trunkline.service.calls import Org
from trunkline.service.received import Received
from trunkline.store.calls.reads import CallStore
from trunkline.store.search.tokenizer import MAX_LENGTH, MIN_LENGTH, Anchor, term_query_of, words_of

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SYLLABLES = ("a", "re", "fund", "order", " ", " ", ", ", "?\n", "7", "42", "退", "款", "é", "_", "ab" * 50)
texts = st.lists(st.sampled_from(SYLLABLES), max_size=30).map("".join)


@given(before=texts, piece=texts, after=texts)
@settings(max_examples=1000, deadline=None)
def test_whatever_holds_a_piece_holds_the_words_it_requests(before: str, piece: str, after: str) -> None:
    words = words_of(before + piece + after)
    for part in term_query_of(piece).terms:
        assert any(is_in(part.text, part.anchor, word) for word in words), part


@given(text=texts, piece=texts)
@settings(max_examples=1000, deadline=None)
def test_words_that_decide_say_yes_only_to_texts_that_hold_the_piece(text: str, piece: str) -> None:
    asked = term_query_of(piece)
    if asked.decided:
        found = all(
            any(is_in(part.text, part.anchor, word) for word in words_of(text)) for part in asked.terms
        )
        assert found == (piece in text)


def is_in(part: str, place: Anchor, word: str) -> bool:
    return {
        Anchor.WHOLE: word == part,
        Anchor.BEGINNING: word.startswith(part),
        Anchor.END: word.endswith(part),
        Anchor.ANYWHERE: part in word,
    }[place]


@pytest.mark.parametrize(
    ("piece", "parts", "decided"),
    [
        ("refund", [("refund", Anchor.ANYWHERE)], True),
        (" refund", [("refund", Anchor.BEGINNING)], False),
        (
            "cancel my order",
            [("cancel", Anchor.END), ("my", Anchor.WHOLE), ("order", Anchor.BEGINNING)],
            False,
        ),
        ("退款", [("退", Anchor.WHOLE), ("款", Anchor.WHOLE)], False),
        ("退", [("退", Anchor.WHOLE)], True),
        ("on the way", [("the", Anchor.WHOLE), ("way", Anchor.BEGINNING)], False),
        ("a", [], False),
        ("?!", [], False),
        ("", [], False),
        ("x" * 200, [("x" * 64, Anchor.ANYWHERE)], False),
    ],
)
def test_a_piece_requires_its_words(piece: str, parts: list[tuple[str, Anchor]], decided: bool) -> None:
    asked = term_query_of(piece)
    assert [(part.text, part.anchor) for part in asked.terms] == parts
    assert asked.decided is decided


def test_a_word_of_any_length_is_stored_in_stretches_of_a_bounded_one() -> None:
    assert max(map(len, words_of("y" * 100_000))) == MAX_LENGTH
    assert words_of("z" * MAX_LENGTH) == {"z" * MAX_LENGTH}


# -- in the database --------------------------------------------------------

SAID = ("cancel", "my", "order", "orders", "reorder", "42", "退款", "the", "thé", "ab" * 90)
NEEDLES = (
    *("order", "cancel my", "my order", "rder", "l m", "re", "4", "42", "退", "款", "退款", "THE", "thé"),
    *("ab" * 30, "ab" * 70, "ba", "nobody said this", ".", " ", "", "s. "),
)


class Talk(RuleBasedStateMachine):
    """Calls are reported, reported again, deleted and indexed, also at once; a search is always right."""

    background: Background
    joined: Services

    @initialize()
    def begin(self) -> None:
        name = f"words-{uuid.uuid4().hex[:12]}"
        self.background.run(self.joined.keys.create(name))
        self.org = Org(self.background.run(self.joined.keys.org_id(name)), name)
        self.rng = random.Random(name)
        self.said: dict[str, str] = {}
        self.clock = 0

    def _batch(self, numbers: list[int]) -> list[Received]:
        batch = []
        for number in numbers:
            self.clock += 1
            text = " ".join(self.rng.choices(SAID, k=self.rng.randrange(1, 6))) + "."
            self.said[str(number)] = text
            told = Sighting(
                vendor="one",
                vendor_call_id=str(number),
                id=call_id("one", str(number)),
                as_of=BEGAN + timedelta(seconds=self.clock),
                created_at=BEGAN + timedelta(minutes=number),
                turns=[Turn(role=Role.USER, text=text)],
            )
            batch.append(Received(told))
        return batch

    async def _index(self, most: int) -> None:
        await step_now(self.joined.pool, self.org.id, search_index(most))

    @rule(numbers=st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True))
    def calls_are_told_of(self, numbers: list[int]) -> None:
        numbers = [number for number in numbers if self.said.get(str(number)) != ""]
        self.background.run(self.joined.intake.ingest(self.org, self._batch(numbers), "test"))

    @rule(first=st.integers(100, 10_000))
    def many_new_calls_come_at_once(self, first: int) -> None:
        numbers = [number for number in range(first, first + 60) if str(number) not in self.said]
        self.background.run(self.joined.intake.ingest(self.org, self._batch(numbers), "test"))

    @rule(most=st.integers(1, 30))
    def some_are_indexed(self, most: int) -> None:
        self.background.run(self._index(most))

    @rule(numbers=st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True))
    def calls_are_told_of_while_others_are_indexed(self, numbers: list[int]) -> None:
        numbers = [number for number in numbers if self.said.get(str(number)) != ""]
        batch = self._batch(numbers)

        async def both() -> None:
            await asyncio.gather(
                self._index(7),
                self.joined.intake.ingest(self.org, batch, "test"),
                self._index(3),
            )

        self.background.run(both())

    @rule(number=st.integers(0, 20))
    def a_call_is_deleted(self, number: int) -> None:
        writer = self.joined.writer
        if self.background.run(writer.delete(self.org.id, call_id("one", str(number)))):
            self.said[str(number)] = ""

    @invariant()
    def every_piece_is_found_where_it_was_said(self) -> None:
        store = CallStore(self.joined.pool)
        for needle in self.rng.sample(NEEDLES, 5):
            expected = {
                number for number, text in self.said.items() if text and needle.casefold() in f": {text}"
            }
            page = self.background.run(
                store.page(
                    self.org.id,
                    CallFilter(transcript_text=needle),
                    Order(),
                    Rows(1000, 0),
                    with_total=True,
                    with_transcript=False,
                )
            )
            assert {encoded.call().vendor_call_id for encoded in page.calls} == expected, needle
            assert page.total == len(expected)

    @invariant()
    def a_call_stands_in_the_index_or_on_the_list(self) -> None:
        places = self.background.run(
            self.joined.pool.fetch(
                """
                WITH kept AS (
                    SELECT org_id, call_id FROM call_terms
                    UNION ALL SELECT org_id, call_id FROM search_backlog
                )
                SELECT call_id, count(k.call_id) = 1 AND count(t.call_id) = 1 AS good
                FROM (SELECT * FROM call_transcripts WHERE org_id = $1) t
                FULL JOIN (SELECT * FROM kept WHERE org_id = $1) k USING (call_id)
                GROUP BY call_id
                """,
                self.org.id,
            )
        )
        assert all(row["good"] for row in places)

    def teardown(self) -> None:
        if not hasattr(self, "org"):
            return
        self.background.run(index_org(self.joined.pool, self.org.id, lambda _: None))
        kept = self.background.run(
            self.joined.pool.fetch("SELECT term FROM search_terms WHERE org_id = $1", self.org.id)
        )
        ends = self.background.run(
            self.joined.pool.fetch("SELECT DISTINCT suffix FROM term_suffixes WHERE org_id = $1", self.org.id)
        )
        words = set().union(*(words_of(text) for text in self.said.values()))
        assert {row["term"] for row in kept} == words
        assert {row["suffix"] for row in ends} == {
            word[first:] for word in words for first in range(1, len(word) - MIN_LENGTH + 1)
        }


def test_a_search_is_right_whatever_is_reported_deleted_and_indexed(
    background: Background, joined: Services
) -> None:
    Talk.background, Talk.joined = background, joined
    how = settings(
        max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Talk, settings=how)
