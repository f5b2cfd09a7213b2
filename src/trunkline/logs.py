"""Logs: one line an event, as text for people and as JSON where nobody watches."""

from __future__ import annotations

import logging
import sys

import structlog


class _Unlogged(logging.Filter):
    """Leaves out what is in the log already, by a line of ours that says more."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to print a record."""
        error = record.exc_info[1] if record.exc_info else None
        return not getattr(error, "is_logged", False)


def set_up_logs(level: str) -> None:
    """Print what is at least this urgent to standard error."""
    server = logging.getLogger("uvicorn.error")
    if not any(isinstance(one, _Unlogged) for one in server.filters):
        server.addFilter(_Unlogged())
    watched = sys.stderr.isatty()
    # The usual traceback shows the values of variables, among them the headers with the key.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            console if watched else structlog.processors.format_exc_info,
            *([] if watched else [structlog.processors.JSONRenderer()]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
