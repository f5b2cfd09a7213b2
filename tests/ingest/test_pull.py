"""Pulling from Trunkline itself in every dialect, and from a small vendor that misbehaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from msgspec import structs

from tests.conftest import Server, World
from tests.ingest.vendors import NOW, Puller, SmallVendor, call, small_vendor
from tests.vendors.conftest import odd_ones
from tests.vendors.test_pulls import BOTH, Client, by_id, own_calls
from trunkline.ingest import vendor_client
from trunkline.ingest.pull import list_api
from trunkline.ingest.vendor_client import PullStopped, VendorRefused, VendorUnavailable
from trunkline.kit.door import Door
from trunkline.service.received import Received
from trunkline.service.sources import SourceProblem
from trunkline.store.pulls import PullStore
from trunkline.vendors import dialects

every_door = pytest.mark.parametrize("door", BOTH, ids=[door.name for door in BOTH])

NewWorld = Callable[..., World]


@pytest.fixture
def vendor() -> Iterator[SmallVendor]:
    with small_vendor() as running:
        yield running


@pytest.fixture
def puller(world: World, vendor: SmallVendor) -> Puller:
    return Puller.small(world, vendor)


def listed(world: World, **query: Any) -> list[dict[str, Any]]:
    answer = world.get("trunkline", "/v1/calls", params={"page_size": 1000, **query})
    assert answer.status_code == 200, answer.text
    calls: list[dict[str, Any]] = answer.json()["calls"]
    return calls


def names(world: World) -> list[str]:
    return sorted(one["vendor_call_id"] for one in listed(world))


# -- every dialect --------------------------------------------------------


@every_door
def test_everything_arrives_once_and_equal(door: Door, new_world: NewWorld, server: Server) -> None:
    theirs, ours = new_world(), new_world()
    calls = own_calls(door.name, 230 if door.list_api and door.list_api.one is None else 110)
    theirs.take(calls)
    if door.name == "contactship":
        theirs.see(odd_ones())
    puller = Puller.of(ours, theirs, door.name, server.url)
    total = puller.pull()
    expected = names(theirs)
    assert names(ours) == expected
    assert (total.new, total.changed, total.unchanged) == (len(expected), 0, 0)
    assert (total.calls, total.deleted, total.unreadable) == (len(expected), 0, {})
    assert total.pages > 1
    original, copied = (by_id(door, Client(each, door).items()) for each in (theirs, ours))
    differing = {
        (field, str(copied[name].get(field)), str(value))
        for name, one in original.items()
        for field, value in one.items()
        if copied[name].get(field) != value
    }
    assert differing == set()


@every_door
def test_another_pull_begins_before_the_newest_call_and_brings_nothing_new(
    door: Door, new_world: NewWorld, server: Server
) -> None:
    theirs, ours = new_world(), new_world()
    calls = own_calls(door.name, 40)
    newest = max(one.created_at for one in calls)
    theirs.take(calls)
    puller = Puller.of(ours, theirs, door.name, server.url)
    puller.pull()
    # A vendor's form may have no word for a call that is not over, or no field for its creation.
    live = ("scheduled", "queued", "ringing", "in_progress")
    stand = [(datetime.fromisoformat(one["created_at"]), one["status"]) for one in listed(ours)]
    begin = min([newest - timedelta(hours=1), *(at for at, status in stand if status in live)])
    begin = begin.replace(minute=0, second=0, microsecond=0)
    again = puller.pull()
    assert again.calls == again.unchanged == sum(at >= begin for at, _ in stand) < 40
    assert names(ours) == names(theirs)


@every_door
def test_a_call_that_was_open_is_completed_by_a_later_pull(
    door: Door, new_world: NewWorld, server: Server
) -> None:
    theirs, ours = new_world(), new_world()
    calls = [one for one in own_calls(door.name, 60) if one.status == "completed"][:12]
    for number, one in enumerate(calls):
        one.created_at = NOW - timedelta(hours=5 * number + 1)
    live = own_calls(door.name, 1)[0]
    live.vendor_call_id = dialects()[live.vendor].ids.derive("7c1b6a01-8d0e-4c5c-9d52-0d7a7c1b6a01")
    early = Received(
        dialects()["trunkline"].from_wire(
            {
                "vendor": live.vendor,
                "vendor_call_id": live.vendor_call_id,
                "status": "in_progress",
                "created_at": (NOW - timedelta(hours=30)).isoformat(),
            }
        )
    )
    theirs.take(calls)
    theirs.run(theirs.joined.intake.ingest(theirs.org, [early], "test"))
    puller = Puller.of(ours, theirs, door.name, server.url)
    puller.pull()
    before = {one["vendor_call_id"]: one["status"] for one in listed(ours)}
    assert before[live.vendor_call_id] != "completed"
    ended = dialects()["trunkline"].from_wire(
        {
            "vendor": live.vendor,
            "vendor_call_id": live.vendor_call_id,
            "status": "completed",
            "ended_at": (NOW - timedelta(hours=29)).isoformat(),
        }
    )
    theirs.see([ended])
    again = puller.pull()
    after = {one["vendor_call_id"]: one["status"] for one in listed(ours)}
    assert after[live.vendor_call_id] == "completed"
    assert (again.new, again.changed) == (0, 1)


# -- where it begins and ends ---------------------------------------------


def test_a_range_is_what_arrives(puller: Puller, vendor: SmallVendor) -> None:
    vendor.calls = [call(f"c{n}", minutes_ago=n) for n in range(10)]
    puller.pull(NOW - timedelta(minutes=6), NOW - timedelta(minutes=3))
    assert names(puller.world) == ["c3", "c4", "c5", "c6"]


def test_a_later_range_leaves_no_gap_behind_for_the_pulls_that_follow(
    puller: Puller, vendor: SmallVendor
) -> None:
    vendor.calls = [call("old", minutes_ago=600)]
    puller.pull()
    vendor.calls = [call("new", minutes_ago=5), call("between", minutes_ago=300), *vendor.calls]
    puller.pull(since=NOW - timedelta(minutes=30))
    assert names(puller.world) == ["new", "old"]
    puller.pull()
    assert names(puller.world) == ["between", "new", "old"]


def test_calls_that_arrive_during_a_pull_are_had_by_the_next_one(puller: Puller, vendor: SmallVendor) -> None:
    vendor.calls = [call(f"c{n}", minutes_ago=n + 10) for n in range(8)]
    later = iter([call(f"l{n}", minutes_ago=9 - n) for n in range(4)])

    def one_more() -> None:
        if len(vendor.queries) > 1:
            vendor.calls[:0] = [one for one in [next(later, None)] if one is not None]

    vendor.before_page = one_more
    puller.pull()
    assert set(names(puller.world)) == {f"c{n}" for n in range(8)}
    vendor.before_page = lambda: None
    again = puller.pull()
    assert again.new == 4
    assert len(names(puller.world)) == 12


def test_a_call_in_the_future_does_not_make_the_next_pull_begin_there(
    puller: Puller, vendor: SmallVendor
) -> None:
    vendor.calls = [call("planned", minutes_ago=-6000)]
    puller.pull()
    vendor.calls.append(call("now", minutes_ago=1))
    puller.pull()
    assert names(puller.world) == ["now", "planned"]


def test_a_call_that_was_deleted_stays_deleted(puller: Puller, vendor: SmallVendor) -> None:
    vendor.calls = [call("kept"), call("gone")]
    puller.pull()
    world = puller.world
    (gone,) = [one["id"] for one in listed(world) if one["vendor_call_id"] == "gone"]
    assert world.run(world.joined.writer.delete(world.org.id, gone))
    again = puller.pull()
    assert (again.deleted, again.unchanged) == (1, 1)
    assert names(world) == ["kept"]


# -- stopped and gone on --------------------------------------------------


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", ["record", "ingest", "turn", "end"])
@pytest.mark.parametrize("page", [1, 3])
def test_a_pull_that_was_killed_goes_on_with_the_page_it_was_at(
    moment: str, page: int, puller: Puller, vendor: SmallVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.calls = [call(f"c{n}", minutes_ago=n) for n in range(9)]
    count = 0
    owner: Any = type(puller.commits) if moment == "ingest" else PullStore
    original = getattr(owner, moment)

    async def killed(*told: Any) -> Any:
        nonlocal count
        count += 1
        if count == page or moment == "end":
            raise Killed
        return await original(*told)

    with monkeypatch.context() as patched:
        patched.setattr(owner, moment, killed)
        with pytest.raises(Killed):
            puller.pull()
    asked = len(vendor.queries)
    total = puller.pull()
    assert len(names(puller.world)) == 9
    resumed = vendor.queries[asked:]
    if moment == "end":
        assert resumed == []
    else:
        assert [query.get("page_token", "0") for query in resumed] == [str(2 * n) for n in range(page - 1, 5)]
    assert total.pages == len(resumed)
    told = puller.world.run(
        puller.world.joined.pool.fetchval(
            "SELECT sum(listed) FROM ledger_hours WHERE org_id = $1", puller.world.org.id
        )
    )
    assert told == 9


def test_a_position_that_the_vendor_no_longer_knows_restarts_the_pull(
    puller: Puller, vendor: SmallVendor
) -> None:
    vendor.calls = [call(f"c{n}", minutes_ago=n) for n in range(5)]
    good = vendor.answer
    vendor.otherwise = [good("/v1/calls"), (403, {}, b"{}")]
    with pytest.raises(VendorRefused, match="403 to GET /v1/calls: check the source's credential"):
        puller.pull()
    vendor.otherwise = [(400, {}, b"{}")]
    vendor.queries.clear()
    puller.pull()
    assert [query.get("page_token") for query in vendor.queries] == ["2", None, "2", "4"]
    assert len(names(puller.world)) == 5


def test_two_pulls_of_one_source_do_not_run_at_the_same_time(puller: Puller) -> None:
    async def both() -> None:
        async with puller.store.locked() as first:
            assert first
            async with puller.store.locked() as second:
                assert not second

    puller.world.run(both())
    assert puller.pull().pages == 1


# -- a vendor in trouble --------------------------------------------------


def test_a_vendor_that_stumbles_is_tried_again_with_growing_waits(
    puller: Puller, vendor: SmallVendor
) -> None:
    vendor.calls = [call("c")]
    vendor.otherwise = [(503, {}, b""), (500, {}, b"<html>"), (502, {}, b""), (408, {}, b"")]
    assert puller.pull().new == 1
    assert puller.waits == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    "told", ["40", format_datetime(NOW + timedelta(seconds=40), usegmt=True)], ids=["seconds", "date"]
)
def test_a_vendor_that_says_when_to_come_back_is_tried_then(
    told: str, puller: Puller, vendor: SmallVendor
) -> None:
    vendor.calls = [call("c")]
    vendor.otherwise = [(429, {"retry-after": told}, b""), (429, {"retry-after": "nonsense"}, b"")]
    assert puller.pull().new == 1
    assert puller.waits == [40.0, 2.0]


def test_a_vendor_that_stays_unavailable_stops_the_pull_which_goes_on_later(
    puller: Puller, vendor: SmallVendor
) -> None:
    vendor.calls = [call(f"c{n}") for n in range(4)]
    vendor.otherwise = [vendor.answer("/v1/calls"), *[(503, {}, b"")] * vendor_client.TRIES]
    with pytest.raises(VendorUnavailable, match="in 6 tries; at last: 503"):
        puller.pull()
    assert len(names(puller.world)) == 2
    assert puller.pull().pages == 1
    assert len(names(puller.world)) == 4


def test_a_vendor_that_wants_to_be_left_alone_for_long_stops_the_pull(
    puller: Puller, vendor: SmallVendor
) -> None:
    vendor.otherwise = [(429, {"retry-after": "86400"}, b"")]
    with pytest.raises(VendorUnavailable, match="wait of 86400 seconds"):
        puller.pull()
    assert puller.waits == []


def test_a_vendor_that_is_not_there_stops_the_pull(world: World) -> None:
    with small_vendor() as gone:
        puller = Puller.small(world, gone)
    with pytest.raises(VendorUnavailable, match="at last: ConnectError"):
        puller.pull()


def test_an_answer_that_is_too_big_stops_the_pull(
    puller: Puller, vendor: SmallVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_client, "MAX_ANSWER_BYTES", 1000)
    vendor.otherwise = [(200, {}, b" " * 1001)]
    with pytest.raises(PullStopped, match="more than 1000 bytes"):
        puller.pull()


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"<html>", "is not JSON"), (b"[" * 100_000, "is not JSON"), (b"[]", "is not a list of calls")],
    ids=["html", "deep", "list"],
)
def test_an_answer_that_is_not_a_list_stops_the_pull(
    body: bytes, said: str, puller: Puller, vendor: SmallVendor
) -> None:
    vendor.otherwise = [(200, {}, body)]
    with pytest.raises(PullStopped, match=said):
        puller.pull()


def test_a_list_that_goes_round_in_a_circle_stops_the_pull(puller: Puller, vendor: SmallVendor) -> None:
    page = b'{"calls": [], "next_page_token": "again"}'
    vendor.otherwise = [(200, {}, page)] * 5
    with pytest.raises(PullStopped, match="without end"):
        puller.pull()
    assert len(vendor.queries) == 2


def test_requests_keep_the_distance_that_the_vendor_allows(vendor: SmallVendor, world: World) -> None:
    puller = Puller.small(world, vendor)
    vendor.calls = [call(f"c{n}") for n in range(6)]
    puller._later = lambda: 100.0  # type: ignore[method-assign]
    puller.pull()
    assert puller.waits == pytest.approx([0.1, 0.2])


# -- calls that cannot be read --------------------------------------------


def test_a_call_that_cannot_be_read_is_named_and_stored_and_does_not_stop_the_others(
    puller: Puller, vendor: SmallVendor
) -> None:
    bad: list[Any] = [{"status": "completed"}, "nothing"]
    vendor.calls = [call("a"), *bad, call("odd", status="parked"), call("b")]
    vendor.page_size = 5
    total = puller.pull()
    assert names(puller.world) == ["a", "b", "odd"]
    assert (total.calls, total.new, len(total.unreadable)) == (5, 3, 2)
    assert [name[:5] for name in total.unreadable] == ["item ", "item "]
    kept = puller.world.run(
        puller.world.joined.pool.fetch("SELECT reason FROM inbox WHERE org_id = $1", puller.world.org.id)
    )
    assert sorted(row["reason"] for row in kept) == sorted(total.unreadable.values())


HALF = b'"\\ud83d"'


def problems(world: World) -> dict[str, list[str]]:
    rows = world.run(
        world.joined.pool.fetch(
            "SELECT vendor_call_id, problems FROM sightings WHERE org_id = $1 AND problems IS NOT NULL",
            world.org.id,
        )
    )
    return {row["vendor_call_id"]: list(json.loads(row["problems"])) for row in rows}


@pytest.mark.parametrize(
    ("odd", "path"),
    [
        (HALF, "payload (characters)"),
        (b'"\xff"', "payload (encoding)"),
        (b"NaN", "payload (numbers)"),
        (b"[" * 3000 + b"]" * 3000, "payload (depth)"),
    ],
    ids=["half a pair", "no UTF-8", "NaN", "deep"],
)
def test_what_is_not_quite_json_in_one_call_of_a_list_costs_no_call(
    puller: Puller, vendor: SmallVendor, odd: bytes, path: str
) -> None:
    calls = [call(one, metadata={"odd": "VALUE"} if one == "c" else {}) for one in "abcde"]
    page = json.dumps({"calls": calls, "next_page_token": None}).encode().replace(b'"VALUE"', odd)
    vendor.otherwise = [(200, {}, page)] * 2
    total = puller.pull()
    assert (total.calls, total.new, total.unreadable) == (5, 5, {})
    assert names(puller.world) == [*"abcde"]
    assert problems(puller.world) == {"c": [path]}
    assert puller.pull().unchanged == 5


# -- vendors whose lists have less or cannot be filtered -------------------


SUMMED = [f"summed-up-{one}" for one in "abcde"]
"""Long ids: Butter reports whether another org has a call, and no test of a short id may hit one of these."""


class Summaries(SmallVendor):
    """Lists calls in Butter's form; each is fetched on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: dict[str, list[int]] = {}
        self.fetched: list[str] = []
        self.answers: dict[str, bytes] = {}
        """In place of a call."""
        self.values: dict[str, bytes] = {}
        """Of the field `ask`."""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        name = path.partition("?")[0].rpartition("/")[2]
        if name == "calls":
            calls = [summary(one) for one in SUMMED]
            return 200, {}, json.dumps({"data": calls, "pagination": {}}).encode()
        self.fetched.append(name)
        if self.failing.get(name):
            return self.failing[name].pop(0), {}, b"{}"
        answer = json.dumps({"data": {**summary(name), "duration_seconds": 17, "ask": "VALUE"}}).encode()
        return 200, {}, self.answers.get(name, answer.replace(b'"VALUE"', self.values.get(name, b"null")))


def summary(name: str) -> dict[str, Any]:
    return {"call_sid": name, "status": "completed", "created_at": "2026-03-02T10:00:00Z"}


@pytest.fixture
def summaries(world: World) -> Iterator[tuple[Puller, Summaries]]:
    made = Summaries()
    with small_vendor(made):
        yield Puller(world, "butter", made.url, {"api_key": "k"}), made


def test_a_call_is_fetched_whole_where_the_list_has_a_summary(summaries: tuple[Puller, Summaries]) -> None:
    puller, vendor = summaries
    assert puller.pull().new == 5
    assert vendor.fetched == SUMMED
    assert {one["duration_ms"] for one in listed(puller.world)} == {17_000}


def test_calls_that_cannot_be_fetched_are_named_and_had_the_next_time(
    summaries: tuple[Puller, Summaries],
) -> None:
    puller, vendor = summaries
    failing = [[404], [410], [422], [503] * vendor_client.TRIES]
    vendor.failing = dict(zip(SUMMED, failing, strict=False))
    total = puller.pull()
    assert sorted(total.unreadable) == SUMMED[:4]
    assert total.unreadable[SUMMED[0]] == f"the vendor answers 404 to GET /api/calls/{SUMMED[0]}"
    assert names(puller.world) == SUMMED[4:]
    page = puller.read_ledger()
    assert [(one.vendor_call_id, one.state) for one in page.calls] == [(one, "missing") for one in SUMMED[:4]]
    assert puller.pull().new == 4
    assert {one.state for one in puller.read_ledger().calls} == {"repaired"}


def test_what_is_not_quite_json_in_the_answer_for_one_call_costs_no_call(
    summaries: tuple[Puller, Summaries],
) -> None:
    puller, vendor = summaries
    vendor.values = {SUMMED[1]: HALF, SUMMED[2]: b"NaN"}
    assert (puller.pull().new, names(puller.world)) == (5, SUMMED)
    assert problems(puller.world) == {SUMMED[1]: ["payload (characters)"], SUMMED[2]: ["payload (numbers)"]}


def test_answers_for_single_calls_that_are_no_json_are_named_and_do_not_stop_the_pull(
    summaries: tuple[Puller, Summaries],
) -> None:
    puller, vendor = summaries
    vendor.answers = dict.fromkeys(SUMMED[:4], b"<html>Busy</html>")
    total = puller.pull()
    assert (total.new, sorted(total.unreadable)) == (1, SUMMED[:4])
    assert total.unreadable[SUMMED[0]] == f"the answer to GET /api/calls/{SUMMED[0]} is not JSON"
    vendor.answers = {}
    assert puller.pull().new == 4


def test_a_vendor_that_fails_for_one_call_after_another_counts_as_unavailable(
    summaries: tuple[Puller, Summaries],
) -> None:
    puller, vendor = summaries
    vendor.failing = {name: [503] * vendor_client.TRIES for name in SUMMED[1:4]}
    with pytest.raises(VendorUnavailable):
        puller.pull()
    assert puller.pull().new == 5


def test_a_list_without_a_filter_is_read_until_it_is_older_than_the_range(
    puller: Puller, vendor: SmallVendor
) -> None:
    api = list_api(puller.door)
    unfiltered = structs.replace(api, request=lambda _, __: api.request(None, None))
    puller.door = structs.replace(puller.door, list_api=unfiltered)
    vendor.calls = [call(f"c{n}", minutes_ago=10 * n) for n in range(20)]
    total = puller.pull(NOW - timedelta(minutes=55), NOW - timedelta(minutes=15))
    assert names(puller.world) == ["c2", "c3", "c4", "c5"]
    assert (total.calls, total.pages) == (4, 4)
    unordered = structs.replace(unfiltered, newest_first=False)
    puller.door = structs.replace(puller.door, list_api=unordered)
    total = puller.pull(NOW - timedelta(minutes=55), NOW - timedelta(minutes=16))
    assert (total.calls, total.pages) == (4, 10)


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1", "127.0.0.1:1", "http://x:y"])
def test_an_address_that_is_none_stops_the_pull_at_once(base_url: str, world: World) -> None:
    puller = Puller(world, "trunkline", base_url, {"api_key": "k"})
    with pytest.raises(PullStopped, match="is not the address of an API"):
        puller.pull()
    assert puller.waits == []


def test_a_credential_that_no_header_can_carry_is_refused_before_any_pull(world: World) -> None:
    with pytest.raises(SourceProblem, match="which can carry only printable ASCII characters"):
        Puller(world, "trunkline", "http://127.0.0.1:1", {"api_key": "k\r\nx: y"})
