"""Payloads that vendors publish; a test that needs them is skipped where the shared data is not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "vendor_payloads_sample.jsonl.gz"


def payloads(vendor: str) -> list[dict[str, Any]]:
    """All published payloads of a vendor; skips the test where they are not at hand."""
    if not PUBLISHED.exists():
        pytest.skip("the published payloads are not at hand")
    with gzip.open(PUBLISHED, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [record["payload"] for record in records if record["vendor"] == vendor]
