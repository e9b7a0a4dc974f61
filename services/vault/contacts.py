"""Who can be reached, how, and whether they may answer; phone numbers as the world writes them (E.164).

When to modify: a contact gets a new sealed fact with a column in `tables.py` and a migration.
"""

from __future__ import annotations

import re
from typing import Self

import phonenumbers
from pydantic import Field, model_validator

from contracts.vocabulary import Frozen, Id, Labelled

_REGION = "FR"
_FICTION = "+3363998"
"""06 39 98 xx xx: a range kept for fiction. Nobody has such a number, so invented families do."""

_MOBILE = frozenset({phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE})
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


class OwnerKind(Labelled):
    FAMILY = "family", "Famille"
    STAFF = "staff", "Professionnel"


class ContactRole(Labelled):
    PARENT = "parent", "Parent"
    GUARDIAN = "guardian", "Représentant légal"
    TRUSTED = "trusted", "Personne de confiance"
    STAFF = "staff", "Professionnel"


class ContactChannel(Labelled):
    SMS = "sms", "SMS"
    VOICE = "voice", "Appel"
    EMAIL = "email", "Courriel"


class InvalidPhone(ValueError):
    """What was written is no phone number."""

    def __init__(self) -> None:
        super().__init__("Ce numéro n'est pas valable. Écrivez-le ainsi\u00a0: 06 39 98 56 78.")


class Contact(Frozen):
    """One way to reach a family or a professional. What is sealed never shows in `repr`.

    `suspended`: somebody answered STOP or ERREUR from there; nothing is sent until the number changes. `stranger`: it
    was ERREUR, and whoever writes from there does not speak for the owner.
    """

    id: Id
    role: ContactRole = ContactRole.PARENT
    may_answer: bool = True
    channel: ContactChannel = ContactChannel.SMS
    language: str = Field(default="fr", pattern=r"^[a-z]{2,3}$")
    suspended: bool = False
    stranger: bool = False
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    name: str = Field(default="", max_length=80, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _normalises(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        phone, email = data.get("phone"), data.get("email")
        return {
            **data,
            "phone": normalised_phone(phone) if phone else None,
            "email": normalised_email(email) if email else None,
        }

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.channel is ContactChannel.EMAIL and self.email is None:
            raise ValueError("Il manque l'adresse électronique.")
        if self.channel is not ContactChannel.EMAIL and self.phone is None:
            raise ValueError("Il manque le numéro de téléphone.")
        if self.channel is ContactChannel.SMS and not takes_sms(self.phone or ""):
            raise ValueError("Ce numéro ne reçoit pas de SMS. Choisissez «\u00a0appel\u00a0».")
        return self


def normalised_phone(text: str) -> str:
    """`text` in E.164 ("+33639985678"); without a country it is French. Raises InvalidPhone."""
    try:
        number = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone from error
    phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number) and not is_fiction(phone):
        raise InvalidPhone
    return phone


def normalised_email(text: str) -> str:
    """`text` without blanks and in small letters. Raises ValueError if it is no address."""
    given = text.strip()
    email = given.lower()
    if not _EMAIL.fullmatch(email) or email.isascii() != given.isascii():  # the Kelvin sign becomes a k: another's
        raise ValueError("Cette adresse n'est pas valable. Écrivez-la ainsi\u00a0: prenom.nom@exemple.fr.")
    return email


def phone_for_people(phone: str) -> str:
    """ "06 39 98 56 78" for a French number in E.164, "+351 912 345 678" for another."""
    number = phonenumbers.parse(phone, _REGION)
    is_french = number.country_code == phonenumbers.country_code_for_region(_REGION)
    style = phonenumbers.PhoneNumberFormat.NATIONAL if is_french else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, style)


def takes_sms(phone: str) -> bool:
    """True if a number in E.164 can be a mobile."""
    return is_fiction(phone) or phonenumbers.number_type(phonenumbers.parse(phone, _REGION)) in _MOBILE


def is_fiction(phone: str) -> bool:
    """True if a number in E.164 is one of those that belong to nobody."""
    return phone.startswith(_FICTION) and len(phone) == len("+33639985678")
