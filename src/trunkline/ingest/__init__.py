"""Doors in: what arrives, read with the vendor's dialect and handed to intake."""
