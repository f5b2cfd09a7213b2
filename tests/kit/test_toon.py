"""TOON: the specification's own encoder fixtures, where they are at hand, and what vendors' pages need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trunkline.kit.toon import toon

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "toon_fixtures"
CASES = [
    pytest.param(case, id=f"{path.stem}-{number}")
    for path in sorted(FIXTURES.glob("*.json"))
    for number, case in enumerate(json.loads(path.read_text())["tests"])
]


@pytest.mark.parametrize("case", CASES)
def test_the_specifications_encoder_fixtures_hold(case: dict[str, Any]) -> None:
    options = case.get("options", {})
    written = toon(
        case["input"], indent=options.get("indentSize", 2), delimiter=options.get("delimiter", ",")
    )
    assert written == case["expected"]


def test_all_fixtures_are_collected_where_they_are_at_hand() -> None:
    assert len(CASES) in (0, 173)


def test_entries_with_the_same_plain_keys_become_a_table() -> None:
    entries = [
        {"role": "agent", "content": "Hello, this is Ada."},
        {"role": "user", "content": "Great! I'm listening."},
    ]
    assert toon(entries) == (
        '[2]{role,content}:\n  agent,"Hello, this is Ada."\n  user,Great! I\'m listening.'
    )


def test_entries_with_words_become_a_list_and_an_empty_transcript_is_empty() -> None:
    entry = {"role": "agent", "content": "Hi", "words": [{"word": "Hi", "start": 0.5, "end": 1}]}
    assert toon([entry]) == (
        "[1]:\n  - role: agent\n    content: Hi\n    words[1]{word,start,end}:\n      Hi,0.5,1"
    )
    assert toon([]) == "[]"
    assert toon([{"role": "agent", "words": []}]) == "[1]:\n  - role: agent\n    words: []"
