from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from trunkline.cli.main import app
from trunkline.settings import Settings
from trunkline.vendors import dialects

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
WORDS = [
    *("call", "turn", "word", "sighting", "dialect", "vendor", "org", "key", "intent", "fault", "version"),
    *("total", "grouping", "source", "pull", "ledger", "door", "payload", "vocabulary", "loss", "live call"),
    *("slot", "follower", "job", "tombstone", "stated, derived", "sequence, change"),
]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_pages_are_what_the_dialects_say() -> None:
    for path, text in generator().pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            pytest.fail(f"{named(path)} is behind the code: run `make docs` and look at the difference")


def test_the_reference_describes_every_dialect_and_parameter() -> None:
    text = (DOCS / "reference" / "dialects.md").read_text(encoding="utf-8")
    for dialect in dialects().values():
        assert f"\n## {dialect.title}\n" in text
        for operation in dialect.operations:
            assert f"`{operation.method} {operation.path}`" in text


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert re.match("https?:", target) or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    settings = {f"TRUNKLINE_{name.upper()}" for name in Settings.__struct_fields__}
    assert set(re.findall(r"TRUNKLINE_[A-Z_]+", page.read_text(encoding="utf-8"))) <= settings


def test_the_glossary_has_one_entry_for_each_of_our_words() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    entries = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert len(set(entries)) == len(entries)
    assert {word.capitalize() for word in WORDS} <= set(entries)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_only_our_own_words_are_used(page: Path) -> None:
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8")).lower()
    assert not re.search(r"\b(provider|adapter|tenant|manager)s?\b", text)


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.strip().removeprefix(".venv/bin/")
                if command.startswith("trunkline "):
                    yield named(page), shlex.split(command.partition(" < ")[0])[1:]


@pytest.mark.parametrize(("page", "words"), list(commands()))
def test_every_command_in_the_docs_can_be_typed(page: str, words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while getattr(command, "commands", None):
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, page


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_can_be_pasted_after_make_install(page: Path) -> None:
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        assert not re.search(r"(?:^|[|(;&=] ?)(?:trunkline|python3?) ", block, re.MULTILINE), block


def test_the_commands_are_found() -> None:
    assert len(list(commands())) > 5
