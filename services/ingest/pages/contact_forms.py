"""The contacts of a family as a form shows them and reads them back: what nobody changed stays as it is kept.

A contact is known by its place in the form, which says which contacts it was filled from: where these have changed
since, in another window, nothing is written. A field that was not sent keeps what is recorded: a role, a language or a
right to answer never comes back to its default because a number was corrected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from services.ingest.families import MOST_CONTACTS, ContactBody
from services.ingest.pages.forms import Form, body
from services.ingest.pages.histories import PLACES
from services.vault import (
    Contact,
    ContactChannel,
    ContactRole,
    InvalidPhone,
    normalised_phone,
    phone_for_people,
    takes_sms,
)

Options = tuple[tuple[str, str], ...]

YES, NO = "oui", "non"
ANSWERING = ((YES, "Oui"), (NO, "Non"))
ROLES = tuple((role.value, role.label) for role in ContactRole if role is not ContactRole.STAFF)
LANGUAGES = (
    ("fr", "Français"),
    ("en", "Anglais"),
    ("pt", "Portugais"),
    ("ar", "Arabe (SMS en français)"),
    ("tr", "Turc (SMS en français)"),
)
"""Those that `docs/fichiers.md` names; another one that a file gave stays, by its code. Nobody has written the texts of
the last two yet: they are noted for whoever calls."""


def ends() -> tuple[str, ...]:
    """What the names of each contact's fields end with: "", "2", "3"."""
    return tuple(str(n + 1) if n else "" for n in range(MOST_CONTACTS))


def shown(known: Sequence[Contact], form: Form) -> Form:
    """The form with what is kept where it was not sent itself: another form of the page keeps its own values."""
    if "tel" in form.values:
        return form
    kept = {f"langue{end}": known[-1].language for end in ends()} if known else {}
    for end, one in zip(ends(), known, strict=False):
        kept |= _shown(one, end)
    return Form({**Form.filled(**kept).values, **form.values}, form.problems)


def seen(known: Sequence[Contact]) -> str:
    """What tells these contacts from what they were, or will be."""
    return hashlib.sha256("".join(one.model_dump_json() for one in known).encode()).hexdigest()


def rows(form: Form) -> list[dict[str, Any]]:
    """What the page shows of each contact: those that are there, and one more to fill in."""
    filled = [n for n, end in enumerate(ends()) if any(form[f"{name}{end}"] for name in ("nom", "tel", "courriel"))]
    last = filled[-1] if filled else -1
    return [_row(form, end, title, n > last) for n, (end, title) in enumerate(zip(ends(), PLACES, strict=True))][
        : last + 2
    ]


def _row(form: Form, end: str, title: str, is_new: bool) -> dict[str, Any]:
    role, code = form[f"role{end}"], form[f"langue{end}"]
    roles = _with(ROLES, role, next((word.label for word in ContactRole if word.value == role), role))
    languages = _with(LANGUAGES, code, f"Autre ({code})")
    return {"end": end, "title": title, "roles": roles, "languages": languages, "is_new": is_new}


def fields(form: Form) -> dict[str, str]:
    """Where the form shows what the vault refuses: of the contacts that were sent, as an empty one is no contact."""
    paths = (("", "tel"), (".name", "nom"), (".email", "courriel"), (".language", "langue"))
    own = {f"contacts.{n}{path}": f"{name}{end}" for n, end in enumerate(_there(form)) for path, name in paths}
    return {"": "tel", "contacts": "tel", **own}


def is_faulty(form: Form) -> bool:
    """Whether it is this form of the page that was sent with a fault."""
    return "tel" in form.values and bool(form.problems)


def read(form: Form, known: Sequence[Contact]) -> tuple[ContactBody, ...]:
    """The contacts that the form asks for, the first tried first. Raises Refused."""
    if form["vus"] not in ("", seen(known)):
        rule = "Les contacts ont changé depuis l'ouverture de cette page."
        form.fault("tel", "contacts_changed", rule, "Relisez-les ci-dessus, puis enregistrez.")
    wanted = found(form, known)
    form.check()
    return wanted


def found(form: Form, known: Sequence[Contact] = ()) -> tuple[ContactBody, ...]:
    """The same beside other fields of a form: its faults are left in it, for one `check` of all."""
    before = dict(zip(ends(), known, strict=False))
    _check(form)
    wanted = tuple(_contact(form, end, before.get(end), known) for end in _there(form))
    if wanted and not any(contact.may_answer for contact in wanted):
        rule = "Un contact au moins répond pour la famille."
        form.fault("repond", "nobody_answers", rule, "Choisissez lequel.")
    return wanted


def _there(form: Form) -> list[str]:
    return [end for end in ends() if form[f"tel{end}"] or form[f"courriel{end}"]]


def _check(form: Form) -> None:
    """A first contact is wanted, and a name alone reaches nobody."""
    if not form["tel"] and not form["courriel"]:
        form.fault("tel", "phone_wanted", "Il manque un numéro.", "Écrivez-le ainsi\u00a0: 06 39 98 56 78.")
    for end, title in zip(ends()[1:], PLACES[1:], strict=True):
        if form[f"nom{end}"] and not form[f"tel{end}"] and not form[f"courriel{end}"]:
            rule = f"Il manque le numéro du {title.lower()}."
            form.fault(f"tel{end}", "phone_wanted", rule, "Écrivez-le, ou effacez son nom.")


def _contact(form: Form, end: str, kept: Contact | None, known: Sequence[Contact]) -> ContactBody:
    """What was sent, else what is kept, else what a new contact begins with."""
    own = _sent(form, end, kept)
    spoken = kept or (known[-1] if known else None)
    facts: dict[str, Any] = {
        "role": kept.role if kept else ContactRole.PARENT,
        "may_answer": kept.may_answer if kept else True,
        "language": spoken.language if spoken else "fr",
        "email": kept.email if kept else None,
        "phone": form[f"tel{end}"] or None,
        "channel": _channel(form[f"tel{end}"], kept),
        **own,
    }
    return body(ContactBody, **facts)


def _sent(form: Form, end: str, kept: Contact | None) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    if f"nom{end}" in form.values:
        sent["name"] = form[f"nom{end}"][:80]
    elif kept:
        sent["name"] = kept.name
    if form[f"role{end}"]:
        sent["role"] = _role(form, f"role{end}", kept)
    if form[f"repond{end}"]:
        sent["may_answer"] = form[f"repond{end}"] != NO
    if form[f"langue{end}"]:
        sent["language"] = _language(form, f"langue{end}", kept)
    if form[f"courriel{end}"]:
        sent["email"] = form[f"courriel{end}"]
    return sent


def _role(form: Form, name: str, kept: Contact | None) -> ContactRole:
    """One of the list, or the one that is kept: nobody of a family is made a professional."""
    role = form.choice(name, ContactRole, "le rôle")
    if role is ContactRole.STAFF and not (kept and kept.role is role):
        form.fault(name, "choice_wanted", "Il manque le rôle.", "Choisissez dans la liste.")
    return role


def _language(form: Form, name: str, kept: Contact | None) -> str:
    """One of the list, or the one that is kept."""
    typed = form[name]
    if typed not in dict(LANGUAGES) and not (kept and typed == kept.language):
        form.fault(name, "choice_wanted", "Il manque la langue.", "Choisissez dans la liste.")
        return "fr"
    return typed


def _channel(phone: str, kept: Contact | None) -> ContactChannel:
    """As it was for the same number; a new one gets SMS where it takes them, unless calls were asked for."""
    if not phone:
        return ContactChannel.EMAIL
    try:
        number = normalised_phone(phone)
    except InvalidPhone:
        return ContactChannel.SMS  # what is no number is refused later, beside its field
    if kept and (kept.phone == number or kept.channel is ContactChannel.EMAIL):
        return kept.channel
    calls = kept is not None and kept.channel is ContactChannel.VOICE and takes_sms(kept.phone or "")
    return ContactChannel.SMS if takes_sms(number) and not calls else ContactChannel.VOICE


def _shown(one: Contact, end: str) -> dict[str, Any]:
    return {
        f"nom{end}": one.name,
        f"tel{end}": phone_for_people(one.phone) if one.phone else "",
        f"courriel{end}": one.email,
        f"role{end}": one.role.value,
        f"langue{end}": one.language,
        f"repond{end}": YES if one.may_answer else NO,
    }


def _with(options: Options, value: str, label: str) -> Options:
    """The options, and the value that is kept where it is none of them."""
    return options if not value or value in dict(options) else (*options, (value, label))
