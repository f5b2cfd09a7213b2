"""Every claim is carried by a test, and every test that names a claim names one that exists."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.vendors.claims import Carried, carried, carried_in, claims_of, files, is_one_sentence, problem_of
from trunkline.vendors import dialects, doors

FILES = files()
every_file = pytest.mark.parametrize("vendor", FILES)


@pytest.fixture(scope="module")
def markers() -> list[Carried]:
    return carried()


def test_claims_belong_to_dialects_and_doors_that_exist() -> None:
    assert set(FILES) <= set(dialects()) | set(doors())


def test_every_door_has_claims() -> None:
    assert set(doors()) <= set(FILES)


@every_file
def test_every_claim_says_one_sentence_and_where_it_is_stated(vendor: str) -> None:
    problems = {name: problem_of(entry) for name, entry in claims_of(FILES[vendor]).items()}
    assert {name: problem for name, problem in problems.items() if problem} == {}


@every_file
def test_every_claim_is_carried_by_a_test(vendor: str, markers: list[Carried]) -> None:
    proven = {marker.id for marker in markers if marker.by}
    missing = [name for name in claims_of(FILES[vendor]) if f"{vendor}:{name}" not in proven]
    assert missing == [], f'mark a test of each with @pytest.mark.claim("{vendor}:…"), or take the claim out'


@every_file
def test_every_marker_names_a_claim_that_exists(vendor: str, markers: list[Carried]) -> None:
    known = {f"{vendor}:{name}" for name in claims_of(FILES[vendor])}
    named = [marker for marker in markers if marker.id.partition(":")[0] == vendor]
    assert [marker for marker in named if marker.id not in known] == []


def test_every_marker_names_a_vendor_with_claims_and_reaches_a_test(markers: list[Carried]) -> None:
    assert [marker for marker in markers if marker.id.partition(":")[0] not in FILES] == []
    assert [marker for marker in markers if marker.by is None] == []


# -- the bookkeeping itself -----------------------------------------------

MARKED = dedent("""
    import pytest

    claim = pytest.mark.claim
    CASES = [pytest.param(1, marks=pytest.mark.claim("d:listed")), pytest.param(2, marks=[claim("d:alias")])]
    MORE = [*CASES]
    pytestmark = [pytest.mark.claim("d:module")]
    LOOSE = pytest.mark.claim("d:loose")

    @claim("d:one", "d:two")
    def test_a(): ...

    @pytest.mark.parametrize("n", MORE)
    @pytest.mark.parametrize("m", [pytest.param(0, marks=pytest.mark.claim("d:inline"))])
    async def test_b(n, m): ...

    @pytest.mark.claim("d:class")
    class TestC:
        @pytest.mark.claim("d:method")
        def test_c(self): ...

    @pytest.mark.claim("d:helper")
    def helper(): ...
""")


def test_markers_are_found_wherever_they_reach_a_test_from() -> None:
    found = {marker.id: marker.by for marker in carried_in(MARKED, "marked.py")}
    assert found == {
        "d:one": "test_a",
        "d:two": "test_a",
        "d:module": "test_a",
        "d:listed": "test_b",
        "d:alias": "test_b",
        "d:inline": "test_b",
        "d:class": "test_c",
        "d:method": "test_c",
        "d:helper": None,
        "d:loose": None,
    }


def test_a_marker_is_found_with_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text('import pytest\n@pytest.mark.claim("d:x")\ndef test_x(): ...\n')
    assert carried(tmp_path) == [Carried("d:x", "test_x.py:2", "test_x")]


def test_a_claim_that_is_put_together_at_run_time_is_refused() -> None:
    with pytest.raises(TypeError, match=r"marked\.py:1: a claim is named by a plain text"):
        list(carried_in("@pytest.mark.claim(f'd:{name}')\ndef test_x(): ...", "marked.py"))


@pytest.mark.parametrize("text", ["One.", "`a. b` is 404.", 'It is `{"a": "b. c"}`, in this order.'])
def test_one_sentence_is_one_sentence(text: str) -> None:
    assert is_one_sentence(text)


@pytest.mark.parametrize("text", ["", "One", "one.", "One. Two.", "One.\nTwo.", "An `open tick.", 5])
def test_anything_else_is_not_one_sentence(text: Any) -> None:
    assert not is_one_sentence(text)


@pytest.mark.parametrize(
    "entry",
    [
        {"mark": "seed"},
        {"says": "One."},
        {"mark": "hearsay", "says": "One."},
        {"mark": "seed", "says": "One. Two."},
        {"mark": "seed", "says": "One.", "gap": ""},
        {"mark": "seed", "says": "One.", "note": "x"},
        "One.",
    ],
)
def test_a_malformed_entry_is_found(entry: Any) -> None:
    assert problem_of(entry) is not None


def test_an_entry_may_say_why_there_is_a_gap() -> None:
    assert problem_of({"mark": "docs", "says": "One.", "gap": "It is not served."}) is None
