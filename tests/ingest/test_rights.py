"""Who may do and see what: every route with every role, every field with every role."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from contracts.rounds import RequestExplained
from contracts.tasks import TaskOpened
from contracts.vocabulary import Criterion, TaskKind
from services.ingest import credentials, store
from services.ingest.access import FIELDS, MAY_DO, MAY_SEE, Doing, Reach, Seen, Thing, may, may_see, reveal
from services.ingest.actors import Actor, Role
from services.ingest.declare.campaigns import CampaignBody, ForceBody, ask_force, open_campaign
from services.ingest.declare.holds import HoldBody, request_hold
from services.ingest.declare.requests import register_request
from services.ingest.declare.vacancies import open_vacancy
from services.ingest.inbound import inbound
from services.ingest.projection.tables import drafts
from tests.ingest.doors import EVERYBODY, FAMILY, Doors
from tests.ingest.people import (
    ADMINISTRATOR,
    ANYBODY,
    BEBES,
    COMMITTEE,
    COORDINATOR,
    COUNSELLOR,
    CRECHE,
    DIRECTOR,
    GRANDS,
    NOW,
    OTHER_COUNSELLOR,
    OTHER_DIRECTOR,
    TERM,
    TERRITORY,
    TODAY,
    act,
    later,
    need_body,
    open_on_call,
    register,
    structure_body,
    territory_body,
    urgent_need,
    vacancy_body,
)
from tests.ingest.proposals import event, made, placed

ALL = set(EVERYBODY) | {"public"}
STRUCTURE = {"director", "coordinator"}
FILES = {"counsellor", "coordinator"}
LISTS = ALL - {"public", "other_director", "administrator"}
"""Whoever may ask for a list may find it empty: what is in it is checked row by row, in a test of its own."""

NAMES = {"structure": CRECHE, "agreement": "A-1", "vacancy": "V-1", "request": "R-1", "hold": "H-1", "proposal": "O-1"}
MORE_NAMES = {
    "siblings": "B-1",
    "placement": "L-1",
    "task": "K-1",
    "text": "sms-1",
    "key": "K-spare",
    "person": "P-spare",
    "campaign": "C-1",
    "gesture": "G-1",
}


class Route(NamedTuple):
    """One route, a request to it, and who gets past its guard."""

    method: str
    path: str
    allowed: set[str]
    body: Any = None


def json(body: Any) -> Any:
    return body.model_dump(mode="json")


ROUTES = [
    Route("GET", "/territory", ALL - {"stranger"}),
    Route("PUT", "/territory", {"coordinator", "administrator", "stranger"}, json(territory_body())),
    Route("GET", "/structures", ALL),
    Route("GET", "/structures/{structure}", ALL - {"stranger"}),
    Route("PUT", "/structures/{structure}", {*STRUCTURE, "administrator"}, json(structure_body())),
    Route("GET", "/structures/{structure}/places", ALL - {"public", "other_director"}),
    Route("GET", "/structures/{structure}/proposals", LISTS),
    Route("GET", "/structures/{structure}/to-confirm", LISTS),
    Route("GET", "/structures/{structure}/placements", LISTS),
    Route("POST", "/agreements", STRUCTURE, {
        "section": GRANDS, "notice_hours": 12, "age_from_months": 18, "age_to_months": 42, "days_per_child": 5,
        "valid_until": "2027-08-31",
    }),
    Route("POST", "/agreements/{agreement}/end", STRUCTURE),
    Route("GET", "/places", ALL),
    Route("POST", "/vacancies", STRUCTURE, json(vacancy_body())),
    Route("POST", "/messages", ALL - {"public"}, [{  # whose messages are judged one by one
        "id": "m-1", "kind": "vacancy.open", "sent_at": NOW.isoformat(), "data": json(vacancy_body()),
    }]),
    Route("GET", "/vacancies/{vacancy}", ALL - {"public", "other_director", "stranger"}),
    Route("POST", "/vacancies/{vacancy}/changes", STRUCTURE, {"places": 1}),
    Route("POST", "/vacancies/{vacancy}/still-free", STRUCTURE),
    Route("POST", "/vacancies/{vacancy}/withdrawal", STRUCTURE, {"reason": "closure"}),
    Route("POST", "/snapshots", STRUCTURE, {"section": GRANDS, "free": [], "as_of": NOW.isoformat()}),
    Route("POST", "/requests", {*FILES, "other_counsellor", "stranger"}, {**json(need_body()), **FAMILY}),
    Route("GET", "/requests", ALL - {"public"}),
    Route("GET", "/requests/{request}", {*FILES, "committee"}),
    Route("PUT", "/requests/{request}", FILES, json(urgent_need())),
    Route("GET", "/requests/{request}/on-call-places", FILES),
    Route("POST", "/siblings/{siblings}/parting", FILES),
    Route("POST", "/siblings", FILES, {"requests": ["R-2", "R-3"], "together": ["same_structure"]}),
    Route("POST", "/requests/{request}/closing", FILES, {"reason": "moved_away"}),
    Route("POST", "/holds", FILES, {"request": "R-1", "section": GRANDS}),
    Route("GET", "/holds/{hold}", {*FILES, "committee"}),
    Route("GET", "/proposals", ALL - {"public"}),
    Route("GET", "/proposals/{proposal}", {*STRUCTURE, "counsellor", "committee"}),
    Route("POST", "/proposals/{proposal}/replies", FILES, {"answer": "rappel", "consent": True}),
    Route("POST", "/proposals/{proposal}/undoing", FILES),
    Route("POST", "/proposals/{proposal}/calls", FILES, {"reached": True}),
    Route("POST", "/proposals/{proposal}/confirmation", STRUCTURE, {
        "adaptation_start": "2026-11-10", "first_full_day": "2026-11-17",
    }),
    Route("POST", "/proposals/{proposal}/refusal", STRUCTURE, {"reason": "age"}),
    Route("POST", "/proposals/{proposal}/suspension", {"coordinator", "committee"}, {
        "reason": "À revoir", "until": "2026-11-03",
    }),
    Route("POST", "/proposals/{proposal}/withdrawal", STRUCTURE, {"reason": "closure"}),
    Route("POST", "/releases", {"coordinator", "committee"}, {"proposals": ["O-1"]}),
    Route("POST", "/placements/{placement}/departure", STRUCTURE, {"last_day": "2027-03-30", "reason": "moved"}),
    Route("GET", "/campaign", ALL),
    Route("GET", "/campaigns/{campaign}", {"coordinator", "committee"}),
    Route("POST", "/campaigns/{campaign}/drafts", {"coordinator", "committee"}),
    Route("POST", "/campaigns/{campaign}/forces", {"coordinator", "committee"}, {
        "request": "R-2", "section": GRANDS, "reason": "Vu ensemble",
    }),
    Route("GET", "/gestures/{gesture}", {"coordinator", "committee"}),
    Route("POST", "/gestures/{gesture}/confirmation", {"coordinator", "committee"}),
    Route("POST", "/gestures/{gesture}/undoing", {"coordinator", "committee"}),
    Route("POST", "/held-places", {"coordinator"}, {"vacancy": "V-2", "until": "2027-01-31", "reason": "Travaux"}),
    Route("POST", "/campaigns/{campaign}/release", {"coordinator", "committee"}, {"draft": "D-1"}),
    Route("POST", "/campaigns/{campaign}/end", {"coordinator"}, {"reason": "Autre date"}),
    Route("POST", "/campaigns", {"coordinator", "stranger"}, {
        "starts": {"start": "2027-01-04", "end": "2027-02-01"}, "requests_until": "2026-11-30",
        "commission_on": "2026-12-10",
    }),
    Route("GET", "/tasks", ALL - {"public"}),
    Route("GET", "/tasks/{task}", {*STRUCTURE, "counsellor"}),
    Route("POST", "/tasks/{task}/handling", {"coordinator"}, {}),
    Route("GET", "/texts", ALL - {"public"}),
    Route("POST", "/texts/{text}/handling", {"coordinator"}),
    Route("GET", "/trail", {"coordinator", "administrator", "stranger"}),
    Route("POST", "/keys", {"administrator"}, {"role": "coordinator", "label": "Essai"}),
    Route("DELETE", "/keys/{key}", {"administrator"}),
    Route("PUT", "/persons/{person}", {"administrator"}, {"role": "coordinator"}),
    Route("DELETE", "/persons/{person}", {"administrator"}),
]  # fmt: skip


def address(path: str) -> str:
    return path.format(**NAMES, **MORE_NAMES)


async def furnish(doors: Doors) -> None:
    """One of each thing, so that a refusal is about the right and not about what is missing."""
    await doors.write(_rows)
    pairs: dict[str, Any] = {"request": "R-1", "family": "F-R-1"}
    await doors.hear(made(**pairs), made("O-2", code="4822", **pairs), placed("O-2"))
    await doors.hear(event(TaskOpened, "K-1", kind=TaskKind.CALL_BACK, proposal="O-1", request="R-1", structure=CRECHE))


def draft_is_there(tx: sa.Connection) -> None:
    """The campaign has a draft that nothing has followed."""
    facts = {"number": 1, "facts": {"requests": 0}, "at": NOW}
    store.put(tx, drafts, {"id": "D-1", "territory": TERRITORY, "campaign": "C-1", **facts})
    tx.execute(sa.update(store.campaigns).values(draft="D-1", draft_asked_at=later(days=1)))


def _campaign(tx: sa.Connection) -> None:
    """A campaign with its first draft, and a child whom somebody would place."""
    place = open_vacancy(tx, act(DIRECTOR), vacancy_body(section=BEBES))
    dates = {"starts": TERM, "requests_until": TODAY, "commission_on": TODAY}
    starts = TERM.model_copy(update={"end": TERM.start + timedelta(days=30)})
    campaign = open_campaign(tx, act(COORDINATOR), CampaignBody(**{**dates, "starts": starts}))
    force = ask_force(tx, act(COORDINATOR), campaign, ForceBody(request="R-2", section=GRANDS, reason="Vu ensemble"))
    for table, old, new in ((store.vacancies, place, "V-2"), (store.campaigns, campaign, "C-1")):
        tx.execute(sa.update(table).where(table.c.id == old).values(id=new))
    weighed = {"possible": True, "touched": []}
    same = store.gestures.c.id == force
    tx.execute(sa.update(store.gestures).where(same).values(id="G-1", campaign="C-1", weighed=weighed))
    draft_is_there(tx)


def _rows(tx: sa.Connection) -> None:
    vacancy = open_on_call(tx)
    register(tx, actor=COUNSELLOR, need=urgent_need())
    for child in ("R-2", "R-3"):
        register_request(tx, act(COUNSELLOR), need_body(), request=child, family="F-siblings", child=f"E-{child}")
    _campaign(tx)
    hold = request_hold(tx, act(COUNSELLOR), HoldBody(request="R-1", section=GRANDS))
    for table, old, new in ((store.vacancies, vacancy, "V-1"), (store.holds, hold, "H-1")):
        tx.execute(sa.update(table).where(table.c.id == old).values(id=new))
    tx.execute(sa.update(store.agreements).values(id="A-1"))
    together = {"requests": ["R-2"], "together": ["same_structure"], "combinations": [], "asked_at": NOW}
    tx.execute(store.siblings.insert().values(id="B-1", territory=TERRITORY, family="F-siblings", **together))
    text = {"id": "sms-1", "territory": TERRITORY, "outcome": "unknown_sender", "words": "Bonjour", "received_at": NOW}
    tx.execute(inbound.insert().values(text))
    facts: dict[str, Any] = {"territory": TERRITORY, "role": Role.COORDINATOR, "structure": None, "now": NOW}
    credentials.create_key(tx, id_="K-spare", label="de trop", **facts)
    person = {"id": "P-spare", "territory": TERRITORY, "role": "coordinator", "registered_at": NOW}
    store.put(tx, credentials.persons, person)


async def test_every_route_is_in_the_table(doors: Doors) -> None:
    paths = (await doors.client.get("/openapi.json")).json()["paths"]
    there = {(method.upper(), path.removeprefix("/api/v1")) for path, acts in paths.items() for method in acts}
    unguarded = {("GET", path) for path in ("/livez", "/readyz", "/metrics")}
    assert there - unguarded == {(route.method, route.path) for route in ROUTES}


async def let_in_wrongly(doors: Doors, who: str) -> list[tuple[str, str, int]]:
    """The routes that answer `who` otherwise than the table says."""
    await furnish(doors)
    wrong = []
    for route in ROUTES:
        answer = await doors.call(route.method, address(route.path), None if who == "public" else who, route.body)
        assert answer.status_code < 500, (route.method, route.path, answer.text)
        if (answer.status_code not in (401, 403, 404)) != (who in route.allowed):
            wrong.append((route.method, route.path, answer.status_code))
    return wrong


@pytest.mark.parametrize("who", sorted(ALL))
async def test_every_route_lets_in_whom_it_should_and_nobody_else(doors: Doors, who: str) -> None:
    assert await let_in_wrongly(doors, who) == []


async def test_the_walk_finds_a_right_that_reaches_too_far(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: a structure that may post for any other is caught at each of these doors."""
    monkeypatch.setitem(MAY_DO, Doing.POST_PLACES, {Role.STRUCTURE: Reach.TERRITORY})
    found = {path for _, path, _ in await let_in_wrongly(doors, "other_director")}
    assert found == {
        "/vacancies", "/vacancies/{vacancy}/changes", "/vacancies/{vacancy}/still-free",
        "/vacancies/{vacancy}/withdrawal", "/snapshots",
    }  # fmt: skip


LIST_OF = [
    ("/structures/{structure}/places", {"director", "counsellor", "other_counsellor", "committee", "coordinator",
                                       "administrator"}),
    ("/structures/{structure}/proposals", {"director", "counsellor", "committee", "coordinator"}),
    ("/structures/{structure}/placements", {"director", "counsellor", "committee", "coordinator"}),
    ("/proposals", {"director", "counsellor", "committee", "coordinator"}),
    ("/requests", {"counsellor", "committee", "coordinator"}),
    ("/tasks", {"director", "counsellor", "coordinator"}),
    ("/texts", {"coordinator"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "shown"), LIST_OF)
async def test_a_list_shows_to_each_only_what_is_theirs(doors: Doors, path: str, shown: set[str]) -> None:
    await furnish(doors)
    full = set()
    for who in sorted(EVERYBODY):
        answer = await doors.get(address(path), who)
        if answer.status_code == 200 and answer.json():
            full.add(who)
    assert full == shown


MINE = Thing(TERRITORY, CRECHE, COUNSELLOR.id, "O-1", "R-1")
SAID_YES = Thing(TERRITORY, CRECHE, COUNSELLOR.id, "O-1", "R-1", after_yes=True)
FAMILY_ACTOR = Actor("C-1", Role.FAMILY, TERRITORY, family="F-1", request="R-1", proposal="O-1")
OTHER_FAMILY = Actor("C-2", Role.FAMILY, TERRITORY, family="F-2", request="R-2", proposal="O-2")

PEOPLE_MD = {
    "places": (Seen.PLACES, {DIRECTOR, COUNSELLOR, OTHER_COUNSELLOR, COORDINATOR, FAMILY_ACTOR, ANYBODY}, set()),
    "first name": (Seen.CHILD, {COUNSELLOR, COORDINATOR, FAMILY_ACTOR}, {DIRECTOR}),
    "needs": (Seen.NEEDS, {COUNSELLOR, COORDINATOR, FAMILY_ACTOR}, {DIRECTOR}),
    "contact": (Seen.CONTACT, {COUNSELLOR, COORDINATOR, FAMILY_ACTOR}, {DIRECTOR}),
    "points": (Seen.POINTS, {COUNSELLOR, COORDINATOR, FAMILY_ACTOR}, set()),
    "health": (Seen.HEALTH, {COORDINATOR, FAMILY_ACTOR}, set()),
    "rank": (Seen.RANK, {COORDINATOR, FAMILY_ACTOR}, set()),
    "reason": (Seen.REASON, {COUNSELLOR, COORDINATOR, FAMILY_ACTOR}, set()),
}
"""The table of people.md, written a second time: who sees it, and who does once the family said OUI. The rank is kept
from the counsellor, since beside the points without health it gives health away."""

ASKED: set[Actor] = {
    DIRECTOR,
    OTHER_DIRECTOR,
    COUNSELLOR,
    OTHER_COUNSELLOR,
    COORDINATOR,
    FAMILY_ACTOR,
    OTHER_FAMILY,
    ANYBODY,
}


def by_id(actor: Actor) -> str:
    return actor.id


EVERY_ACTOR = sorted({*ASKED, COMMITTEE, ADMINISTRATOR}, key=by_id)


@pytest.mark.parametrize("row", sorted(PEOPLE_MD))
def test_the_table_of_rights_says_what_people_were_told(row: str) -> None:
    group, always, after_yes = PEOPLE_MD[row]
    others = {OTHER_FAMILY} if group is Seen.PLACES else set()
    assert {actor for actor in ASKED if may_see(actor, group, MINE)} == always | others
    assert {actor for actor in ASKED if may_see(actor, group, SAID_YES)} == always | after_yes | others


@pytest.mark.parametrize("field", sorted(FIELDS))
@pytest.mark.parametrize("actor", EVERY_ACTOR)
def test_each_field_is_shown_exactly_to_those_who_may_see_its_group(actor: Actor, field: str) -> None:
    for thing in (MINE, SAID_YES):
        shown = field in reveal(actor, thing, {field: []})
        assert shown == may_see(actor, FIELDS[field], thing)


NEVER_FOR_A_STRUCTURE = {
    "points", "tier", "reasons", "criteria", "prescriber", "held_by", "needs_person", "phrases", "reason", "rank",
    "wishes", "code", "messages", "history", "replies", "detail", "notes",
}  # fmt: skip


def test_a_structure_never_sees_what_reveals_a_benefit_or_a_rank() -> None:
    shown = set(reveal(DIRECTOR, SAID_YES, dict.fromkeys(FIELDS, ())))
    assert shown & NEVER_FOR_A_STRUCTURE == set()
    assert {"first_name", "contacts", "born", "needs_support"} <= shown


def test_the_public_sees_places_and_nothing_else() -> None:
    shown = set(reveal(ANYBODY, SAID_YES, dict.fromkeys(FIELDS, ())))
    assert {FIELDS[name] for name in shown} == {Seen.PLACES}


def test_lines_drawn_from_health_are_hidden_from_the_counsellor_and_shown_to_the_coordinator() -> None:
    lines = [{"criterion": criterion.value, "points": 30} for criterion in (Criterion.DISABILITY, Criterion.RESIDENT)]
    facts = {"reasons": lines, "criteria": lines}
    for name in facts:
        assert [row["criterion"] for row in reveal(COUNSELLOR, MINE, facts)[name]] == ["resident"]
        assert reveal(COORDINATOR, MINE, facts)[name] == lines
        assert reveal(FAMILY_ACTOR, MINE, facts)[name] == lines


def decided(health: int) -> dict[str, Any]:
    """What a file holds of a decision: 30 points that everybody may know of, and `health` that few may."""
    lines = [{"criterion": "resident", "label": "Habite le territoire", "points": 30}]
    if health:
        lines.append({"criterion": "disability", "label": "Accueil adapté demandé", "points": health})
    total, tier = 30 + health, 1 if health else 2
    wish, rank = {"structure": CRECHE, "why": "full"}, 2 if health else 3
    own = {"points": total, "last_points": total + 10, "last_tier": tier, "rank": rank}
    said = {"tier": tier, "points": total, "reasons": lines, "rank": rank, "needs_person": bool(health)}
    return {
        "reasons": lines, "criteria": lines, "points": total, "tier": tier, "rank": rank, "needs_person": bool(health),
        "reason": {"request": "R-1", "placed": False, "wishes": [{**wish, **own}], "sent_behind": bool(health)},
        "history": [{"at": NOW, "what": "proposal.made", "by": None, "facts": said}],
        "phrases": (f"Attend au vœu 1 : complet. Dernier dossier : {total + 10} points ; cette demande : {total}.",),
        "plain_phrases": ("Attend au vœu 1 : complet.",),
        "family_phrases": (f"Votre demande attend au vœu 1 : complet. Votre demande : {total}.",),
    }  # fmt: skip


@pytest.mark.parametrize("actor", EVERY_ACTOR)
def test_nobody_works_out_what_health_counted_from_what_is_left(actor: Actor) -> None:
    """Two files that only health tells apart look the same to whoever may not see health, and to nobody else."""
    with_it, without = (reveal(actor, MINE, decided(health)) for health in (60, 0))
    assert (with_it == without) == (not may_see(actor, Seen.HEALTH, MINE))
    if actor in (COUNSELLOR, COMMITTEE):
        assert (with_it["points"], with_it["points_are_partial"]) == (30, True)
        assert with_it["reason"]["wishes"] == [{"structure": CRECHE, "why": "full"}]


def test_whoever_sees_a_rank_sees_health_too_since_one_gives_the_other_away() -> None:
    assert MAY_SEE[Seen.RANK] == MAY_SEE[Seen.HEALTH]
    assert Role.COMMITTEE not in MAY_SEE[Seen.RANK] and Role.COUNSELLOR not in MAY_SEE[Seen.RANK]


WITH_STANDING = ["/requests", "/requests/R-1", "/proposals", "/proposals/O-1", "/tasks", "/tasks/K-1"]
OF_HEALTH = ('"disability"', '"points":60', '"tier":2', '"needs_person"', '"sent_behind"', "Rang 77")


@pytest.mark.parametrize("path", WITH_STANDING)
async def test_no_answer_of_the_api_holds_a_rank_beside_points_without_health(doors: Doors, path: str) -> None:
    """77 is this request's rank at its wish, and nothing else here."""
    await furnish(doors)
    why = {"wishes": [{"structure": CRECHE, "why": "full", "rank": 77, "points": 60}], "sent_behind": True}
    await doors.hear(
        made(request="R-1", family="F-R-1", rank=77, needs_person=True),
        event(RequestExplained, "R-1", round="T-1", placed=True, phrases=("Rang 77.",), reason=why),
    )
    for who in ("counsellor", "committee"):
        text = (await doors.get(path, who)).text
        assert [said for said in ('"rank":77', *OF_HEALTH) if said in text] == [], who
    assert '"rank":77' in (await doors.get(path, "coordinator")).text, "the twin: who may see health finds it here"


def test_a_field_without_a_group_is_an_error_and_not_a_leak() -> None:
    with pytest.raises(KeyError):
        reveal(COORDINATOR, MINE, {"diagnosis": "x"})


@pytest.mark.parametrize("actor", [COORDINATOR, COMMITTEE, ADMINISTRATOR])
def test_no_right_crosses_the_border_of_a_territory(actor: Actor) -> None:
    elsewhere = Thing("vichy", CRECHE, COUNSELLOR.id, "O-1", "R-1", after_yes=True)
    assert not any(may(actor, doing, elsewhere) for doing in Doing)
    assert not any(may_see(actor, group, elsewhere) for group in Seen)


def test_every_act_and_every_group_has_its_line_and_the_public_does_nothing() -> None:
    assert set(MAY_DO) == set(Doing)
    assert set(MAY_SEE) == set(Seen)
    assert all(Role.PUBLIC not in reach for reach in MAY_DO.values())
    assert {doing for doing, reach in MAY_DO.items() if Role.FAMILY in reach} == {Doing.REPLY}
    assert Reach.TERRITORY not in {reach.get(Role.STRUCTURE) for reach in (*MAY_DO.values(), *MAY_SEE.values())}
