"""Numbers of things, in sentences of commands."""

from __future__ import annotations

import pytest

from trunkline.cli.counts import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls")])
def test_one_of_a_thing_is_singular(number: int, text: str) -> None:
    assert counted(number, "call") == text
