"""Field problems: values of a payload that could not be read as documented, and what was made of each."""

from __future__ import annotations

from msgspec import Struct

MAX_PROBLEMS = 200
"""Problems that are named for one payload; more are counted."""

MORE = "*"
"""The path under which problems beyond these are counted."""


class FieldProblem(Struct, frozen=True, omit_defaults=True):
    """A value that is not what its field is documented to hold."""

    found: str
    """The value, shortened, or its kind."""
    expected: str
    read_as: str = ""
    """How the value was understood; empty if it was left out."""


MAX_PATH_LENGTH = 200
"""Characters of a path; the names of fields come from outside too."""

_CONTROLS = dict.fromkeys(range(32), "�")


def without_controls(text: str) -> str:
    """A text for people without control characters, of which PostgreSQL stores no NUL."""
    return text if text.isprintable() else text.translate(_CONTROLS)


FieldProblems = dict[str, FieldProblem]
"""By the path of the value in the payload, such as `call.transcript[3].words`."""


def note(problems: FieldProblems, path: str, problem: FieldProblem) -> None:
    """Add a problem; the first one of a path is the one that counts."""
    path = without_controls(path)[:MAX_PATH_LENGTH]
    if path in problems:
        return
    if len(problems) < MAX_PROBLEMS:
        problems[path] = problem
        return
    known = problems.get(MORE)
    count = 1 if known is None else int(known.found.partition(" ")[0]) + 1
    problems[MORE] = FieldProblem(f"{count} more", "")
