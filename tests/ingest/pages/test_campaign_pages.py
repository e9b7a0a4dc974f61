"""The campaign on its pages: opened, drafted, places held, children placed by decision, released."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.campaigns import (
    CampaignClosed,
    CampaignEnded,
    CampaignOpened,
    CampaignReleased,
    DraftAsked,
    DraftDecided,
    ForceAsked,
    ForceConfirmed,
    ForceWeighed,
    GestureUndone,
    PlaceHeld,
    RequestDrafted,
    Seat,
    Touched,
)
from contracts.proposals import CountedPoints
from contracts.vocabulary import Effect, Period, RequestKind
from services.ingest import store
from services.ingest.awaited import awaited
from services.ingest.declare.campaigns import (
    HOUR,
    MOST_AN_HOUR,
    MOST_UNDER_WAY,
    CampaignBody,
    ask_draft,
    open_campaign,
)
from services.ingest.declare.vacancies import open_vacancy
from services.ingest.queries import campaign_lists
from services.ingest.queries import campaigns as queries
from tests.ingest.pages.reading import faults, words
from tests.ingest.pages.test_amendments import GUICHET, fields, opened
from tests.ingest.pages.town import Town
from tests.ingest.people import BEBES, COORDINATOR, CRECHE, DIRECTOR, GRANDS, TUESDAY, act, later, said, vacancy_body
from tests.ingest.proposals import event

JANUARY = Period(start=date(2027, 1, 4), end=date(2027, 2, 1))
SEAT = Seat(structure=CRECHE, section=GRANDS, slots=(TUESDAY,), period=Period(start=JANUARY.start))
WHEN = {"debut": "2027-01-04", "fin": "2027-01-31", "demandes": "2026-11-30", "commission": "2026-12-10"}
FULL = {"wishes": [{"structure": CRECHE, "why": "full", "rank": 2}]}


def drafted(request: str, draft: str, seat: Seat | None, **facts: Any) -> Any:
    """What a draft says of a file: health counted for it."""
    said = {"tier": 2, "points": 60, "rank": 2, "reason": {"wishes": []} if seat else FULL}
    said["reasons"] = (CountedPoints(criterion="single_parent", label="Parent isolé", points=30),)
    said |= {"phrases": ("Attend au vœu 1, rang 2.",), "plain_phrases": ("Attend au vœu 1.",)}
    return event(RequestDrafted, request, campaign="C-1", draft=draft, seat=seat, **{**said, **facts})


def decided(draft: str, number: int = 1, **facts: Any) -> Any:
    said = {"requests": 2, "placed": 1, "engine": "essai", "policy": "essai", "mode": "stable"}
    return event(
        DraftDecided, draft, campaign="C-1", number=number, input_hash="a", outcome_hash="b", **{**said, **facts}
    )


def _open(tx: sa.Connection) -> str:
    open_vacancy(tx, act(DIRECTOR), vacancy_body(places=2, period=Period(start=JANUARY.start, end=date(2027, 8, 1))))
    dates = {"starts": JANUARY, "requests_until": date(2026, 11, 30), "commission_on": date(2026, 12, 10)}
    campaign = open_campaign(tx, act(COORDINATOR), CampaignBody.model_validate(dates))
    tx.execute(sa.update(store.campaigns).values(id="C-1"))
    tx.execute(sa.update(store.vacancies).where(store.vacancies.c.start == JANUARY.start).values(id="V-jan"))
    return campaign


async def begin(town: Town, **facts: Any) -> str:
    """An open campaign with a draft: R-3 has a place, R-4 has none."""
    await town.write(_open)
    draft = await town.write(ask_draft, act(COORDINATOR), "C-1")
    await town.hear(drafted("R-3", draft, SEAT), drafted("R-4", draft, None), decided(draft, **facts))
    town.begun = len(await town.guichet.database.read(said))
    return draft


async def test_a_campaign_is_opened_from_its_page_by_the_coordinator(town: Town) -> None:
    coordinator = await town.signed_in("coordinator")
    assert "Aucune campagne." in words((await coordinator.get("/campagne")).text)
    wrong = await coordinator.post("/campagne/ouvrir", data={**WHEN, "commission": "2027-03-01", "fin": ""})
    assert (wrong.status_code, faults(wrong.text)) == (422, ["fin"])
    late = await coordinator.post("/campagne/ouvrir", data={**WHEN, "commission": "2027-03-01"})
    assert faults(late.text) == ["commission"]
    endless = await coordinator.post("/campagne/ouvrir", data={**WHEN, "fin": "9999-12-31"})
    assert faults(endless.text) == ["fin"]
    answer = await coordinator.post("/campagne/ouvrir", data=WHEN)
    assert answer.headers["location"] == "/campagne?fait=campagne"
    (opened,) = await town.said(CampaignOpened)
    assert (opened.starts, opened.commission_on) == (JANUARY, date(2026, 12, 10))
    shown = words((await coordinator.get("/campagne")).text)
    assert "Entrées du lundi 4\u00a0janvier au dimanche 31\u00a0janvier. Commission du jeudi 10\u00a0décembre." in shown


async def test_everybody_sees_that_a_place_waits_for_the_commission(town: Town) -> None:
    await town.write(_open)
    for page in ("/", f"/annuaire/{CRECHE}"):
        assert "Une partie attend la commission du jeudi 10\u00a0décembre." in words(
            (await town.client.get(page)).text
        ), page
    director = await town.signed_in("director")
    assert "Attend la commission du jeudi 10\u00a0décembre." in words((await director.get("/creche")).text)


async def test_the_commission_reads_why_nothing_better_was_possible_and_whom_the_first_tier_keeps_out(
    town: Town,
) -> None:
    draft = await begin(town, displaced=("R-4",))
    proof = ("Preuve à Les Lutins\u00a0: 2 moments sont comptés ensemble.", "- Les Lutins, le lundi")
    await town.hear(drafted("R-4", draft, None, proof=proof))
    for name in ("coordinator", "committee"):
        browser = await town.signed_in(name)
        shown = words((await browser.get("/campagne")).text)
        assert "1 enfant aurait une place sans la priorité 1" in shown.replace("\u00a0", " ")
        shown = words((await browser.get("/campagne/dossiers")).text)
        assert "Pourquoi rien de mieux" in shown and proof[0] in shown
        assert "Les Lutins, le lundi" in shown and "- Les Lutins" not in shown


async def test_the_draft_says_who_would_have_each_place_and_who_comes_next(town: Town) -> None:
    await begin(town)
    coordinator = await town.signed_in("coordinator")
    shown = words((await coordinator.get("/campagne")).text)
    for told in ("Brouillon 1", "Rien n'est envoyé ni retenu.", "Toutes les garanties tiennent", "Les structures (1)"):
        assert told in shown, told
    assert "Inès" not in shown, "the first page names nobody whom nothing happened to"
    there = words((await coordinator.get(f"/campagne/structure/{CRECHE}")).text)
    for told in ("Les places", "Le brouillon y place (1)", "Inès", "Suivants sur la liste (1)", "Sacha", "rang 2"):
        assert told in there, told


async def test_a_child_placed_where_no_place_is_of_the_intake_is_not_counted_against_none(town: Town) -> None:
    """A draft gives what was open before as well: "0 place, 1 enfant placé" read as a fault."""
    await begin(town)
    await town.write(
        sa.Connection.execute, sa.update(store.vacancies).where(store.vacancies.c.id == "V-jan").values(places=0)
    )
    coordinator = await town.signed_in("coordinator")
    shown = words((await coordinator.get("/campagne")).text)
    assert "Pas de place propre à cette rentrée, 1\u00a0enfant placé" in shown
    assert "0\u00a0place" not in shown.partition("Les structures")[2]
    there = words((await coordinator.get(f"/campagne/structure/{CRECHE}")).text)
    assert "Le brouillon y donne des places ouvertes avant, ou qui se libèrent." in there


@pytest.mark.parametrize(("start", "notice"), [("2027-01-11", "publie_commission"), ("2027-02-01", "publie")])
async def test_what_is_posted_for_an_open_campaign_is_said_to_wait_for_its_commission(
    town: Town, start: str, notice: str
) -> None:
    await begin(town)
    director = await town.signed_in("director")
    form = {"section": GRANDS, "jours": "mon", "de": "08:00", "a": "17:00", "places": "1", "debut": start}
    posted = await director.post("/creche/publier/reguliere", data=form)
    assert posted.headers["location"] == f"/creche?fait={notice}"
    shown = words((await director.get(posted.headers["location"])).text)
    assert ("Elle attend la commission." in shown) == (notice != "publie")


@pytest.mark.parametrize(
    ("kind", "start", "on", "waits"),
    [
        (RequestKind.REGULAR, JANUARY.start, date(2026, 11, 30), True),
        (RequestKind.TRANSFER, JANUARY.start, date(2026, 11, 30), True),
        (RequestKind.URGENT, JANUARY.start, date(2026, 11, 30), False),
        (RequestKind.REGULAR, JANUARY.end, date(2026, 11, 30), False),
        (RequestKind.REGULAR, JANUARY.start, date(2026, 12, 1), False),
    ],
)
async def test_a_request_waits_for_the_commission_that_hears_it(
    town: Town, kind: RequestKind, start: date, on: date, waits: bool
) -> None:
    await begin(town)
    campaign = await town.guichet.database.read(awaited, "montlucon")
    assert campaign is not None and campaign.hears(kind, start, on) is waits


async def test_a_request_changed_for_an_open_campaign_is_said_to_wait_for_its_commission_sent_again_too(
    town: Town,
) -> None:
    await town.write(_open)
    client = await town.signed_in("coordinator")
    form = await opened(client, GUICHET, debut="2027-01-11", etape="verifier")
    look = await client.post(GUICHET, data=form)
    sent = [await client.post(GUICHET, data={**fields(look.text), "etape": "enregistrer"}) for _ in range(2)]
    told = [answer.headers["location"].partition("?fait=")[2] for answer in sent]
    assert told == ["modifiee_commission", "modifiee_commission"]


async def test_a_structure_that_is_not_of_the_campaign_has_no_page_in_it(town: Town) -> None:
    await begin(town)
    coordinator = await town.signed_in("coordinator")
    assert (await coordinator.get("/campagne/structure/S-autre")).status_code == 404


async def test_places_that_nobody_awards_are_not_of_the_campaign(town: Town) -> None:
    """Of a childminder, parent and childminder sign: nothing of it waits for a commission."""
    await begin(town)
    introduces = sa.update(store.structures).where(store.structures.c.id == CRECHE).values(award_mode="introduction")
    await town.write(sa.Connection.execute, introduces)
    coordinator = await town.signed_in("coordinator")
    view = await town.guichet.database.read(queries.standing, COORDINATOR)
    assert view is not None
    assert await town.guichet.database.read(queries.places_kept, view) == []
    assert ">Tenir<" not in (await coordinator.get(f"/campagne/structure/{CRECHE}")).text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", {"R-3", "R-4"}),
        ("dossier=r-3", {"R-3"}),
        (f"structure={CRECHE}", {"R-3", "R-4"}),
        ("structure=S-autre", set()),
        ("reponse=place", {"R-3"}),
        ("reponse=sans", {"R-4"}),
        ("reponse=decision", set()),
        ("priorite=1", {"R-4"}),
        ("priorite=2", {"R-3"}),
        ("ecarts=oui", {"R-3"}),
        ("ecarts=oui&reponse=sans", set()),
        ("page=nulle", {"R-3", "R-4"}),
        ("reponse=inconnue", {"R-3", "R-4"}),
    ],
)
async def test_files_are_found_by_number_structure_tier_answer_and_what_is_new(
    town: Town, asked: str, found: set[str]
) -> None:
    draft = await begin(town)
    gains = Touched(request="R-3", effect=Effect.GAINS, after=SEAT)
    await town.hear(drafted("R-3", draft, SEAT, touched=gains), drafted("R-4", draft, None, tier=1), decided(draft))
    coordinator = await town.signed_in("coordinator")
    shown = words((await coordinator.get(f"/campagne/dossiers?{asked}")).text)
    assert {name for name in ("R-3", "R-4") if f"dossier {name}" in shown} == found
    assert {0: "0\u00a0dossier ", 1: "1\u00a0dossier ", 2: "2\u00a0dossiers"}[len(found)] in shown
    assert ("Voir tous les dossiers" in shown) is (asked not in ("", "page=nulle"))


async def test_a_page_of_files_holds_a_few_and_leads_on_and_back_within_what_was_asked(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_lists, "AT_ONCE", 1)
    await begin(town)
    coordinator = await town.signed_in("coordinator")
    first = (await coordinator.get(f"/campagne/dossiers?structure={CRECHE}")).text
    assert "page 1 sur 2" in words(first) and 'rel="prev"' not in first
    onwards = f'rel="next" href="/campagne/dossiers?structure={CRECHE}&amp;page=2"'
    assert onwards in first and "R-4" not in words(first)
    beyond = (await coordinator.get(f"/campagne/dossiers?structure={CRECHE}&page=9")).text
    assert "page 2 sur 2" in words(beyond) and "dossier R-4" in words(beyond) and 'rel="next"' not in beyond


async def test_the_commission_finds_no_tier(town: Town) -> None:
    """Health may give it: neither the choice is there nor does the address find by it."""
    draft = await begin(town)
    await town.hear(drafted("R-4", draft, None, tier=1))
    committee = await town.signed_in("committee")
    page = (await committee.get("/campagne/dossiers?priorite=1")).text
    assert "priorite" not in page.replace("?priorite=1", "")
    assert "dossier R-3" in words(page) and "dossier R-4" in words(page)


async def test_the_commission_reads_no_name_no_rank_and_no_health(town: Town) -> None:
    await begin(town)
    committee = await town.signed_in("committee")
    pages = ("/campagne", "/campagne/dossiers", f"/campagne/structure/{CRECHE}")
    shown = " ".join([words((await committee.get(page)).text) for page in pages])
    assert "Un enfant de 21\u00a0mois" in shown and "30\u00a0points hors santé" in shown
    assert "Attend au vœu 1." in shown
    for word in ("Inès", "Sacha", "rang", "60\u00a0points"):
        assert word not in shown, word


async def test_a_place_is_held_with_a_reason_and_a_date_and_given_back(town: Town) -> None:
    await begin(town)
    committee = await town.signed_in("committee")
    page = "/campagne/place/V-jan/tenir"
    town.clock.set(later(minutes=5))
    assert faults((await committee.post(page, data={"places": "1", "jusqu_au": "", "motif": ""})).text) == [
        "jusqu_au", "motif",
    ]  # fmt: skip
    answer = await committee.post(page, data={"places": "1", "jusqu_au": "2027-02-28", "motif": "Travaux"})
    assert answer.headers["location"] == "/campagne?fait=place_tenue"
    (held,) = await town.said(PlaceHeld)
    assert (held.campaign, held.section, held.places, held.reason) == ("C-1", GRANDS, 1, "Travaux")
    shown = words((await committee.get("/campagne")).text)
    assert "Un geste a suivi ce brouillon." in shown and "Libérer ce brouillon" not in shown
    assert (await committee.post("/campagne/liberer", data={})).status_code == 409
    await committee.post(f"/campagne/geste/{held.subject}/annuler")
    assert [row.subject for row in await town.said(GestureUndone)] == [held.subject]


async def test_whom_a_decision_touches_is_read_before_it_is_confirmed(town: Town) -> None:
    await begin(town)
    committee = await town.signed_in("committee")
    page = "/campagne/dossier/R-4/placer"
    assert "Voir qui serait touché" in words((await committee.get(page)).text)
    sent = await committee.post(page, data={"section": GRANDS, "semaine": "0", "motif": "Vu ensemble"})
    (asked,) = await town.said(ForceAsked)
    gesture = f"/campagne/geste/{asked.subject}"
    assert sent.headers["location"] == gesture
    assert "Nous cherchons qui serait touché." in words((await committee.get(gesture)).text)
    assert (await committee.post(f"{gesture}/confirmer")).status_code == 409
    loses = Touched(request="R-3", effect=Effect.LOSES, before=SEAT)
    await town.hear(event(ForceWeighed, asked.subject, campaign="C-1", request="R-4", possible=True, touched=(loses,)))
    shown = words((await committee.get(gesture)).text)
    assert "1\u00a0enfant touché" in shown and "Perd sa place" in shown and "dossier R-3" in shown
    await committee.post(f"{gesture}/confirmer")
    again = await committee.post(f"{gesture}/confirmer")
    assert again.status_code == 409 and "Ce geste est déjà confirmé." in words(again.text)
    assert [row.subject for row in await town.said(ForceConfirmed)] == [asked.subject]


async def test_nobody_has_decisions_weighed_without_end(town: Town) -> None:
    await begin(town)
    committee = await town.signed_in("committee")
    sent = {"section": GRANDS, "semaine": "0", "motif": "Vu ensemble"}

    async def asked() -> tuple[int, str]:
        answer = await committee.post("/campagne/dossier/R-4/placer", data=sent)
        return answer.status_code, words(answer.text)

    assert [(await asked())[0] for _ in range(MOST_UNDER_WAY)] == [303] * MOST_UNDER_WAY
    status, shown = await asked()
    assert status == 422 and f"pour {MOST_UNDER_WAY} enfants. Attendez ces réponses" in shown
    for one in await town.said(ForceAsked):
        await committee.post(f"/campagne/geste/{one.subject}/annuler")
    await town.write(_as_if_asked_often)
    status, shown = await asked()
    assert status == 422 and "Reprenez dans une heure." in shown
    town.clock.advance(HOUR)
    assert (await asked())[0] == 303
    assert len(await town.said(ForceAsked)) == MOST_UNDER_WAY + 1


def _as_if_asked_often(tx: sa.Connection) -> None:
    """As many as an hour takes, all of them undone: they were weighed all the same."""
    row = dict(tx.execute(sa.select(store.gestures).limit(1)).mappings().one())
    left = MOST_AN_HOUR - MOST_UNDER_WAY
    tx.execute(store.gestures.insert(), [{**row, "id": f"G-{n}"} for n in range(left)])


async def test_a_decision_is_offered_the_sections_of_the_childs_age_first(town: Town) -> None:
    """The child is 21 months old: by their ages alone the babies' section would come first."""
    await begin(town)
    period = Period(start=JANUARY.start, end=date(2027, 8, 1))
    await town.write(open_vacancy, act(DIRECTOR), vacancy_body(section=BEBES, period=period))
    page = words((await (await town.signed_in("committee")).get("/campagne/dossier/R-4/placer")).text)
    older, younger = (page.index(f"(synthétique), {name} (de ") for name in ("Grands", "Bébés"))
    assert older < younger


async def test_nobody_is_placed_by_decision_where_there_is_no_place(town: Town) -> None:
    await begin(town)
    committee = await town.signed_in("committee")
    await committee.post("/campagne/dossier/R-4/placer", data={"section": GRANDS, "semaine": "0", "motif": "Vu"})
    (asked,) = await town.said(ForceAsked)
    await town.hear(event(ForceWeighed, asked.subject, campaign="C-1", request="R-4", possible=False))
    shown = words((await committee.get(f"/campagne/geste/{asked.subject}")).text)
    assert "Il n'y a pas de place à ces horaires." in shown and "Placer cet enfant par décision" not in shown
    assert (await committee.post(f"/campagne/geste/{asked.subject}/confirmer")).status_code == 409


async def test_a_new_draft_shows_what_differs_from_the_one_before(town: Town) -> None:
    await begin(town)
    coordinator = await town.signed_in("coordinator")
    assert (await coordinator.post("/campagne/brouillon")).headers["location"] == "/campagne?fait=brouillon"
    (asked,) = await town.said(DraftAsked)
    assert "Le brouillon se prépare." in words((await coordinator.get("/campagne")).text)
    assert (await coordinator.post("/campagne/brouillon")).status_code == 409
    gains = Touched(request="R-4", effect=Effect.GAINS, after=SEAT)
    loses = Touched(request="R-3", effect=Effect.LOSES, before=SEAT)
    await town.hear(
        drafted("R-4", asked.subject, SEAT, touched=gains),
        drafted("R-3", asked.subject, None, touched=loses),
        decided(asked.subject, 2),
    )
    shown = words((await coordinator.get("/campagne")).text)
    assert "Ce qui change depuis le brouillon d'avant (2)" in shown
    assert "Gagne une place" in shown and "Perd sa place Avant\u00a0: Les Petits Cailloux" in shown


async def test_the_release_asks_to_confirm_and_then_names_what_had_moved(town: Town) -> None:
    draft = await begin(town)
    committee = await town.signed_in("committee")
    asked = words((await committee.get("/campagne/liberer")).text)
    assert "Ce qui a bougé depuis le brouillon est écarté" in asked
    answer = await committee.post("/campagne/liberer", data={"brouillon": draft, "mots": "Vu"})
    assert answer.headers["location"] == "/campagne?fait=campagne_liberee"
    (released,) = await town.said(CampaignReleased)
    assert (released.draft, released.note) == (draft, "")
    assert "La libération est en cours." in words((await committee.get("/campagne")).text)
    await town.hear(event(CampaignClosed, "C-1", draft=draft, proposals=1, dropped=("R-4",)))
    shown = words((await committee.get("/campagne")).text)
    assert "1\u00a0proposition écrite" in shown and "1\u00a0dossier écarté" in shown


@pytest.mark.parametrize("confirmed", [True, False])
async def test_only_a_child_who_is_placed_stays_so_behind_the_release(town: Town, confirmed: bool) -> None:
    draft = await begin(town)
    committee = await town.signed_in("committee")
    await committee.post("/campagne/dossier/R-4/placer", data={"section": GRANDS, "semaine": "0", "motif": "Vu"})
    (asked,) = await town.said(ForceAsked)
    await town.hear(event(ForceWeighed, asked.subject, campaign="C-1", request="R-4", possible=True))
    if confirmed:
        await committee.post(f"/campagne/geste/{asked.subject}/confirmer")
    await town.hear(event(CampaignClosed, "C-1", draft=draft, proposals=1))
    undone = await committee.post(f"/campagne/geste/{asked.subject}/annuler")
    assert undone.status_code == (409 if confirmed else 303)
    assert ("cet enfant est placé" in words(undone.text)) == confirmed


@pytest.mark.parametrize("ticked", [True, False])
async def test_the_guichet_says_whether_it_holds_a_place_for_the_commission(town: Town, ticked: bool) -> None:
    await begin(town)
    coordinator = await town.signed_in("coordinator")
    assert "C'est un geste de la commission" in words((await coordinator.get("/campagne/place/V-jan/tenir")).text)
    said_of = {"places": "1", "jusqu_au": "2027-02-28", "motif": "Travaux"} | ({"pour": "oui"} if ticked else {})
    await coordinator.post("/campagne/place/V-jan/tenir", data=said_of)
    assert [held.campaign for held in await town.said(PlaceHeld)] == ["C-1" if ticked else None]


async def test_a_campaign_is_given_up_with_a_reason(town: Town) -> None:
    await begin(town)
    coordinator = await town.signed_in("coordinator")
    assert faults((await coordinator.post("/campagne/fin", data={"motif": ""})).text) == ["motif"]
    await coordinator.post("/campagne/fin", data={"motif": "Autre date"})
    assert [(row.subject, row.reason) for row in await town.said(CampaignEnded)] == [("C-1", "")]
    assert "«\u00a0Autre date\u00a0»" in words((await coordinator.get("/campagne")).text)
    committee = await town.signed_in("committee")
    assert "Autre date" not in (await committee.get("/campagne")).text, "free words are for the guichet alone"


async def test_the_guichet_holds_a_place_outside_of_any_campaign_and_the_commission_does_not(town: Town) -> None:
    page, words_of = "/campagne/place/V-1/tenir", {"places": "1", "jusqu_au": "2026-12-31", "motif": "Recrutement"}
    vacancy = await town.write(open_vacancy, act(DIRECTOR), vacancy_body())
    page = page.replace("V-1", vacancy)
    assert (await (await town.signed_in("committee")).post(page, data=words_of)).status_code == 403
    coordinator = await town.signed_in("coordinator")
    assert (await coordinator.post(page, data=words_of)).status_code == 303
    (held,) = await town.said(PlaceHeld)
    assert (held.campaign, held.until - held.time.date() > timedelta(30)) == (None, True)
    assert "Places tenues hors campagne" in words((await coordinator.get("/campagne")).text)


@pytest.mark.parametrize("path", ["/campagne/fin", "/campagne/liberer", "/campagne/dossier/R-4/placer"])
async def test_without_a_campaign_there_is_nothing_to_end_release_or_force(town: Town, path: str) -> None:
    assert (await (await town.signed_in("coordinator")).get(path)).status_code == 404


async def test_another_territorys_guichet_neither_reads_nor_changes_a_campaign(town: Town) -> None:
    """By the ids of things that are there: an id that is nobody's is refused to everybody."""
    await begin(town)
    committee = await town.signed_in("committee")
    await committee.post("/campagne/dossier/R-4/placer", data={"section": GRANDS, "semaine": "0", "motif": "Vu"})
    (asked,) = await town.said(ForceAsked)
    words_of = {"places": "1", "jusqu_au": "2027-02-28", "motif": "Travaux", "section": GRANDS, "semaine": "0"}
    stranger, before = await town.signed_in("stranger"), len(await town.said())
    seen = (f"/campagne/structure/{CRECHE}", "/campagne/place/V-jan/tenir", "/campagne/dossier/R-4/placer")
    for path in (*seen, f"/campagne/geste/{asked.subject}"):
        assert (await committee.get(path)).status_code == 200, path
        assert (await stranger.get(path)).status_code == 404, path
    gesture, api = f"/campagne/geste/{asked.subject}", f"/api/v1/gestures/{asked.subject}"
    for path in (f"{gesture}/confirmer", f"{gesture}/annuler", "/campagne/place/V-jan/tenir", "/campagne/fin"):
        assert (await stranger.post(path, data=words_of)).status_code == 404, path
    for path in (f"{api}/confirmation", f"{api}/undoing", "/api/v1/campaigns/C-1/drafts"):
        assert (await stranger.post(path)).status_code == 404, path
    assert (await stranger.get("/api/v1/campaigns/C-1")).status_code == 404
    assert (await stranger.get("/api/v1/campaign")).json() is None
    assert len(await town.said()) == before
