"""The dialects: one file is one vendor, found here by itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType

from trunkline.kit.dialect import Dialect


@cache
def dialects() -> MappingProxyType[str, Dialect]:
    """All dialects by name, in alphabetical order; files that begin with `_` are left out."""
    found: dict[str, Dialect] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if not module.name.startswith("_"):
            dialect: Dialect = importlib.import_module(f"{__name__}.{module.name}").DIALECT
            found[dialect.name] = dialect
    return MappingProxyType(found)
