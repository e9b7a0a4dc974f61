"""Regular proposals leave when somebody releases their round: the coordinator, or the commission, which sees no name.

One gesture for all; one proposal is held back with a reason and a date. The commission reads the facts of each child
and its points without health, and decides; who the child is stays with the guichet. The order is one that anybody can
check and that tells nothing: structures by name, then file numbers.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import ProposalState, RequestKind
from services.ingest.actors import Role
from services.ingest.declare.releases import ReleaseBody, SuspensionBody, give_release, suspend_release
from services.ingest.pages.forms import Form, body
from services.ingest.pages.public import commune_options
from services.ingest.pages.visit import Visit, get, post
from services.ingest.pages.wording import in_order
from services.ingest.people import with_people
from services.ingest.problems import Refused, unknown
from services.ingest.queries.directory import named_structures
from services.ingest.queries.proposals import proposal
from services.ingest.queries.requests import file_number
from services.ingest.queries.tasks import to_release

WAITING = (ProposalState.PREPARED, ProposalState.HELD)


async def review(visit: Visit) -> Response:
    """The commission's own list: what waits for a release, round by round."""
    return visit.show_live("committee/review.html", rounds=await rounds(visit), communes=dict(commune_options(visit)))


async def released(visit: Visit) -> Response:
    """One gesture for all the proposals of a round that nobody holds back."""
    form = await visit.form()
    wanted = body(ReleaseBody, proposals=tuple(form.all("proposition")), note=form["mots"])
    await visit.write(give_release, visit.act(), wanted)
    return visit.go(_home(visit), "libere")


async def hold_form(visit: Visit) -> Response:
    return await _hold(visit, Form())


async def kept_back(visit: Visit) -> Response:
    """Hold one, with a reason and a date."""
    form = await visit.form()
    try:
        until = form.day("jusqu_au", "la date")
        if not form["motif"]:
            form.fault("motif", "reason_wanted", "Il manque le motif.", "Écrivez-le en quelques mots.")
        form.check()
        wanted = body(SuspensionBody, reason=form["motif"], until=until)
        await visit.write(suspend_release, visit.act(), visit.path("proposal"), wanted)
    except Refused as refused:
        return await _hold(visit, form.refused(refused, {"until": "jusqu_au", "reason": "motif", "": "motif"}), 422)
    return visit.go(_home(visit), "retenue")


async def rounds(visit: Visit) -> list[tuple[str | None, list[dict[str, Any]]]]:
    """Proposals to release by round, those that somebody holds back last."""
    found = await with_people(
        visit.guichet, visit.actor, visit.now, await visit.read(to_release, visit.actor, visit.now)
    )
    return [(name, list(rows)) for name, rows in groupby(sorted(found, key=_order), key=lambda row: row["round"])]


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    """Never by rank nor by points: the commission could work out from their order what health counted."""
    held, number = row["state"] == ProposalState.HELD, file_number(row["request"])
    return (row["round"] or "", held, in_order(row["structure_name"]), number, row["proposal"])


async def _hold(visit: Visit, form: Form, status: int = 200) -> Response:
    """The form, under all that this role may see of the proposal."""
    found = await visit.read(proposal, visit.actor, visit.path("proposal"), visit.now)
    if found["state"] not in WAITING:
        raise unknown("", "cette proposition parmi celles à libérer")
    (view,) = await with_people(visit.guichet, visit.actor, visit.now, [found])
    wished = {wish["structure"] for wish in view.get("wishes", ())}
    return visit.show(
        "layout/hold.html",
        status,
        view=view,
        form=form,
        back=_home(visit),
        names=await visit.read(named_structures, wished),
        communes=dict(commune_options(visit)),
        kinds=RequestKind,
    )


def _home(visit: Visit) -> str:
    return "/guichet" if visit.actor.role is Role.COORDINATOR else "/commission"


PAGES = (
    get("/commission", review, Role.COMMITTEE),
    post("/commission/liberer", released, Role.COMMITTEE),
    get("/commission/proposition/{proposal}/retenir", hold_form, Role.COMMITTEE),
    post("/commission/proposition/{proposal}/retenir", kept_back, Role.COMMITTEE),
    post("/guichet/liberer", released, Role.COORDINATOR),
    get("/guichet/proposition/{proposal}/retenir", hold_form, Role.COORDINATOR),
    post("/guichet/proposition/{proposal}/retenir", kept_back, Role.COORDINATOR),
)
