"""Our words: the call, what a payload states about it, questions and faults. No I/O."""
