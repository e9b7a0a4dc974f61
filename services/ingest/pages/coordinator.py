""" "À traiter": what a machine must not decide, each with the one gesture that settles it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi.responses import Response

from contracts.vocabulary import MessageTemplate, ProposalState, RefusalReason, TaskKind, WithdrawalReason
from services.ingest.actors import Act, Role
from services.ingest.calls_asked import CALL_ASKED, files_of
from services.ingest.declare.replies import CallBody, record_call
from services.ingest.declare.tasks import ACT_FIRST, HandledBody, handle_task
from services.ingest.inbound import handle_text
from services.ingest.pages.family_files import TAKING_BACK
from services.ingest.pages.forms import body
from services.ingest.pages.histories import said
from services.ingest.pages.public import commune_options
from services.ingest.pages.releases import rounds
from services.ingest.pages.visit import Visit, get, post
from services.ingest.people import with_people
from services.ingest.problems import Refused
from services.ingest.queries.tasks import to_handle, unclear_texts

ORDER = (
    TaskKind.CONTRADICTION,
    TaskKind.CALL_BACK,
    TaskKind.UNCLEAR_REPLY,
    TaskKind.UNDELIVERED,
    TaskKind.NO_MOBILE,
    TaskKind.LATE_YES,
    TaskKind.STRUCTURE_REFUSED,
    TaskKind.STRUCTURE_TO_TELL,
    TaskKind.LATE_CONFIRMATION,
    TaskKind.SHORTFALL,
    TaskKind.OVER_CAPACITY,
    TaskKind.BIRTH_TO_CONFIRM,
    TaskKind.WRONG_NUMBER,
    TaskKind.TO_VERIFY,
    TaskKind.TO_PREPARE,
    TaskKind.ROUND_WITHHELD,
)
"""Families who wait for a call come first. Releases have a block of their own above."""

TITLES = {
    TaskKind.CONTRADICTION: ("Réponses contradictoires", "Deux contacts se contredisent. Appelez, puis choisissez."),
    TaskKind.CALL_BACK: ("Familles à rappeler", "Elles attendent votre appel. Un délai s'arrête un jour ouvré."),
    TaskKind.UNCLEAR_REPLY: ("Réponses non comprises", "Lisez le SMS, appelez, puis enregistrez la réponse."),
    TaskKind.UNDELIVERED: ("SMS non reçus", "La famille n'a pas lu ce SMS. Appelez-la."),
    TaskKind.NO_MOBILE: ("Familles sans mobile", "Aucun SMS ne part. Appelez la famille."),
    TaskKind.LATE_YES: ("OUI arrivés trop tard", "La place n'est plus réservée. Appelez la famille."),
    TaskKind.STRUCTURE_REFUSED: ("Refus d'une structure", "Aucun SMS ne part. Appelez la famille."),
    TaskKind.STRUCTURE_TO_TELL: ("Structures à prévenir", "Elles attendent un enfant qui ne vient pas. Appelez-les."),
    TaskKind.LATE_CONFIRMATION: ("Confirmations en retard", "Appelez la structure, puis confirmez pour elle."),
    TaskKind.SHORTFALL: ("Moins de places que d'engagements", "Appelez la structure. Rien n'est retiré sans vous."),
    TaskKind.OVER_CAPACITY: ("Places au-delà de la capacité", "Appelez la structure. Rien n'est retiré sans vous."),
    TaskKind.BIRTH_TO_CONFIRM: ("Naissances à confirmer", "La date prévue est passée. Aucun SMS ne part."),
    TaskKind.WRONG_NUMBER: ("Mauvais numéros", "Quelqu'un a répondu ERREUR. Trouvez le bon numéro."),
    TaskKind.TO_VERIFY: ("Envois à vérifier", "L'opérateur ne sait pas si le SMS est parti."),
    TaskKind.TO_PREPARE: ("Accueils à préparer", "Convenez des heures de soutien et de la date du PAI."),
    TaskKind.ROUND_WITHHELD: (
        "Attributions retenues par le contrôle",
        "Rien n'est parti. Prévenez l'équipe technique.",
    ),
}
"""A heading and what the gesture is, for each kind."""

CALLS = frozenset(
    {
        TaskKind.CONTRADICTION,
        TaskKind.CALL_BACK,
        TaskKind.UNCLEAR_REPLY,
        TaskKind.UNDELIVERED,
        TaskKind.NO_MOBILE,
    }
)
"""Kinds that an answer of the family, or a call that reached it, settles."""

OF_STRUCTURES = frozenset(
    {
        TaskKind.STRUCTURE_TO_TELL,
        TaskKind.LATE_CONFIRMATION,
        TaskKind.SHORTFALL,
        TaskKind.OVER_CAPACITY,
        TaskKind.TO_PREPARE,
    }
)
"""Kinds that a call to the structure settles: its number stands there."""

UNREACHED = frozenset({TaskKind.UNDELIVERED, TaskKind.NO_MOBILE})
"""Kinds where a message did not arrive, whichever it was."""

TO_TELL = {
    **dict.fromkeys(("released", "sent", "undelivered"), "Un appel abouti fait courir le délai."),
    "declining": "Son NON est noté, et s'annule encore.",
    "accepted": "Son OUI est noté. La structure l'appelle ensuite.",
    "confirmed": "L'accueil est confirmé. Donnez-lui ses dates.",
    "declined": "Son NON est noté. Sa demande reste active.",
    "expired": "Le délai est passé. Sa demande reste active.",
    **dict.fromkeys(("withdrawn", "refused"), "La place n'est plus disponible. Sa demande reste active."),
}
"""What the message would have said to a family, by the state of its proposal."""

PUT_OFF_HOURS = 4
"""When an unanswered call is tried again: later on the same working day (a choice of the guichet)."""

_DETAILS: dict[str, str] = {
    **{
        said: f"Motif\u00a0: {reason.label}."
        for reasons in (RefusalReason, WithdrawalReason)
        for reason in reasons
        for said in (reason.value, reason.label)
    },
    **{template.value: f"SMS\u00a0: {template.label}." for template in MessageTemplate},
}
"""What the detail of a task says to a person; a detail that is a sentence already stands as it is."""


async def to_do(visit: Visit) -> Response:
    """Everything that waits for a person."""
    found = await visit.read(to_handle, visit.actor, visit.now)
    texts = await visit.read(unclear_texts, visit.actor)
    groups = [(kind, await _with_people(visit, found[kind])) for kind in ORDER if kind in found]
    return visit.show_live(
        "coordinator/tasks.html",
        rounds=await rounds(visit),
        communes=dict(commune_options(visit)),
        groups=groups,
        titles=TITLES,
        calls=CALLS,
        act_first=ACT_FIRST,
        of_structures=OF_STRUCTURES,
        unreached=UNREACHED,
        to_tell=TO_TELL,
        takings=TAKING_BACK,
        put_off_hours=PUT_OFF_HOURS,
        words={row["proposal"]: row["words"] for row in texts if row["proposal"]},
        texts=await _with_numbers(visit, [row for row in texts if row["proposal"] is None]),
        files=await visit.read(files_of, [row["owner"] for row in texts]),
        call_asked=CALL_ASKED,
        said=said,
        details=_DETAILS,
        states=ProposalState,
    )


async def called(visit: Visit) -> Response:
    """Somebody of the guichet called: the family was reached, or not."""
    form = await visit.form()
    wanted = CallBody(reached=form["jointe"] == "oui")
    await visit.write(record_call, visit.act(), visit.path("proposal"), wanted)
    return visit.go("/guichet", "appel")


async def handled(visit: Visit) -> Response:
    """The task is done, or comes back later. A click on a task that somebody else just did is no fault."""
    form = await visit.form()
    again = PUT_OFF_HOURS if form["plus_tard"] else None
    await visit.write(_handle, visit.act(), visit.path("task"), form["mots"], again)
    return visit.go("/guichet", "reportee" if again else "tache")


async def text_handled(visit: Visit) -> Response:
    """An SMS of somebody without a proposal was dealt with."""
    form = await visit.form()
    await visit.write(handle_text, visit.act(), form["sms"])
    return visit.go("/guichet", "sms_traite")


def _handle(tx: sa.Connection, act: Act, task: str, words: str, again: int | None) -> None:
    try:
        handle_task(tx, act, task, body(HandledBody, note=words, again_in_hours=again))
    except Refused as refused:
        if refused.problems[0].code != "already_handled":
            raise


async def _with_people(visit: Visit, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same tasks, each with the names and contacts of the child that it is about."""
    about = [task["about"] for task in tasks if task["about"]]
    named = iter(await with_people(visit.guichet, visit.actor, visit.now, about))
    return [{**task, "about": next(named) if task["about"] else None} for task in tasks]


async def _with_numbers(visit: Visit, texts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Texts that are about no proposal, each with the number to call back."""
    views = [{"family": row["owner"], "contacts": (), **row} for row in texts]
    return await with_people(visit.guichet, visit.actor, visit.now, views)


PAGES = (
    get("/guichet", to_do, Role.COORDINATOR),
    post("/guichet/proposition/{proposal}/appel", called, Role.COORDINATOR),
    post("/guichet/tache/{task}", handled, Role.COORDINATOR),
    post("/guichet/sms", text_handled, Role.COORDINATOR),
)
