"""The command line as a user has it: a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MAX_WAIT_SECONDS


class Ran:
    """What a command answered."""

    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        self.status = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode(errors="backslashreplace")

    @property
    def answer(self) -> dict[str, Any]:
        """The last line of standard output as JSON."""
        answer: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return answer

    @property
    def complaint(self) -> str:
        """The one sentence with which the command refused."""
        assert self.status == 2, self.out + self.err
        assert self.out == ""
        assert self.err.startswith("trunkline: ")
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("trunkline: ").rstrip("\n")

    @property
    def usage(self) -> str:
        """The command's message about invalid arguments, as plain text."""
        assert self.status == 2, self.out + self.err
        assert "Traceback" not in self.err
        return " ".join(self.err.replace("│", " ").split())


Trunkline = Callable[..., Ran]


def environment(database_url: str | None, **more: str) -> dict[str, str]:
    # A test runner with several processes sets the width of its own terminal.
    told = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TRUNKLINE_") and name != "COLUMNS"
    }
    if database_url is not None:
        told["TRUNKLINE_DATABASE_URL"] = database_url
    return {**told, "TERM": "dumb", **more}


def command(*args: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "trunkline", *args]


@pytest.fixture
def trunkline(embedded_url: str, tmp_path: Path) -> Trunkline:
    def run(*args: str | Path, stdin: bytes = b"", **told: str) -> Ran:
        return Ran(
            subprocess.run(
                command(*args),
                cwd=tmp_path,
                env=environment(embedded_url, **told),
                input=stdin,
                capture_output=True,
                timeout=MAX_WAIT_SECONDS,
                check=False,
            )
        )

    return run
