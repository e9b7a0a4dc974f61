"""The audit trail on a screen: who did or read what, about which file, when, and whether anybody meddled with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from urllib.parse import urlencode

from fastapi.responses import Response

from services.bus.audit import Wanted
from services.calendar import at
from services.ingest.actors import Role
from services.ingest.pages.forms import Form
from services.ingest.pages.visit import Visit, get
from services.ingest.pages.wording import capitalised
from services.ingest.trail import DID, MOST_PAGES, ROLES, read_trail

HERE = "/guichet/journal"
FILTERS = ("qui", "geste", "dossier", "du", "au")
LONGEST_ID = 64
DEEDS = tuple(sorted(((code, capitalised(words)) for code, words in DID.items()), key=lambda deed: deed[1]))


async def trail(visit: Visit) -> Response:
    """The newest first, page by page; the address keeps what is asked for, and it is ids and dates only."""
    form = Form.filled(**{name: visit.asked(name)[:LONGEST_ID] for name in FILTERS})
    wanted, page = _wanted(form, visit.actor.territory), _page(visit.asked("page"))
    found = await visit.read(read_trail, visit.actor, wanted, page, visit.guichet.link_key)
    asked = {name: form[name] for name in FILTERS if form[name]}
    return visit.show(
        "coordinator/trail.html", 422 if form.problems else 200, form=form, trail=found, words=DID, roles=ROLES,
        deeds=DEEDS, is_filtered=bool(asked), page=page,
        newer=_address(asked, page - 1) if page > 1 else "",
        older=_address(asked, page + 1) if found.has_more and page < MOST_PAGES else "",
    )  # fmt: skip


def _wanted(form: Form, territory: str) -> Wanted:
    """A date that can not be read asks for nothing, and is told beside its field."""
    since, last = form.maybe_day("du", "la date"), form.maybe_day("au", "la date")
    if since and last and last < since and not form.problems:
        form.fault("au", "end_before_start", "La fin suit le début.", "Échangez les deux dates.")
    begins = at(since, time.min) if since and not form.problem("du") else None
    ends = at(last + timedelta(days=1), time.min) if last and not form.problem("au") else None
    return Wanted(form["qui"] or None, form["geste"] or None, form["dossier"] or None, territory, begins, ends)


def _page(asked: str) -> int:
    return min(MOST_PAGES, int(asked)) if asked.isascii() and asked.isdecimal() and len(asked) < 5 and int(asked) else 1


def _address(asked: Mapping[str, str], page: int) -> str:
    return f"{HERE}?{urlencode({**asked, 'page': str(page)})}"


PAGES = (get(HERE, trail, Role.COORDINATOR, Role.ADMINISTRATOR),)
