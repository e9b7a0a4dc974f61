"""What a commission reads of its intake: where it stands, each structure, and the files that it looks for.

The commission reads no name and no order made of ranks; the guichet reads both. A page holds what fits two screens: an
intake has hundreds of files.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import Response

from contracts.vocabulary import Effect
from services.ingest.actors import Role
from services.ingest.pages.forms import Form
from services.ingest.pages.public import commune_options
from services.ingest.pages.visit import Visit, get
from services.ingest.pages.wording import in_order
from services.ingest.people import with_people
from services.ingest.problems import unknown
from services.ingest.queries import campaign_lists as lists
from services.ingest.queries import campaigns as queries
from services.ingest.queries.campaign_lists import BY_PERSON, PLACED, WITHOUT, Wanted

HOME = "/campagne"
FILES = f"{HOME}/dossiers"
BOTH = (Role.COORDINATOR, Role.COMMITTEE)

FIRST_ONES = 10
"""Changed files that the first page shows itself."""

NEXT_ONES = 5
"""Files next on a structure's list that its page shows itself."""

MODES = {
    "stable": "Dans l'ordre de la liste",
    "strict": "Plus d'enfants par rang",
    "most_children": "Le plus d'enfants",
}
ANSWERS = ((PLACED, "Avec une place"), (WITHOUT, "Sans place"), (BY_PERSON, "Placés par décision"))
TIERS = (("1", "Priorité 1"), ("2", "Priorité 2"))
FILTERS = ("dossier", "structure", "priorite", "reponse", "ecarts")

Files = dict[str, dict[str, Any]]


async def overview(visit: Visit) -> Response:
    """Where the campaign stands: the last draft in figures, what differs from the one before, gestures, structures."""
    view = await visit.read(queries.standing, visit.actor)
    gestures = await visit.read(queries.gestures, visit.actor, view["campaign"]) if view else []
    changed = await visit.read(lists.changed, view) if view else []
    left_out = view["closed"]["dropped"] if view and view["closed"] else ()
    named = {*changed[:FIRST_ONES], *left_out, *(row["request"] for row in gestures if row["request"])}
    return visit.show_live(
        "campaign/review.html",
        view=view,
        gestures=gestures,
        held=await visit.read(queries.gestures, visit.actor, None),
        changed=changed,
        first_ones=changed[:FIRST_ONES],
        files=await named_files(visit, view, named) if view else {},
        structures=await _structures(visit, view) if view else [],
        communes=dict(commune_options(visit)),
        effects=Effect,
        modes=MODES,
    )


async def files(visit: Visit) -> Response:
    """The files that are looked for, a page at a time."""
    view = await campaign_of(visit)
    form = filters(visit)
    found = await visit.read(lists.files, visit.actor, view, visit.now, wanted_of(form), _page(visit))
    asked = {name: form[name] for name in FILTERS if form[name]}
    return visit.show_live(
        "campaign/files.html",
        view=view,
        form=form,
        found=found,
        rows=await with_people(visit.guichet, visit.actor, visit.now, found.rows),
        filtered=bool(asked),
        address=_address({**asked, "page": str(found.at)}),
        file=_address(asked, f"{FILES}.csv"),
        pages={at: _address({**asked, "page": str(at)}) for at in (found.at - 1, found.at + 1)},
        options={
            "structure": [(row["structure"], row["structure_name"]) for row in await _structures(visit, view)],
            "reponse": ANSWERS,
            "priorite": TIERS if visit.actor.role is Role.COORDINATOR else (),
        },
        communes=dict(commune_options(visit)),
    )


async def structure(visit: Visit) -> Response:
    """One structure of the intake: its places, the children whom the draft places there, and who is next."""
    view = await campaign_of(visit)
    name = visit.path("structure")
    row = await visit.read(lists.structure, visit.actor, view, visit.now, name, NEXT_ONES)
    if not (row["vacancies"] or row["children"]):
        raise unknown("", "cette structure dans la campagne")
    both = await with_people(visit.guichet, visit.actor, visit.now, [*row["children"], *row["next"]])
    children, following = both[: len(row["children"])], both[len(row["children"]) :]
    return visit.show_live(
        "campaign/structure.html",
        view=view,
        row=row,
        children=children,
        following=following,
        waiting=_address({"structure": name, "reponse": WITHOUT}),
        communes=dict(commune_options(visit)),
    )


async def named_files(visit: Visit, view: dict[str, Any], requests: Collection[str]) -> Files:
    """These files of the draft by request, with the names that this role may read."""
    rows = await visit.read(lists.named, visit.actor, view, visit.now, requests)
    return {row["request"]: row for row in await with_people(visit.guichet, visit.actor, visit.now, rows)}


async def _structures(visit: Visit, view: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(await visit.read(lists.structures, view), key=lambda row: in_order(row["structure_name"]))


async def campaign_of(visit: Visit) -> dict[str, Any]:
    """The campaign in hand, or the last one. Raises Refused where there never was any."""
    view = await visit.read(queries.standing, visit.actor)
    if view is None:
        raise unknown("", "de campagne en cours")
    return view


def filters(visit: Visit) -> Form:
    """The files that the address asks for, as its form shows it."""
    return Form.filled(**{name: visit.asked(name) for name in FILTERS})


def wanted_of(form: Form) -> Wanted:
    """The same as the list looks for it."""
    return Wanted(
        number=form["dossier"], structure=form["structure"], tier=form["priorite"], answer=form["reponse"],
        changed=form.has("ecarts", "oui"),
    )  # fmt: skip


def _page(visit: Visit) -> int:
    """The page that is asked for; the first where what was asked is no number."""
    asked = visit.asked("page")
    return int(asked) if asked.isdecimal() and len(asked) < 6 else 1


def _address(asked: dict[str, str], path: str = FILES) -> str:
    return f"{path}?{urlencode(asked)}" if asked else path


PAGES = (
    get(HOME, overview, *BOTH),
    get(FILES, files, *BOTH),
    get(f"{HOME}/structure/{{structure}}", structure, *BOTH),
)
