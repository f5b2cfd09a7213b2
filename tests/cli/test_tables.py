"""Tables, in terminals of any width."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from trunkline.cli.tables import print_table

ADDRESS = "https://calls.acme.example/hooks/" + "a" * 60
COLUMNS = ("id", "address", "disabled_at")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_wide_terminal_has_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    print_table(COLUMNS, [("1", ADDRESS, None)])
    printed = lines(capsys)
    assert [cell.strip() for cell in printed[3].strip("│").split("│")] == ["1", ADDRESS, ""]


def test_a_narrow_terminal_cuts_nothing_off_and_leaves_out_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_table(COLUMNS, [("1", ADDRESS, None), ("[2]", "short", None)])
    assert lines(capsys) == [
        "id           1",
        f"address      {ADDRESS}",
        "",
        "id           [2]",
        "address      short",
        "",
    ]


def test_an_empty_table_has_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, [])
    header = lines(capsys)[1]
    assert all(column in header for column in COLUMNS)


def test_instants_are_in_utc_and_lists_have_commas(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    at = datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=1)))
    print_table(("at", "scopes"), [(at, ["read", "write"]), (at.astimezone(UTC), frozenset())])
    assert lines(capsys) == [
        *("at      2026-03-01 00:02:03Z", "scopes  read, write", ""),
        *("at      2026-03-01 00:02:03Z", ""),
    ]
