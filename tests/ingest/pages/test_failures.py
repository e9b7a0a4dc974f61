"""What people meet where no page answers: a page in French with what to do, and never a program's words."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
import structlog

from services.bus.pulse import DatabaseSilent
from services.ingest import app
from services.ingest.pages import Pages, failures, pages_router
from services.ingest.pages import doors as page_doors
from services.ingest.protection import Limit
from services.ingest.queries import directory
from tests.ingest.pages.reading import words
from tests.ingest.pages.town import Town, link

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SECRET = "Ada Exemple, 06 39 98 20 03"


def visitor(town: Town, **more: Any) -> httpx2.AsyncClient:
    """A browser that gets the answer that a server sends where a handler fails."""
    transport = httpx2.ASGITransport(town.app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://guichet.test", headers=BROWSER, **more)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page fails with words about a person, once it is known who visits which town."""

    def fail(*_: Any) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(page_doors, "_check_role", fail)


def said_in(log: list[Any]) -> dict[str, Any]:
    (line,) = [line for line in log if line["event"] == "request.failed"]
    return dict(line)


@pytest.mark.usefixtures("broken")
async def test_a_fault_of_ours_is_a_page_in_french_with_a_number_that_the_log_has_too(town: Town) -> None:
    with structlog.testing.capture_logs() as log:
        answer = await visitor(town).get(link("delivered"))
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    shown, line = words(answer.text), said_in(log)
    assert "Une erreur est survenue" in shown and "L'erreur vient de nous." in shown
    assert f"Donnez ce numéro d'incident\u00a0: {line['incident']}" in shown
    assert "04 65 71 00 10" in shown, "whom to call"
    assert (line["route"], line["error"], line["method"]) == ("/p/{token}", "RuntimeError", "GET")
    kept = f"{line} {answer.text}"
    assert SECRET not in kept and link("delivered").removeprefix("/p/") not in str(line)
    assert answer.headers["referrer-policy"] == "no-referrer" and "default-src 'none'" in str(answer.headers)


async def test_a_fault_before_anything_is_known_is_a_page_too(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(page_doors, "frame_of", fail)
    answer = await visitor(town).get("/")
    assert answer.status_code == 500
    assert "Si cela continue, appelez le guichet." in words(answer.text)


@pytest.mark.parametrize(
    ("path", "form"), [("/", "text/html; charset=utf-8"), ("/api/v1/structures", "application/problem+json")]
)
async def test_while_the_database_hangs_people_and_programs_hear_when_to_ask_again(
    town: Town, monkeypatch: pytest.MonkeyPatch, path: str, form: str
) -> None:
    async def hangs(*_: Any) -> None:
        raise DatabaseSilent("no answer")

    monkeypatch.setattr(page_doors, "frame_of", hangs)
    monkeypatch.setattr(type(town.guichet.database), "read", hangs)
    answer = await visitor(town).get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (503, form)
    assert int(answer.headers["retry-after"]) > 0
    assert "Le service ne répond pas" in answer.text
    assert "incident" not in answer.text, "nothing to report: it comes back"


async def test_a_family_that_comes_while_the_database_is_away_reads_whom_to_call(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: Any) -> None:
        raise DatabaseSilent("no answer")

    await visitor(town).get("/")
    monkeypatch.setattr(type(town.guichet.database), "read", hangs)
    shown = (await visitor(town).get(link("delivered"))).text
    assert "Besoin d'aide\u00a0? Appelez le guichet\u00a0: 04 65 71 00 10" in words(shown)
    assert "Territoire à publier" not in shown


@pytest.mark.parametrize("path", ["/p/{}/inconnue", "/p/{}/merci", "/p/{}%3Fx"])
async def test_no_part_of_a_familys_link_is_logged_where_its_page_fails_or_is_none(
    town: Town, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def fails(*_: Any) -> None:
        raise LookupError(SECRET)

    for module in (page_doors, failures):
        monkeypatch.setattr(module, "frame_of", fails)
    token = link("delivered").removeprefix("/p/")
    with structlog.testing.capture_logs() as log:
        answer = await visitor(town).get(path.format(token))
    assert answer.status_code == 500
    assert token not in str(log) and said_in(log)["route"] in ("none", "/p/{token}/merci", "/p/{token}")


async def test_a_fault_behind_the_api_is_a_problem_in_french_with_its_number(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(directory, "directory", fail)
    with structlog.testing.capture_logs() as log:
        answer = await visitor(town).get("/api/v1/structures", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    body, incident = answer.json(), said_in(log)["incident"]
    assert body["detail"] == (
        f"Le serveur a rencontré une erreur. Réessayez plus tard, ou signalez l'incident {incident}."
    )
    assert (body["type"], body["instance"]) == ("urn:berceau:server_error", f"urn:berceau:incident:{incident}")
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/nulle-part", 404, "Cette page n'existe pas"),
        ("GET", "/guichet/liberer", 405, "Cette page ne s'ouvre pas ainsi"),
        ("POST", "/annuaire", 405, "Cette page ne s'ouvre pas ainsi"),
    ],
)
async def test_a_wrong_address_is_a_page_in_french(town: Town, method: str, path: str, status: int, title: str) -> None:
    answer = await visitor(town).request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    shown = words(answer.text)
    assert title in shown and "Appelez le guichet\u00a0: 04 65 71 00 10" in shown and "openapi" not in shown
    assert ("allow" in answer.headers) == (status == 405)


async def test_what_is_too_large_is_a_page_in_french_declared_or_not(town: Town) -> None:
    async def endless() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        for _ in range(21):
            yield b"x" * 1024 * 1024

    form = {"Content-Type": "multipart/form-data; boundary=x"}
    declared = await visitor(town).post("/connexion/envoi", content=b"x", headers={**form, "Content-Length": "9" * 9})
    streamed = await visitor(town).post("/connexion", content=endless(), headers=form)
    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert "L'envoi est trop lourd" in words(answer.text) and "Faites plusieurs envois." in words(answer.text)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_one_field_that_is_too_long_is_too_large_and_not_unreadable(town: Town, kind: str) -> None:
    async def long_field() -> Any:
        yield b"f=" if "url" in kind else b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n'
        for _ in range(2):
            yield b"x" * 1024 * 1024

    answer = await visitor(town).post("/connexion", content=long_field(), headers={"Content-Type": kind})
    assert answer.status_code == 413
    assert "L'envoi est trop lourd" in words(answer.text) and "Un champ du formulaire" in words(answer.text)


async def test_who_comes_too_often_or_from_another_site_is_told_so_on_a_page(town: Town) -> None:
    strict = (Limit("all", ("/",), frozenset({"GET"}), burst=1, per_second=0.1),)
    built = app.create_app(town.guichet, town.service.reader, limits=strict, pages=pages_router(Pages(town.guichet)))
    transport = httpx2.ASGITransport(built)
    async with httpx2.AsyncClient(transport=transport, base_url="http://guichet.test", headers=BROWSER) as client:
        await client.get("/annuaire")
        refused = await client.get("/annuaire")
        forged = await client.post("/connexion", headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert "Attendez un peu" in words(refused.text)
    assert forged.status_code == 403 and "Cette demande vient d'un autre site." in words(forged.text)


async def test_a_program_gets_problem_details_wherever_it_asks(town: Town) -> None:
    """The twin: what is a page for people is none for who asks for JSON, nor under the API's addresses."""
    for path, headers in (("/nulle-part", {"Accept": "application/json"}), ("/api/v1/nulle-part", BROWSER)):
        answer = await visitor(town).get(path, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
