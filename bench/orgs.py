"""The orgs that calls belong to: a few large ones, many small ones, each with its own habits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.dialogues import Pool, Talk, encoded
from trunkline.demo.numbers import fictional_number
from trunkline.demo.people import LANDS, plain
from trunkline.model.call import Agent, Campaign, Contact

_FIRST = sorted({(name, plain(name)) for land in LANDS for name in land.first_names})
_LAST = sorted({(name, plain(name)) for land in LANDS for name in land.last_names})
_COUNTRIES = ("US",) * 62 + ("GB",) * 14 + ("FR",) * 12 + ("DE",) * 8 + ("AU",) * 4
_HOURS_BEHIND = (8, 6, 5, 5, 4, 0, -1, -1, -10)


def uuid_text(digits: str) -> str:
    """A random UUID's text from 32 hex digits."""
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def stable_digits(kind: str, *parts: int) -> str:
    """The same 32 hex digits for the same kind of thing and the same small numbers."""
    return hashlib.md5(f"{kind} {parts}".encode(), usedforsecurity=False).hexdigest()


def number_of(digits: str) -> tuple[str, str]:
    """A fictional phone number for some hex digits, and its country."""
    rest, share = divmod(int(digits[:15], 16), 100)
    country = _COUNTRIES[share]
    return fictional_number(country, rest), country


@dataclass(frozen=True)
class Desk:
    """One agent of an org: what it is, what it says, and the number it uses."""

    agent: Agent
    talks: Sequence[Talk]
    number: str


class Org:
    """One org with its agents, campaigns and contacts."""

    def __init__(self, index: int, rng: np.random.Generator, pools: Sequence[Pool], calls: float) -> None:
        self.name = f"org-{index + 1}"
        self.index = index
        self.contact_count = max(3, int(calls * rng.uniform(0.08, 0.5)))
        self.outbound = float(rng.beta(2, 2))
        """The share of calls that the org's agents make themselves."""
        self.hours_behind = int(rng.choice(_HOURS_BEHIND))
        """How far the org's clocks are behind UTC."""
        shares = np.array([pool.share for pool in pools])
        self.desks: list[Desk] = []
        for number in range(int(rng.integers(1, 13))):
            pool = pools[int(rng.choice(len(pools), p=shares / shares.sum()))]
            digits = stable_digits("agent", index, number)
            agent = Agent(id=uuid_text(digits), name=f"{pool.name} {number + 1}")
            self.desks.append(Desk(encoded(agent), pool.talks, number_of(digits)[0]))
        self.campaigns = [
            encoded(Campaign(id=uuid_text(stable_digits("campaign", index, number))))
            for number in range(int(rng.integers(0, 9)))
        ]

    def contact(self, which: int) -> Contact:
        """One of the org's contacts, the same each time."""
        digits = stable_digits("contact", self.index, which)
        number, country = number_of(digits)
        first, first_plain = _FIRST[which % len(_FIRST)]
        last, last_plain = _LAST[which // len(_FIRST) % len(_LAST)]
        return Contact(
            uuid_text(digits),
            f"{first} {last}",
            number,
            f"{first_plain}.{last_plain}.{which}@{self.name}.example.com",
            country,
        )


def draw_orgs(
    count: int, rng: np.random.Generator, pools: Sequence[Pool], calls: int
) -> tuple[list[Org], list[float]]:
    """The orgs and the share of all calls that each has; sizes fall off with the rank."""
    sizes = 1 / np.arange(1, count + 1) ** 0.9
    sizes /= sizes.sum()
    shares = [float(size) for size in sizes]
    return [Org(index, rng, pools, calls * share) for index, share in enumerate(shares)], shares
