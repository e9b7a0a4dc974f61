"""The commission reviews a round without a name, holds one proposal back and releases the others."""

from __future__ import annotations

from datetime import timedelta

from contracts.releases import ReleaseGiven, ReleaseSuspended
from services.ingest.actors import Role
from services.ingest.pages import PAGES
from services.ingest.pages.doors import HOME
from tests.ingest.pages.reading import faults, read, words
from tests.ingest.pages.town import FIRST_NAMES, Town, proposal_in
from tests.ingest.people import COMMITTEE, TODAY, later
from tests.ingest.proposals import made, released

PREPARED, HELD = proposal_in("prepared"), proposal_in("held")
HOLD = f"/commission/proposition/{PREPARED}/retenir"


async def test_the_commission_begins_with_what_waits_for_a_release(town: Town) -> None:
    committee = await town.signed_in("committee")
    assert HOME[Role.COMMITTEE] == "/commission"
    page = await committee.get("/commission")
    shown = words(page.text)
    for said in (
        "1\u00a0proposition à libérer, 1\u00a0autre attend",
        "Un enfant de 21\u00a0mois",
        "30\u00a0points hors santé",
        "Parent isolé",
        "L'ordre suit les structures, puis les numéros de dossier. Aucun rang n'est montré.",
    ):
        assert said in shown
    assert HOLD in read(page.text).targets
    assert "Retenue jusqu'au lundi 9\u00a0novembre\u00a0: Fratrie à vérifier" in shown


async def test_no_page_of_the_commission_names_a_child_a_contact_or_a_health_matter(town: Town) -> None:
    committee = await town.signed_in("committee")
    own = [page.path for page in PAGES if Role.COMMITTEE in page.roles and page.method == "GET"]
    for path in own:
        text = (await committee.get(path.replace("{proposal}", PREPARED))).text
        assert not any(name in text for name in (*FIRST_NAMES, "Ada", "06 39")), path
        assert "Accueil adapté" not in text, path
        assert "À vérifier par une personne" not in text, path
        assert "60\u00a0points" not in words(text), "the total beside the lines that are shown gives the others away"


async def test_the_order_of_the_commissions_list_tells_nothing_of_ranks(town: Town) -> None:
    """Made and named against the order of the files: those that come first here would come last there."""
    files = (3, 4, 5)
    await town.hear(
        *[made(f"O-9{9 - n}", f"R-{n}", rank=n, points=n, code=f"900{n}", now=later(minutes=n)) for n in files]
    )
    page = words((await (await town.signed_in("committee")).get("/commission")).text)
    shown = [page.index(f"dossier R-{n}") for n in files]
    assert shown == sorted(shown)


async def test_the_commission_releases_a_round_in_one_gesture(town: Town) -> None:
    committee = await town.signed_in("committee")
    page = (await committee.get("/commission")).text
    waiting = [row["value"] for row in read(page).inputs if row["name"] == "proposition"]
    assert waiting == [PREPARED, HELD], "those that are ready, then a button of its own for the one held back"
    answer = await committee.post("/commission/liberer", data={"proposition": [PREPARED]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/commission?fait=libere")
    (release,) = await town.said(ReleaseGiven)
    assert (release.proposals, release.by) == ((PREPARED,), COMMITTEE.id)


async def test_what_was_just_released_is_not_offered_again_unless_it_has_not_left_after_a_minute(town: Town) -> None:
    committee = await town.signed_in("committee")
    await committee.post("/commission/liberer", data={"proposition": [PREPARED]})
    page = (await committee.get("/commission")).text
    assert [row["value"] for row in read(page).inputs if row["name"] == "proposition"] == [HELD]
    assert "Libération en cours" in words(page) and HOLD not in read(page).targets
    await committee.post("/commission/liberer", data={"proposition": [HELD]})
    assert "2\u00a0propositions qui partent" in words((await committee.get("/commission")).text)
    town.clock.set(later(minutes=1, seconds=1))
    page = (await committee.get("/commission")).text
    assert [row["value"] for row in read(page).inputs if row["name"] == "proposition"] == [PREPARED, HELD]
    await committee.post("/commission/liberer", data={"proposition": [PREPARED]})
    await town.hear(released(PREPARED))
    assert "Libération en cours" not in words((await committee.get("/commission")).text)


async def test_the_commission_holds_one_back_with_a_reason_and_a_date(town: Town) -> None:
    committee = await town.signed_in("committee")
    form = words((await committee.get(HOLD)).text)
    assert "Obtient la place demandée en premier" in form
    assert "rang" not in form and "60\u00a0points" not in form
    until = TODAY + timedelta(days=5)
    refused = await committee.post(HOLD, data={"jusqu_au": "", "motif": ""})
    assert (refused.status_code, faults(refused.text)) == (422, ["jusqu_au", "motif"])
    held = await committee.post(HOLD, data={"jusqu_au": until.isoformat(), "motif": "À revoir ensemble"})
    assert held.headers["location"] == "/commission?fait=retenue"
    (suspended,) = await town.said(ReleaseSuspended)
    assert (suspended.reason, suspended.until, suspended.by) == ("", until, COMMITTEE.id)


async def test_what_has_left_is_not_held_back_by_the_commission(town: Town) -> None:
    committee = await town.signed_in("committee")
    gone = f"/commission/proposition/{proposal_in('delivered')}/retenir"
    assert (await committee.get(gone)).status_code == 404
    assert (await committee.post("/commission/liberer", data={"proposition": "O-3"})).status_code == 409
    assert await town.said() == []


async def test_an_empty_list_says_what_will_be_there(quiet_town: Town) -> None:
    committee = await quiet_town.signed_in("committee")
    assert (await committee.get("/commission")).text.count("Rien n'attend.") == 1
