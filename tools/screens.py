"""The picture of the README: a phone, the page behind its link, and the coordinator's list, from a running demo.

    berceau demo --speed 60 --port 8080
    python -m tools.screens http://127.0.0.1:8080 http://127.0.0.1:8080/connexion/…

The second address is the coordinator's, as the demo prints it; it serves once. Chromium takes the three screens and
sets them side by side. When to modify: the README shows other screens.
"""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.servers import find_chromium

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "screens.png"
PHONE, DESK = (390, 844), (1024, 844)
WAITS = "Une place est proposée"
"""What the page behind a link says while the family has not answered."""

SHEET = """<!doctype html><html lang="fr"><style>
body { margin: 0; padding: 24px; display: flex; gap: 24px; width: max-content; background: #e9e2d6; }
img { display: block; border-radius: 14px; box-shadow: 0 2px 14px rgb(0 0 0 / 20%); }
</style><body>IMAGES</body></html>"""


def main(base: str, coordinator: str) -> None:
    """Take the three screens of the demo at `base` and write the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        phone, family = _family(browser, base)
        _side_by_side(browser, [phone, family, _coordinator(browser, coordinator)])
        browser.close()


def _family(browser: Browser, base: str) -> tuple[bytes, bytes]:
    """The phone of a family that has an offer to answer, and the page behind its link."""
    page = _page(browser, PHONE)
    page.goto(f"{base}/telephones")
    shown = page.locator(".phone", has=page.locator("a[href*='/p/']"))
    for number in [str(link.get_attribute("href")) for link in shown.locator("h2 a").all()]:
        page.goto(f"{base}{number}")
        links = page.locator(".in a[href*='/p/']")
        phone, family = page.screenshot(), str(links.last.get_attribute("href"))
        page.goto(family)
        if page.get_by_role("heading", name=re.compile(WAITS)).count():
            return phone, page.screenshot()
    raise SystemExit("Aucune famille n'attend en ce moment : réessayez dans une minute.")


def _coordinator(browser: Browser, address: str) -> bytes:
    page = _page(browser, DESK)
    page.goto(address)
    page.get_by_role("button", name="Ouvrir ma session").click()
    page.wait_for_url("**/guichet*")
    page.get_by_text("Liste en direct.").wait_for()
    return page.screenshot()


def _page(browser: Browser, size: tuple[int, int]) -> Page:
    viewport = {"width": size[0], "height": size[1]}
    return browser.new_context(viewport=viewport, locale="fr-FR", color_scheme="light").new_page()  # type: ignore[arg-type]


def _side_by_side(browser: Browser, screens: list[bytes]) -> None:
    images = "".join(f'<img src="data:image/png;base64,{base64.b64encode(one).decode()}" alt="">' for one in screens)
    page = _page(browser, (PHONE[0] * 2 + DESK[0] + 96, PHONE[1] + 48))
    page.set_content(SHEET.replace("IMAGES", images))
    page.screenshot(path=PICTURE, full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
