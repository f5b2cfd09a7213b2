"""Links to recordings that are kept: signed, and good for a day or two."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from msgspec import structs

from trunkline.model.call import Call
from trunkline.service.clock import Clock

_TOKEN = re.compile(r"([0-9]{1,10})\.([0-9a-f]{32})\.([0-9]{1,7})\.([A-Za-z0-9_-]{43})")
_DAYS = 2
"""Midnights until a link ends; all links of a day are alike, so that equal questions have equal answers."""


class LinkRefused(Exception):
    """A link is not one of ours, or its time is over."""

    def __init__(self, *, over: bool) -> None:
        super().__init__("the link's time is over" if over else "no such link")
        self.over = over


class Linked(NamedTuple):
    """What a link leads to."""

    org_id: int
    call_id: UUID


class Links:
    """Makes and reads links to recordings."""

    def __init__(self, public_url: str, key: Callable[[], str], clock: Clock) -> None:
        self._public_url = public_url
        self._secret = key
        self._clock = clock

    @cached_property
    def _key(self) -> bytes:
        return hashlib.sha256(b"recordings\n" + self._secret().encode()).digest()

    def day(self) -> int:
        """The day on which links are made now; those of another day are others."""
        return int(self._clock().timestamp()) // 86400

    def with_link(self, org_id: int, call: Call) -> Call:
        """A call as it is printed: its recording's link is ours if the recording is kept."""
        recording = call.recording
        if recording is None or recording.stored is not True:
            return call
        ours = structs.replace(recording, url=self.url(org_id, call.id), original_url=recording.url)
        return structs.replace(call, recording=ours)

    def url(self, org_id: int, call_id: str) -> str:
        """A link to a call's recording."""
        named = f"{org_id}.{UUID(call_id).hex}.{self.day() + _DAYS}"
        return f"{self._public_url}/recordings/{named}.{self._signature(named)}"

    def read(self, token: str) -> Linked:
        """What a link leads to; raises `LinkRefused`."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise LinkRefused(over=False)
        named, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(named)):
            raise LinkRefused(over=False)
        ends_at = datetime.fromtimestamp(0, UTC) + timedelta(days=int(match[3]))
        if self._clock() >= ends_at:
            raise LinkRefused(over=True)
        return Linked(int(match[1]), UUID(match[2]))

    def _signature(self, named: str) -> str:
        digest = hmac.digest(self._key, named.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
