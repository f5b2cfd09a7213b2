"""Every statement names its org, and every migration is beside its revision."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import trunkline.store
from trunkline.store.migrations import FOLDER, head, statements
from trunkline.store.queries import FOLDER as QUERIES
from trunkline.store.queries import queries

SQL_FILES = sorted(QUERIES.glob("*.sql"))


def named_statements(path: Path) -> list[tuple[str, str]]:
    parts = re.split(r"^-- name: ([a-z_]+)$", path.read_text(), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


ALL = [(path.stem, name, text) for path in SQL_FILES for name, text in named_statements(path)]


@pytest.mark.parametrize(("stem", "name", "text"), ALL, ids=[f"{s}-{n}" for s, n, _ in ALL])
def test_a_statement_names_its_org_or_says_why_not(stem: str, name: str, text: str) -> None:
    head_of_file = (QUERIES / f"{stem}.sql").read_text().split("-- name:")[0]
    excused = re.search(r"no org: \S+", text) or re.search(r"no org: \S+", head_of_file)
    bare = "\n".join(line for line in text.splitlines() if not line.strip().startswith("--"))
    assert excused or re.search(r"\borg_id\b", bare), (
        f"{stem}.sql: {name} does not name org_id; add it, or a comment `-- no org: the reason`"
    )


def test_sql_is_in_files_only() -> None:
    verbs = re.compile(r"\"\s*(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")
    package = Path(trunkline.store.__file__).parents[1]
    found = [
        f"{path.name}: {line.strip()}"
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if verbs.search(line) and "alembic_version" not in line
    ]
    assert found == []


def test_every_table_has_the_org_first_in_its_primary_key() -> None:
    sql = "\n".join(path.read_text() for path in sorted((FOLDER / "versions").glob("*.sql")))
    tables = re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", sql, flags=re.DOTALL)
    assert tables
    for name, columns in tables:
        key = re.search(
            r"PRIMARY KEY \((\w+)|(\w+)\s+integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY", columns
        )
        assert key, name
        assert "org_id" in key.groups(), name


def test_every_revision_has_its_statements_and_the_last_one_is_the_head() -> None:
    revisions = sorted(path.stem for path in (FOLDER / "versions").glob("[0-9]*.py"))
    assert revisions == sorted(path.stem for path in (FOLDER / "versions").glob("*.sql"))
    assert revisions[-1].startswith(head())


def test_statements_are_split_at_the_ends_of_lines_and_comments_alone_are_none() -> None:
    assert statements("-- a;\nSELECT 1;\n\nSELECT ';';\n-- end\n") == ["SELECT 1", "SELECT ';'"]


def test_no_statement_is_left_unused() -> None:
    package = Path(trunkline.store.__file__).parent
    code = "\n".join(path.read_text() for path in package.rglob("*.py"))
    used = re.compile(r'"(?:[a-z_]+\.)?([a-z_]+)"').findall(code)
    unused = [name for path in SQL_FILES for name in queries(path.stem) if name not in used]
    assert unused == []
