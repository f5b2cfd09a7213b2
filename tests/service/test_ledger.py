"""The ledger against a real database: gaps are noticed, filled and named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from tests.conftest import World
from tests.ingest.vendors import NOW, Answer, Puller, SmallVendor, call, small_vendor
from trunkline.ingest.pull import list_api
from trunkline.kit.list_api import Request
from trunkline.model.faults import Fault, Refused
from trunkline.model.inbox import GetInboxPayload, ListInbox
from trunkline.model.ledger import LedgerPage

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def vendor() -> Iterator[SmallVendor]:
    with small_vendor() as running:
        yield running


@pytest.fixture
def puller(world: World, vendor: SmallVendor) -> Puller:
    return Puller.small(world, vendor)


def at(hours: float, name: str, **more: Any) -> dict[str, Any]:
    """A call that was created so many hours before NOW."""
    return call(name, minutes_ago=60 * hours, **more)


def counts(page: LedgerPage) -> dict[int, tuple[Any, ...]]:
    """By hours before NOW: listed, stored, deleted, missing, late, repaired."""
    return {
        (NOW - one.hour) // HOUR: (
            one.listed,
            one.stored,
            one.deleted,
            one.missing,
            one.late,
            one.repaired,
        )
        for one in page.hours
    }


def states(page: LedgerPage) -> dict[str, str]:
    return {one.vendor_call_id: one.state for one in page.calls}


def test_a_gap_that_webhooks_left_is_filled_and_named(puller: Puller, vendor: SmallVendor) -> None:
    puller.now = NOW - 6 * HOUR
    calls = [at(hours, f"c{hours}") for hours in (1, 1.2, 2, 3, 4, 5)]
    puller.deliver(at(6, "first"))
    for one, hours in zip(calls, (1, 1.2, 2, 3, 4, 5), strict=True):
        if hours not in (1.2, 3):
            puller.now = NOW - timedelta(hours=hours) + timedelta(minutes=2)
            puller.deliver(one)
    puller.now = NOW
    vendor.calls = [*calls, at(6, "first")]
    total = puller.pull()
    assert total.new == 2
    page = puller.read_ledger()
    assert states(page) == {"c1.2": "repaired", "c3": "repaired"}
    assert counts(page) == {
        1: (1, 1, 0, 0, 0, 0),
        2: (2, 2, 0, 0, 0, 1),
        3: (1, 1, 0, 0, 0, 1),
        4: (1, 1, 0, 0, 0, 0),
        5: (1, 1, 0, 0, 0, 0),
        6: (1, 1, 0, 0, 0, 0),
    }
    named = page.calls[0]
    assert (named.noticed_at, named.repaired_at, named.source_id) == (NOW, NOW, puller.source.id)


def test_a_gap_is_still_named_when_the_pull_that_fills_it_is_killed_between(
    puller: Puller, vendor: SmallVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    puller.now = NOW - 6 * HOUR
    puller.deliver(at(6, "first"))
    puller.now = NOW
    vendor.calls = [at(3, "dropped"), at(6, "first")]

    async def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(puller.store), "turn", killed)
        with pytest.raises(KeyboardInterrupt):
            puller.pull()
    assert puller.pull().unchanged == 2
    assert states(puller.read_ledger()) == {"dropped": "repaired"}


def test_the_first_pull_is_a_backfill_and_repairs_nothing(puller: Puller, vendor: SmallVendor) -> None:
    vendor.calls = [at(hours, f"c{hours}") for hours in (1, 2, 3)]
    puller.pull()
    page = puller.read_ledger()
    assert states(page) == {}
    assert counts(page) == dict.fromkeys((1, 2, 3), (1, 1, 0, 0, 0, 0))


def test_what_was_made_before_the_first_webhook_is_a_backfill_too(
    puller: Puller, vendor: SmallVendor
) -> None:
    puller.now = NOW - 2 * HOUR
    puller.deliver(at(2, "heard"))
    puller.now = NOW
    vendor.calls = [at(1, "dropped"), at(2, "heard"), at(3, "before")]
    assert puller.pull().new == 2
    assert states(puller.read_ledger()) == {"dropped": "repaired"}


def test_a_source_without_webhooks_repairs_only_what_an_earlier_pull_should_have_seen(
    puller: Puller, vendor: SmallVendor
) -> None:
    vendor.calls = [at(0.9, "b"), at(5, "a")]
    puller.pull()
    puller.now = NOW + HOUR
    vendor.calls = [at(0.1, "next"), at(0.9, "b"), at(1.1, "hidden"), at(5, "a")]
    assert puller.pull().new == 2
    assert states(puller.read_ledger()) == {"hidden": "repaired"}


def test_a_call_within_the_grace_is_not_a_gap(puller: Puller, vendor: SmallVendor) -> None:
    puller.now = NOW - HOUR
    puller.deliver(at(1, "heard"))
    puller.now = NOW
    young = call("young", minutes_ago=10.5)  # over nine and a half minutes ago
    vendor.calls = [young, call("old", minutes_ago=11.5), at(1, "heard")]
    puller.pull()
    assert states(puller.read_ledger()) == {"old": "repaired"}


def test_a_webhook_long_after_the_end_of_its_call_is_late_if_the_source_was_there(
    world: World, vendor: SmallVendor
) -> None:
    puller = Puller.small(world, vendor, NOW - 3 * HOUR)
    late, timely = call("late", minutes_ago=60), call("timely", minutes_ago=60)
    puller.now = NOW - timedelta(minutes=49)
    puller.deliver(timely)
    puller.now = NOW - timedelta(minutes=48)
    before = at(4, "before")
    puller.deliver(late, before, timely | {"result": "answered"})
    puller.now = NOW
    vendor.calls = [late, timely, before]
    puller.pull()
    page = puller.read_ledger()
    assert states(page) == {"late": "late"}
    assert page.calls[0].noticed_at == NOW - timedelta(minutes=48)
    assert counts(page) == {1: (2, 2, 0, 0, 1, 0), 4: (1, 1, 0, 0, 0, 0)}


class Refusing(SmallVendor):
    """Answers for one call at a time, but not for what it refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()
        self.wholes: dict[str, dict[str, Any]] = {}

    def answer(self, path: str) -> Answer:
        name = path.partition("?")[0].rpartition("/")[2]
        if name == "calls":
            return super().answer(path)
        if name in self.refused:
            return 404, {}, b"{}"
        found = (one for one in self.calls if one.get("vendor_call_id") == name)
        return 200, {}, json.dumps(self.wholes.get(name) or next(found)).encode()


@pytest.fixture
def refusing(world: World) -> Iterator[tuple[Puller, Refusing]]:
    """A vendor whose calls are fetched one by one, in our own form."""
    made = Refusing()
    with small_vendor(made):
        puller = Puller.small(world, made)
        one_by_one = structs.replace(
            list_api(puller.door), one=lambda name: Request(path=f"/v1/calls/{name}"), read_one=None
        )
        puller.door = structs.replace(puller.door, list_api=one_by_one)
        yield puller, made


def test_a_call_that_cannot_be_had_is_missing_until_it_can_be(refusing: tuple[Puller, Refusing]) -> None:
    puller, vendor = refusing
    vendor.calls = [at(1, "good"), at(1, "bad"), {"no": "call"}]
    vendor.refused = {"bad"}
    puller.pull()
    page = puller.read_ledger()
    assert counts(page) == {1: (2, 1, 0, 1, 0, 0), 0: (1, 0, 0, 1, 0, 0)}
    (bad, nameless) = page.calls
    assert (bad.vendor_call_id, bad.state, bad.repaired_at) == ("bad", "missing", None)
    assert bad.reason is not None
    assert bad.reason.startswith("the vendor answers 404 ")
    assert nameless.vendor_call_id.startswith("item ")
    vendor.calls, vendor.refused = [at(1, "good"), at(1, "bad")], set()
    puller.now = NOW + timedelta(minutes=1)
    puller.pull()
    page = puller.read_ledger()
    assert states(page) == {"bad": "repaired"}
    assert page.calls[0].repaired_at == puller.now
    assert counts(page) == {1: (2, 2, 0, 0, 0, 1), 0: (0, 0, 0, 0, 0, 0)}


def test_a_call_that_we_have_from_elsewhere_is_not_missing(refusing: tuple[Puller, Refusing]) -> None:
    puller, vendor = refusing
    puller.deliver(at(1, "heard"))
    vendor.calls, vendor.refused = [at(1, "heard", turn_count=2)], {"heard"}
    assert list(puller.pull().unreadable) == ["heard"]
    assert states(puller.read_ledger()) == {}


def test_a_deleted_call_is_counted_as_such(puller: Puller, vendor: SmallVendor) -> None:
    vendor.calls = [at(1, "kept"), at(1, "gone")]
    puller.pull()
    world = puller.world
    rows = world.get("trunkline", "/v1/calls", params={"vendor_call_id": "gone"}).json()["calls"]
    assert world.run(world.joined.writer.delete(world.org.id, rows[0]["id"]))
    puller.pull()
    page = puller.read_ledger()
    assert counts(page) == {1: (2, 1, 1, 0, 0, 0)}
    assert states(page) == {}


def test_hours_that_a_range_goes_over_in_part_are_not_listed(puller: Puller, vendor: SmallVendor) -> None:
    vendor.calls = [at(hours, f"c{hours}") for hours in (1, 2, 3, 3.5, 4)]
    puller.pull(NOW - 4 * HOUR + timedelta(minutes=1), NOW - HOUR)
    assert counts(puller.read_ledger()) == {
        1: (None, 1, 0, 0, 0, 0),
        2: (1, 1, 0, 0, 0, 0),
        3: (1, 1, 0, 0, 0, 0),
        4: (None, 1, 0, 0, 0, 0),
    }


def test_a_call_that_the_vendor_lists_no_more_is_listed_no_more(puller: Puller, vendor: SmallVendor) -> None:
    vendor.calls = [at(1, "a"), at(1.5, "b")]
    puller.pull()
    vendor.calls = [at(1, "a")]
    puller.pull()
    assert counts(puller.read_ledger()) == {1: (1, 1, 0, 0, 0, 0), 2: (0, 1, 0, 0, 0, 0)}


# -- over HTTP ------------------------------------------------------------


def ledger_of(world: World, **query: str) -> dict[str, Any]:
    answer = world.get("trunkline", "/v1/ledger", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_call_that_is_fetched_whole_and_cannot_be_read_is_in_the_inbox_as_it_came(
    refusing: tuple[Puller, Refusing],
) -> None:
    puller, vendor = refusing
    vendor.calls = [at(1, "good"), at(1, "bad")]
    vendor.wholes["bad"] = {"status": "completed", "summary": "of no call"}
    assert list(puller.pull().unreadable) == ["bad"]
    world = puller.world
    page = world.run(world.joined.run(world.org, ListInbox(limit=10)))
    (entry,) = page.entries
    assert (entry.source_id, entry.kind, entry.reason) == (
        puller.source.id,
        "call",
        "vendor_call_id: an id is required",
    )
    content = world.run(world.joined.run(world.org, GetInboxPayload(entry.id)))
    assert json.loads(content.body) == vendor.wholes["bad"]
    assert [(one.source_id, one.unreadable) for one in puller.read_ledger().unread] == [(puller.source.id, 1)]
    vendor.wholes.clear()
    assert (puller.pull().new, puller.pull().unreadable) == (1, {})


def test_the_ledger_is_read_over_http_by_its_own_org_alone(
    refusing: tuple[Puller, Refusing], new_world: Callable[..., World]
) -> None:
    puller, vendor = refusing
    vendor.calls, vendor.refused = [at(1, "good"), at(1, "bad")], {"bad"}
    puller.pull()
    span = {"since": "2026-03-02T09:00:00Z", "until": "2026-03-02T11:30:00Z"}
    found = ledger_of(puller.world, **span)
    assert (found["since"], found["until"]) == ("2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z")
    (hour,) = found["hours"]
    assert (hour["hour"], hour["listed"], hour["stored"], hour["missing"]) == (
        "2026-03-02T11:00:00Z",
        2,
        1,
        1,
    )
    assert [one["vendor_call_id"] for one in found["calls"]] == ["bad"]
    assert found["unread"] == []  # there is nothing of it that could be read
    assert ledger_of(puller.world, **span, source_id=puller.source.id) == found
    toon = puller.world.get("trunkline", "/v1/ledger", params={**span, "format": "toon"})
    assert "elsewhere,bad,missing" in toon.text
    other = new_world()
    nothing = {**found, "hours": [], "calls": [], "unread": []}
    assert ledger_of(other, **span) == ledger_of(other, **span, source_id=puller.source.id) == nothing


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"since": "2026-03-02", "until": "2026-03-01"}, "until"),
        ({"since": "2026-03-02", "until": "2026-04-03"}, "until"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": "0001-01-01"}, "until"),
        ({"since": "yesterday"}, "since"),
        ({"source_id": "x"}, "source_id"),
        ({"source": "x"}, "source"),
    ],
)
def test_a_range_that_cannot_be_is_refused(query: dict[str, str], parameter: str, world: World) -> None:
    answer = world.get("trunkline", "/v1/ledger", params=query)
    assert answer.status_code == 400
    assert [one["parameter"] for one in answer.json()["errors"]] == [parameter]


def test_without_a_range_it_is_the_last_day(puller: Puller) -> None:
    puller.now = NOW + timedelta(minutes=20)
    page = puller.read_ledger()
    assert (page.since, page.until) == (NOW - DAY, NOW + HOUR)
    with pytest.raises(Refused) as refused:
        puller.read_ledger(since=NOW - 32 * DAY)
    assert refused.value.fault is Fault.BAD_REQUEST
