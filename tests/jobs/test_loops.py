"""Only `jobs/` loops for ever: whatever else does is named here, with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import trunkline

PACKAGE = Path(trunkline.__file__).parent

LISTENING = {
    "store/changes.py: listen": "it holds the one connection on which PostgreSQL tells of changes",
    "service/changes.py: _follow": "it goes on for as long as somebody follows",
    "cli/pull.py: _pull": "it is what `pull --follow` is asked for, until it is stopped",
}
"""Loops without an end outside of `jobs/`."""

BOUNDED = {
    "api/body.py: _read": "it ends with the body",
    "kit/query.py: _unwrap": "it ends with the type",
    "store/upgrade.py: _sequence": "it ends with the calls that have no place yet",
}
"""Loops that say `while True` and come to an end by themselves."""


def endless_loops(tree: ast.AST, name: str = "") -> Iterator[str]:
    """The functions in which a loop has no condition, and those of loops over what never ends."""
    for child in ast.iter_child_nodes(tree):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else name
        if isinstance(child, ast.While) and isinstance(child.test, ast.Constant) and child.test.value:
            yield inside
        if isinstance(child, ast.For | ast.AsyncFor) and isinstance(child.iter, ast.Call):
            called = child.iter.func
            if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in (
                "count",
                "cycle",
                "repeat",
            ):
                yield inside
        yield from endless_loops(child, inside)


def found() -> set[str]:
    return {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] != "jobs"
        for name in endless_loops(ast.parse(path.read_text()))
    }


def test_only_jobs_loop_for_ever() -> None:
    assert found() == {*LISTENING, *BOUNDED}


def test_a_loop_without_end_is_found_however_it_is_written() -> None:
    for text in ("while True: pass", "while 1: pass", "for _ in itertools.count(): pass"):
        tree = ast.parse(f"async def work():\n    {text}")
        assert list(endless_loops(tree)) == ["work"], text
    assert list(endless_loops(ast.parse("def work():\n    while waiting: pass"))) == []
