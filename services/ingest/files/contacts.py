"""The contacts and the first name in a row of `demandes.csv`: on their way to the vault, and nowhere else."""

from __future__ import annotations

import re
from dataclasses import replace

from services.ingest.families import ContactBody, contacts_from
from services.ingest.files import cells
from services.ingest.files.cells import NBSP, WrongCell, plain
from services.ingest.files.columns import CONTACTS
from services.ingest.files.row import Row
from services.ingest.problems import Refused
from services.vault import Contact, ContactChannel, ContactRole

CHANNELS = {"sms": ContactChannel.SMS, "appel": ContactChannel.VOICE}
ROLES = {
    "parent": ContactRole.PARENT,
    "representant legal": ContactRole.GUARDIAN,
    "personne de confiance": ContactRole.TRUSTED,
}
_channel = cells.word_of(CHANNELS, ("SMS", "appel"))
_role = cells.word_of(ROLES, ("parent", "représentant légal", "personne de confiance"))


def read_contacts(row: Row) -> list[ContactBody]:
    """The contacts that the row gives; what is wrong with them is left in the row."""
    return [body for n in CONTACTS if (body := _read_contact(row, n)) is not None]


def contacts_of(row: Row, family: str, bodies: list[ContactBody]) -> tuple[Contact, ...]:
    """The same as the vault keeps them. Raises Refused in the words of the file's columns."""
    return _contacts(family, bodies, [n for n in CONTACTS if _is_there(row, n)])


def _is_there(row: Row, n: int) -> bool:
    return any(row.text(f"{column} {n}") for column in ("Contact", "Téléphone"))


def _read_contact(row: Row, n: int) -> ContactBody | None:
    """The contact number `n`; None where there is none, or a wrong one."""
    if not _is_there(row, n):
        if n == CONTACTS[0]:
            row.wrong("Téléphone 1", "contact_wanted", "Une famille a au moins un contact.", "Ajoutez un numéro.")
        return None
    facts = {
        "name": row.maybe(f"Contact {n}", _name) or "",
        "phone": row.needed(f"Téléphone {n}", _phone, ""),
        "channel": row.maybe(f"Joindre par {n}", _channel) or ContactChannel.SMS,
        "language": row.maybe(f"Langue {n}", _language) or "fr",
        "role": row.maybe(f"Rôle {n}", _role) or ContactRole.PARENT,
        "may_answer": row.maybe(f"Répond {n}", cells.yes_no) in (None, True),
    }
    return None if row.problems else ContactBody(**facts)


def _contacts(family: str, bodies: list[ContactBody], numbers: list[int]) -> tuple[Contact, ...]:
    """The contacts as the vault keeps them. Raises Refused in the words of the file's columns."""
    try:
        return contacts_from(family, bodies)
    except Refused as refused:
        named = [f"Téléphone {numbers[int(problem.field.split('.')[1])]}" for problem in refused.problems]
        pairs = zip(refused.problems, named, strict=True)
        raise Refused([replace(problem, field=column) for problem, column in pairs]) from refused


def _name(text: str) -> str:
    return _short(text, 80)


def first_name(text: str) -> str:
    return _short(text, 60)


def _short(text: str, most: int) -> str:
    if len(text) > most or not text.isprintable():
        raise WrongCell("too_long", f"Le texte a {most} lettres au plus, sur une ligne.", "Raccourcissez-le.")
    return text


def _phone(text: str) -> str:
    """French Excel takes the first zero off a number: nine digits that begin with 1 to 9 had one."""
    digits = re.sub(r"[ .\-\u00a0]", "", text)
    if len(text) > 30:
        raise WrongCell("not_a_phone", "Ce numéro est trop long.", f"Écrivez-le ainsi{NBSP}: 06 39 98 56 78.")
    return f"0{digits}" if re.fullmatch(r"[1-9]\d{8}", digits) else text


def _language(text: str) -> str:
    code = plain(text)
    if not re.fullmatch(r"[a-z]{2,3}", code):
        raise WrongCell("not_a_language", "La langue a un code de deux ou trois lettres.", "Écrivez par exemple fr.")
    return code
