"""The campaign's screens, with a draft, a held place and a child placed by decision: axe, widths, thumbs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from contracts.campaigns import ForceWeighed, Touched
from contracts.vocabulary import Effect
from services.ingest.declare.campaigns import ForceBody, HeldBody, ask_force, hold_place
from tests.browser.site import DESK, PHONE, Site, context_for
from tests.browser.test_accessibility import AXE, SMALL, violations
from tests.ingest.pages.test_campaign_pages import SEAT, begin
from tests.ingest.people import COORDINATOR, CRECHE, GRANDS, act, later
from tests.ingest.proposals import event


async def fill(site: Site) -> str:
    """A campaign in the middle of its commission. The gesture that waits for a confirmation."""
    await begin(site.town, unconfirmed=2)
    asked = act(COORDINATOR, later(minutes=5))
    held = HeldBody.model_validate({"vacancy": "V-jan", "until": "2027-02-28", "reason": "Travaux", "campaign": "C-1"})
    await site.town.write(hold_place, asked, held)
    force = ForceBody(request="R-4", section=GRANDS, reason="Vu ensemble")
    gesture = await site.town.write(ask_force, asked, "C-1", force)
    loses = (Touched(request="R-3", effect=Effect.LOSES, before=SEAT),)
    facts = {"campaign": "C-1", "request": "R-4", "possible": True, "touched": loses}
    await site.town.hear(event(ForceWeighed, gesture, **facts))
    return gesture


@pytest.fixture(scope="module")
def screens(site: Site) -> tuple[str, ...]:
    gesture = site.run(fill(site))
    lists = ("dossiers", "dossiers?reponse=sans", f"structure/{CRECHE}")
    pages = (*lists, "place/V-jan/tenir", "dossier/R-4/placer", f"geste/{gesture}", "liberer")
    return ("/campagne", *(f"/campagne/{page}" for page in pages))


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["360", "1280"])
@pytest.mark.parametrize("who", ["committee", "coordinator"])
def test_the_screens_of_a_campaign_are_open_to_everybody(
    browser: Browser, site: Site, screens: tuple[str, ...], who: str, size: tuple[int, int]
) -> None:
    found: dict[str, list[str]] = {}
    own = (*screens, "/campagne/ouvrir", "/campagne/fin") if who == "coordinator" else screens
    with context_for(browser, site, who, size, **AXE) as context:
        page = context.new_page()
        for path in own:
            page.goto(site.url + path)
            wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            found[path] = [*violations(page), *page.evaluate(SMALL), *(["too wide"] if wide else [])]
    assert {path: faults for path, faults in found.items() if faults} == {}
