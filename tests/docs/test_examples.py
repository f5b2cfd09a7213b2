"""The examples of the documentation are the vendors' own, and can be imported as the README describes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trunkline.ingest.file_reader import Reader, Rejected
from trunkline.ingest.files import Source
from trunkline.ingest.payload_reader import file_forms
from trunkline.vendors import dialects

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.json"))


def test_there_is_an_example_of_every_vendor() -> None:
    vendors = {name for name, dialect in dialects().items() if dialect.at_root}
    assert {path.stem for path in EXAMPLES} == vendors


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_the_vendors_and_reads_as_its_calls(path: Path) -> None:
    capture = ROOT / "tests" / "vendors" / path.stem / "captures" / "list.json"
    assert json.loads(path.read_text()) == json.loads(capture.read_text())["body"]
    reader = Reader(file_forms())
    with Source(path) as source:
        found = [item for piece in source.entries() for item in reader.read(path.name, piece)]
    assert found
    for seen in found:
        assert not isinstance(seen, Rejected), seen
        assert seen.sighting is not None
        assert seen.sighting.vendor == path.stem
