"""What a machine can find of WCAG 2.2 AA and RGAA 4: axe on each screen, at a phone's and a desk's width, both schemes.

Axe finds half at best; the other tests of this folder and people's eyes look for the rest.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from contracts.base import Event
from services.bus.links import contact_token
from tests.browser.screens import FAULTY, SCREENS
from tests.browser.site import DESK, PHONE, Site, context_for
from tests.ingest.pages.town import proposal_in
from tests.ingest.proposals import LINK_KEY, delivered, made, released, sent

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "RGAAv4"]
OPTIONS: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
AUDIENCES = [None, "director", "counsellor", "committee", "coordinator"]

# axe is a script that the test brings along: the pages' own policy would stop it, as it would anybody's
AXE = {"java_script_enabled": True, "bypass_csp": True}


COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
"""What a colour scheme changes of a page; all the rest of it is the same in the dark."""


def violations(page: Page, options: dict[str, Any] = OPTIONS) -> list[str]:
    page.evaluate("Promise.all(document.getAnimations().map(one => one.finished))")  # colours on their way are nobody's
    found = Axe().run(page, options=options).response["violations"]
    return [f"{fault['id']}: {node['target']} {node['failureSummary']}" for fault in found for node in fault["nodes"]]


ENDLESS = {"/api/docs", "/api/evenements"}
"""Hundreds of entries made alike, of which axe tries each: a third of the cost of all screens, so at one width only."""


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["360", "1280"])
@pytest.mark.parametrize("who", AUDIENCES)
def test_axe_finds_nothing_on_any_screen(browser: Browser, site: Site, who: str | None, size: tuple[int, int]) -> None:
    found: dict[str, list[str]] = {}
    with context_for(browser, site, who, size, **AXE) as context:
        page = context.new_page()
        for path in [path for whose, path in SCREENS if whose == who and (size == PHONE or path not in ENDLESS)]:
            page.emulate_media(color_scheme="light")
            page.goto(site.url + path)
            found[path] = violations(page)
            page.emulate_media(color_scheme="dark")
            found[f"{path} in the dark"] = violations(page, COLOURS)
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize(("who", "path", "button"), FAULTY)
def test_axe_finds_nothing_on_a_form_with_faults(
    browser: Browser, site: Site, who: str, path: str, button: str
) -> None:
    with context_for(browser, site, who, PHONE, **AXE) as context:
        page = context.new_page()
        page.goto(site.url + path)
        for field in page.locator("input[type=time], input[type=date]").all():
            field.fill("")
        page.get_by_role("button", name=button, exact=True).click()
        assert page.locator(".errors").count() == 1
        assert violations(page) == []


def test_axe_would_find_a_field_without_its_label(browser: Browser, site: Site) -> None:
    """The failing twin: the same look at a page that was spoilt."""
    with context_for(browser, site, None, PHONE, **AXE) as context:
        page = context.new_page()
        page.goto(f"{site.url}/connexion")
        page.evaluate("document.querySelector('label').remove()")
        assert any(fault.startswith("label") for fault in violations(page))


def test_axe_would_find_words_that_only_the_dark_hides(browser: Browser, site: Site) -> None:
    """The failing twin of the look at colours alone."""
    with context_for(browser, site, None, PHONE, **AXE) as context:
        page = context.new_page()
        page.goto(f"{site.url}/connexion")
        page.add_style_tag(content="@media (prefers-color-scheme: dark) { h1 { color: #333; background: #222 } }")
        assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        assert [fault.split(":")[0] for fault in violations(page, COLOURS)] == ["color-contrast"]


def test_targets_are_as_large_as_a_thumb(browser: Browser, site: Site) -> None:
    """48 px high for everything that is pressed; links within a sentence are text."""
    small: list[str] = []
    for who in AUDIENCES:
        with context_for(browser, site, who, PHONE, java_script_enabled=True) as context:
            page = context.new_page()
            for path in [path for whose, path in SCREENS if whose == who]:
                page.goto(site.url + path)
                small += [f"{path} {name}" for name in page.evaluate(SMALL)]
    assert small == []


SMALL = """() => {
  const pressed = document.querySelectorAll(
    'button, .button, select, summary, .choice, .menu a, input:not([type=hidden])');
  // a radio or a box is pressed by its whole label, which is measured too
  const least = e => ['radio', 'checkbox'].includes(e.getAttribute('type')) ? 24 : 47.9;
  return [...pressed].map(e => [e, e.getBoundingClientRect()])
    .filter(([e, box]) => e.checkVisibility() && box.width > 1 && box.height < least(e))
    .map(([e, box]) => `${e.outerHTML.slice(0, 90)} ${box.height}`);
}"""
"""What is pressed, visible and too low, in one look at a page: asking of each thing apart costs more than the page."""


def test_a_target_lower_than_a_thumb_would_be_found(browser: Browser, site: Site) -> None:
    """The failing twin: a button that was made low, and one that nobody sees."""
    with context_for(browser, site, None, PHONE, java_script_enabled=True) as context:
        page = context.new_page()
        page.goto(f"{site.url}/connexion")
        low = "min-height: 0; height: 20px; padding: 0"
        page.evaluate("low => document.querySelector('button').style = low", low)
        assert len(page.evaluate(SMALL)) == 1
        page.evaluate("low => document.querySelector('button').style = low", f"{low}; display: none")
        assert page.evaluate(SMALL) == []


def test_the_screens_of_every_audience_are_looked_at() -> None:
    assert {who for who, _ in SCREENS} == set(AUDIENCES)
    assert len(set(itertools.chain(SCREENS))) == len(SCREENS)


def siblings_parts_and_moves() -> list[Event]:
    """What few proposals say: some of the days, a brother's place beside it, the place given up, a departure first."""
    family: dict[str, Any] = {"partial": True, "replaces": proposal_in("confirmed"), "round": "T-2"}
    asked = made("O-93", "R-9", code="9003", siblings="B-1", **family)
    return [
        *(asked, released("O-93"), sent("O-93"), delivered("O-93")),
        made("O-94", "R-9", code="9004", siblings="B-2", after=("O-90",), **family),
        made("O-95", "R-10", code="9005", siblings="B-2", round="T-2"),
    ]


def test_axe_finds_nothing_where_siblings_parts_of_days_and_moves_are_told(browser: Browser, site: Site) -> None:
    site.run(site.town.hear(*siblings_parts_and_moves()))
    page_of_family = f"/p/{contact_token(LINK_KEY, 'O-93', 'F-R-9-c1')}"
    told = {
        (None, page_of_family): ("Ses frères et sœurs", "une partie des jours demandés", "Votre place actuelle"),
        ("coordinator", "/guichet"): ("Avec sa fratrie", "Change de place", "Attend un départ"),
    }
    for (who, path), lines in told.items():
        with context_for(browser, site, who, PHONE, **AXE) as context:
            page = context.new_page()
            page.goto(site.url + path)
            text = page.inner_text("main")
            assert [line for line in lines if line not in text] == [], path
            for size in (PHONE, DESK):
                page.set_viewport_size({"width": size[0], "height": size[1]})
                assert violations(page) == [], (path, size)
                assert page.evaluate("document.documentElement.scrollWidth") <= size[0], (path, size)
