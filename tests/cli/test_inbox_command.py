"""`trunkline inbox`, and the other commands that count what was not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Trunkline
from tests.conftest import World
from trunkline.service.received import Provenance, Received, encoded
from trunkline.store import inbox as inbox_store

CAPTURE = Path(__file__).parents[1] / "vendors" / "contactship" / "captures" / "get.json"
RAW: dict[str, Any] = json.loads(CAPTURE.read_text())["body"]


def put(world: World, *bodies: bytes, **origin: Any) -> None:
    given = {"vendor": "contactship", "source": "main", "problem": "could not be read then", **origin}
    received = [Received(None, body, Provenance(**given)) for body in bodies]
    world.run(world.joined.intake.ingest(world.org, received, "test"))


def test_rejected_lines_of_an_import_are_listed_shown_and_dropped(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    good = {"vendor": "our-agent", "vendor_call_id": "a", "status": "completed"}
    (tmp_path / "calls.jsonl").write_bytes(encoded(good) + b"\nnonsense \xff\n" + encoded([good, {"id": 1}]))
    ran = trunkline("import", "calls.jsonl", "--org", world.name, "--json")
    assert ran.answer == {"read": 4, "stored": 1, "unchanged": 1, "rejected": 2}
    found = trunkline("inbox", "list", "--org", world.name, "--json").answer
    by_place = {one["place"]: one for one in found["payloads"]}
    assert set(by_place) == {"calls.jsonl, line 2", "calls.jsonl, line 3, item 1"}
    assert {one["source"] for one in found["payloads"]} == {"file"}
    assert by_place["calls.jsonl, line 2"]["reason"] == "not UTF-8"
    assert [(one["source"], one["unreadable"]) for one in found["sources"]] == [("file", 1), ("file", 1)]
    nonsense = by_place["calls.jsonl, line 2"]["id"]
    shown = trunkline("inbox", "show", nonsense, "--org", world.name, "--json").answer
    assert shown["payload_base64"] == "bm9uc2Vuc2Ug/w=="
    other = trunkline("inbox", "show", by_place["calls.jsonl, line 3, item 1"]["id"], "--org", world.name)
    assert other.out == '{"id":1}\n'
    assert "state             unreadable" in other.err
    dropped = trunkline("inbox", "drop", nonsense, "--org", world.name)
    assert (dropped.status, dropped.out) == (0, "1 payloads are deleted for good.\n")
    again = trunkline("inbox", "drop", nonsense, "--org", world.name)
    assert again.complaint == f"the inbox of org {world.name} has no payload {nonsense}"


def test_a_table_has_every_payload_and_the_counts_of_each_source(trunkline: Trunkline, world: World) -> None:
    put(world, b"1", b"2")
    put(world, b"3", problem=None, note="a chat is no call")
    ran = trunkline("inbox", "list", "--org", world.name)
    assert ran.out.count("could not be read then") == 2
    assert "a chat is no call" in ran.out
    assert "unread: main (contactship)  2 unreadable, 1 without a call, 3 bytes" in ran.out
    only = trunkline("inbox", "list", "--org", world.name, "--state", "no_call", "--json").answer
    assert [one["reason"] for one in only["payloads"]] == ["a chat is no call"]


def test_the_list_goes_on_after_the_last_payload_that_was_shown(trunkline: Trunkline, world: World) -> None:
    put(world, b"1", b"2", b"3")
    first = trunkline("inbox", "list", "--org", world.name, "--limit", "2", "--json").answer
    assert (first["has_more"], first["total"]) == (True, 3)
    last = first["payloads"][-1]["id"]
    rest = trunkline("inbox", "list", "--org", world.name, "--after", last, "--json").answer
    assert (len(rest["payloads"]), rest["has_more"]) == (1, False)
    assert not {one["id"] for one in rest["payloads"]} & {one["id"] for one in first["payloads"]}


def test_retry_says_what_it_read_and_what_stays(trunkline: Trunkline, world: World) -> None:
    put(world, encoded(RAW), b"nonsense")
    ran = trunkline("inbox", "retry", "--org", world.name, "--all")
    assert (ran.status, ran.out) == (1, "1 read, with 1 calls; 1 stay in the inbox\n")
    assert "payload: is not JSON" in ran.err
    assert len(world.get("trunkline", "/v1/calls").json()["calls"]) == 1
    reprocessed = trunkline("reprocess", "--org", world.name, "--json").answer
    assert (reprocessed["calls"], reprocessed["found"], reprocessed["unread"]) == (1, 0, 1)
    trunkline("inbox", "drop", "--org", world.name, "--vendor", "contactship")
    done = trunkline("inbox", "retry", "--org", world.name, "--all", "--json")
    assert (done.status, done.answer) == (0, {"read": 0, "calls": 0, "unread": []})


@pytest.mark.parametrize("args", [(), ("--all", "--vendor", "zudu"), ("no-id", "--all")], ids=str)
@pytest.mark.parametrize("action", ["retry", "drop"])
def test_what_is_meant_must_be_said(
    action: str, args: tuple[str, ...], trunkline: Trunkline, world: World
) -> None:
    put(world, b"1")
    assert (
        "give ids, or --source or --vendor, or --all"
        in trunkline("inbox", action, *args, "--org", world.name).usage
    )
    assert len(trunkline("inbox", "list", "--org", world.name, "--json").answer["payloads"]) == 1


def test_an_id_that_is_none_is_refused_with_a_sentence(trunkline: Trunkline, world: World) -> None:
    assert "'x' is not a UUID" in trunkline("inbox", "show", "x", "--org", world.name).usage


def test_sources_and_the_ledger_count_what_was_not_read(
    trunkline: Trunkline, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = trunkline("sources", "add", "--org", world.name, "--vendor", "trunkline", "--json").answer
    monkeypatch.setattr(inbox_store, "MAX_PAYLOADS", 2)
    put(world, b"1", b"2", b"3", source_id=added["id"])
    (source,) = trunkline("sources", "list", "--org", world.name, "--json").answer["sources"]
    assert source["unread"] == 2
    ledger = trunkline("ledger", "--org", world.name)
    assert f"unread: main {added['id']} (contactship)  2 unreadable, 0 without a call, 2 bytes" in ledger.out
    assert (
        f"dropped: main {added['id']} (contactship)  1 since the inbox was full, the last at " in ledger.out
    )
    (unread,) = trunkline("ledger", "--org", world.name, "--json").answer["unread"]
    assert (unread["unreadable"], unread["dropped"]) == (2, 1)
