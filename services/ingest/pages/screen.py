"""How a page is made and sent: templates, French filters, headers, and assets under an address that never lies.

When to modify: a filter enters here when two templates need it; a header when a browser can protect people better.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.calendar import counted, hours_in_full, instant_in_full
from services.ingest.actors import STAFF
from services.ingest.pages import wording
from services.ingest.queries.requests import file_number

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""No page runs a script, loads from another host, is kept or framed, or names its address to anybody. Staff pages tell
their own host where a form comes from, without which a browser on plain http could not post (see `protection`)."""

LIVE_POLICY = f"{HEADERS['Content-Security-Policy']}; script-src 'self'; connect-src 'self'"
"""A list that follows what happens elsewhere runs our own files, and asks our own host: nothing inline, no eval."""

A_YEAR = "public, max-age=31536000, immutable"
_TYPES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml", "js": "text/javascript; charset=utf-8"}
_PACKAGE = "services.ingest"


def asset(name: str) -> str:
    """The address of a file of `static/`, with its fingerprint: a new version is a new address."""
    return f"/static/{name}?v={_fingerprint(name)}"


def asset_response(name: str, encodings: str = "") -> Response:
    """A file of `static/`, kept for a year, and smaller where the browser takes it so. 404 where there is none."""
    if name not in _files():
        return Response("Ce fichier n'existe pas.", 404, media_type="text/plain; charset=utf-8")
    headers = {"Cache-Control": A_YEAR, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    body = _files()[name]
    if "gzip" in encodings:
        headers["Content-Encoding"] = "gzip"
        body = _smaller(name)
    return Response(body, media_type=_TYPES[name.rpartition(".")[2]], headers=headers)


def page(template: str, status: int = 200, **data: Any) -> HTMLResponse:
    """A page of `templates/`, with everything that it names among `data`."""
    referrer = {"Referrer-Policy": "same-origin"} if data["actor"].role in STAFF else {}
    policy = {"Content-Security-Policy": LIVE_POLICY} if data["live"] else {}
    return HTMLResponse(TEMPLATES.get_template(template).render(**data), status, {**HEADERS, **referrer, **policy})


@cache
def _files() -> dict[str, bytes]:
    """Our own files, and those of others under `vendor`, each there with its licence and version."""
    static = resources.files(_PACKAGE).joinpath("pages", "static")
    entries = [entry for folder in (static, static.joinpath("vendor")) for entry in folder.iterdir() if entry.is_file()]
    files = sorted(entries, key=lambda entry: entry.name)
    return {entry.name: entry.read_bytes() for entry in files if entry.name.rpartition(".")[2] in _TYPES}


@cache
def _smaller(name: str) -> bytes:
    return gzip.compress(_files()[name], mtime=0)


def _fingerprint(name: str) -> str:
    return hashlib.sha256(_files()[name]).hexdigest()[:10]


TEMPLATES = Environment(
    loader=PackageLoader(_PACKAGE, "pages/templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters.update(
    age=wording.age,
    ages=wording.ages,
    at=instant_in_full,
    between=wording.between,
    capitalize_first=wording.capitalised,
    count=counted,
    day=wording.day,
    dict=dict,
    file_number=file_number,
    hours=lambda slot: hours_in_full(slot.start, slot.end),
    iso_day=wording.iso_day,
    lasting=wording.lasting,
    lower_first=wording.in_sentence,
    of=wording.of,
    slots=wording.read_slots,
    tel=wording.dialled,
    week=wording.week,
)
TEMPLATES.globals.update(asset=asset)
