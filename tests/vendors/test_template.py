"""The template makes a vendor, and a vendor that lacks something fails alone, with a sentence."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import trunkline.vendors
from trunkline.kit.door import AnswerExpected
from trunkline.kit.payload import Unreadable
from trunkline.vendors._template import DIALECT, DOOR

ROOT = Path(__file__).resolve().parents[2]
CODE = Path(trunkline.vendors.__file__).parent / "_template"
TESTS = ROOT / "tests" / "template"

SOUND = "wellmade"


def generated(into: Path, name: str) -> tuple[Path, Path]:
    """A vendor as the how-to page describes: both folders copied, the template's name replaced by its own."""
    places = into / "vendors" / name, into / "tests" / name
    for template, place in zip((CODE, TESTS), places, strict=True):
        shutil.copytree(template, place, ignore=shutil.ignore_patterns("__pycache__"))
        for path in place.rglob("*.*"):
            if path.is_file():
                text = path.read_text("utf-8").replace("_template", name).replace("examplia", name)
                path.write_text(text.replace("Examplia", name.capitalize()), "utf-8")
    return places


def replaced(path: Path, pattern: str, by: str) -> None:
    text, count = re.subn(pattern, by, path.read_text("utf-8"), flags=re.DOTALL)
    assert count == 1, f"{path.name} has changed: {pattern} is there {count} times"
    path.write_text(text, "utf-8")


def without(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).unlink()


# -- ways to break a vendor, each with the test that fails and what it says ---

Break = Callable[[Path, Path], object]

BROKEN: dict[str, tuple[Break, str, str]] = {
    "nocaptures": (
        lambda _, tests: shutil.rmtree(tests / "captures" / "hooks"),
        "test_there_are_captures_of_a_whole_call_and_of_what_nobody_knows",
        "write what Nocaptures sends into",
    ),
    "onecapture": (
        lambda _, tests: without(tests / "captures" / "hooks", "call_ended.json", "listed.json"),
        "test_there_are_captures_of_a_whole_call_and_of_what_nobody_knows",
        "no call of Onecapture is spoken of in two captures",
    ),
    "allknown": (
        lambda _, tests: without(tests / "captures" / "hooks", "unknown.json"),
        "test_there_are_captures_of_a_whole_call_and_of_what_nobody_knows",
        "no capture of Allknown has a word or field that nobody knows",
    ),
    "badcapture": (
        lambda _, tests: (tests / "captures" / "hooks" / "call_ended.json").write_text("{"),
        "test_a_capture_has_the_form_that_all_of_them_have",
        "is not JSON",
    ),
    "misheard": (
        lambda _, tests: replaced(
            tests / "captures" / "hooks" / "call_ended.json", '"completed"', '"failed"'
        ),
        "test_a_capture_is_read_as_it_expects",
        "status is 'completed', not 'failed'",
    ),
    "noanswers": (
        lambda _, tests: without(tests / "captures", "get.json"),
        "test_there_are_example_answers_of_a_list_and_of_a_get",
        "save the vendor's example answers of get_call",
    ),
    "unsigned": (
        lambda _, tests: without(tests, "signatures.py"),
        "test_a_vendor_that_signs_has_signature_cases",
        "unsigned signs its deliveries and no test does",
    ),
    "noways": (
        lambda _, tests: replaced(tests / "signatures.py", r"WAYS = \{.*\}", "WAYS = {}"),
        "test_a_vendor_that_signs_has_signature_cases",
        "has no WAYS",
    ),
    "wordless": (
        lambda code, _: replaced(code / "words.py", r'        Status.BUSY: "unanswered",[^\n]*\n', ""),
        "test_a_vendor_can_be_loaded_and_has_only_the_modules_that_vendors_have",
        "status: no vendor word for busy; add each to `write`",
    ),
    "textless": (
        lambda code, _: replaced(code / "api.py", r"            FaultClass.NOT_FOUND: [^\n]*\n", ""),
        "test_a_vendor_can_be_loaded_and_has_only_the_modules_that_vendors_have",
        "no text for NOT_FOUND (FOREIGN_CALL, CALL_NOT_FOUND, PAYLOAD_NOT_FOUND, CALL_DELETED)",
    ),
    "unimportable": (
        lambda code, _: (code / "wire.py").write_text("import nothing_of_this_name\n"),
        "test_a_vendor_can_be_loaded_and_has_only_the_modules_that_vendors_have",
        "No module named 'nothing_of_this_name'",
    ),
    "othernames": (
        lambda code, _: (code / "helpers.py").write_text(""),
        "test_a_vendor_can_be_loaded_and_has_only_the_modules_that_vendors_have",
        "othernames has modules of other names, helpers",
    ),
    "misnamed": (
        lambda code, _: replaced(code / "words.py", 'NAME = "misnamed"', 'NAME = "another"'),
        "test_a_vendor_can_be_loaded_and_has_only_the_modules_that_vendors_have",
        "NAME is the name of the folder",
    ),
    "lossy": (
        lambda code, _: replaced(code / "api.py", r' *"campaign",\n', ""),
        "test_a_dialect_declares_exactly_what_it_drops",
        "lossy loses ['campaign'] without saying so",
    ),
    "untold": (
        lambda code, _: replaced(code / "webhooks.py", r"\n\nEvents:[^\n]*\n", "\n"),
        "test_a_door_names_its_sources_its_events_and_its_choices",
        "the module's docstring lacks a paragraph `Events:`",
    ),
}


class Suite:
    """The result of a run of the contract suite, by vendor: each test, and its message if it failed."""

    def __init__(self, report: Path) -> None:
        self.results: dict[str, list[tuple[str, str | None]]] = {}
        for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest has just written it
            name, _, ids = case.attrib["name"].partition("[")
            failed = next((part for part in case if part.tag in ("failure", "error")), None)
            skipped = next((part for part in case if part.tag == "skipped"), None)
            said = None
            if failed is not None:
                said = f"{failed.attrib.get('message', '')}\n{failed.text}"
            elif skipped is not None:
                said = f"skipped: {skipped.attrib.get('message', '')}"
            self.results.setdefault(re.split(r"[-\]]", ids)[0], []).append((name, said))

    def failures(self, vendor: str) -> dict[str, str]:
        return {name: said for name, said in self.results.get(vendor, []) if said is not None}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """The contract suite over a sound vendor and every broken one, all of them in one folder."""
    folder = tmp_path_factory.mktemp("vendors")
    generated(folder, SOUND)
    for name, (broken, _, _) in BROKEN.items():
        broken(*generated(folder, name))
    report = folder / "report.xml"
    only = " or ".join([SOUND, *BROKEN])
    options = [
        "--more-vendors",
        str(folder),
        "-k",
        only,
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/vendors/contract", *options],
        cwd=ROOT,
        env={**os.environ, "INTERLEAVINGS": "20"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    assert done.returncode == 1, "vendors that are broken should fail"
    return Suite(report)


def test_a_vendor_made_from_the_template_passes_the_whole_contract(suite: Suite) -> None:
    assert suite.failures(SOUND) == {}
    assert {name for name, _ in suite.results[SOUND]} == contract_of_a_vendor()


def contract_of_a_vendor() -> set[str]:
    """The tests of the contract suite that are about one vendor or another: those that take something."""
    files = (ROOT / "tests" / "vendors" / "contract").glob("test_*.py")
    nodes = [node for path in files for node in ast.parse(path.read_text("utf-8")).body]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.args.args]
    return {node.name for node in functions if node.name.startswith("test_")}


@pytest.mark.parametrize("vendor", BROKEN)
def test_a_broken_vendor_fails_with_a_sentence_that_says_what_is_wrong(vendor: str, suite: Suite) -> None:
    _, test, sentence = BROKEN[vendor]
    failures = suite.failures(vendor)
    assert test in failures, sorted(failures)
    assert sentence in failures[test]


def test_nothing_but_the_broken_vendors_fails(suite: Suite) -> None:
    assert {vendor for vendor in suite.results if suite.failures(vendor)} == set(BROKEN)


# -- the template itself --------------------------------------------------


def test_the_template_is_a_door_that_reads_and_refuses() -> None:
    call = {"id": "1", "state": "parked", "seconds": 1.5, "mood": "blue"}
    heard = DOOR.parse_delivery({"event": "call.ended", "at": "2026-03-02T09:00:00Z", "call": call})
    assert heard.unknown == ["call.state=parked", "call.mood"]
    assert [sighting.duration_ms for sighting in heard.sightings] == [1500]
    with pytest.raises(AnswerExpected):
        DOOR.parse_delivery({"event": "agent.pick"})
    with pytest.raises(Unreadable):
        DOOR.parse_delivery({"event": "call.ended", "call": {}})
    assert DOOR.list_api is not None
    asked = DOOR.list_api.first(datetime(2026, 3, 2, 12, tzinfo=UTC), None)
    listed = DOOR.list_api.read({"calls": [call], "total": 2}, asked)
    assert listed.next_request is not None
    assert dict(listed.next_request.query) == {**dict(asked.query), "offset": "1"}


def test_the_template_is_no_vendor_itself() -> None:
    assert DIALECT.name not in trunkline.vendors.dialects()
    assert DOOR.name not in trunkline.vendors.doors()
