"""An embedded database of a test's own, which can be stopped."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.embedded_servers import remove_home
from trunkline.store.embedded import start_embedded, stop_embedded
from trunkline.store.migrations import migrate


class Database:
    """An embedded database that can be stopped and started."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.url = start_embedded(home)

    def start(self) -> None:
        assert start_embedded(self._home) == self.url

    def stop(self) -> None:
        stop_embedded(self._home)


@contextmanager
def own_database() -> Iterator[Database]:
    """A database with our tables and nothing in them."""
    home = Path(tempfile.mkdtemp(prefix="trunkline-"))
    own = Database(home)
    try:
        asyncio.run(migrate(own.url))
        yield own
    finally:
        remove_home(home)
