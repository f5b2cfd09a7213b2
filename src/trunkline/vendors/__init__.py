"""The dialects and doors: one folder is one vendor, found here by itself.

A vendor whose API we serve has a `DIALECT`; a vendor whose calls arrive by webhook, or can be pulled,
has a `DOOR`. Many have both. `SAVED` says how its saved answers are recognised in files. A vendor that cannot
be loaded is left out with its reason, and the others stay; a server and a test run report it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from trunkline.kit.dialect import Dialect
from trunkline.kit.door import Door
from trunkline.kit.recognition import SavedAnswers

MODULES = frozenset(
    {
        "__init__",
        "words",
        "wire",
        "parse",
        "render",
        "api",
        "filters",
        "writes",
        "webhooks",
        "pull",
        "recognition",
    }
)
"""The modules that a vendor's folder may have; it has those that it needs."""


class BrokenVendor(Exception):
    """A vendor's folder cannot be loaded; the text is a sentence that says why."""


class Vendor(Struct, frozen=True):
    """What one folder exports."""

    dialect: Dialect | None
    door: Door | None
    saved: SavedAnswers | None
    """`None` for a vendor whose answers cannot be imported from files."""


class _Found(Struct, frozen=True):
    dialects: Mapping[str, Dialect]
    doors: Mapping[str, Door]
    saved: Mapping[str, SavedAnswers]
    broken: Mapping[str, str]


def dialects() -> Mapping[str, Dialect]:
    """All dialects by name, in alphabetical order; folders that begin with `_` are left out."""
    return _found().dialects


def doors() -> Mapping[str, Door]:
    """All doors by vendor, in alphabetical order."""
    return _found().doors


def saved_answers() -> Mapping[str, SavedAnswers]:
    """How the saved answers of each vendor are recognised, in alphabetical order."""
    return _found().saved


def broken() -> Mapping[str, str]:
    """The vendors that were left out because they cannot be loaded, each with a sentence that says why."""
    return _found().broken


def names() -> list[str]:
    """The names of the vendors' folders, whether they can be loaded or not."""
    return sorted({info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")})


def folder(name: str) -> Path:
    """Where a vendor's files are; raises `BrokenVendor` for a vendor that is no folder."""
    found = next((path for each in __path__ if (path := Path(each) / name).is_dir()), None)
    if found is None:
        raise BrokenVendor(f"{name} is not a folder; a vendor is one, even of a single file")
    return found


def load(name: str) -> Vendor:
    """Load one vendor; raises `BrokenVendor`."""
    others = {path.stem for path in folder(name).glob("*.py")} - MODULES
    if others:
        listed = ", ".join(sorted(MODULES - {"__init__"}))
        raise BrokenVendor(
            f"{name} has modules of other names, {', '.join(sorted(others))}; there are {listed}"
        )
    try:
        module = importlib.import_module(f"{__name__}.{name}")
    except Exception as error:  # whatever a vendor's module raises is that vendor's alone
        raise BrokenVendor(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    vendor = Vendor(*(getattr(module, export, None) for export in ("DIALECT", "DOOR", "SAVED")))
    parts = [part for part in (vendor.dialect, vendor.door) if part is not None]
    if not parts:
        raise BrokenVendor(f"{name} exports neither a DIALECT nor a DOOR")
    if any(part.name != name for part in parts):
        raise BrokenVendor(f"{name} exports {parts[0].name!r}; NAME is the name of the folder")
    return vendor


def search(more: Path) -> None:
    """Search another folder for vendors as well, as tests do with one that they made."""
    __path__.append(str(more))
    _found.cache_clear()


@cache
def _found() -> _Found:
    vendors: dict[str, Vendor] = {}
    left_out: dict[str, str] = {}
    for name in names():
        try:
            vendors[name] = load(name)
        except BrokenVendor as error:
            left_out[name] = str(error)
    saved = {name: each.saved for name, each in vendors.items() if each.saved is not None}
    return _Found(
        dialects=MappingProxyType(
            {name: each.dialect for name, each in vendors.items() if each.dialect is not None}
        ),
        doors=MappingProxyType({name: each.door for name, each in vendors.items() if each.door is not None}),
        saved=MappingProxyType(saved),
        broken=MappingProxyType(left_out),
    )
