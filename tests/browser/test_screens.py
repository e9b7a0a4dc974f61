"""What a real browser does with each screen: no scrolling sideways, no other host, no error, no script needed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, Response

from contracts.replies import ReplyReceived
from contracts.vacancies import VacancyOpened
from tests.browser.screens import SCREENS
from tests.browser.site import DESK, PHONE, Site, context_for
from tests.ingest.pages.town import link

NARROW = (320, 640)
"""WCAG 2.2, 1.4.10: 1280 px at 400 % are 320."""

LIGHTEST = 30_000


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Anybody's phone, without JavaScript."""
    with context_for(browser, site) as context:
        yield context.new_page()


@pytest.fixture
def director(browser: Browser, site: Site) -> Iterator[Page]:
    """A director's phone, without JavaScript."""
    with context_for(browser, site, "director") as context:
        yield context.new_page()


@pytest.mark.parametrize("who", [None, "director", "counsellor", "committee", "coordinator"])
def test_nothing_scrolls_sideways_at_320_px_and_nothing_goes_elsewhere(
    browser: Browser, site: Site, who: str | None
) -> None:
    trouble: list[str] = []
    with context_for(browser, site, who, NARROW, java_script_enabled=True) as context:
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: trouble.append(request.url) if not _is_ours(request, site) else None)
        for path in [path for whose, path in SCREENS if whose == who]:
            answer = page.goto(site.url + path)
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > NARROW[0]:
                trouble.append(f"{path} is {width} px wide")
            if answer is not None and answer.status >= 400:
                trouble[:] = [line for line in trouble if "Failed to load resource" not in line]
    assert trouble == []


def _is_ours(request: Request, site: Site) -> bool:
    return request.url.startswith(site.url)


def test_a_line_too_long_would_be_seen(browser: Browser, site: Site) -> None:
    """The failing twin of the width."""
    with context_for(browser, site, None, NARROW, java_script_enabled=True) as context:
        page = context.new_page()
        page.goto(site.url)
        page.evaluate("document.querySelector('h1').style.width = '500px'")
        assert page.evaluate("document.documentElement.scrollWidth") > NARROW[0]


def test_a_family_answers_with_the_keyboard_alone_and_without_javascript(page: Page, site: Site) -> None:
    page.goto(site.url + link("delivered"))
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Aller au contenu"
    page.keyboard.press("Enter")
    _tab_to(page, "[name=reponse]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    _tab_to(page, "button")
    _has_a_ring(page)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Réponse enregistrée").wait_for()
    replies = site.run(site.town.said(ReplyReceived))
    assert [reply.answer.value for reply in replies] == ["rappel"]
    page.go_back()
    page.go_forward()
    page.reload()
    assert len(site.run(site.town.said(ReplyReceived))) == 1, "going back repeats nothing"


def test_a_fault_is_announced_and_its_link_leads_to_the_field(page: Page, site: Site) -> None:
    page.goto(site.url + link("undelivered"))
    page.get_by_role("button", name="Envoyer ma réponse").click()
    assert page.title().startswith("Erreur\u00a0: ")
    page.get_by_role("alert").get_by_role("link").click()
    assert page.url.endswith("#reponse")


def test_a_director_posts_in_two_taps_with_the_keyboard_alone(director: Page, site: Site) -> None:
    director.goto(f"{site.url}/creche")
    _tab_to(director, "a[href^='/creche/reprendre/']")
    director.keyboard.press("Enter")
    _tab_to(director, "main button")
    _has_a_ring(director)
    director.keyboard.press("Enter")
    director.wait_for_url("**/creche?fait=publie")
    assert director.get_by_role("status").inner_text().startswith("Place publiée.")
    assert len(site.run(site.town.said(VacancyOpened))) == 1


def _tab_to(page: Page, selector: str) -> None:
    """Walk with the tab key until the focus is on what `selector` names."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    pytest.fail(f"the keyboard never reaches {selector}")


def _has_a_ring(page: Page) -> None:
    ring = page.locator(":focus").evaluate("e => getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth")
    assert ring == "solid3px"


def test_a_family_page_weighs_less_than_thirty_kilobytes_with_all_that_it_loads(browser: Browser, site: Site) -> None:
    with context_for(browser, site) as context:
        page = context.new_page()
        answers: list[Response] = []

        def keep(answer: Response) -> None:  # Playwright marks its handlers: a list's own method refuses that
            answers.append(answer)

        page.on("response", keep)
        page.goto(site.url + link("delivered"), wait_until="networkidle")
        assert len(answers) >= 2, "the page and its sheet"
        assert sum(len(answer.body()) for answer in answers) <= LIGHTEST


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["360", "1280"])
def test_text_may_be_twice_as_large_without_hiding_anything(
    browser: Browser, site: Site, size: tuple[int, int]
) -> None:
    """WCAG 2.2, 1.4.4 and 1.4.12: larger letters and wider spacing cut nothing off."""
    spacing = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
    with context_for(browser, site, "director", size, java_script_enabled=True, bypass_csp=True) as context:
        page = context.new_page()
        for path in ("/creche", "/creche/publier/reguliere", "/creche/a-confirmer"):
            page.goto(site.url + path)
            page.add_style_tag(content=f"html {{ font-size: 200% }} {spacing}")
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path


def test_paper_shows_the_proposal_and_leaves_the_buttons_out(page: Page, site: Site) -> None:
    page.emulate_media(media="print")
    page.goto(site.url + link("confirmed"))
    assert page.get_by_role("heading", name="La place est à vous").is_visible()
    assert page.get_by_text("Premier jour complet").is_visible()
    assert page.locator("button:visible").count() == 0


def test_more_choices_are_ranked_with_the_keyboard_alone_and_enter_in_a_field_checks(
    browser: Browser, site: Site
) -> None:
    """Without JavaScript: the button brings more rows and stands at the first of them; Enter does not press it."""
    with context_for(browser, site, "coordinator") as context:
        page = context.new_page()
        page.goto(f"{site.url}/guichet/demande")
        page.get_by_label("Prénom").fill("Émile")
        _tab_to(page, "button[value=ajouter]")
        _has_a_ring(page)
        page.keyboard.press("Enter")
        page.wait_for_url("**#voeu4")
        assert page.get_by_label("Prénom").input_value() == "Émile"
        page.keyboard.press("Tab")
        assert page.locator(":focus").get_attribute("name") in ("voeu4", "egal4"), "the walk goes on at the new rows"
        page.get_by_label("À égalité avec le choix 4, pour le choix 5").check()
        page.get_by_label("Prénom").press("Enter")
        page.get_by_role("alert").wait_for()
        assert page.get_by_label("À égalité avec le choix 4, pour le choix 5").is_checked()
