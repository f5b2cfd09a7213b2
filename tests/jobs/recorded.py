"""A vendor's file server, which can be made to hang, and calls with recordings there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from trunkline.model.call import Recording
from trunkline.model.sighting import Sighting
from trunkline.model.words import Status

SOUND = bytes(range(256)) * 64


class FileServer:
    """Hangs at `/head…` before its answer, at `/middle…` in it and at `/end…` before its last byte."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hangs = threading.Event()
        """Set while a client waits for an answer."""
        self.released = threading.Event()
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked.append(self.path)
                if self.path.startswith("/head"):
                    self._hang()
                self.send_response(200)
                self.send_header("content-type", "audio/wav")
                self.send_header("content-length", str(len(SOUND)))
                self.end_headers()
                sent = {"/m": len(SOUND) // 2, "/e": len(SOUND) - 1}.get(self.path[:2], len(SOUND))
                self.wfile.write(SOUND[:sent])
                self.wfile.flush()
                if sent < len(SOUND):
                    self._hang()
                    self.wfile.write(SOUND[sent:])

            def _hang(self) -> None:
                served.hangs.set()
                served.released.wait()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    return  # the client is gone

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def file_server() -> Iterator[FileServer]:
    served = FileServer()
    threading.Thread(target=served.server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        served.released.set()
        served.server.shutdown()
        served.server.server_close()


def recorded(url: str, call_id: str = "one") -> Sighting:
    """A call that is over and has a recording."""
    return Sighting(
        vendor="contactship",
        vendor_call_id=call_id,
        status=Status.COMPLETED,
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        recording=Recording(enabled=True, url=url),
    )
