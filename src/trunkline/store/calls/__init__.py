"""Calls in PostgreSQL: read, listed, written."""
