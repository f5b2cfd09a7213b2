"""Our words: the call, what a payload says of it, questions and faults. No I/O."""
