"""Placeholder until the documentation routes are written."""

from starlette.routing import BaseRoute


def docs_routes() -> list[BaseRoute]:
    """No routes yet."""
    return []
