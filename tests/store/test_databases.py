"""The same store on the embedded database and on one of your own, reached over TCP with a password."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import MAX_WAIT_SECONDS, Background, free_port
from trunkline.compose import SchemaBehind, Services, services
from trunkline.model.call import Agent, Call, ToolCall, Turn
from trunkline.model.faults import Refused
from trunkline.model.intents import CallPage, GetCall, ListCalls
from trunkline.model.query import CallFilter, Order, Rows, SortField, Wording
from trunkline.model.sighting import Sighting, sighting_of
from trunkline.model.words import Direction, Role, Status
from trunkline.service.calls import Org
from trunkline.service.intake import IngestSummary
from trunkline.service.received import Received
from trunkline.store.embedded.programs import wheel_programs
from trunkline.store.embedded.user import user_for
from trunkline.store.migrations import head, migrate, revision

START = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def own_url() -> Iterator[str]:
    """A PostgreSQL that was set up elsewhere: listening on TCP, with a password, and empty."""
    home = Path(tempfile.mkdtemp(prefix="own-postgres-"))
    (home / "password").write_text("s3cret")
    binaries = wheel_programs(home, user_for(home))
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = "nobody"
        home.chmod(0o755)
        shutil.chown(home, user)
        shutil.chown(home / "password", user)
    port, data = free_port(), home / "data"

    def run(program: str, *args: str | Path) -> None:
        command = [binaries / program, "-D", data, *args]
        subprocess.run(command, user=user, check=True, stdout=subprocess.DEVNULL, timeout=MAX_WAIT_SECONDS)

    run(
        "initdb",
        "-U",
        "owner",
        "-A",
        "scram-sha-256",
        "-E",
        "utf8",
        "--locale=C",
        f"--pwfile={home / 'password'}",
    )
    listen = f"-h 127.0.0.1 -p {port} -k {home}"
    run("pg_ctl", "-w", "-o", listen, "-l", home / "log", "start")
    yield f"postgresql://owner:s3cret@127.0.0.1:{port}/postgres"
    run("pg_ctl", "-w", "-m", "fast", "stop")
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    """A loop of this module's own, so that its connections are closed before the database stops."""
    loop = Background()
    yield loop
    loop.close()


@pytest.fixture(scope="module", params=["embedded", "own"])
def store_services(request: pytest.FixtureRequest, background: Background) -> Services:
    url = request.getfixturevalue(f"{request.param}_url")
    background.run(migrate(url))
    return background.open(url)


@pytest.fixture
def org(request: pytest.FixtureRequest, store_services: Services, background: Background) -> Org:
    name = f"org-{abs(hash(request.node.nodeid)):x}"[:40]
    background.run(store_services.keys.create(name))
    return Org(background.run(store_services.keys.org_id(name)), name)


def a_call(number: int, **fields: object) -> Call:
    values: dict[str, object] = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "vendor": "elsewhere",
        "vendor_call_id": f"call-{number}",
        "status": Status.COMPLETED,
        "direction": Direction.OUTBOUND,
        "created_at": START + timedelta(minutes=number),
        "turns": [Turn(Role.USER, f"Élan {number} \x00 100%")],
        "tool_calls": [ToolCall(name="look_up", position=1, result={"a": 1}, result_position=2)],
    }
    return Call(**{**values, **fields})  # type: ignore[arg-type]


def take(run: Background, joined: Services, org: Org, *seen: Sighting) -> IngestSummary:
    return run.run(joined.intake.ingest(org, [Received(one) for one in seen], "test"))


def pages(run: Background, joined: Services, org: Org, intent: ListCalls) -> CallPage:
    return run.run(joined.run(org, intent))


def test_what_is_written_is_read_back_whole(
    store_services: Services, background: Background, org: Org
) -> None:
    call = a_call(1, agent=Agent(id="agent-1", name="Ada"), started_at=START, duration_ms=1234)
    assert take(background, store_services, org, sighting_of(call)) == IngestSummary(stored=1, unchanged=0)
    found = background.run(store_services.run(org, GetCall(printed_id=call.id)))
    call.turn_count, call.derived = 1, ["turn_count"]
    assert found.call == call


def test_the_same_again_changes_nothing_and_news_are_merged(
    store_services: Services, background: Background, org: Org
) -> None:
    call = a_call(1, status=Status.IN_PROGRESS)
    take(background, store_services, org, sighting_of(call))
    assert take(background, store_services, org, sighting_of(call)) == IngestSummary(stored=0, unchanged=1)
    news = Sighting(
        vendor="elsewhere",
        vendor_call_id="call-1",
        status=Status.COMPLETED,
        as_of=START + timedelta(hours=1),
        agent=Agent(name="Ada"),
    )
    assert take(background, store_services, org, news, news) == IngestSummary(stored=1, unchanged=1)
    page = pages(background, store_services, org, ListCalls(filter=CallFilter(), window=Rows(10)))
    assert [(c.status, c.agent) for c in page.read()] == [(Status.COMPLETED, Agent(name="Ada"))]


def test_pages_are_in_order_with_empty_values_last_either_way(
    store_services: Services, background: Background, org: Org
) -> None:
    starts = {1: START, 2: None, 3: START + timedelta(hours=1), 4: None, 5: START}
    take(
        background, store_services, org, *(sighting_of(a_call(n, started_at=at)) for n, at in starts.items())
    )

    def order(newest_first: bool) -> list[str]:
        intent = ListCalls(
            filter=CallFilter(), window=Rows(10), order=Order(SortField.STARTED_AT, newest_first)
        )
        return [call.vendor_call_id for call in pages(background, store_services, org, intent).read()]

    assert order(newest_first=True) == ["call-3", "call-5", "call-1", "call-4", "call-2"]
    assert order(newest_first=False) == ["call-1", "call-5", "call-3", "call-2", "call-4"]


def test_a_page_beyond_the_end_still_has_its_total(
    store_services: Services, background: Background, org: Org
) -> None:
    take(background, store_services, org, *(sighting_of(a_call(n)) for n in range(3)))
    page = pages(background, store_services, org, ListCalls(filter=CallFilter(), window=Rows(10, 50)))
    assert (page.calls, page.total, page.has_more) == ([], 3, False)
    none = ListCalls(filter=CallFilter(status=Wording(frozenset({"busy"}))), window=Rows(10))
    assert pages(background, store_services, org, none).total == 0


def test_text_is_found_in_any_case_and_wildcards_are_ordinary(
    store_services: Services, background: Background, org: Org
) -> None:
    take(background, store_services, org, *(sighting_of(a_call(n)) for n in range(12)))
    for text, found in (("éLAN 11", 1), ("100%", 12), ("1_0%", 0), ("elsewhere", 0)):
        intent = ListCalls(filter=CallFilter(transcript_text=text), window=Rows(0))
        assert pages(background, store_services, org, intent).total == found, text


def test_two_orgs_hold_the_same_call_and_see_only_their_own(
    store_services: Services, background: Background, org: Org
) -> None:
    name = f"{org.name}-b"
    background.run(store_services.keys.create(name))
    other = Org(background.run(store_services.keys.org_id(name)), name)
    take(background, store_services, org, sighting_of(a_call(1, from_number="+12025550100")))
    take(background, store_services, other, sighting_of(a_call(1)), sighting_of(a_call(2)))
    mine = pages(background, store_services, org, ListCalls(filter=CallFilter(), window=Rows(10)))
    assert [call.from_number for call in mine.read()] == ["+12025550100"]
    with pytest.raises(Refused):
        background.run(store_services.run(org, GetCall(printed_id=a_call(2).id)))


def test_writers_of_the_same_calls_at_once_lose_nothing(
    store_services: Services, background: Background, org: Org
) -> None:
    def numbered_sighting(number: int, key: str) -> Sighting:
        return Sighting(
            vendor="elsewhere",
            vendor_call_id=f"call-{number}",
            created_at=START,
            status=Status.COMPLETED,
            metadata={key: number},
        )

    async def all_at_once() -> list[IngestSummary]:
        writers = (
            store_services.intake.ingest(
                org, [Received(numbered_sighting(n, f"w{w}")) for n in range(20)], "test"
            )
            for w in range(8)
        )
        return await asyncio.gather(*writers)

    taken = background.run(all_at_once())
    assert sum(one.stored for one in taken) == 160
    page = pages(background, store_services, org, ListCalls(filter=CallFilter(), window=Rows(100)))
    assert len(page.calls) == 20
    for call in page.read():
        number = int(call.vendor_call_id.removeprefix("call-"))
        assert call.metadata == {f"w{w}": number for w in range(8)}


def test_a_new_call_does_not_take_another_calls_id(
    store_services: Services, background: Background, org: Org
) -> None:
    first, second = a_call(1), a_call(2)
    second.id = first.id
    take(background, store_services, org, sighting_of(first))
    assert take(background, store_services, org, sighting_of(second), sighting_of(a_call(3))).stored == 2
    page = pages(background, store_services, org, ListCalls(filter=CallFilter(), window=Rows(10)))
    assert len({call.id for call in page.read()}) == 3


def test_migrating_twice_or_at_once_does_it_once(own_url: str) -> None:
    async def fresh() -> list[tuple[str | None, str]]:
        connection = await asyncpg.connect(own_url)
        await connection.execute("DROP DATABASE IF EXISTS fresh")
        await connection.execute("CREATE DATABASE fresh")
        await connection.close()
        url = own_url.rpartition("/")[0] + "/fresh"
        with pytest.raises(SchemaBehind):
            async with services(url):
                pass
        done = await asyncio.gather(migrate(url), migrate(url))
        assert await revision(url) == head()
        return [*done, await migrate(url)]

    assert asyncio.run(fresh())[-1] == (head(), head())
