"""Databases that earlier versions made are brought up whole: calls, totals, pages, changes and words.

`upgrade/0001` and `upgrade/0009` hold such databases, as those versions wrote them: every table as the text
of COPY, and beside it each org's calls, oldest first, as that version read them. 0001 is of the first version
that answered over HTTP, before there were totals; 0009 of the last one before names were gone over.
"""

from __future__ import annotations

import asyncio
import io
import lzma
import re
import subprocess
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import pytest
from msgspec import Struct

from tests.cli.conftest import command, environment
from tests.conftest import MAX_WAIT_SECONDS
from trunkline.compose import SchemaBehind, services
from trunkline.jobs.search_index import index_org
from trunkline.kit.transcript import is_engaged
from trunkline.model.call import Call
from trunkline.model.inbox import InboxState, ListInbox
from trunkline.model.query import CallFilter, Order, Rows, Wording
from trunkline.model.sighting import Sighting, sighting_of
from trunkline.model.words import Status
from trunkline.service.calls import Org
from trunkline.service.received import Provenance, Received
from trunkline.store import upgrade
from trunkline.store.calls.list_query import SHALLOW
from trunkline.store.calls.reads import CallStore
from trunkline.store.changes import ChangeStore
from trunkline.store.columns import COLUMNS
from trunkline.store.migrations import UnknownRevision, change_tables, head, migrate, state
from trunkline.store.search.index import SearchIndex
from trunkline.store.totals.totals import differences

FOLDER = Path(__file__).parent / "upgrade"
REVISIONS = ["0001", "0009"]
_TOTALS = "SELECT * FROM call_totals WHERE n <> 0"
_SECTION = re.compile(r"^COPY (\w+) \((.*)\) FROM stdin;$")


class StoredLog(Struct):
    """A call of some org, as the earlier version read it."""

    org: str
    call: Call


def tables(revision: str) -> dict[str, tuple[list[str], list[str]]]:
    """The columns and the lines of each table."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    rows: list[str] = []
    for line in lzma.decompress((FOLDER / revision / "tables.copy.xz").read_bytes()).decode().split("\n"):
        if (begun := _SECTION.match(line)) is not None:
            rows = []
            found[begun[1]] = begun[2].split(", "), rows
        elif line not in ("", "\\."):
            rows.append(line)
    return found


def stored_calls(revision: str) -> dict[str, list[Call]]:
    lines = lzma.decompress((FOLDER / revision / "calls.jsonl.xz").read_bytes()).splitlines()
    calls: dict[str, list[Call]] = {}
    for kept in (msgspec.json.decode(line, type=StoredLog) for line in lines):
        calls.setdefault(kept.org, []).append(kept.call)
    return calls


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
    try:
        yield connection
    finally:
        await connection.close()


async def old_database(server: str, revision: str) -> str:
    """A database of its own at a revision, filled as that version left it."""
    name = f"upgrade_{uuid.uuid4().hex[:12]}"
    async with connected(server) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    await change_tables(url, revision)
    async with connected(url) as connection:
        for table, (columns, rows) in tables(revision).items():
            await connection.execute(f"DELETE FROM {table}")
            text = "".join(f"{row}\n" for row in rows).encode()
            await connection.copy_to_table(table, source=io.BytesIO(text), columns=columns, format="text")
        for table, column in (("orgs", "org_id"), ("said_words", "id")):
            if table in tables(revision):
                counter = f"pg_get_serial_sequence('{table}', '{column}')"
                await connection.execute(f"SELECT setval({counter}, max({column})) FROM {table}")
    return url


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(revision: str, embedded_url: str) -> Iterator[str]:
    made = asyncio.run(old_database(embedded_url, revision))
    yield made

    async def drop() -> None:
        async with connected(embedded_url) as connection:
            await connection.execute(f"DROP DATABASE {urlsplit(made).path[1:]} WITH (FORCE)")

    asyncio.run(drop())


async def check(url: str, revision: str) -> None:
    """Everything that a log answers is what the calls of the earlier version come to."""
    expected = stored_calls(revision)
    async with services(url, pool_size=2) as joined:
        for name in await names(joined.pool):
            org_id = await joined.keys.org_id(name)
            assert org_id is not None
            await check_calls(joined.pool, org_id, expected.get(name, []))
            assert await differences(joined.pool, org_id) == []
            await check_changes(joined.pool, org_id, expected.get(name, []))
            await check_words(joined.pool, org_id, expected.get(name, []))


async def names(pool: asyncpg.Pool) -> list[str]:
    return [row["name"] for row in await pool.fetch("SELECT name FROM orgs ORDER BY org_id")]


async def check_calls(pool: asyncpg.Pool, org_id: int, calls: list[Call]) -> None:
    """Pages at every offset, including those whose start is found by the totals."""
    store = CallStore(pool)
    found: list[Call] = []
    for offset in range(0, len(calls) + 25, 25):
        page = await store.page(
            org_id,
            CallFilter(),
            Order(newest_first=False),
            Rows(25, offset),
            with_total=True,
            with_transcript=True,
        )
        assert page.total == len(calls)
        found += [encoded.call() for encoded in page.calls]
    assert found == calls
    for engaged in (True, False):
        asked = CallFilter(engaged=engaged)
        page = await store.page(org_id, asked, Order(), Rows(500), with_total=True, with_transcript=False)
        assert [encoded.call().id for encoded in page.calls] == [
            call.id for call in reversed(calls) if is_engaged(call) is engaged
        ]
        assert page.total == len(page.calls)
    for status, count in Counter(call.status for call in calls).items():
        asked = CallFilter(status=Wording(frozenset({status.value})))
        for offset in (0, SHALLOW + 1):
            page = await store.page(
                org_id, asked, Order(), Rows(500, offset), with_total=True, with_transcript=False
            )
            assert page.total == count
            same = [call.id for call in reversed(calls) if call.status is status]
            assert [encoded.call().id for encoded in page.calls] == same[offset:]


async def check_changes(pool: asyncpg.Pool, org_id: int, calls: list[Call]) -> None:
    """A follower from the beginning gets each call once, and each deleted one."""
    store, place, seen = ChangeStore(pool), 0, list[str]()
    while True:
        look = await store.read_batch(org_id, CallFilter(), place, with_transcript=False)
        seen += [change.id for change in look.changes if change.call is not None]
        places = [change.sequence for change in look.changes]
        assert places == sorted(set(places))
        place = look.sequence
        if not look.has_more:
            break
    assert len(seen) == len(set(seen))
    assert set(seen) == {call.id for call in calls}
    assert place == await store.head(org_id)


async def check_words(pool: asyncpg.Pool, org_id: int, calls: list[Call]) -> None:
    """Transcripts are found, before the words are indexed and after."""
    for indexed in (False, True):
        if indexed:
            await index_org(pool, org_id, lambda _: None)
            assert await SearchIndex(pool).backlog(org_id) == 0
        for piece in ("appointment", "退款", "Hello 8"):
            page = await CallStore(pool).page(
                org_id,
                CallFilter(transcript_text=piece),
                Order(),
                Rows(0),
                with_total=True,
                with_transcript=False,
            )
            assert page.total == sum(piece.casefold() in spoken(call) for call in calls)


def spoken(call: Call) -> str:
    turns = [] if call.turns is msgspec.UNSET else call.turns
    text = call.transcript_text if isinstance(call.transcript_text, str) else ""
    return "\n".join([*(turn.text for turn in turns), text]).casefold().replace("\x00", "")


def test_a_database_of_an_earlier_version_has_the_same_calls_with_totals_and_changes(
    url: str, revision: str
) -> None:
    said: list[str] = []
    assert asyncio.run(migrate(url, said.append)) == (revision, head())
    asyncio.run(check(url, revision))
    numbered = [line for line in said if "sequence number" in line]
    counts = {name: len(calls) for name, calls in stored_calls(revision).items()}
    if revision == "0001":
        assert numbered == [f"{name}: {count} calls got a sequence number" for name, count in counts.items()]
        assert sum("totals differed" in line for line in said) == len(counts)
    else:
        assert numbered == []
    again: list[str] = []
    assert asyncio.run(migrate(url, again.append)) == (head(), head())
    assert again == []


def test_calls_of_the_first_version_are_placed_in_order_of_creation(embedded_url: str) -> None:
    async def places() -> dict[str, list[str]]:
        url = await old_database(embedded_url, "0001")
        await migrate(url, lambda _: None)
        async with services(url, pool_size=1) as joined:
            found = {}
            for name in await names(joined.pool):
                org_id = await joined.keys.org_id(name)
                assert org_id is not None
                look = await ChangeStore(joined.pool).read_batch(
                    org_id, CallFilter(), 0, with_transcript=False
                )
                found[name] = [change.id for change in look.changes]
            return found

    expected = {name: [call.id for call in calls] for name, calls in stored_calls("0001").items()}
    assert asyncio.run(places()) == expected


def test_the_totals_of_the_last_version_before_stay_as_they_were(embedded_url: str) -> None:
    async def stored() -> list[tuple[str, ...]]:
        url = await old_database(embedded_url, "0009")
        await migrate(url, lambda _: None)
        async with connected(url) as connection:
            text = io.BytesIO()
            await connection.copy_from_query(_TOTALS, output=text, format="text")
        return [tuple(line.split("\t")) for line in text.getvalue().decode().splitlines()]

    columns, rows = tables("0009")["call_totals"]
    n, value = columns.index("n"), columns.index("value")
    before = {row for line in rows if (row := tuple(line.split("\t")))[n] != "0"}
    words = {row[value].split(":")[0] for row in before}
    after = {row for row in asyncio.run(stored()) if row[value].split(":")[0] in words}
    assert after == before


def test_an_upgrade_that_breaks_off_is_continued(
    url: str, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "BATCH", 7)

    class BrokenOffError(Exception):
        """The process was killed."""

    async def spoil() -> None:
        async with connected(url) as connection:
            await connection.execute("UPDATE calls SET change = 0")

    if revision == "0009":
        asyncio.run(spoil())
    said: list[str] = []

    def break_off(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            raise BrokenOffError

    async def refused() -> None:
        with pytest.raises(SchemaBehind, match="not finished: run `trunkline migrate`"):
            async with services(url, pool_size=1):
                pass

    with pytest.raises(BrokenOffError):
        asyncio.run(migrate(url, break_off))
    assert asyncio.run(state(url)).is_pending
    asyncio.run(refused())
    assert asyncio.run(migrate(url, said.append)) == (head(), head())
    asyncio.run(check(url, revision))


def test_a_step_that_is_done_again_finds_nothing_to_do(url: str) -> None:
    async def again() -> list[str]:
        said: list[str] = []
        await migrate(url, lambda _: None)
        async with connected(url) as connection:
            for step in upgrade.STEPS:
                await connection.execute(
                    "INSERT INTO upgrade_steps (org_id, step) SELECT org_id, $1 FROM orgs", step
                )
        await migrate(url, said.append)
        return said

    assert asyncio.run(again()) == []


def test_columns_are_read_from_the_calls_again(url: str, revision: str) -> None:
    """As a migration that adds a column requires it."""
    filled = [column for column in COLUMNS if not column.fixed and column.name != "created_at"]

    async def empty_and_fill() -> None:
        await migrate(url, lambda _: None)
        async with connected(url) as connection:
            for column in filled:
                await connection.execute(f"ALTER TABLE calls ALTER {column.name} DROP NOT NULL")
            await connection.execute(
                f"UPDATE calls SET {', '.join(f'{column.name} = NULL' for column in filled)}"
            )
            await connection.execute(
                "INSERT INTO upgrade_steps (org_id, step) SELECT org_id, 'columns' FROM orgs"
            )
        said: list[str] = []
        await migrate(url, said.append)
        counts = {name: len(calls) for name, calls in stored_calls(revision).items()}
        assert said == [f"{name}: {n} calls got the new columns" for name, n in counts.items()]

    asyncio.run(empty_and_fill())
    asyncio.run(check(url, revision))


def test_an_upgraded_log_goes_on(url: str, revision: str) -> None:
    """A repeated report, a new call and a deletion update totals and changes as in any other log."""

    async def go_on() -> None:
        await migrate(url, lambda _: None)
        name, calls = max(stored_calls(revision).items(), key=lambda one: len(one[1]))
        async with services(url, pool_size=2) as joined:
            org_id = await joined.keys.org_id(name)
            assert org_id is not None
            org, reach = Org(org_id, name), await ChangeStore(joined.pool).head(org_id)
            new = msgspec.structs.replace(calls[0], id=str(uuid.uuid4()), vendor_call_id="new")
            news = Sighting(
                vendor=calls[1].vendor,
                vendor_call_id=calls[1].vendor_call_id,
                status=Status.RINGING,
                metadata={"told": "again"},
            )
            taken = await joined.intake.ingest(org, [Received(sighting_of(new)), Received(news)], "test")
            assert taken.stored == 2
            assert await joined.writer.delete(org_id, calls[2].id)
            assert await differences(joined.pool, org_id) == []
            look = await ChangeStore(joined.pool).read_batch(
                org_id, CallFilter(), reach, with_transcript=False
            )
            assert [change.id for change in look.changes] == [new.id, calls[1].id, calls[2].id]

    asyncio.run(go_on())


def test_the_command_says_what_it_does(embedded_url: str, tmp_path: Path) -> None:
    url = asyncio.run(old_database(embedded_url, "0001"))

    def run() -> list[str]:
        done = subprocess.run(
            command("migrate"),
            env=environment(url),
            cwd=tmp_path,
            capture_output=True,
            timeout=MAX_WAIT_SECONDS,
            check=True,
        )
        return done.stdout.decode().splitlines()

    first = run()
    assert "old-callem: 20 calls got a sequence number" in first
    assert any(
        re.fullmatch(r"old-callem: \d+ totals differed from a recount and were corrected", line)
        for line in first
    )
    assert first[-1] == f"The database is at revision {head()}."
    assert run() == [f"The database is at revision {head()}, as before."]


def test_a_database_of_a_newer_version_is_refused_before_anything_is_written(embedded_url: str) -> None:
    async def refused() -> None:
        url = await old_database(embedded_url, "0009")
        async with connected(url) as connection:
            await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        sentence = "the database is at revision 9999, and this version of Trunkline knows none after"
        with pytest.raises(UnknownRevision, match=sentence):
            await migrate(url)
        with pytest.raises(UnknownRevision, match=sentence):
            async with services(url):
                pass

    asyncio.run(refused())


def test_payloads_that_named_no_call_are_in_the_inbox_after_the_upgrade(embedded_url: str) -> None:
    async def run() -> None:
        url = await old_database(embedded_url, "0009")
        async with connected(url) as connection:
            org_id = await connection.fetchval("SELECT org_id FROM orgs ORDER BY name LIMIT 1")
            before = await connection.fetchval("SELECT count(*) FROM sightings WHERE vendor_call_id = ''")
            for number, problem in enumerate(["call: an id is required", None]):
                await connection.execute(
                    "INSERT INTO sightings (org_id, vendor, vendor_call_id, hash, source, received_at,"
                    " payload, kind, problem, times)"
                    " VALUES ($1, 'zudu', '', $2, 'main', now(), $3, 'hook', $4, 3)",
                    *(org_id, bytes([number]), f"payload {number}".encode(), problem),
                )
        await migrate(url)
        async with services(url, pool_size=2) as joined:
            assert await joined.pool.fetchval("SELECT count(*) FROM inbox") == before + 2
            assert await joined.pool.fetchval("SELECT count(*) FROM sightings WHERE vendor_call_id = ''") == 0
            org = Org(org_id, "the first")
            page = await joined.run(org, ListInbox(limit=10, vendor="zudu"))
            assert {(one.state, one.reason, one.times) for one in page.entries} == {
                (InboxState.UNREADABLE, "call: an id is required", 3),
                (InboxState.NO_CALL, "it names no call", 3),
            }
            # The same payload has the same id as before, so that one that comes again is counted.
            origin = Provenance(vendor="zudu", kind="hook", source="main", problem="call: an id is required")
            await joined.intake.ingest(org, [Received(None, b"payload 0", origin)], "test")
            page = await joined.run(org, ListInbox(limit=10, vendor="zudu"))
            assert sorted(one.times for one in page.entries) == [3, 4]
        async with connected(embedded_url) as connection:
            await connection.execute(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")

    asyncio.run(run())
