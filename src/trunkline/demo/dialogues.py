"""The dialogues that made-up calls are drawn from, and how their gaps are filled.

A dialogue is one JSON file in the folder beside this module. Its texts have slots such as
`{first_name}`; a slot has the same value everywhere in one call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from trunkline.model.words import Direction, EndReason, Role, Sentiment

_SLOT = re.compile(r"\{([a-z_0-9]+)\}")


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that happens in a dialogue: somebody speaks, or the agent uses a tool."""

    role: Role | None = None
    text: str = ""
    tool: str | None = None
    arguments: Any = None
    result: Any = None


class Dialogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One conversation, with its summary and analysis."""

    trade: str
    agent: str
    direction: Direction
    language: str
    campaign: str | None
    summary: str
    sentiment: Sentiment
    success: bool
    reason: EndReason
    custom: dict[str, Any]
    items: list[Item]


@dataclass(frozen=True)
class Template:
    """A dialogue with its gaps open."""

    name: str
    text: str
    open: Dialogue
    """The dialogue as it is in the file, for what does not depend on slots."""

    def fill(self, slots: Mapping[str, str]) -> Dialogue:
        """The dialogue with every slot replaced; a slot that nobody draws is a `KeyError`."""
        filled = _SLOT.sub(lambda gap: _inside_quotes(slots[gap.group(1)]), self.text)
        return _DECODER.decode(filled)

    @property
    def is_voicemail(self) -> bool:
        """Whether a machine picked up instead of a person."""
        return self.open.reason is EndReason.VOICEMAIL


_DECODER = msgspec.json.Decoder(Dialogue)


def _inside_quotes(value: str) -> str:
    """A value as it is written between the quotes of a JSON string."""
    return msgspec.json.encode(value).decode()[1:-1]


@cache
def load_templates() -> tuple[Template, ...]:
    """All dialogues of the package, ordered by file name."""
    folder = files("trunkline.demo").joinpath("dialogues")
    found = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name
    )
    templates = []
    for file in found:
        text = file.read_text(encoding="utf-8")
        templates.append(Template(file.name.removesuffix(".json"), text, _DECODER.decode(text)))
    return tuple(templates)
