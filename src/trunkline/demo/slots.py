"""What fills the gaps in a dialogue: names, days, times, amounts and numbers in the caller's language."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from trunkline.demo.people import Person

WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
}
DOCTORS = {
    "en": ("Dr. Patel", "Dr. Lindqvist", "Dr. Osei", "Dr. Moran", "Dr. Feld"),
    "fr": ("le docteur Lemaire", "le docteur Haddad", "le docteur Vasseur"),
    "es": ("la doctora Ibarra", "el doctor Salas"),
    "de": ("Frau Dr. Kessler", "Herr Dr. Arslan"),
}
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_CENTS = ("00", "00", "40", "50", "90", "95")


def _letters(rng: Random, count: int) -> str:
    return "".join(rng.choices(_LETTERS, k=count))


def _time(hour: int, minute: int, language: str) -> str:
    """A time of day as a transcript writes it in this language."""
    if language == "fr":
        return f"{hour} h {minute:02d}" if minute else f"{hour} h"
    if language == "de":
        return f"{hour}:{minute:02d} Uhr" if minute else f"{hour} Uhr"
    if language == "es":
        return f"{(hour - 1) % 12 + 1}:{minute:02d}"
    return f"{(hour - 1) % 12 + 1}:{minute:02d} {'AM' if hour < 12 else 'PM'}"


def _money(number: str, person: Person) -> str:
    """An amount as it is spoken where the person lives."""
    if person.land.language == "es":
        return f"{number.replace('.', ',')} dólares"
    if person.land.country in ("FR", "DE"):
        return f"{number.replace('.', ',')} {'euros' if person.land.country == 'FR' else 'Euro'}"
    return f"{'£' if person.land.country == 'GB' else '$'}{number}"


def _postcode(rng: Random, person: Person) -> str:
    if person.land.country == "GB":
        return f"{_letters(rng, 2)}{rng.randint(1, 19)} {rng.randint(1, 9)}{_letters(rng, 2)}"
    return f"{rng.randint(10000, 98999)}"


def draw_slots(rng: Random, person: Person, persona: str, at: datetime) -> dict[str, str]:
    """Draw a value for every slot of one call that begins at `at`."""
    language = person.land.language
    days = [at + timedelta(days=ahead) for ahead in rng.sample(range(1, 9), 2)]
    first, second = sorted(day + timedelta(days=1) if day.weekday() == 6 else day for day in days)
    if first.date() == second.date():
        second += timedelta(days=1 if second.weekday() < 5 else 2)
    early, late = sorted(rng.sample(range(32, 70), 2))  # quarters of an hour, from 8:00 to 17:15
    evening = rng.randint(72, 82)
    slots = {
        "persona": persona,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "full_name": person.full_name,
        "email": person.contact.email or "",
        "city": rng.choice(person.land.cities),
        "street": rng.choice(person.land.streets),
        "postcode": _postcode(rng, person),
        "doctor": rng.choice(DOCTORS[language]),
        "day": WEEKDAYS[language][first.weekday()],
        "day_en": WEEKDAYS["en"][first.weekday()],
        "date": first.date().isoformat(),
        "day2": WEEKDAYS[language][second.weekday()],
        "day2_en": WEEKDAYS["en"][second.weekday()],
        "date2": second.date().isoformat(),
        "digits": f"{rng.randrange(10000):04d}",
        "ref": f"{_letters(rng, 2)}-{rng.randint(1000, 9999)}",
        "order_no": f"{_letters(rng, 2)} {rng.randint(100000, 999999)}",
        "plate": f"{_letters(rng, 3)} {rng.randint(100, 9999)}",
    }
    for name, clock, quarter in (
        ("time", "clock", early),
        ("time2", "clock2", late),
        ("evening", "evening_clock", evening),
    ):
        hour, minute = quarter // 4, quarter % 4 * 15
        slots[name], slots[clock] = _time(hour, minute, language), f"{hour:02d}:{minute:02d}"
    for name, low, high in (
        ("small_amount", 4, 14),
        ("price", 24, 39),
        ("amount", 90, 290),
        ("large_amount", 600, 1400),
    ):
        number = f"{rng.randint(low, high)}.{rng.choice(_CENTS)}"
        slots[name], slots[f"{name}_no"] = _money(number, person), number
    return slots
