"""What every vendor's folder must be; one that cannot be loaded fails here alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import trunkline.vendors
from tests.vendors.captures import folder as folder_of_tests
from trunkline.vendors import (
    MODULES,
    BrokenVendor,
    broken,
    dialects,
    doors,
    folder,
    load,
    names,
    saved_answers,
)

MAX_LENGTH = 400
"""Lines of a module."""

every_vendor = pytest.mark.parametrize("vendor", names())


@every_vendor
def test_a_vendor_can_be_loaded_and_has_only_the_modules_that_vendors_have(vendor: str) -> None:
    try:
        load(vendor)
    except BrokenVendor as error:
        pytest.fail(str(error))


@every_vendor
def test_a_vendors_modules_are_short(vendor: str) -> None:
    long = {path.name: lines for path in folder(vendor).glob("*.py") if (lines := _lines(path)) > MAX_LENGTH}
    assert long == {}, f"a module has at most {MAX_LENGTH} lines; divide it by its nouns"


def _lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


@every_vendor
def test_a_vendor_has_a_folder_of_tests(vendor: str) -> None:
    assert folder_of_tests(vendor).is_dir(), (
        f"put what {vendor} sends and signs into {folder_of_tests(vendor)}"
    )


@every_vendor
def test_a_vendor_says_how_its_saved_answers_are_recognised(vendor: str) -> None:
    if vendor in broken():
        return  # it fails above
    saved = saved_answers()
    assert vendor in saved, f"write recognition.py: which fields a call of {vendor} has, and export SAVED"
    own = saved[vendor]  # one of the same form cannot be distinguished from it
    rest = {name: other for name, other in saved.items() if other.fields != own.fields}
    shared = {
        name: sorted(found) for name, other in rest.items() if (found := own.distinctive & other.fields)
    }
    assert shared == {}, f"distinctive fields of {vendor} are known to other vendors too: {shared}"


def test_every_vendor_is_found_or_named_as_broken() -> None:
    assert set(dialects()) | set(doors()) | set(broken()) == set(names())
    for found in (dialects(), doors()):
        assert list(found) == sorted(found)


def test_the_template_has_the_modules_of_a_vendor() -> None:
    template = Path(trunkline.vendors.__file__).parent / "_template"
    assert {path.stem for path in template.glob("*.py")} <= MODULES
