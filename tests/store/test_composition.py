"""Only `compose` joins stores to services: everything that reads calls gets services, and creates no store.

Jobs have connections of their own and make the stores of what they do from them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import trunkline

SOURCES = Path(trunkline.__file__).parent


def names_of_stores() -> set[str]:
    """The classes of the store that are made from a pool of connections."""
    return {
        node.name
        for path in (SOURCES / "store").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and needs_pool(node)
    }


def needs_pool(node: ast.ClassDef) -> bool:
    makers = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    return any(argument.arg == "pool" for maker in makers for argument in maker.args.args)


def made(text: str, stores: set[str]) -> Iterator[str]:
    """The stores that a module makes."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in stores:
                yield name


def test_nothing_but_compose_and_jobs_makes_a_store() -> None:
    stores = names_of_stores()
    assert {"CallStore", "CallWriter", "LedgerStore"} <= stores
    assert "CallStore" in set(made((SOURCES / "compose" / "__init__.py").read_text(), stores))
    for path in SOURCES.rglob("*.py"):
        where = path.relative_to(SOURCES)
        if where.parts[0] not in ("store", "jobs", "compose"):
            assert not list(made(path.read_text(), stores)), where
