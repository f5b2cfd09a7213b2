"""The claims of every vendor, about dialect and door, and the tests that carry them; read from the files.

Nothing is imported or run to find them, so the bookkeeping holds whatever subset of the tests runs.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TESTS = Path(__file__).resolve().parents[1]
MARKS = ("seed", "docs", "docs-newer", "docs-older", "example", "our choice")

_CODE = re.compile(r"`[^`]*`")
_FULL_STOP = re.compile(r"[.!?](\s|$)")


class Carried(NamedTuple):
    """A claim's id where a marker names it."""

    id: str
    where: str
    """File and line."""
    by: str | None
    """The test that carries the marker; `None` for a marker that reaches no test."""


def files(tests: Path = TESTS) -> dict[str, Path]:
    """For each vendor that has claims the file that holds them."""
    return {path.parent.name: path for path in sorted(tests.glob("vendors/*/claims.toml"))}


def claims_of(path: Path) -> dict[str, Any]:
    """The entries of one file."""
    return tomllib.loads(path.read_text("utf-8"))


def problem_of(entry: Any) -> str | None:
    """What is wrong with an entry, if anything is."""
    if not isinstance(entry, dict) or not {"mark", "says"} <= entry.keys() <= {"mark", "says", "gap"}:
        return "an entry has `mark`, `says` and perhaps `gap`"
    if entry["mark"] not in MARKS:
        return f"`mark` is one of {', '.join(MARKS)}"
    if not is_one_sentence(entry["says"]):
        return "`says` is one sentence, from its capital to its full stop"
    gap = entry.get("gap", "some reason")
    return None if isinstance(gap, str) and gap.strip() else "`gap` tells the reason"


def is_one_sentence(text: Any) -> bool:
    """Whether a text is one line that begins like a sentence, ends with a full stop and has no other."""
    if not isinstance(text, str) or "\n" in text or not re.match(r"[A-Z`]", text):
        return False
    plain = _CODE.sub("code", text)
    return plain.endswith(".") and len(_FULL_STOP.findall(plain)) == 1 and "`" not in plain


def carried(tests: Path = TESTS) -> list[Carried]:
    """Every claim that a marker anywhere among the tests names."""
    return [
        found
        for path in sorted(tests.rglob("*.py"))
        for found in carried_in(path.read_text("utf-8"), str(path.relative_to(tests)))
    ]


def carried_in(source: str, name: str) -> Iterator[Carried]:
    """The claims that the markers of one file name.

    A marker reaches a test as its decorator, in what its decorators name or hold (`pytest.param(…, marks=…)`,
    also in a list of the module), on its class, or as the module's `pytestmark`.
    """
    module = ast.parse(source, name)
    values = dict(_assignments(module))
    reaching: dict[ast.Call, str] = {}
    shared = list(_markers([values["pytestmark"]], values)) if "pytestmark" in values else []
    for test, decorators in _tests(module.body, []):
        for marker in [*shared, *_markers(decorators, values)]:
            reaching.setdefault(marker, test)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and _is_claim(node.func, values):
            for claim in node.args:
                if not isinstance(claim, ast.Constant) or not isinstance(claim.value, str):
                    raise TypeError(f"{name}:{node.lineno}: a claim is named by a plain text")
                yield Carried(claim.value, f"{name}:{node.lineno}", reaching.get(node))


def _assignments(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in module.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _tests(body: list[ast.stmt], outer: list[ast.expr]) -> Iterator[tuple[str, list[ast.expr]]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _tests(node.body, [*outer, *node.decorator_list])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, [*outer, *node.decorator_list]


def _markers(expressions: list[ast.expr], values: dict[str, ast.expr]) -> Iterator[ast.Call]:
    """The markers in some expressions, and in whatever these name in the module."""
    waiting, seen = list(expressions), set[str]()
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Call) and _is_claim(node.func, values):
                yield node
            elif isinstance(node, ast.Name) and node.id in values and node.id not in seen:
                seen.add(node.id)
                waiting.append(values[node.id])


def _is_claim(called: ast.expr, values: dict[str, ast.expr]) -> bool:
    if isinstance(called, ast.Name) and called.id in values:
        called = values[called.id]  # claim = pytest.mark.claim
    return isinstance(called, ast.Attribute) and ast.unparse(called) == "pytest.mark.claim"
