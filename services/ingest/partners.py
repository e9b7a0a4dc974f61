"""The partner topic: crèche software posts what its structure says, signed; what is refused comes back with a reason.

A message goes through the same functions as any other door, in one transaction with the note of its id: sent twice it
takes effect once. Its offset is committed after that transaction, never before. Nothing is dropped: a bad message goes
to `partners.rejects`; past a ratio of bad ones the reading stops and a person looks. `docs/formats.md` describes both.

When to modify: a new kind of message is one line of `KINDS`, and a paragraph of `docs/formats.md`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any

import sqlalchemy as sa
from prometheus_client import Counter
from pydantic import AwareDatetime, Field, ValidationError

from contracts.vocabulary import Channel, Id
from services.bus import inbox
from services.ingest import credentials, store
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.bodies import Body
from services.ingest.declare.confirmations import ConfirmationBody, RefusalBody, confirm_admission, refuse_admission
from services.ingest.declare.vacancies import (
    ChangeBody,
    SnapshotBody,
    VacancyBody,
    WithdrawalBody,
    change_vacancy,
    declare_snapshot,
    open_vacancy,
    reconfirm_vacancy,
    withdraw_vacancy,
)
from services.ingest.problems import Problem, Refused, Why, conflict, invalid
from services.ingest.wording import problems_of

TOPIC, REJECTS = "partners", "partners.rejects"
GROUP = "ingest.partners"
"""Who reads the first; partners read the second."""

TOPICS = MappingProxyType({TOPIC: 30, REJECTS: 30})
"""Their names, and how many days the broker keeps them."""

KEY_HEADER, SIGNATURE_HEADER = "berceau-key", "berceau-signature"
LARGEST = 100_000
"""A message says one thing; what is larger is not one."""

MESSAGES = Counter("berceau_partner_messages", "Messages of partners, by what became of them", ["outcome"])
TAKEN, REPEATED, REJECTED = "taken", "repeated", "rejected"


class Nothing(Body):
    """The body of an act that says nothing more than what it is about."""


class PartnerMessage(Body):
    """`about` is the vacancy or proposal; `opened_by` names a vacancy by the message that opened it instead."""

    id: Id
    kind: str
    sent_at: AwareDatetime
    about: Id | None = None
    opened_by: Id | None = None
    data: Annotated[dict[str, Any], Field(default_factory=dict)]


Do = Callable[[sa.Connection, Act, str, Any], str | None]


@dataclass(frozen=True)
class Kind:
    """One kind of message: the body of its `data`, and the declare function behind it."""

    body: type[Body]
    do: Do
    about: str | None = None


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "vacancy.open": Kind(VacancyBody, lambda tx, act, _, body: open_vacancy(tx, act, body)),
        "vacancy.change": Kind(ChangeBody, change_vacancy, "vacancy"),
        "vacancy.withdraw": Kind(WithdrawalBody, withdraw_vacancy, "vacancy"),
        "vacancy.still_free": Kind(Nothing, lambda tx, act, about, _: reconfirm_vacancy(tx, act, about), "vacancy"),
        "snapshot": Kind(SnapshotBody, lambda tx, act, _, body: declare_snapshot(tx, act, body)),
        "admission.confirm": Kind(ConfirmationBody, confirm_admission, "proposal"),
        "admission.refuse": Kind(RefusalBody, refuse_admission, "proposal"),
    }
)


def signing_secret(link_key: bytes, key_id: str) -> str:
    """What the partner of this API key signs with: derived, so that it is stored nowhere and can not leak with a
    database. It is shown with the key, once."""
    return hmac.new(link_key, f"partner:{key_id}".encode(), hashlib.sha256).hexdigest()


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the message's bytes, in hexadecimal: the header `berceau-signature`."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def vacancy_of(key_id: str, message_id: str) -> str:
    """The id of the vacancy that a partner's message opened."""
    actor = Actor(key_id, Role.STRUCTURE, "")
    return act_of(actor, None, message_id).new_id("V")


def take(tx: sa.Connection, link_key: bytes, headers: Mapping[str, str], body: bytes, now: Any) -> str:
    """Take one message in the caller's transaction: `taken` or `repeated`. Raises Refused, and then nothing stays."""
    actor = _sender(tx, link_key, headers, body)
    message = _parsed(body)
    data = data_of(message)
    if not _is_first(tx, notes_of(actor, message, data), now):
        return REPEATED
    do(tx, act_of(actor, now, message.id), message, data)
    return TAKEN


def do(tx: sa.Connection, act: Act, message: PartnerMessage, data: Body) -> str:
    """Do what the message asks for; the id of what it made, "" for nothing. Raises Refused."""
    kind = KINDS[message.kind]
    try:
        return kind.do(tx, act, _about(act.actor, message, kind), data) or ""
    except Refused as refused:
        raise within_data(kind, refused) from refused


def within_data(kind: Kind, refused: Refused) -> Refused:
    """The problems at their place in the message: what the body says is under `data`."""
    return Refused([_moved(kind, problem) for problem in refused.problems], refused.why)


def _moved(kind: Kind, problem: Problem) -> Problem:
    is_inside = problem.field.split(".")[0] in kind.body.model_fields
    return replace(problem, field=f"data.{problem.field}") if is_inside else problem


def act_of(actor: Actor, now: Any, message_id: str) -> Act:
    """The same message says the same, whatever another door calls its own requests."""
    return Act(actor, now, Channel.API, cause=f"partners/{message_id}")


def _sender(tx: sa.Connection, link_key: bytes, headers: Mapping[str, str], body: bytes) -> Actor:
    """Who signed: a structure's key that is not revoked, and these very bytes. Raises Refused."""
    key_id, given = headers.get(KEY_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
    expected = signature(signing_secret(link_key, key_id), body)
    row = store.find(tx, credentials.api_keys, key_id) if key_id else None
    if not hmac.compare_digest(expected.encode(), given.encode()) or row is None or row["revoked_at"] is not None:
        rule = "Le message est signé par une clé en cours."
        raise _refused(SIGNATURE_HEADER, "not_signed", rule, "Vérifiez la clé, le secret, et que rien ne change après.")
    return Actor(row["id"], Role(row["role"]), row["territory"], structure=row["structure"])


def _parsed(body: bytes) -> PartnerMessage:
    if len(body) > LARGEST:
        raise invalid("", "too_large", "Un message fait 100 ko au plus.", "Envoyez plusieurs messages.")
    try:
        return of_a_known_kind(PartnerMessage.model_validate_json(body))
    except ValidationError as error:
        raise Refused(problems_of(error.errors())) from error


def of_a_known_kind(message: PartnerMessage) -> PartnerMessage:
    if message.kind not in KINDS:
        rule = "Le type du message est dans la liste."
        raise invalid("kind", "unknown_kind", rule, f"Choisissez parmi\u00a0: {', '.join(KINDS)}.")
    return message


def _is_first(tx: sa.Connection, notes: tuple[str, str], now: Any) -> bool:
    """False for a message that was taken already. Raises Refused where its id was another message's."""
    is_new, is_new_content = (inbox.first_time(tx, note, now) for note in notes)
    if not is_new and is_new_content:
        raise id_reused()
    return is_new


def id_reused() -> Refused:
    rule = "Chaque message a son identifiant\u00a0; celui-ci a déjà servi."
    return conflict("id", "id_reused", rule, "Donnez un nouvel identifiant à un nouveau message.")


def notes_of(actor: Actor, message: PartnerMessage, data: Body) -> tuple[str, str]:
    """What the inbox keeps of a message, whichever door it came by: its id, and its id with what it says. What it says
    counts, not its blanks nor the order of its fields."""
    about = (message.id, message.kind, message.about, message.opened_by, message.sent_at.isoformat())
    return _note(actor, message.id), _note(actor, *about, data.model_dump_json())


def _note(actor: Actor, *what: str | None) -> str:
    said = json.dumps(("partners", actor.id, *what))
    return hashlib.sha256(said.encode()).hexdigest()


def _about(actor: Actor, message: PartnerMessage, kind: Kind) -> str:
    if kind.about is None:
        return ""
    if kind.about == "vacancy" and message.about is None and message.opened_by is not None:
        return vacancy_of(actor.id, message.opened_by)
    if message.about is None:
        rule = "Le message dit de quoi il parle."
        raise invalid("about", "about_wanted", rule, "Donnez l'identifiant de la place ou de la proposition.")
    return message.about


def data_of(message: PartnerMessage) -> Body:
    """What the message says, as its kind has it. Raises Refused."""
    try:
        return KINDS[message.kind].body.model_validate(message.data)
    except ValidationError as error:
        within = [{**found, "loc": ("data", *found["loc"])} for found in error.errors()]
        raise Refused(problems_of(within)) from error


def _refused(field: str, code: str, rule: str, remedy: str) -> Refused:
    return Refused([Problem(field, code, rule, remedy)], Why.FORBIDDEN)


def reject_of(refused: Refused, origin: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """What goes to `partners.rejects`: where the message was, what is wrong with it, and the message itself."""
    facts = {
        "origin": origin,
        "key": headers.get(KEY_HEADER),
        "why": refused.why.value,
        "problems": [problem.as_json() for problem in refused.problems],
        "message": body.decode(errors="replace"),
    }
    return json.dumps(facts, ensure_ascii=False).encode()
