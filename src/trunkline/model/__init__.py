"""Our words: the call, what a payload states about it, queries and faults. No I/O."""
