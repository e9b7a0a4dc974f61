"""Lists that follow what happens elsewhere, in a real Chromium: nothing is reloaded, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from contracts.proposals import ProposalWithdrawn
from contracts.tasks import TaskOpened, TaskSettled
from contracts.vocabulary import TaskKind, WithdrawalReason
from services.ingest import credentials
from services.ingest.live import MOST_PER_SESSION
from tests.browser.site import DESK, Site, context_for, served
from tests.ingest.proposals import event, made, released

SOON_S = 0.1


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A town whose streams look often."""
    with served(tmp_path_factory.mktemp("live")) as it:
        it.town.guichet.streams.look_every_s = SOON_S
        yield it


@contextmanager
def opened(browser: Browser, site: Site, who: str, path: str, **options: bool) -> Iterator[Page]:
    with context_for(browser, site, who, DESK, java_script_enabled=True, **options) as context:
        page = context.new_page()
        page.goto(site.url + path)
        yield page


def says(page: Page, words: str) -> bool:
    """Waits for the words; a time-out shows those that are there instead."""
    expect(page.locator("#direct-etat")).to_have_text(words)
    return True


LIVE, PAUSED = "Liste en direct.", "En pause."
BY_ITSELF = "Liste relue toutes les 20\u00a0secondes."
_tasks = iter(range(1000))


def task_opened(site: Site) -> str:
    """Something happens elsewhere: one more shortfall. Its id."""
    id_ = f"A-live-{next(_tasks)}"
    site.run(site.town.hear(event(TaskOpened, id_, kind=TaskKind.SHORTFALL, detail=id_, structure="S-cailloux")))
    return id_


def shortfalls(page: Page, number: int) -> bool:
    expect(page.locator("#shortfall li")).to_have_count(number)
    return True


def test_what_happens_elsewhere_appears_without_a_reload(browser: Browser, site: Site) -> None:
    with opened(browser, site, "coordinator", "/guichet") as page:
        assert says(page, LIVE)
        before = page.locator("#shortfall li").count()
        page.evaluate("window.sameDocument = true")
        task = task_opened(site)
        assert shortfalls(page, before + 1)
        site.run(site.town.hear(event(TaskSettled, task, by="P")))
        assert shortfalls(page, before)
        assert page.evaluate("window.sameDocument")
        expect(page.locator("#direct-dit")).to_contain_text("éléments à traiter")


DEAF = """
const add = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (name, ...rest) {
  if (name === "error" || name === "open") { add.call(this, name, ...rest); }
};
"""
"""What a proxy does that collects an answer before it passes it on: the stream opens, and nothing of it arrives."""


def test_a_stream_that_something_holds_back_is_not_called_live(browser: Browser, site: Site) -> None:
    with context_for(browser, site, "coordinator", DESK, java_script_enabled=True) as context:
        context.add_init_script(DEAF)
        page = context.new_page()
        page.goto(site.url + "/guichet")
        before = page.locator("#shortfall li").count()
        task = task_opened(site)
        expect(page.locator("#direct-etat")).to_have_text(BY_ITSELF, timeout=15_000)
        assert shortfalls(page, before + 1), "the page asked by itself"
        site.run(site.town.hear(event(TaskSettled, task, by="P")))


def test_a_pause_holds_it_back_and_going_on_brings_it(browser: Browser, site: Site) -> None:
    with opened(browser, site, "coordinator", "/guichet") as page:
        assert says(page, LIVE)
        before = page.locator("#shortfall li").count()
        page.get_by_role("button", name="Mettre en pause").click()
        assert says(page, PAUSED)
        task_opened(site)
        assert says(page, "En pause. Du nouveau attend.")
        assert shortfalls(page, before)
        page.get_by_role("button", name="Reprendre").click()
        assert shortfalls(page, before + 1)
        assert says(page, LIVE)


def test_a_refused_stream_leaves_the_page_to_ask_by_itself(browser: Browser, site: Site) -> None:
    with context_for(browser, site, "coordinator", DESK, java_script_enabled=True) as context:
        page = context.new_page()
        page.clock.install()
        page.route("**/direct?*", lambda route: route.fulfill(status=429))
        page.goto(f"{site.url}/guichet")
        assert says(page, BY_ITSELF)
        before = page.locator("#shortfall li").count()
        task_opened(site)
        page.clock.fast_forward(21_000)
        assert shortfalls(page, before + 1)


def test_a_form_half_filled_in_survives_and_is_told_that_something_waits(browser: Browser, site: Site) -> None:
    site.run(site.town.hear(made("O-live", "R-urgent", code="4777"), released("O-live")))
    with opened(browser, site, "counsellor", "/conseil/dossier/R-urgent") as page:
        assert says(page, LIVE)
        page.get_by_label("NON, la famille ne la prend pas").check()
        withdrawn = {"reason": WithdrawalReason.CLOSURE, "after_yes": False, "family_knew": True}
        site.run(site.town.hear(event(ProposalWithdrawn, "O-live", **withdrawn)))
        assert says(page, "Du nouveau attend la fin de votre saisie.")
        expect(page.get_by_label("NON, la famille ne la prend pas")).to_be_checked()
        assert page.locator(":focus").get_attribute("value") == "non"
        page.get_by_role("button", name="Afficher").click()
        expect(page.get_by_text("Retirée").first).to_be_visible()
        assert page.locator(":focus").get_attribute("id") == "liste"
        assert says(page, LIVE)


def test_what_has_the_focus_is_not_taken_away_and_what_was_unfolded_stays_so(browser: Browser, site: Site) -> None:
    with opened(browser, site, "coordinator", "/guichet") as page:
        assert says(page, LIVE)
        before = page.locator("#shortfall li").count()
        page.get_by_text("Ses points").first.click()
        points = page.locator("details[open]")
        task_opened(site)
        assert says(page, "Du nouveau attend la fin de votre saisie.")
        assert shortfalls(page, before)
        page.locator("h1").click()  # the focus leaves the list
        assert shortfalls(page, before + 1)
        expect(points).to_have_count(1)


def test_a_session_that_ends_ends_the_stream_and_says_so(browser: Browser, site: Site) -> None:
    with opened(browser, site, "director", "/creche") as page:
        assert says(page, LIVE)
        secret = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "berceau")
        site.run(site.town.write(credentials.close_session, secret))
        assert says(page, "Votre session est finie. Rechargez la page.")


def test_a_fifth_page_of_one_session_asks_by_itself(browser: Browser, site: Site) -> None:
    with context_for(browser, site, "director", DESK, java_script_enabled=True) as context:
        pages = [context.new_page() for _ in range(MOST_PER_SESSION + 1)]
        for page in pages[:-1]:
            page.goto(f"{site.url}/creche")
            assert says(page, LIVE)
        pages[-1].goto(f"{site.url}/creche")
        assert says(pages[-1], BY_ITSELF)


def test_a_server_that_stops_does_not_wait_for_open_pages(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path) as site, opened(browser, site, "coordinator", "/guichet") as page:
        assert says(page, LIVE)
        site.stop()
        assert site.has_stopped_within(5)


@pytest.mark.parametrize(("who", "path"), [("coordinator", "/guichet"), ("director", "/creche")])
def test_no_policy_is_broken_by_a_live_page(browser: Browser, site: Site, who: str, path: str) -> None:
    with context_for(browser, site, who, DESK, java_script_enabled=True) as context:
        page = context.new_page()
        trouble: list[str] = []
        page.on("console", lambda message: trouble.append(message.text))
        page.goto(site.url + path)
        assert says(page, LIVE)
        task_opened(site)
        page.wait_for_timeout(500)
        assert trouble == []


def test_without_a_script_the_list_has_its_own_link(browser: Browser, site: Site) -> None:
    with context_for(browser, site, "coordinator", DESK) as context:
        page = context.new_page()
        page.goto(f"{site.url}/guichet")
        before = page.locator("#shortfall li").count()
        assert not page.locator("#direct-barre").is_visible()
        task_opened(site)
        page.get_by_role("link", name="Actualiser").click()
        assert page.locator("#shortfall li").count() == before + 1
