"""PostgreSQL, and nothing else: the one place that knows SQL."""
