"""The agents and campaigns of the made-up calls: few, and the same in every run for one vendor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from uuid import UUID

from trunkline.demo.numbers import fictional_number
from trunkline.model.call import Agent, Campaign

PERSONAS = {
    "Front desk": "Maya",
    "Service line": "Leo",
    "Orders and parcels": "Nora",
    "Claims and accounts": "Iris",
    "Outreach": "Sam",
    "Languages desk": "Lina",
}
"""What each agent calls itself on the phone."""

CAMPAIGNS = ("Appointment reminders", "Renewals and payments", "New leads")


@dataclass(frozen=True)
class Desk:
    """An agent with the name it gives itself and the numbers it calls from and is called on."""

    agent: Agent
    persona: str
    index: int

    def number(self, country: str) -> str:
        """The agent's own number in a country, apart from those of the contacts."""
        return fictional_number(country, 900 + self.index)


def draw_desks(rng: Random, make_agent_id: Callable[[Random], str]) -> dict[str, Desk]:
    """The agents by name."""
    return {
        name: Desk(Agent(id=make_agent_id(rng), name=name), persona, index)
        for index, (name, persona) in enumerate(PERSONAS.items())
    }


def draw_campaigns(rng: Random) -> dict[str, Campaign]:
    """The campaigns by name."""
    return {
        name: Campaign(id=str(UUID(int=rng.getrandbits(128), version=4)), name=name) for name in CAMPAIGNS
    }
