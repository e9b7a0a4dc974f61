"""A family's file at the guichet: all that is known, all that happened, and what the guichet does for the family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from fastapi.responses import Response

from contracts.vocabulary import Answer, Channel, ClosingReason, Criterion, ProposalState, RequestKind, WithdrawalReason
from services.ingest.actors import Role
from services.ingest.declare.releases import OF_GUICHET, TakingBackBody, withdraw_proposal
from services.ingest.declare.replies import record_reply, undo_reply
from services.ingest.declare.requests import (
    ClosingBody,
    amend_request,
    close_request,
    erase_requests,
    need_of,
    open_request,
    version_of,
)
from services.ingest.declare.vacancies import BY_STRUCTURE
from services.ingest.families import (
    AmendmentBody,
    contacts_for,
    erase_if_unknown,
    prepare_amendment,
    suspend_if_wrong,
)
from services.ingest.pages import contact_forms
from services.ingest.pages.forms import Form, body
from services.ingest.pages.histories import told
from services.ingest.pages.own_requests import address_of
from services.ingest.pages.public import commune_options
from services.ingest.pages.siblings import asked_with
from services.ingest.pages.visit import Visit, get, post
from services.ingest.people import with_people
from services.ingest.problems import Refused
from services.ingest.queries import requests
from services.ingest.queries.directory import named_structures
from services.ingest.queries.proposals import proposal
from services.vault import InvalidPhone, Keyring, families_by_phone

PER_PAGE = 30
CHANNELS = ((Channel.PHONE.value, "Au téléphone"), (Channel.COUNTER.value, "Au guichet"))
ANSWERS = (
    (Answer.OUI.value, "OUI, elle prend la place"),
    (Answer.NON.value, "NON, elle ne la prend pas"),
    (Answer.RAPPEL.value, "RAPPEL, elle veut encore un appel"),
    (Answer.FIN.value, "FIN, elle a trouvé ailleurs"),
    (Answer.ERREUR.value, "ERREUR, ce numéro n'est pas le sien"),
)
CLOSINGS = tuple((r.value, r.label) for r in ClosingReason if r not in (ClosingReason.PLACED, ClosingReason.ERASED))
TAKING_BACK = tuple((r.value, r.label) for r in WithdrawalReason if r in BY_STRUCTURE | OF_GUICHET)


LISTED = ("request", "first_name", "age_months", "child_commune", "request_kind", "request_state", "registered_at")
"""What the list shows of a request."""


def listed(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Requests as the list shows them. Nothing else is read of a family: neither contacts nor what speaks of health,
    and the trail says of nobody that it read them."""
    return [{name: row[name] for name in LISTED} for row in found]


async def all_files(visit: Visit) -> Response:
    """Open requests, page by page."""
    found = await visit.read(
        requests.requests_of, visit.actor, visit.now, state="open", after=visit.asked("apres"), limit=PER_PAGE + 1
    )
    return await _list(visit, listed(found), Form())


async def by_phone(visit: Visit) -> Response:
    """The requests of whoever has this number. It is sent in the body: no address keeps it."""
    form = await visit.form()
    try:
        families = await visit.guichet.vault.read(_families, visit.guichet.keyring, form["tel"])
    except InvalidPhone as wrong:
        rule, _, remedy = str(wrong).partition(". ")
        form.fault("tel", "phone_not_valid", f"{rule}.", remedy)
        return await _list(visit, [], form, 422)
    found = await visit.read(requests.requests_of, visit.actor, visit.now, limit=10_000)
    return await _list(visit, [row for row in found if row["family"] in families], form)


async def one_file(visit: Visit) -> Response:
    return await _file(visit, Form())


async def answer_form(visit: Visit) -> Response:
    return await _answer(visit, Form.filled(canal=Channel.PHONE.value))


async def answered(visit: Visit) -> Response:
    """Write down what the family said, on the phone or at the counter."""
    form = await visit.form()
    try:
        answer = form.choice("reponse", Answer, "la réponse")
        channel = form.choice("canal", Channel, "le canal")
        form.check()
        act, proposal_id = visit.act(channel), visit.path("proposal")
        await suspend_if_wrong(visit.guichet, act, proposal_id, answer)
        await visit.write(record_reply, act, proposal_id, answer, consent=True)
    except Refused as refused:
        return await _answer(visit, form.refused(refused, {"channel": "canal", "": "reponse"}), 422)
    return visit.go("/guichet", "reponse")


async def undone(visit: Visit) -> Response:
    """The family takes its NON back, while it may; the matcher says whether in time."""
    await visit.write(undo_reply, visit.act(Channel.PHONE), visit.path("proposal"))
    return visit.go(f"/guichet/dossier/{(await visit.form())['demande']}", "annulation")


async def taken_back(visit: Visit) -> Response:
    """Take a live proposal back, for a reason of the list."""
    form = await visit.form()
    reason = form.choice("motif", WithdrawalReason, "un motif")
    form.check()
    await visit.write(withdraw_proposal, visit.act(), visit.path("proposal"), body(TakingBackBody, reason=reason))
    return visit.go(f"/guichet/dossier/{form['demande']}", "proposition_retiree")


async def closed(visit: Visit) -> Response:
    """Close a request, because somebody said so."""
    form = await visit.form()
    try:
        reason = form.choice("motif", ClosingReason, "un motif")
        form.check()
        await visit.write(close_request, visit.act(), visit.path("request"), body(ClosingBody, reason=reason))
    except Refused as refused:
        return await _file(visit, form.refused(refused, {"reason": "motif", "": "motif"}), 422)
    return visit.go(f"/guichet/dossier/{visit.path('request')}", "close")


async def erased(visit: Visit) -> Response:
    """Erase all that is known of a family, at its request. Ticking a box is the second look: nothing brings it back."""
    form, request = await visit.form(), visit.path("request")
    try:
        if not form.has("effacer", "oui"):
            form.fault("effacer", "tick_wanted", "La famille doit l'avoir demandé.", "Cochez la case pour le dire.")
        form.check()
        await visit.write(erase_requests, visit.act(), request)
    except Refused as refused:
        return await _file(visit, form.refused(refused, {"": "effacer"}), 422)
    await erase_if_unknown(visit.guichet, visit.act(), request)
    return visit.go("/guichet/demandes", "effacee")


async def born(visit: Visit) -> Response:
    """The child is born: the need goes on with its birth date."""
    form = await visit.form()
    try:
        day = form.day("naissance", "la date de naissance")
        form.check()
        await _amend(visit, born=day, is_born=True, child_first_name=form["prenom"])
    except Refused as refused:
        return await _file(
            visit, form.refused(refused, {"born": "naissance", "child_first_name": "prenom", "": "naissance"}), 422
        )
    return visit.go(f"/guichet/dossier/{visit.path('request')}", "naissance")


async def reached_anew(visit: Visit) -> Response:
    """Write down who is reached from now on, and how: all contacts are replaced."""
    form = await visit.form()
    try:
        row = await visit.read(open_request, visit.act(), visit.path("request"))
        found = contact_forms.read(form, await contacts_for(visit.guichet, row["family"]))
        await _amend(visit, contacts=found)
    except Refused as refused:
        return await _file(visit, form.refused(refused, contact_forms.fields(form)), 422)
    return visit.go(f"/guichet/dossier/{visit.path('request')}", "contacts")


async def _amend(visit: Visit, **changes: Any) -> None:
    """The need as it is kept, with what changes of it. Raises Refused."""
    row = await visit.read(open_request, visit.act(), visit.path("request"))
    wanted = body(AmendmentBody, **(need_of(row) | changes))
    need = await prepare_amendment(visit.guichet, visit.act(), row["id"], wanted, version_of(row))
    await visit.write(amend_request, visit.act(), row["id"], need, version_of(row))


async def _file(visit: Visit, form: Form, status: int = 200) -> Response:
    found = await visit.read(requests.request, visit.actor, visit.path("request"), visit.now)
    (view,) = await with_people(visit.guichet, visit.actor, visit.now, [found])
    whole = [await visit.read(proposal, visit.actor, row["proposal"], visit.now) for row in view["proposals"]]
    contacts_wrong = contact_forms.is_faulty(form)
    known = await contacts_for(visit.guichet, view["family"]) if view["request_state"] == "open" else ()
    form = contact_forms.shown(known, form)
    return visit.show(
        "coordinator/file.html",
        status,
        form=form,
        contacts_wrong=contacts_wrong,
        reached=contact_forms.rows(form),
        seen=contact_forms.seen(known),
        answering=contact_forms.ANSWERING,
        view=view,
        proposals=[{**row, "story": told(row)} for row in whole],
        names=await visit.read(named_structures, {wish["structure"] for wish in view["wishes"]}),
        communes=dict(commune_options(visit)),
        family=await asked_with(visit, view),
        states=ProposalState,
        kinds=RequestKind,
        criteria=Criterion,
        closings=CLOSINGS,
        takings=TAKING_BACK,
        reasons=ClosingReason,
        own_page=address_of(visit.guichet, view["request"]),
    )


async def _answer(visit: Visit, form: Form, status: int = 200) -> Response:
    found = await visit.read(proposal, visit.actor, visit.path("proposal"), visit.now)
    (view,) = await with_people(visit.guichet, visit.actor, visit.now, [found])
    return visit.show("coordinator/answer.html", status, view=view, form=form, answers=ANSWERS, channels=CHANNELS)


async def _list(visit: Visit, found: list[dict[str, Any]], form: Form, status: int = 200) -> Response:
    shown = await with_people(visit.guichet, visit.actor, visit.now, found[:PER_PAGE])
    after = shown[-1]["request"] if len(found) > PER_PAGE else None
    communes = dict(commune_options(visit))
    return visit.show(
        "coordinator/files.html", status, rows=shown, after=after, form=form, kinds=RequestKind, communes=communes
    )


def _families(tx: sa.Connection, keyring: Keyring, phone: str) -> set[str]:
    return {family for family, _ in families_by_phone(tx, keyring, phone)}


PAGES = (
    get("/guichet/demandes", all_files, Role.COORDINATOR),
    post("/guichet/demandes", by_phone, Role.COORDINATOR),
    get("/guichet/dossier/{request}", one_file, Role.COORDINATOR),
    post("/guichet/dossier/{request}/clore", closed, Role.COORDINATOR),
    post("/guichet/dossier/{request}/effacer", erased, Role.COORDINATOR),
    post("/guichet/dossier/{request}/naissance", born, Role.COORDINATOR),
    post("/guichet/dossier/{request}/contacts", reached_anew, Role.COORDINATOR),
    get("/guichet/proposition/{proposal}/repondre", answer_form, Role.COORDINATOR),
    post("/guichet/proposition/{proposal}/repondre", answered, Role.COORDINATOR),
    post("/guichet/proposition/{proposal}/annuler", undone, Role.COORDINATOR),
    post("/guichet/proposition/{proposal}/reprendre", taken_back, Role.COORDINATOR),
)
