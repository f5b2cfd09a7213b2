"""Deleting is complete: every table and file is filled with a call, and searched for its bytes afterwards."""

from __future__ import annotations

import json
import os
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import zstandard

from tests.api.test_hooks import source_in
from tests.conftest import Background, World
from trunkline.compose import recordings_in, reprocessor
from trunkline.jobs.search_index import index_org
from trunkline.jobs.vacuum import vacuum_kind
from trunkline.kit.dialect import Dialect
from trunkline.model.call import Call
from trunkline.model.ids import call_id, uuid_of
from trunkline.service.clock import system_clock
from trunkline.service.erase import CleanUpFailed, Eraser
from trunkline.service.idempotency import StoredResponse
from trunkline.service.sources import Source
from trunkline.settings import Settings
from trunkline.store.erase import ERASURES, HOLDS_NOTHING, EraseStore
from trunkline.store.jobs import Begun, JobRef, add_jobs
from trunkline.store.live import LiveStore
from trunkline.store.pulls import ListedCall, PullStore, StoredPull
from trunkline.store.queries import queries
from trunkline.store.totals.number_totals import NumberTotalStore
from trunkline.store.totals.totals import differences
from trunkline.vendors import dialects

CALLS = "/v1/calls"
PATHS = {"trunkline": "/v1/calls/{}", "callem": "/v1/calls/{}", "zudu": "/api/calls/{}"}
"""Where each dialect that can deletes a call."""

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = timedelta(hours=2)
"""After which no fetch is under way any more."""


def deletes(dialect: Dialect) -> bool:
    return any(one.method == "DELETE" and one.path.endswith("/{id}") for one in dialect.operations)


class Marked:
    """A call that has a word and numbers of its own in every field that can hold them."""

    def __init__(self) -> None:
        self.word = f"zq{uuid.uuid4().hex}"
        self.numbers = [f"+4930{random.randrange(10**9, 10**10)}" for _ in range(3)]
        self.vendor_call_id = uuid.uuid4().hex[:24]
        self.id = call_id("our-agent", self.vendor_call_id)
        self.agent, self.campaign = f"agent-{self.word}", f"campaign-{self.word}"

    @property
    def marks(self) -> list[str]:
        """What is of the call and of no other, whatever form a table keeps it in."""
        references = [uuid_of(self.agent), uuid_of(self.campaign)]
        ending = self.word[1:]  # as the index keeps the endings of terms
        return [self.word, ending, *(number.removeprefix("+") for number in self.numbers), *references]

    def document(self) -> dict[str, Any]:
        word = self.word
        ours, theirs, contact = self.numbers
        free = {word: word}
        return {
            "vendor": "our-agent",
            "vendor_call_id": self.vendor_call_id,
            "status": "completed",
            "direction": "inbound",
            "trace_id": word,
            "vendor_type": word,
            "from_number": theirs,
            "to_number": ours,
            "end_reason_raw": word,
            "created_at": "2026-03-01T10:00:00Z",
            "started_at": "2026-03-01T10:00:00Z",
            "ended_at": "2026-03-01T10:01:00Z",
            "duration_ms": 60_000,
            "agent": {"id": self.agent, "name": word, "config": free},
            "campaign": {"id": self.campaign, "name": word},
            "contact": {"id": word, "full_name": word, "phone_number": contact, "email": f"{word}@a.test"},
            "turns": [
                {"role": "user", "text": f"Hello {word}.", "words": [{"word": word, "start_ms": 0}]},
                *({"role": "agent", "text": f"Certainly, {word} number {n}."} for n in range(20)),
            ],
            "tool_calls": [{"name": word, "id": word, "arguments": free, "result": free}],
            "transcript_text": f"Hello {word}.",
            "analysis": {"summary": word, "custom": free, "evaluations": [free]},
            "cost": {"amount": 1, "unit": "USD", "items": [free]},
            "billing_status": word,
            "latency": free,
            "usage": free,
            "errors": free,
            "recording": {"enabled": True, "url": f"https://example.com/{word}.wav"},
            "log_url": f"https://example.com/{word}",
            "telephony": {"sid": word, "conference_sid": word, "transport": word},
            "metadata": free,
            "events": [free],
            "vendor_fields": free,
        }


def ask(
    world: World, method: str, path: str, body: Any = None, dialect: str = "trunkline", **more: str
) -> Any:
    headers = {"content-type": "application/json", **world.headers[dialect], **more}
    content = None if body is None else json.dumps(body).encode()
    answer = world.request(method, f"/{dialect}{path}", content=content, headers=headers)
    assert answer.status_code < 300, answer.text
    return answer


class Filled:
    """An org whose every table and file has something of a call, which runs or rests."""

    def __init__(self, world: World, call: Marked, *, rests: bool = True) -> None:
        self.world, self.call = world, call
        self.pool = world.joined.pool
        self.others = [Marked(), Marked()]
        self.source = source_in(world, "trunkline")
        calls = [one.document() for one in (self.others[0], call, self.others[1])]
        answer = world.request("POST", f"/hooks/{self.source.address}", json={"calls": calls})
        assert answer.json() == {"received": True, "calls": 3}
        self.id = call.id
        self.change_by_api()
        world.run(self.pull())
        world.run(self.archive_recording())
        world.run(self.index())
        if rests:
            return
        # Events that arrive after it was indexed are in slots.
        again = [{"type": "turn", "role": "user", "text": f"More {call.word}.", "turn": f"{call.word}-2"}]
        ask(world, "POST", f"{CALLS}/{self.id}/events", again)

    def change_by_api(self) -> None:
        word, key = self.call.word, {"Idempotency-Key": f"first-{self.call.word}"}
        ask(self.world, "POST", CALLS, {**self.call.document(), "billing_status": f"{word}-2"}, **key)
        one = f"{CALLS}/{self.id}"
        before = f"+4930{random.randrange(10**9, 10**10)}"
        ask(self.world, "PATCH", one, {"to_number": before}, **{"Idempotency-Key": f"second-{word}"})
        self.call.numbers.append(before)
        self.world.run(NumberTotalStore(self.pool).sum_up(self.world.org.id, before))
        ask(self.world, "PATCH", one, {"to_number": self.call.numbers[0]})
        for number in self.call.numbers[:3]:
            self.world.run(NumberTotalStore(self.pool).sum_up(self.world.org.id, number))
        events = [{"type": "turn", "role": "user", "text": f"And {word}.", "turn": word, "id": word}]
        ask(self.world, "POST", f"{one}/events", events, **{"Idempotency-Key": f"third-{word}"})
        # What cannot be read is stored under no call, with whatever is in it.
        broken = f'{{"vendor_call_id": "{self.call.vendor_call_id}", "turns": "{word}'
        self.world.request("POST", f"/hooks/{self.source.address}", content=broken.encode())

    async def pull(self) -> None:
        """A pull that was broken off behind the call, after an earlier one had missed it."""
        store = PullStore(self.pool, self.world.org.id, UUID(self.source.id))
        word, name = self.call.word, self.call.vendor_call_id
        unread = ListedCall("our-agent", name, NOON, NOON, f"turns: is not a list: {word}")
        await store.begin(StoredPull(started_at=NOON, next="{}"))
        await self.pool.execute(
            "INSERT INTO ledger_calls"
            " (org_id, source_id, vendor, vendor_call_id, hour, state, noticed_at, reason)"
            " VALUES ($1, $2, 'our-agent', $3, $4, 'repaired', $4, $5)",
            *(self.world.org.id, UUID(self.source.id), name, NOON, word),
        )
        await store.record([unread], NOON)
        await store.turn(json.dumps({"path": CALLS, "query": {"after": name}}), NOON, ["our-agent"])

    async def archive_recording(self) -> None:
        path = f"{self.world.org.id}/{self.id[:2]}/{self.id}"
        await recordings_in(Settings.read()).put_async(path, self.call.word.encode() * 100)
        await self.pool.execute(
            "INSERT INTO recordings (org_id, call_id, url, path) VALUES ($1, $2, $3, $4)",
            *(self.world.org.id, UUID(self.id), f"https://example.com/{self.call.word}", path),
        )
        # Work in the background that failed, and quotes what it failed at.
        org, now, problem = self.world.org.id, datetime.now(UTC), f"DataError: {self.call.word}"
        await add_jobs(self.pool, org, "recording", [self.id], now)
        await add_jobs(self.pool, org, "number_total", [self.call.numbers[0]], now)
        await self.pool.execute(
            "INSERT INTO followers (org_id, name, change, problem) VALUES ($1, 'failing', 1, $2)",
            org,
            problem,
        )
        await self.pool.execute(
            "INSERT INTO follower_skips (org_id, name, change, problem, skipped_at)"
            " SELECT $1, 'failing', change, $2, $3 FROM calls WHERE org_id = $1 AND id = $4",
            *(org, problem, now, UUID(self.id)),
        )

    async def index(self) -> None:
        live = LiveStore(self.pool)
        await live.settle(self.world.org.id, UUID(self.id), system_clock() + timedelta(days=1))
        await index_org(self.pool, self.world.org.id, lambda _: None)

    def delete(self, dialect: str) -> None:
        found = self.world.get("trunkline", f"{CALLS}/{self.id}").content
        printed = dialects()[dialect].ids.printed(msgspec.json.decode(found, type=Call))
        ask(self.world, "DELETE", PATHS[dialect].format(printed), dialect=dialect)

    def reprocessed(self) -> tuple[int, int, list[str]]:
        joined = self.world.joined
        run = reprocessor(joined).run(self.world.org)
        derived = self.world.run(run)
        return derived.changed, derived.found, derived.unreadable


def printed(world: World, call: Marked) -> bytes:
    return world.get("trunkline", f"{CALLS}/{call.id}").content


def clean_up(world: World) -> None:
    store, writer = EraseStore(world.joined.pool), world.joined.writer
    eraser = Eraser(writer, store, lambda: recordings_in(Settings.read()), lambda: system_clock() + LATER)
    begun = Begun(ref=JobRef(0, "vacuum", "", 1), org_name="", attempts=1, schedule=None, died=False)
    done = world.run(vacuum_kind(eraser).run(begun))
    assert done is not None
    assert done.note is None


# -- looking everywhere ---------------------------------------------------


async def tables(world: World) -> list[str]:
    rows = await world.joined.pool.fetch(
        "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    return [row["name"] for row in rows]


async def found_in_tables(world: World, marks: list[str]) -> dict[str, list[str]]:
    """The tables of which a row, as text, in hexadecimal or unpacked, holds some texts, and which of them."""
    found: dict[str, list[str]] = {}
    for table in await tables(world):
        rows = await world.joined.pool.fetch(
            f"SELECT m FROM unnest($1::text[]) AS m WHERE EXISTS (SELECT FROM {table} t WHERE"
            " strpos(lower(t::text), lower(m)) > 0"
            " OR strpos(t::text, encode(convert_to(m, 'UTF8'), 'hex')) > 0)",
            marks,
        )
        if rows:
            found[table.removeprefix("public.")] = [row["m"] for row in rows]
    packed = await world.joined.pool.fetch(
        "SELECT body FROM call_transcripts WHERE org_id = $1 AND get_byte(body, 0) = 40", world.org.id
    )
    texts = [zstandard.ZstdDecompressor().decompress(row["body"]).decode() for row in packed]
    if unpacked := [mark for mark in marks if any(mark in text for text in texts)]:
        found["call_transcripts, unpacked"] = unpacked
    return found


def found_in_files(marks: list[str]) -> list[str]:
    home = Path(os.environ["TRUNKLINE_HOME"]) / "recordings"
    return [
        str(path)
        for path in home.rglob("*")
        for mark in marks
        if mark in path.name or (path.is_file() and mark.encode() in path.read_bytes())
    ]


async def samples(world: World, marks: list[str]) -> list[str]:
    """What the database's own statistics remember of values."""
    rows = await world.joined.pool.fetch(
        "SELECT s.tablename FROM pg_stats s, unnest($1::text[]) AS m WHERE strpos(s::text, m) > 0", marks
    )
    return [row["tablename"] for row in rows]


# -- the registry ---------------------------------------------------------


def test_every_table_of_an_org_is_registered_with_how_it_forgets_a_call(world: World) -> None:
    rows = world.run(
        world.joined.pool.fetch(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'org_id'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
    )
    registered = {one.table for one in ERASURES} | HOLDS_NOTHING.keys()
    there = {row["table_name"] for row in rows}
    assert there - registered == set(), (
        "a table is not registered: say in store/erase.py how it forgets a deleted call,"
        " or that it holds nothing of one"
    )
    assert registered - there == set(), "store/erase.py registers a table that is not there"
    assert {one.table for one in ERASURES} & HOLDS_NOTHING.keys() == set()


def test_an_erasure_says_what_goes_with_the_call_or_what_goes_later() -> None:
    for one in ERASURES:
        assert one.fragment or one.later, one.table
        if one.fragment:
            assert f" {one.table} " in queries("erase")[one.fragment], one.table


def test_every_dialect_that_deletes_is_tried() -> None:
    assert {name for name, dialect in dialects().items() if deletes(dialect)} == PATHS.keys()


# -- deleting -------------------------------------------------------------


@pytest.fixture
def untouched(background: Background, new_world: Any) -> Iterator[tuple[World, Marked]]:
    """A call of another org."""
    theirs, call = new_world(), Marked()
    ask(theirs, "POST", CALLS, call.document(), **{"Idempotency-Key": call.word})
    before = printed(theirs, call)
    yield theirs, call
    assert printed(theirs, call) == before
    assert theirs.run(differences(theirs.joined.pool, theirs.org.id)) == []


FILLS = 5
"""How often tables are filled before background work leaves all of them filled."""


@pytest.mark.parametrize("dialect", sorted(PATHS))
def test_nothing_of_a_deleted_call_is_in_any_table_or_file(
    new_world: Callable[..., World], untouched: tuple[World, Marked], dialect: str
) -> None:
    holding = {one.table for one in ERASURES} - {"erased_objects", "orphan_terms", "search_backlog"}
    rests = dialect != "trunkline"
    # A running call is not indexed, and its former terms may be removed already.
    may_be_empty = {"live_slots"} if rests else {"call_terms", "search_terms", "term_suffixes"}
    for _ in range(FILLS):
        world, call = new_world(), Marked()
        filled = Filled(world, call, rests=rests)
        ids = [filled.id, call.vendor_call_id]
        before = world.run(found_in_tables(world, call.marks + ids))
        empty = holding - before.keys()
        if empty <= may_be_empty:
            break  # else background work was faster, and took what a table had
    assert empty <= may_be_empty
    assert "call_transcripts, unpacked" in before
    assert found_in_files([call.word, filled.id]) != []
    others = [printed(world, one) for one in filled.others]

    filled.delete(dialect)
    clean_up(world)

    assert world.run(found_in_tables(world, call.marks)) == {}
    left = world.run(found_in_tables(world, ids))
    assert left.pop("listed_calls") == [call.vendor_call_id]  # until the pull ends
    assert left == {"deleted_calls": ids}
    assert found_in_files([call.word, filled.id]) == []
    assert world.run(samples(world, call.marks)) == []

    assert [printed(world, one) for one in filled.others] == others
    assert world.run(found_in_tables(world, [filled.others[0].word])).keys() >= {"calls", "sightings"}
    assert world.run(differences(world.joined.pool, world.org.id)) == []
    assert filled.reprocessed() == (0, 0, [])
    assert [printed(world, one) for one in filled.others] == others


def test_most_of_it_is_gone_when_the_deletion_is_answered(world: World) -> None:
    filled = Filled(world, Marked())
    filled.delete("trunkline")
    left = world.run(found_in_tables(world, filled.call.marks))
    # Numbers and terms that no call has, earlier totals, payloads without a call, and quotes in failures.
    later = {"number_totals", "search_terms", "term_suffixes", "call_totals", "inbox"}
    assert left.keys() <= later | {"jobs", "followers", "follower_skips"}
    assert left.get("call_totals", []) == [filled.call.numbers[3].removeprefix("+")]
    assert found_in_files([filled.call.word]) == []


def test_a_pull_that_ends_afterwards_misses_no_deleted_call(world: World) -> None:
    filled = Filled(world, Marked())
    filled.delete("trunkline")
    store = PullStore(world.joined.pool, world.org.id, UUID(filled.source.id))
    assert world.run(store.current()).next is None
    assert world.run(store.current()).started_at is None
    name = filled.call.vendor_call_id
    world.run(store.record([ListedCall("our-agent", name, NOON, NOON, f"is not: {filled.call.word}")], NOON))
    world.run(store.end(NOON, None, None))
    rows = world.run(world.joined.pool.fetch("SELECT * FROM ledger_calls WHERE org_id = $1", world.org.id))
    assert rows == []
    hours = world.run(
        world.joined.pool.fetch("SELECT listed FROM ledger_hours WHERE org_id = $1", world.org.id)
    )
    assert [row["listed"] for row in hours] == [1]


# -- deliveries of several calls ------------------------------------------


def several(world: World, calls: list[Any]) -> tuple[Source, Any]:
    source = source_in(world, "trunkline")
    return source, world.request("POST", f"/hooks/{source.address}", json={"calls": calls}).json()


def test_each_call_of_a_delivery_is_stored_by_itself_and_counted_once_however_often_it_comes(
    world: World,
) -> None:
    calls = [Marked() for _ in range(3)]
    source, receipt = several(world, [one.document() for one in calls])
    assert receipt == {"received": True, "calls": 3}
    world.request("POST", f"/hooks/{source.address}", json={"calls": [one.document() for one in calls]})
    rows = world.run(world.joined.pool.fetch("SELECT * FROM sightings WHERE org_id = $1", world.org.id))
    assert sorted(row["vendor_call_id"] for row in rows) == sorted(one.vendor_call_id for one in calls)
    for row in rows:
        (own,) = [one for one in calls if one.vendor_call_id == row["vendor_call_id"]]
        assert json.loads(row["payload"]) == {"calls": [own.document()]}
        assert row["times"] == 2


def test_one_call_that_cannot_be_read_is_stored_alone_and_keeps_no_other_out(world: World) -> None:
    good, bad = Marked(), {**Marked().document(), "vendor_call_id": ""}
    _, receipt = several(world, [good.document(), bad])
    assert receipt["calls"] == 1
    assert "vendor_call_id" in receipt["note"]
    rows = world.run(world.joined.pool.fetch("SELECT * FROM inbox WHERE org_id = $1", world.org.id))
    assert [json.loads(row["payload"]) for row in rows] == [{"calls": [bad]}]
    assert printed(world, good) != b""


# -- answers that would be repeated ---------------------------------------


def test_a_request_that_is_sent_again_after_its_call_was_deleted_is_refused_and_not_replayed(
    world: World,
) -> None:
    call, key = Marked(), {"Idempotency-Key": "once"}
    made = ask(world, "POST", CALLS, call.document(), **key).json()["id"]
    gone = {"Idempotency-Key": "gone"}
    ask(world, "DELETE", f"{CALLS}/{made}", **gone)
    headers = {"content-type": "application/json", **world.headers["trunkline"]}
    again = world.request("POST", f"/trunkline{CALLS}", json=call.document(), headers={**headers, **key})
    assert (again.status_code, "idempotent-replayed" in again.headers) == (410, False)
    assert ask(world, "DELETE", f"{CALLS}/{made}", **gone).headers["idempotent-replayed"] == "true"


def test_an_answer_that_comes_after_its_call_was_deleted_is_not_stored(world: World) -> None:
    call = Marked()
    made = ask(world, "POST", CALLS, call.document()).json()["id"]

    async def do() -> StoredResponse:
        assert await world.joined.eraser.erase(world.org.id, made)
        return StoredResponse(200, call.word.encode(), [], call_ids=[made])

    request = (b"change_call", b"", b"", b"{}")
    assert world.run(world.joined.idempotency.once(world.org, "late", request, do)).status == 200
    keys = "SELECT key FROM idempotent_requests WHERE org_id = $1"
    assert world.run(world.joined.pool.fetch(keys, world.org.id)) == []


# -- cleaning up again ----------------------------------------------------


def test_an_org_is_on_the_list_until_all_of_its_deletions_are_cleaned_up_after(world: World) -> None:
    store = EraseStore(world.joined.pool)

    def listed() -> datetime | None:
        return dict(world.run(store.backlog())).get(world.org.id)

    first, second = (ask(world, "POST", CALLS, Marked().document()).json()["id"] for _ in range(2))
    assert listed() is None
    assert world.run(world.joined.eraser.erase(world.org.id, first))
    before = listed()
    assert before is not None
    assert world.run(world.joined.eraser.erase(world.org.id, second))
    assert not world.run(world.joined.eraser.erase(world.org.id, second))
    world.run(store.mark_cleaned(world.org.id, before))
    assert listed() is not None
    clean_up(world)
    assert listed() is None


# -- what fails -----------------------------------------------------------


def test_files_that_cannot_be_deleted_are_reported_and_tried_again(world: World) -> None:
    filled = Filled(world, Marked())

    def away() -> Any:
        raise OSError("the object store does not answer")

    eraser = Eraser(world.joined.writer, EraseStore(world.joined.pool), away, system_clock)
    assert world.run(eraser.erase(world.org.id, filled.id))
    with pytest.raises(CleanUpFailed, match="does not answer"):
        world.run(eraser.clean_up())
    assert found_in_files([filled.call.word]) != []
    clean_up(world)
    assert world.run(found_in_tables(world, filled.call.marks)) == {}
    assert found_in_files([filled.call.word]) == []


def test_tables_that_may_not_be_vacuumed_are_named(world: World, embedded_url: str) -> None:
    pool = world.joined.pool
    role = f"reader_{uuid.uuid4().hex[:8]}"

    async def run() -> list[str]:
        await pool.execute(f"CREATE ROLE {role}")
        try:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(f"SET LOCAL ROLE {role}")
                allowed = await connection.fetch(queries("erase")["may_vacuum"], ["calls", "sightings"])
                return [row["name"] for row in allowed]
        finally:
            await pool.execute(f"DROP ROLE {role}")

    assert world.run(run()) == []
    assert world.run(EraseStore(pool).vacuum()) == []
