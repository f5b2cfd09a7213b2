"""HTTP: the dialects, their documentation and the state of the process."""
