"""The dialects and doors: one folder is one vendor, found here by itself.

A vendor whose API we serve has a `DIALECT`; a vendor whose calls come in by themselves, or can be asked for,
has a `DOOR`. Many have both.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType, ModuleType

from trunkline.kit.dialect import Dialect
from trunkline.kit.door import Door


@cache
def dialects() -> MappingProxyType[str, Dialect]:
    """All dialects by name, in alphabetical order; folders that begin with `_` are left out."""
    found = [dialect for module in _vendors() if (dialect := getattr(module, "DIALECT", None)) is not None]
    return MappingProxyType({dialect.name: dialect for dialect in found})


@cache
def doors() -> MappingProxyType[str, Door]:
    """All doors by vendor, in alphabetical order."""
    found = [door for module in _vendors() if (door := getattr(module, "DOOR", None)) is not None]
    return MappingProxyType({door.name: door for door in found})


def _vendors() -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]
