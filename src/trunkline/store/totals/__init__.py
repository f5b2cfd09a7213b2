"""Exact totals from running sums."""
