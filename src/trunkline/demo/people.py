"""The people of the made-up calls: a fixed pool of contacts, some of whom call again and again."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from uuid import UUID

from trunkline.demo.numbers import fictional_number
from trunkline.model.call import Contact


@dataclass(frozen=True)
class Land:
    """Where some of the people live, what they speak, and what their names and places are called."""

    country: str
    language: str
    people: int
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    cities: tuple[str, ...]
    streets: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """One contact, with what a dialogue needs to know to speak with them."""

    land: Land
    first_name: str
    last_name: str
    contact: Contact

    @property
    def full_name(self) -> str:
        """The name in the order it is spoken."""
        return f"{self.first_name} {self.last_name}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LANDS = (
    Land(
        "US",
        "en",
        90,
        _words(
            "James Mary Wei Linda Ahmed Elena Noah Olga Priya Hugo Aisha Tom Kofi Sara Omar Rahul Mina Dana"
        ),
        _words(
            "Smith Garcia Chen Khan Novak Patel Kim Jones Nguyen Haddad Walker Brown Mensah Larsen Diaz Ali"
        ),
        ("Denver", "Portland", "Austin", "Columbus", "Tacoma", "Madison", "Tucson", "Raleigh"),
        ("Maple Street", "Cedar Avenue", "Lakeview Drive", "Second Street", "Orchard Road", "Mill Road"),
    ),
    Land(
        "GB",
        "en",
        35,
        _words("Oliver Amelia Callum Isla Zoë Gareth Nadia Rhys Imogen Tariq Fiona Kwame Beth Declan"),
        _words("Taylor Hughes O'Brien Okafor Campbell Wright Begum Ellis Murray Price Shah Foster Byrne"),
        ("Leeds", "Bristol", "York", "Cardiff", "Norwich", "Stirling"),
        ("Church Lane", "Station Road", "Victoria Terrace", "Mill Hill", "Park Crescent", "Bridge Street"),
    ),
    Land(
        "FR",
        "fr",
        16,
        _words("Chloé Hugo Inès Leïla Mathieu Camille Antoine Noémie Karim Élodie Julien Manon"),
        _words("Dubois Moreau Lefèvre Girard Benali Fontaine Marchand Roux Perrin Chevalier"),
        ("Nantes", "Lyon", "Rennes", "Dijon", "Toulouse"),
        ("rue des Lilas", "avenue de la Gare", "rue du Moulin", "place du Marché"),
    ),
    # Spain reserves no numbers for fiction, so those who speak Spanish call from the United States.
    Land(
        "US",
        "es",
        14,
        _words("Carlos Fátima Luis Inés María Javier Lucía Andrés Pilar Rocío"),
        _words("López Silva Romero Castillo Ortega Méndez Vargas Iglesias Peña"),
        ("San Antonio", "Miami", "El Paso", "Albuquerque"),
        ("Calle Mayor", "Palm Avenue", "Mission Road", "Flagler Street"),
    ),
    Land(
        "DE",
        "de",
        14,
        _words("Jonas Anna Jörg Birgit Yusuf Katrin Lukas Sabine Emre Heike"),
        _words("Müller Weber Krüger Yildiz Schäfer Vogel Brandt Lehmann Hoffmann"),
        ("Hamburg", "Leipzig", "Köln", "Freiburg"),
        ("Lindenstraße", "Bahnhofstraße", "Am Markt", "Gartenweg"),
    ),
)


def plain(text: str) -> str:
    """A name as it is written in an e-mail address: lower case, only the letters a to z."""
    letters = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(letter for letter in letters.lower() if "a" <= letter <= "z")


def draw_people(rng: Random) -> dict[str, Sequence[Person]]:
    """The pool of contacts by language, the most frequent callers first."""
    pool: dict[str, list[Person]] = {}
    for land in LANDS:
        names = [(first, last) for first in land.first_names for last in land.last_names]
        for number, (first, last) in enumerate(rng.sample(names, land.people)):
            contact = Contact(
                id=str(UUID(int=rng.getrandbits(128), version=4)),
                full_name=f"{first} {last}",
                # Spanish speakers share a country with others, so their numbers start further on.
                phone_number=fictional_number(
                    land.country, number * 7 + (2000 if land.language == "es" else 0)
                ),
                email=f"{plain(first)}.{plain(last)}@example.com",
                country=land.country,
            )
            pool.setdefault(land.language, []).append(Person(land, first, last, contact))
    for people in pool.values():
        rng.shuffle(people)
    return {language: tuple(people) for language, people in pool.items()}


def pick_person(rng: Random, people: Sequence[Person]) -> Person:
    """Draw one person, those at the front far more often, as with real callers."""
    return people[int(rng.random() ** 1.5 * len(people))]
