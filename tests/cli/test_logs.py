"""What a failure leaves on a terminal and in a log file: where it happened, and not with which key."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import environment
from tests.conftest import MAX_WAIT_SECONDS

FAILING = """
import structlog
from trunkline.logs import set_up_logs

def answer(headers):
    raise LookupError("nobody thought of this")

set_up_logs("info")
log = structlog.get_logger("test")
log.debug("not said at this level")
try:
    answer({"x-api-key": "cs_" + "0" * 20 + "ffff"})
except LookupError:
    log.exception("failed", dialect="contactship")
"""


@pytest.mark.parametrize("watched", [True, False])
def test_a_failure_is_logged_with_its_location_and_without_the_values_of_variables(
    watched: bool, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty() if watched else os.pipe()
    subprocess.run(
        [sys.executable, "-c", FAILING],
        cwd=tmp_path,
        env=environment(None, TERM="xterm"),
        stderr=theirs,
        timeout=MAX_WAIT_SECONDS,
        check=True,
    )
    os.close(theirs)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    assert "nobody thought of this" in said
    assert "in answer" in said
    assert "not said at this level" not in said
    assert "ffff" not in said
    if not watched:
        event = json.loads(said)
        assert (event["event"], event["level"], event["dialect"]) == ("failed", "error", "contactship")
