"""Invented people: families with those who may answer for them, and the staff. Every name and number is synthetic.

Fields are those of the vault's contacts, which this package does not import.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Literal

from pydantic import Field

from contracts.vocabulary import Frozen, Id, Labelled
from services.territory import figures, names
from services.territory.chance import Chance

FICTION_NUMBERS = 10_000
"""06 39 98 00 00 to 06 39 98 99 99, which Arcep keeps for fiction: nobody can be reached there by mistake."""

MOST_CONTACTS = 3
DAYS_A_MONTH = 30.44

_STRIDE = 3_571  # prime to 10,000: every number is used once before any is used twice


class JobKind(Labelled):
    DIRECTOR = "director", "Direction d'une structure"
    CHILDMINDER = "childminder", "Assistante maternelle ou assistant maternel"
    COUNSELLOR = "counsellor", "Conseil en insertion"
    COORDINATOR = "coordinator", "Coordination du guichet"
    AGENT = "agent", "Accueil du guichet"


class Contact(Frozen):
    """One way to reach a family. `channel` is `voice` for who has no mobile: the guichet calls."""

    id: Id
    role: Literal["parent", "guardian", "trusted"] = "parent"
    may_answer: bool = True
    channel: Literal["sms", "voice"] = "sms"
    language: str = "fr"
    phone: str = Field(pattern=r"^\+3363998\d{4}$")
    name: str


class Child(Frozen):
    """`born` is the due date while `is_born` is false; an expected child has no first name yet."""

    id: Id
    first_name: str
    born: date
    is_born: bool = True


class Family(Frozen):
    id: Id
    commune: str
    contacts: tuple[Contact, ...] = Field(min_length=1, max_length=MOST_CONTACTS)
    children: tuple[Child, ...] = Field(min_length=1)
    synthetic: Literal[True] = True


class Person(Frozen):
    """Somebody of the staff. `structure` is whose places they speak for; `office` is where a counsellor works."""

    id: Id
    job: JobKind
    name: str
    email: str
    phone: str = Field(pattern=r"^\+3363998\d{4}$")
    structure: Id | None = None
    office: str = ""
    synthetic: Literal[True] = True


def phone(seed: int, number: int) -> str:
    """The `number`th phone of a territory, in E.164. Raises ValueError where fiction has no more."""
    if number >= FICTION_NUMBERS:
        raise ValueError(f"there are {FICTION_NUMBERS} phone numbers for fiction, and {number + 1} are needed")
    return f"+33639{980_000 + (seed + number * _STRIDE) % FICTION_NUMBERS}"


def staff(
    identity: Id, job: JobKind, number: int, seed: int, chance: Chance, *, structure: Id | None = None, office: str = ""
) -> Person:
    """An invented professional; `number` tells their phone and, in their address, namesakes apart."""
    first, last = chance.pick("first", names.PARENT_NAMES), chance.pick("last", names.FAMILY_NAMES)
    address = f"{slug(first)}.{slug(last)}.{number}@guichet.example"
    return Person(
        id=identity,
        job=job,
        name=f"{first} {last}",
        email=address,
        phone=phone(seed, number),
        structure=structure,
        office=office,
    )


def contact_count(chance: Chance, *, single: bool) -> int:
    """How many contacts a family gives: one parent alone seldom gives two."""
    drawn = chance.weighted("contacts", figures.CONTACTS.weights)
    return min(drawn, 2) if single else drawn


def contacts(family: Id, first_number: int, count: int, seed: int, chance: Chance) -> tuple[Contact, ...]:
    """`count` contacts of one family, from the `first_number`th phone on: parents first, then somebody trusted."""
    language = chance.weighted("language", figures.LANGUAGES.weights)
    last = chance.pick("last", names.FAMILY_NAMES)
    return tuple(
        Contact(
            id=f"C-{family.removeprefix('F-')}-{n + 1}",
            role="trusted" if n > 1 else "parent",
            may_answer=n < 2,
            channel="voice" if chance.happens(f"mobile/{n}", figures.NO_MOBILE.value) else "sms",
            language=language,
            phone=phone(seed, first_number + n),
            name=f"{chance.pick(f'first/{n}', names.PARENT_NAMES)} {last}",
        )
        for n in range(count)
    )


def slug(text: str) -> str:
    """`text` in small ASCII letters with hyphens, as an id or an address may hold it."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("œ", "oe")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
