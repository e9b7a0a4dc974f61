"""Reading a page as a person does: its words, its forms, its faults."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.labels: set[str] = set()
        self.inputs: list[dict[str, str]] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["href"]] if tag == "a" and "href" in found else []
        self.labels |= {found["for"]} if tag == "label" and "for" in found else set()
        self.inputs += [found] if tag in ("input", "select", "textarea") else []


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


def words(html: str) -> str:
    """What is written on the page, without its head, in one line."""
    body = html.partition("<main")[2].partition("</main>")[0]
    return re.sub(r"[ \n]+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def faults(html: str) -> list[str]:
    """The fields that the error summary leads to."""
    summary = html.partition('<div class="errors"')[2].partition("</div>")[0]
    return re.findall(r'href="#([^"]+)"', summary)


def once(html: str) -> str:
    """The name of the act that a form would do."""
    found = re.search(r'name="une_fois" value="([^"]+)"', html)
    assert found is not None, "the form does not say which act it is"
    return found[1]
