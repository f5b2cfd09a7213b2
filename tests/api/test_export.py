"""The whole log, or any filter of it, as a file over HTTP."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from urllib.parse import urlencode

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.files import EXPORT, exported, read, rows
from tests.conftest import World
from tests.vendors.conftest import NUMBERS, odd_ones, some_calls
from trunkline.ingest.file_reader import Reader
from trunkline.ingest.files import Source
from trunkline.ingest.payload_reader import file_forms
from trunkline.kit.export import COMPRESSIONS, FORMATS
from trunkline.kit.query import parameters
from trunkline.service.received import Received
from trunkline.vendors import dialects
from trunkline.vendors.trunkline.wire import CallQuery


@pytest.fixture(scope="module")
def mixed(new_world: Callable[..., World]) -> World:
    """Calls of every vendor, and a few payloads with odd words."""
    world = new_world()
    for vendor in dialects():
        world.take(some_calls(vendor, 40))
    world.see(odd_ones())
    return world


@pytest.fixture(scope="module")
def printed(mixed: World) -> dict[str, bytes]:
    """Every call as get prints it, by its id, newest first."""
    listed = mixed.get("trunkline", "/v1/calls?page_size=1000").json()["calls"]
    return {call["id"]: mixed.get("trunkline", f"/v1/calls/{call['id']}").content for call in listed}


# -- what is in the file --------------------------------------------------


def test_a_line_is_what_get_prints_newest_first(mixed: World, printed: dict[str, bytes]) -> None:
    answer = exported(mixed)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == f'attachment; filename="{mixed.name}-calls.jsonl"'
    assert "content-encoding" not in answer.headers
    assert answer.content == b"".join(line + b"\n" for line in printed.values())
    backwards = exported(mixed, order="asc").content
    assert backwards == b"".join(line + b"\n" for line in reversed(printed.values()))


@pytest.mark.parametrize(
    "include",
    [",".join(some) for size in (1, 2, 3) for some in combinations(("turns", "words", "tools"), size)],
)
def test_it_shows_what_get_shows(include: str, mixed: World, printed: dict[str, bytes]) -> None:
    lines = exported(mixed, include=include).content.splitlines()
    for call_id_, line in list(zip(printed, lines, strict=True))[::17]:
        assert line == mixed.get("trunkline", f"/v1/calls/{call_id_}?include={include}").content


def test_an_export_read_into_an_empty_org_gives_the_same_calls_and_again_changes_nothing(
    mixed: World, printed: dict[str, bytes], new_world: Callable[..., World], tmp_path: Path
) -> None:
    other = new_world()
    for compression in COMPRESSIONS:
        path = tmp_path / f"calls.{compression}"
        path.write_bytes(exported(mixed, compression=compression).content)
        with Source(path) as source:
            reader = Reader(file_forms(), "trunkline")
            found = [seen for piece in source.entries() for seen in reader.read(path.name, piece)]
        seen = [one for one in found if isinstance(one, Received)]
        assert len(seen) == len(found) == len(printed)
        summary = other.run(other.joined.intake.ingest(other.org, seen, "file"))
        first = compression == "none"
        assert (summary.stored, summary.unchanged) == ((len(seen), 0) if first else (0, len(seen)))
    assert read(exported(other)) == read(exported(mixed))


def test_the_same_as_a_table(mixed: World, printed: dict[str, bytes]) -> None:
    answer = exported(mixed, format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('-calls.csv"')
    table = rows(answer.content)
    assert [row["id"] for row in table] == list(printed)
    for row, line in zip(table, printed.values(), strict=True):
        call = json.loads(line)
        assert row["status"] == call["status"]
        assert row["created_at"] == call["created_at"]
        assert row["duration_ms"] == ("" if call["duration_ms"] is None else str(call["duration_ms"]))
        assert row["from_number"] == (f"'{call['from_number']}" if call["from_number"] else "")
        spoken = [turn["text"] for turn in call.get("turns", ())]
        assert row["transcript"].count("\n") >= len(spoken) - 1
        assert all(text in row["transcript"] for text in spoken)


def test_a_table_without_conversations_has_no_column_for_them(mixed: World) -> None:
    assert "transcript" not in rows(exported(mixed, format="csv", include="tools").content)[0]
    assert "tool_calls" not in rows(exported(mixed, format="csv", include="turns").content)[0]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("compression", "ending"), [("gzip", ".gz"), ("zstd", ".zst")])
def test_compressed_it_is_the_same_file(form: str, compression: str, ending: str, mixed: World) -> None:
    answer = exported(mixed, format=form, compression=compression)
    assert answer.headers["content-type"] == f"application/{compression}"
    assert answer.headers["content-disposition"].endswith(f'-calls.{form}{ending}"')
    assert "content-encoding" not in answer.headers
    unpack = (
        gzip.decompress if compression == "gzip" else zstandard.ZstdDecompressor().decompressobj().decompress
    )
    assert unpack(answer.content) == exported(mixed, format=form).content


def test_instants_are_written_by_the_clocks_that_are_requested(mixed: World) -> None:
    local = exported(mixed, tz="Asia/Kolkata")
    assert read(local) == read(exported(mixed))
    assert all(json.loads(line)["created_at"].endswith("+05:30") for line in local.content.splitlines())
    table = rows(exported(mixed, tz="Asia/Kolkata", format="csv").content)
    assert all(row["created_at"].endswith("+05:30") for row in table)


@pytest.mark.parametrize("tz", ["Nowhere", "", "../../etc/passwd", "europe/paris", "+02:00", "Europe"])
def test_a_zone_that_there_is_not_is_refused(tz: str, world: World) -> None:
    answer = world.get("trunkline", f"{EXPORT}?{urlencode({'tz': tz})}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "tz"


def test_an_empty_log_is_an_empty_file(world: World) -> None:
    assert exported(world).content == b""
    assert exported(world, format="csv").content.count(b"\r\n") == 1
    assert gzip.decompress(exported(world, compression="gzip").content) == b""


def test_head_describes_the_file_alone(mixed: World) -> None:
    for query in ("", "?format=csv&compression=gzip"):
        answer = mixed.request("HEAD", f"/trunkline{EXPORT}{query}", headers=mixed.headers["trunkline"])
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-disposition"].startswith("attachment")


def test_without_a_key_nothing_is_exported(world: World) -> None:
    answer = world.get("trunkline", EXPORT, headers={})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


# -- the same filters as the list -----------------------------------------

days = st.integers(-1, 3).map(lambda n: f"2026-03-{1 + max(n, 0):02}")
VALUES: dict[str, st.SearchStrategy[str]] = {
    "vendor": st.sampled_from(["zudu", "butter,callem", "nobody"]),
    "vendor_call_id": st.just("call-1,call-2"),
    "agent_id": st.just("agent_1,agent_2"),
    "campaign_id": st.sampled_from(["batch-0", "batch-1,batch-2"]),
    "transcript_search": st.sampled_from(["a", "HELLO", "nothing says this"]),
    **dict.fromkeys(("phone", "from_number", "to_number"), st.sampled_from(NUMBERS)),
    **dict.fromkeys(("duration_ms_min", "duration_ms_max"), st.integers(0, 200_000).map(str)),
    **{f"{name}_{end}": days for name in ("created", "started", "ended") for end in ("from", "to")},
    **dict.fromkeys(("success", "voicemail", "engaged"), st.sampled_from(["true", "false"])),
    "order": st.sampled_from(["asc", "desc"]),
    "status": st.sampled_from(["completed", "failed,busy,no_answer"]),
    "result": st.sampled_from(["answered", "voicemail,failed"]),
    "direction": st.sampled_from(["inbound", "outbound"]),
    "channel": st.sampled_from(["phone", "web,test"]),
    "end_reason": st.sampled_from(["user_hangup", "voicemail,error,other"]),
    "sentiment": st.sampled_from(["positive", "negative,neutral"]),
}


def test_every_filter_of_the_list_is_tried() -> None:
    assert VALUES.keys() == parameters(CallQuery).keys()
    listing, _, export, *_ = dialects()["trunkline"].operations
    assert issubclass(listing.query, CallQuery)
    assert issubclass(export.query, CallQuery)


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_filter_exports_what_it_lists(mixed: World, data: st.DataObject) -> None:
    asked = data.draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=3), label="filters")
    query = {name: data.draw(VALUES[name], label=name) for name in asked}
    listed = mixed.get("trunkline", "/v1/calls", params={**query, "page_size": 1000}).json()["calls"]
    lines = exported(mixed, **query).content.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [call["id"] for call in listed]
