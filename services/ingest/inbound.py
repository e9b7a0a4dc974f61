"""SMS from families: understood or not, for this proposal or none, never twice and never lost.

The words of an unclear or unknown text stay in ingest for `KEPT_FOR`, so that whoever calls the family knows what it
wrote; they may hold personal data, never travel, and are erased after that. The number of an unknown sender goes to
the vault, where a sweep erases it as it does every family without a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import AliasChoices, AwareDatetime, ConfigDict, Field
from sqlalchemy.dialects import postgresql, sqlite

from contracts.vocabulary import LIVE, Answer, Channel, ProposalState
from services.bus.tables import Instant
from services.ingest import changes, store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act, Actor, Role
from services.ingest.audited import did
from services.ingest.declare.bodies import Body
from services.ingest.declare.replies import record_reply
from services.ingest.guichet import Guichet
from services.ingest.problems import unknown
from services.ingest.projection.tables import WHOLE, proposals
from services.ingest.queries.proposals import answered_from
from services.ingest.sms_replies import ParsedReply, parse_reply
from services.ingest.store import metadata, named
from services.vault import (
    Contact,
    ContactChannel,
    InvalidPhone,
    Keyring,
    contact_named,
    families_by_phone,
    put_contacts,
    suspend_contact,
    takes_sms,
)

KEPT_FOR = timedelta(days=30)
"""Long enough for a call and a second one, short enough that nothing is collected."""

RECORDED, UNCLEAR, NO_PROPOSAL, UNKNOWN_SENDER = "recorded", "unclear", "no_proposal", "unknown_sender"
_NOT_YET_SEEN = (ProposalState.PREPARED, ProposalState.HELD)

inbound = sa.Table(
    "inbound_texts",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    named("territory", nullable=True),
    named("owner", nullable=True),
    named("proposal", nullable=True),
    named("reply", nullable=True),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("words", sa.Text),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("handled_at", Instant),
    named("handled_by", nullable=True),
    sa.Index("inbound_waiting", "territory", "outcome", "handled_at"),
)
"""`id` is the provider's message id. `owner` is the family, or the vault's entry of an unknown sender."""


class InboundSms(Body):
    """What an operator hands over. `received_at` is when it had the text; a clock ahead of ours is not believed.

    Operators add fields of their own: those are left alone.
    """

    model_config = ConfigDict(extra="ignore")

    message_id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
    sender: Annotated[str, Field(max_length=30, validation_alias=AliasChoices("from", "sender"))]
    to: Annotated[str, Field(max_length=30)] = ""
    text: Annotated[str, Field(max_length=2000)]
    received_at: AwareDatetime | None = None


@dataclass(frozen=True)
class Taken:
    """What became of a text; `repeated` where it was known already."""

    outcome: str
    proposal: str | None = None
    reply: str | None = None
    repeated: bool = False


@dataclass(frozen=True)
class Sender:
    """Whose number it is: (family, contact) pairs, and the contacts that may not answer.

    `proven` are the contacts from which the family itself has answered: whoever writes ERREUR there means something
    else. `wrong` are families that the number was said not to be of: it speaks for none of them.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    silent: frozenset[str] = frozenset()
    proven: frozenset[str] = frozenset()
    wrong: tuple[str, ...] = ()

    @property
    def families(self) -> list[str]:
        return [family for family, _ in self.pairs]

    def contact_in(self, family: str) -> str:
        return next(contact for owner, contact in self.pairs if owner == family)


async def receive_sms(guichet: Guichet, sms: InboundSms) -> Taken:
    """Take one text. Safe to repeat: the provider's message id counts once.

    Whoever wants no text is silenced before, and made a stranger behind: given again after a crash in between, the text
    still finds the family that it is about, and what was left undone is done.
    """
    now, reply = guichet.clock(), parse_reply(sms.text)
    is_wrong = reply.answer is Answer.ERREUR and not reply.stop
    taken = await guichet.database.read(_known, sms.message_id)
    if taken is not None and not is_wrong:
        return taken
    sender = await guichet.vault.read(_sender, guichet.keyring, sms.sender)
    if reply.stop or is_wrong:
        own = [contact for _, contact in sender.pairs]
        sender = replace(sender, proven=await guichet.database.read(answered_from, own))
        await guichet.vault.write(_suspend, sender, reply)
    if taken is None:
        owner = None if sender.pairs else await _keep_unknown(guichet, sms, now)
        taken = await guichet.database.write(_take, sms, reply, sender, owner, now)
    if is_wrong:
        await guichet.vault.write(_suspend, sender, reply, strangers=True)
    return taken


def match(rows: Sequence[dict[str, Any]], code: str | None) -> tuple[dict[str, Any] | None, bool]:
    """The proposal that a text is about among those its sender knows of, newest first, and whether that is sure.

    A code names one; a live one before a closed one. Without a code the only live one is meant, or the newest closed
    one where none lives (the matcher says that it is late). Where it is not sure, the newest one is returned.
    """
    live = [row for row in rows if ProposalState(row["state"]) in LIVE]
    if code is not None:
        named_by_code = [row for row in (*live, *rows) if row["code"] == code]
        return (named_by_code[0], True) if named_by_code else (next(iter((*live, *rows)), None), False)
    if len(live) > 1:
        return live[0], False
    return next(iter((*live, *rows)), None), True


def known_to(tx: sa.Connection, families: Sequence[str]) -> list[dict[str, Any]]:
    """Proposals that these families were told of, newest first."""
    reached = sa.or_(proposals.c.answer_by.is_not(None), proposals.c.deadline.is_not(None))
    told = (WHOLE, proposals.c.family.in_(families), proposals.c.state.not_in(_NOT_YET_SEEN), reached)
    newest = (proposals.c.made_at.desc().nulls_last(), proposals.c.id)
    return store.rows(tx, sa.select(proposals).where(*told).order_by(*newest))


def handle_text(tx: sa.Connection, act: Act, text: str) -> None:
    """Somebody has dealt with a text that was no answer: it leaves the list. Raises Refused."""
    require(act.actor, Doing.HANDLE_TASK, Thing(act.territory))
    row = store.find(tx, inbound, text)
    if row is None or row["territory"] != act.territory:
        raise unknown("text", "ce SMS")
    if row["handled_at"] is None:
        store.update(tx, inbound, text, handled_at=act.now, handled_by=act.actor.id)
        did(tx, act, "text.handled", row["proposal"] or row["owner"] or act.territory)
        changes.note(tx, (act.territory,))


def forget_texts(tx: sa.Connection, family: str, now: datetime) -> None:
    """What an erased family wrote goes with it, and nobody waits to call: there is no number any more."""
    _forget(tx, inbound.c.owner == family, now)


def forget_texts_left(tx: sa.Connection, now: datetime) -> None:
    """The same for every family of which no request is kept: the process may have died behind the closing."""
    erased = sa.select(store.requests.c.family).where(store.requests.c.family.not_in(store.families_kept()))
    _forget(tx, inbound.c.owner.in_(erased), now)


def _forget(tx: sa.Connection, theirs: sa.ColumnElement[bool], now: datetime) -> None:
    tx.execute(sa.update(inbound).where(theirs, inbound.c.words.is_not(None)).values(words=None))
    tx.execute(sa.update(inbound).where(theirs, inbound.c.handled_at.is_(None)).values(handled_at=now))


def forget_words(tx: sa.Connection, now: datetime) -> int:
    """Erase words that nobody needs any more. Returns how many texts."""
    old = (inbound.c.received_at < now - KEPT_FOR, inbound.c.words.is_not(None))
    return tx.execute(sa.update(inbound).where(*old).values(words=None)).rowcount


def _take(
    tx: sa.Connection, sms: InboundSms, reply: ParsedReply, sender: Sender, owner: str | None, now: datetime
) -> Taken:
    received_at = min(sms.received_at or now, now)
    if not _first_time(tx, sms.message_id, received_at):
        return _known(tx, sms.message_id) or Taken(UNKNOWN_SENDER, repeated=True)
    row, sure = match(known_to(tx, sender.families), reply.code)
    if row is None:
        taken = Taken(NO_PROPOSAL if sender.pairs else UNKNOWN_SENDER)
    else:
        taken = _record(tx, sms, reply, sender, row, sure, received_at, now)
    territory = row["territory"] if row else _territory(tx, [*sender.families, *sender.wrong])
    _keep(tx, sms, taken, owner or next(iter(sender.families), None), territory)
    return taken


def _record(
    tx: sa.Connection, sms: InboundSms, reply: ParsedReply, sender: Sender, row: dict[str, Any], sure: bool,
    received_at: datetime, now: datetime,
) -> Taken:  # fmt: skip
    """Say the answer; or, where words, code or sender leave a doubt, that a person has to call.

    With two live proposals and no code the newest one is asked again: its text shows its code, and only that one's.
    "Erreur" from a family that has answered from there is no wrong number: it may well mean its own NON.
    """
    contact = sender.contact_in(row["family"])
    meant = reply.answer is not Answer.ERREUR or contact not in sender.proven
    clear = sure and reply.understood and meant and contact not in sender.silent
    answer = reply.answer if clear and reply.answer else Answer.RAPPEL
    actor = Actor(contact, Role.FAMILY, row["territory"], row["structure"], row["family"], row["request"], row["id"])
    act = Act(actor, now, Channel.SMS, cause=sms.message_id)
    said = record_reply(tx, act, row["id"], answer, received_at=received_at, understood=clear, stop=reply.stop)
    return Taken(RECORDED if clear else UNCLEAR, row["id"], said)


def _keep(tx: sa.Connection, sms: InboundSms, taken: Taken, owner: str | None, territory: str | None) -> None:
    values = {
        "territory": territory,
        "owner": owner,
        "proposal": taken.proposal,
        "reply": taken.reply,
        "outcome": taken.outcome,
        "words": None if taken.outcome == RECORDED else sms.text.replace("\0", ""),
    }
    store.update(tx, inbound, sms.message_id, **values)
    if taken.reply is None and territory:
        changes.note(tx, (territory,))  # nothing was said: only a person reads it


def _first_time(tx: sa.Connection, message_id: str, received_at: datetime) -> bool:
    """Note the message before anything is done about it: of two that arrive at once, the second waits and sees it."""
    insert = (postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert)(inbound)
    row = {"id": message_id, "outcome": UNKNOWN_SENDER, "received_at": received_at}
    return tx.scalar(insert.values(row).on_conflict_do_nothing().returning(inbound.c.id)) is not None


def _known(tx: sa.Connection, message_id: str) -> Taken | None:
    row = store.find(tx, inbound, message_id)
    return Taken(row["outcome"], row["proposal"], row["reply"], repeated=True) if row else None


def _territory(tx: sa.Connection, families: Sequence[str]) -> str | None:
    """Who looks at a text that names no proposal: the territory of a family that has, or had, this number; where nobody
    has, the only territory, or the first of several."""
    asked, every = store.requests.c, store.territories.c.id
    theirs = sa.select(asked.territory).where(asked.family.in_(families)).order_by(asked.registered_at.desc(), asked.id)
    return tx.scalar(theirs.limit(1)) or tx.scalar(sa.select(every).order_by(every).limit(1))


def _sender(tx: sa.Connection, keyring: Keyring, phone: str) -> Sender:
    try:
        pairs = tuple(pair for pair in families_by_phone(tx, keyring, phone) if not pair[0].startswith(UNKNOWN))
    except InvalidPhone:
        return Sender()
    contacts = [found for _, name in pairs if (found := contact_named(tx, keyring, name)) is not None]
    strangers = {contact.id for contact in contacts if contact.stranger}
    return Sender(
        tuple(pair for pair in pairs if pair[1] not in strangers),
        silent=frozenset(contact.id for contact in contacts if not contact.may_answer),
        wrong=tuple(family for family, contact in pairs if contact in strangers),
    )


def _suspend(tx: sa.Connection, sender: Sender, reply: ParsedReply, *, strangers: bool = False) -> None:
    """STOP silences a number and leaves it the family's; ERREUR makes a stranger of it, unless the family has answered
    from there."""
    for _, contact in sender.pairs:
        if reply.stop or contact not in sender.proven:
            suspend_contact(tx, contact, stranger=strangers)


UNKNOWN = "unknown-"
"""How the vault's entries of unknown senders begin. They are families of nobody: the sweep erases them."""


async def _keep_unknown(guichet: Guichet, sms: InboundSms, now: datetime) -> str | None:
    """Keep the number in the vault, so that somebody can call. None where it is no phone number."""
    act = Act(Actor("sms", Role.PUBLIC, ""), now, Channel.SMS, cause=sms.message_id)
    owner = act.new_id(UNKNOWN.rstrip("-"))
    try:
        contact = _contact(owner, sms.sender)
    except (InvalidPhone, ValueError):
        return None
    await guichet.vault.write(_put_unknown, guichet.keyring, owner, contact, act.today)
    return owner


def _contact(owner: str, phone: str) -> Contact:
    by_voice = Contact(id=f"{owner}-c1", channel=ContactChannel.VOICE, phone=phone)
    can_text = by_voice.phone is not None and takes_sms(by_voice.phone)
    return by_voice.model_copy(update={"channel": ContactChannel.SMS}) if can_text else by_voice


def _put_unknown(tx: sa.Connection, keyring: Keyring, owner: str, contact: Contact, today: date) -> None:
    put_contacts(tx, keyring, owner, [contact], today)
