"""A family's page: one proposal, opened by the link of its SMS. No sign-in, no cookie, and GET changes nothing.

The link is the right: whoever holds it may answer this proposal and see nothing else. What a family answers is judged
by the matcher alone; until it has, the page says that the answer is recorded.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi.responses import Response

from contracts.vocabulary import Answer, Channel, ProposalState, VacancyKind, WithdrawalReason
from services.bus import links
from services.ingest import store
from services.ingest.actors import Act, Actor
from services.ingest.declare.replies import record_reply, undo_reply
from services.ingest.families import suspend_if_wrong
from services.ingest.pages.forms import Form
from services.ingest.pages.visit import Visit, get, post
from services.ingest.problems import Refused
from services.ingest.projection.tables import verdicts
from services.ingest.queries import directory
from services.ingest.queries.proposals import (
    answered_from,
    family_of_link,
    proposal,
    said_wrong_number,
)
from services.ingest.queries.tasks import is_to_be_called
from services.vault import contact_ids, is_suspended

LINK_LIFE = timedelta(days=30)
"""How long a link still opens what is over. Later the family asks the guichet (choice: a month answers most questions;
a phone that is sold or lost must not tell longer)."""

NOT_YET = (ProposalState.PREPARED, ProposalState.HELD)

ANSWERS = (
    (Answer.OUI, "Oui, nous voulons cette place", "La structure vous appelle ensuite."),
    (Answer.NON, "Non, pas cette place", "Votre demande reste active."),
    (Answer.RAPPEL, "Rappelez-nous avant de décider", "Le délai s'arrête jusqu'à l'appel, un jour ouvré au plus."),
    (Answer.FIN, "Nous avons trouvé ailleurs", "Votre demande est close."),
)

ANSWERS_FOR_BOTH = (
    (Answer.OUI, "Oui, nous voulons ces deux places", "Les deux structures vous appellent ensuite."),
    (Answer.NON, "Non, pas ces places", "Votre demande reste active."),
    *ANSWERS[2:],
)
"""Where two structures share the week: one answer counts for both."""

ASKED_AGAIN = (Answer.FIN, Answer.NON, Answer.ERREUR)
"""Answers that cannot be taken back, NON where the place is for tomorrow."""

CALLED = "appel"
"""What the last page says where the guichet calls instead of taking the number for a stranger's."""

FORMS = {
    **dict.fromkeys(("released", "sent", "delivered", "undelivered"), "offer"),
    **{name: name for name in ("frozen", "declining", "accepted", "confirmed", "declined", "expired")},
    **dict.fromkeys(("withdrawn", "refused"), "lost"),
}
"""What the page says in each state of a proposal."""

TAKEN_BACK = {
    WithdrawalReason.TAKEN.value: "taken",
    WithdrawalReason.FAMILY_UNREACHABLE.value: "expired",
    WithdrawalReason.REQUEST_CHANGED.value: "changed",
}
"""What it says of a place that was taken back, where no structure did so."""

OVER = frozenset({ProposalState.DECLINED, ProposalState.EXPIRED, ProposalState.WITHDRAWN, ProposalState.REFUSED})


async def shown(visit: Visit) -> Response:
    """The proposal as it stands."""
    family = await _family(visit)
    if family is None or await _is_a_stranger(family):
        return _closed(visit, family)
    return await _page(family, Form())


async def answered(visit: Visit) -> Response:
    """Record an answer, or ask once more where it cannot be undone."""
    family = await _family(visit)
    if family is None:
        return _neutral(visit)
    if await _is_a_stranger(family):
        return visit.go(f"{_link(visit)}/merci")
    form = await visit.form()
    answer = form.choice("reponse", Answer, "votre réponse")
    if form.problems:
        return await _page(family, form, 422)
    if await _is_final(family, answer) and form["sur"] != "oui":
        return visit.go(f"{_link(visit)}/confirmer", reponse=answer.value)
    act, proposal_id = family.act(Channel.LINK, form.once), family.actor.proposal or ""
    if answer is Answer.ERREUR and await _has_answered(family):
        await visit.write(_record, act, proposal_id, Answer.RAPPEL, understood=False)
        return visit.go(f"{_link(visit)}/merci", CALLED)
    await suspend_if_wrong(visit.guichet, act, proposal_id, answer, family.actor.id)
    await visit.write(_record, act, proposal_id, answer)
    return visit.go(f"{_link(visit)}/merci" if answer is Answer.ERREUR else _link(visit))


async def asked_again(visit: Visit) -> Response:
    """The step before an answer that is final."""
    family = await _family(visit)
    answer = next((answer for answer in ASKED_AGAIN if answer.value == visit.asked("reponse")), None)
    if family is None or answer is None or await _is_a_stranger(family):
        return _closed(visit, family if answer else None)
    doubted = answer is Answer.ERREUR and await _has_answered(family)
    return family.show("families/sure.html", answer=answer, form=Form(), link=_link(visit), doubted=doubted)


async def thanked(visit: Visit) -> Response:
    """The last that a stranger sees: nothing of the proposal."""
    return _closed(visit, await _family(visit))


async def undone(visit: Visit) -> Response:
    """Take a NON back. Whether in time, the matcher says."""
    family = await _family(visit)
    if family is None or await _is_a_stranger(family):
        return _closed(visit, family)
    form = await visit.form()
    # the same form, sent twice, would say the same event again: it is undone already
    with contextlib.suppress(sa.exc.IntegrityError):
        await visit.write(undo_reply, family.act(Channel.LINK, form.once), family.actor.proposal or "")
    return visit.go(_link(visit), "annule")


def _closed(visit: Visit, family: Visit | None) -> Response:
    """Nothing of the proposal: for a link of nobody, and for a stranger who said ERREUR."""
    return _neutral(visit) if family is None else family.show("families/thanks.html")


async def _has_answered(family: Visit) -> bool:
    """Whether the family has answered from where this link was sent. "Erreur" then is no wrong number, as by SMS: a
    person calls."""
    return bool(await family.read(answered_from, {family.actor.id}))


async def _is_a_stranger(family: Visit) -> bool:
    """Whoever said that the number is wrong sees no more of the family. The number that the guichet puts in its place
    is another contact, with a link of its own (`vault.naming`); the stranger's is then nobody's."""
    contact = family.actor.id
    silent = await family.guichet.vault.read(is_suspended, contact)
    return silent and await family.read(said_wrong_number, contact)


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    view = await visit.read(proposal, visit.actor, visit.actor.proposal or "", visit.now)
    place = await _place(visit, view)
    other = await _place(visit, view["other_half"]) if view["other_half"] else None
    pending = next((row for row in reversed(view["replies"]) if row["verdict"] is None), None)
    return visit.show(
        "families/proposal.html",
        status,
        form=form,
        view=view,
        place=place,
        other=other,
        says=_says(view),
        pending=pending,
        called=await visit.read(is_to_be_called, visit.actor.proposal or ""),
        link=_link(visit),
        answers=ANSWERS_FOR_BOTH if view["shared"] else ANSWERS,
        can_undo=_can_undo(view, visit.now),
        urgent=view["kind"] is VacancyKind.ON_CALL,
    )


def _says(view: dict[str, Any]) -> str:
    """A place given back because nobody could be reached is over by its time; one that another family of the wave was
    quicker to take is taken. No call is promised then. Nor is a structure blamed for what the family itself changed,
    or a request called active that was closed since."""
    if ProposalState(view["state"]) in OVER and view.get("request_state") == store.CLOSED:
        return "closed"
    return TAKEN_BACK.get(view["withdrawal_reason"]) or FORMS[view["state"]]


async def _place(visit: Visit, view: dict[str, Any]) -> dict[str, Any]:
    """Where it is: from the public directory; a structure that left it still has its name."""
    try:
        return await visit.read(directory.structure, visit.actor.territory, view["structure"])
    except Refused:
        return {"name": view.get("structure_name", ""), "address": "", "phone": "", "commune": ""}


async def _family(visit: Visit) -> Visit | None:
    """The visit of whom the link belongs to, or None: unknown, not sent yet and too old look the same.

    A link without its mark opens nothing: whoever cut it off would be nobody in particular, and no stranger.
    """
    token, mark = links.opening(visit.path("token"))
    actor = await visit.read(family_of_link, token)
    actor = await _as_contact(visit, actor, mark) if actor is not None else None
    if actor is None:
        return None
    view = await visit.read(proposal, actor, actor.proposal or "", visit.now)
    if ProposalState(view["state"]) in NOT_YET or _is_too_old(view, visit.now):
        return None
    return replace(visit, actor=actor, town=await visit.read(directory.territory, actor.territory))


async def _as_contact(visit: Visit, actor: Actor, mark: str) -> Actor | None:
    """The family as the very contact that the link was sent to; None where the mark is of nobody, or of a number that
    the guichet has taken off the family's contacts since."""
    contacts = await visit.guichet.vault.read(contact_ids, actor.family or "")
    contact = links.whose(visit.guichet.link_key, actor.proposal or "", mark, contacts)
    return replace(actor, id=contact) if contact else None


def _is_too_old(view: dict[str, Any], now: datetime) -> bool:
    state = ProposalState(view["state"])
    is_over = not state.is_live and state is not ProposalState.CONFIRMED
    return is_over and view["changed_at"] + LINK_LIFE < now


def _can_undo(view: dict[str, Any], now: datetime) -> bool:
    return view["undo_until"] is not None and now < view["undo_until"]


async def _is_final(visit: Visit, answer: Answer) -> bool:
    """FIN closes the request, ERREUR silences a number; a NON to an on-call place gives it to another child at once."""
    if answer is not Answer.NON:
        return answer in ASKED_AGAIN
    view = await visit.read(proposal, visit.actor, visit.actor.proposal or "", visit.now)
    return view["kind"] is VacancyKind.ON_CALL


def _record(tx: sa.Connection, act: Act, proposal_id: str, answer: Answer, *, understood: bool = True) -> None:
    """Say the answer once: the same form sent again has the same id and says nothing."""
    store.one_at_a_time(tx, act.new_id("Y"))
    known = tx.scalar(sa.select(verdicts.c.reply).where(verdicts.c.reply == act.new_id("Y")))
    if known is None:
        record_reply(tx, act, proposal_id, answer, understood=understood)


def _link(visit: Visit) -> str:
    return f"/p/{visit.path('token')}"


def _neutral(visit: Visit) -> Response:
    """The same for every link that opens nothing: nobody learns whether it once did."""
    return visit.show("families/neutral.html", 404)


PAGES = (
    get("/p/{token}", shown),
    post("/p/{token}", answered),
    get("/p/{token}/confirmer", asked_again),
    get("/p/{token}/merci", thanked),
    post("/p/{token}/annuler", undone),
)
