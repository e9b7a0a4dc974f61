"""The JSON door: what is answered, once for each key, and what is said when it is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.requests import RequestRegistered
from contracts.territories import TerritoryPublished
from contracts.vacancies import VacancyOpened
from services import vault
from services.cli.assembly import knows_policy
from services.ingest import idempotency
from services.ingest.problems import Refused
from tests.ingest.doors import FAMILY, Doors
from tests.ingest.people import CRECHE, NOW, OTHER, later, need_body, territory_body, vacancy_body
from tests.ingest.proposals import accepted, made, released

VACANCY = vacancy_body().model_dump(mode="json")


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The problem of an answer, with everything that a person and a program need."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    said: dict[str, Any] = answer.json()
    assert said["status"] == status
    assert said["title"]
    assert said["type"] == f"urn:berceau:{said['errors'][0]['code']}"
    for line in said["errors"]:
        assert set(line) == {"field", "code", "rule", "remedy"}
        assert all(line.values()), line
        assert line["rule"].endswith(".")
    return said


async def test_a_posted_place_is_said_and_can_be_followed(doors: Doors) -> None:
    answer = await doors.post("/vacancies", "director", VACANCY)
    assert answer.status_code == 202
    id_ = answer.json()["id"]
    assert answer.json()["follow"] == f"/api/v1/vacancies/{id_}"
    (event,) = await doors.said(VacancyOpened)
    assert event.subject == id_
    view = (await doors.get(f"/vacancies/{id_}", "director")).json()
    assert (view["posted"], view["free"], view["stale"]) == (2, 2, False)
    public = (await doors.get("/places?commune=03098")).json()
    assert (public["places"][0]["free"], public["updated_at"]) == (2, NOW.isoformat().replace("+00:00", "Z"))


@pytest.mark.parametrize(("policy", "status"), [("nulle-part", 422), ("montlucon-modele", 202)])
async def test_a_territory_of_rules_that_the_matcher_would_refuse_is_refused_at_the_door(
    doors: Doors, policy: str, status: int
) -> None:
    """With the rules that a real assembly hands over; given again under its key, the refusal is the same."""
    object.__setattr__(doors.guichet, "knows_policy", knows_policy)
    body = territory_body(policy=policy).model_dump(mode="json")
    first, again = [await doors.call("PUT", "/territory", "administrator", body, "once") for _ in range(2)]
    assert (first.status_code, again.json()) == (status, first.json())
    assert len(await doors.said(TerritoryPublished)) == (2 if status == 202 else 1), "the first is the town's own"
    if status != 202:
        (line,) = problem(first, status)["errors"]
        assert (line["field"], line["code"]) == ("policy", "unknown_policy")


async def test_the_same_key_and_body_are_answered_the_same_and_done_once(doors: Doors) -> None:
    first = await doors.post("/vacancies", "director", VACANCY, key="one")
    again = await doors.post("/vacancies", "director", dict(reversed(VACANCY.items())), key="one")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert len(await doors.said(VacancyOpened)) == 1
    other = await doors.post("/vacancies", "director", VACANCY, key="two")
    assert other.json()["id"] != first.json()["id"]


async def test_an_error_is_repeated_as_it_was(doors: Doors) -> None:
    wrong = {**VACANCY, "places": 15}
    first = await doors.post("/vacancies", "director", wrong, key="one")
    problem(first, 422)
    again = await doors.post("/vacancies", "director", wrong, key="one")
    assert (again.status_code, again.json()) == (422, first.json())
    assert again.headers["content-type"] == first.headers["content-type"]


@pytest.mark.parametrize("changed", ["body", "route"])
async def test_a_key_serves_one_body_on_one_route(doors: Doors, changed: str) -> None:
    await doors.post("/vacancies", "director", VACANCY, key="one")
    path, body = ("/vacancies", {**VACANCY, "places": 1}) if changed == "body" else ("/snapshots", VACANCY)
    if changed == "route":
        body = {"section": VACANCY["section"], "free": [], "as_of": NOW.isoformat()}
    said = problem(await doors.post(path, "director", body, key="one"), 422)
    assert said["errors"][0]["code"] == "key_reused"


async def test_keys_of_two_programs_do_not_meet(doors: Doors) -> None:
    await doors.post("/vacancies", "director", VACANCY, key="one")
    answer = await doors.post("/vacancies", "coordinator", VACANCY, key="one")
    assert answer.status_code == 202
    assert len(await doors.said(VacancyOpened)) == 2


async def test_a_key_in_flight_is_a_conflict_until_it_is_given_up(doors: Doors) -> None:
    claim = idempotency.Claim("P-directrice", "one", "route", "hash")
    cause = await doors.write(idempotency.reserve, claim, NOW)
    with pytest.raises(Refused) as refused:
        await doors.write(idempotency.reserve, claim, later(seconds=59))
    assert refused.value.problems[0].code == "key_in_flight"
    assert await doors.write(idempotency.reserve, claim, later(seconds=61)) == cause, "the same ids as the first try"
    await doors.write(idempotency.finish, claim, 202, "done")  # it was only slow
    kept = await doors.write(idempotency.refuse, claim, 409, "it is there already")
    assert kept == await doors.write(idempotency.reserve, claim, later(seconds=62)) == idempotency.Answered(202, "done")


async def test_a_key_is_kept_for_a_day(doors: Doors) -> None:
    first = await doors.post("/vacancies", "director", VACANCY, key="one")
    doors.clock.set(later(hours=23))
    assert (await doors.post("/vacancies", "director", VACANCY, key="one")).json() == first.json()
    doors.clock.set(later(hours=25))
    assert (await doors.post("/vacancies", "director", VACANCY, key="one")).json() != first.json()
    assert await doors.write(idempotency.forget, later(hours=50)) == 1


async def test_twenty_sends_of_one_key_at_once_post_one_place(doors: Doors) -> None:
    sends = [doors.post("/vacancies", "director", VACANCY, key="one") for _ in range(20)]
    answers = await asyncio.gather(*sends)
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len(await doors.said(VacancyOpened)) == 1


async def test_without_a_key_twenty_sends_post_twenty_places(doors: Doors) -> None:
    """The twin: it is the key that makes the difference."""
    await asyncio.gather(*[doors.post("/vacancies", "director", VACANCY) for _ in range(20)])
    assert len(await doors.said(VacancyOpened)) == 20


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"places": None}, "places", "int_type"),
    ({"places": 0}, "places", "greater_than_equal"),
    ({"kind": "weekly"}, "kind", "enum"),
    ({"section": "pas d'espace"}, "section", "string_pattern_mismatch"),
    ({"slots": []}, "slots", "too_short"),
    ({"slots": [{"day": "tue", "start": "12:00", "end": "08:00"}]}, "slots.0", "value_error"),
    ({"slots": [{"day": "tue", "start": "08:00Z", "end": "12:00"}]}, "slots.0", "value_error"),
    ({"period": {"start": "demain"}}, "period.start", "date_from_datetime_parsing"),
    ({"plaices": 3}, "plaices", "extra_forbidden"),
    ({"slots": [{"day": "sat", "start": "08:00", "end": "12:00"}]}, "slots.0", "outside_opening"),
]


@pytest.mark.parametrize(("changes", "field", "code"), WRONG)
async def test_a_refusal_names_field_rule_and_remedy(
    doors: Doors, changes: dict[str, Any], field: str, code: str
) -> None:
    said = problem(await doors.post("/vacancies", "director", {**VACANCY, **changes}), 422)
    assert (field, code) in {(line["field"], line["code"]) for line in said["errors"]}


async def test_every_problem_of_a_form_is_said_at_once(doors: Doors) -> None:
    body = {**VACANCY, "places": 15, "period": {"start": "2026-01-01"}}
    said = problem(await doors.post("/vacancies", "director", body), 422)
    assert {line["code"] for line in said["errors"]} == {"more_than_section", "in_the_past"}


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (("GET", "/tasks", None, None), 401),
        (("POST", "/vacancies", "other_director", VACANCY), 403),
        (("GET", "/requests/R-0", "coordinator", None), 404),
        (("GET", "/nulle-part", None, None), 404),
        (("DELETE", "/places", None, None), 405),
        (("POST", "/vacancies", "director", "{"), 422),
    ],
)
async def test_every_other_refusal_is_a_problem_too(doors: Doors, send: tuple[Any, ...], status: int) -> None:
    said = problem(await doors.call(*send), status)
    assert said["detail"].startswith(said["errors"][0]["rule"])


async def test_an_unknown_or_revoked_key_opens_nothing(doors: Doors) -> None:
    doors.keys["thief"] = "berceau_inconnue"
    said = problem(await doors.get("/places", "thief"), 401)
    assert said["errors"][0]["code"] == "not_identified"
    made_key = await doors.post(
        "/keys", "administrator", {"role": "structure", "structure": CRECHE, "label": "Logiciel"}
    )
    assert made_key.status_code == 201
    doors.keys["program"] = made_key.json()["secret"]
    assert (await doors.get(f"/structures/{CRECHE}/places", "program")).status_code == 200
    assert (await doors.get(f"/structures/{OTHER}/places", "program")).status_code == 403
    await doors.call("DELETE", f"/keys/{made_key.json()['id']}", "administrator")
    assert (await doors.get(f"/structures/{CRECHE}/places", "program")).status_code == 401


async def test_contacts_and_names_go_to_the_vault_and_nowhere_else(doors: Doors) -> None:
    request = await doors.register("coordinator")
    view = (await doors.get(f"/requests/{request}", "coordinator")).json()
    assert view["first_name"] == "Zoé-Inventée"
    assert [contact["phone"] for contact in view["contacts"]] == ["06 39 98 00 11"]
    for row in await doors.guichet.database.read(lambda tx: tx.execute(sa.text("SELECT body FROM outbox")).all()):
        assert b"Zo" not in row.body
        assert b"39 98" not in row.body
        assert b"639980011" not in row.body


async def test_a_child_who_seems_registered_already_is_taken_with_a_warning(doors: Doors) -> None:
    first = await doors.register("coordinator")
    body = {**need_body().model_dump(mode="json"), **FAMILY}
    again = (await doors.post("/requests", "coordinator", body)).json()
    assert again["id"] != first
    (warning,) = again["warnings"]
    assert (warning["code"], warning["requests"]) == ("seems_registered", [first])
    other = await doors.post("/requests", "coordinator", {**body, "born": "2025-01-02"})
    assert other.status_code == 202 and "warnings" not in other.json()


@pytest.mark.parametrize(
    ("people", "field"),
    [
        ({"contacts": []}, "contacts"),
        ({"contacts": [{"phone": "12"}]}, "contacts.0.phone"),
        ({"contacts": [{"phone": "04 65 71 00 10"}]}, "contacts.0.phone"),
        ({"contacts": [{"channel": "email"}]}, "contacts.0.email"),
        ({"contacts": [FAMILY["contacts"][0]] * 4}, "contacts"),
    ],
)
async def test_a_family_that_cannot_be_reached_is_refused_and_nothing_is_kept(
    doors: Doors, people: dict[str, Any], field: str
) -> None:
    body = {**need_body().model_dump(mode="json"), **FAMILY, **people}
    said = problem(await doors.post("/requests", "coordinator", body), 422)
    assert field in {line["field"] for line in said["errors"]}
    assert await doors.said(RequestRegistered) == []
    assert await doors.guichet.vault.read(vault.families_by_phone, doors.guichet.keyring, "06 39 98 00 11") == []


async def test_a_need_that_is_refused_leaves_nothing_in_the_vault(doors: Doors) -> None:
    body = {**need_body(wishes=()).model_dump(mode="json"), **FAMILY}
    problem(await doors.post("/requests", "coordinator", body), 422)
    assert await doors.guichet.vault.read(vault.families_by_phone, doors.guichet.keyring, "06 39 98 00 11") == []


async def test_a_repeated_registration_is_one_family_in_the_vault(doors: Doors) -> None:
    body = {**need_body().model_dump(mode="json"), **FAMILY}
    one = await doors.post("/requests", "coordinator", body, key="k")
    two = await doors.post("/requests", "coordinator", body, key="k")
    assert one.json() == two.json()
    known = await doors.guichet.vault.read(vault.families_by_phone, doors.guichet.keyring, "06 39 98 00 11")
    assert len(known) == 1


async def test_erasing_a_family_leaves_nobody_to_read(doors: Doors) -> None:
    request = await doors.register("coordinator")
    assert (await doors.post(f"/requests/{request}/closing", "coordinator", {"reason": "erased"})).status_code == 202
    view = (await doors.get(f"/requests/{request}", "coordinator")).json()
    assert (view["first_name"], view["contacts"], view["request_state"]) == (None, [], "closed")


async def test_an_orphan_of_the_vault_is_swept_and_a_family_with_a_request_is_not(doors: Doors) -> None:
    await doors.register("coordinator")
    lost = vault.Contact(id="F-lost-c1", phone="06 39 98 00 12")
    await doors.guichet.vault.write(vault.put_contacts, doors.guichet.keyring, "F-lost", [lost], NOW.date())
    await doors.service.tick(later(days=4))
    read = doors.guichet.vault.read
    assert await read(vault.families_by_phone, doors.guichet.keyring, "06 39 98 00 12") == []
    assert len(await read(vault.families_by_phone, doors.guichet.keyring, "06 39 98 00 11")) == 1


async def test_a_structure_reads_a_childs_name_after_the_familys_oui_only(doors: Doors) -> None:
    request = await doors.register("coordinator")
    family = (await doors.get(f"/requests/{request}", "coordinator")).json()["family"]
    await doors.hear(made(request=request, family=family), released())
    before = (await doors.get(f"/structures/{CRECHE}/proposals", "director")).text
    assert "Zoé" not in before
    assert "39 98" not in before
    assert (await doors.get(f"/structures/{CRECHE}/to-confirm", "director")).json() == []
    await doors.hear(accepted())
    (child,) = (await doors.get(f"/structures/{CRECHE}/to-confirm", "director")).json()
    assert child["first_name"] == "Zoé-Inventée"
    assert child["contacts"][0]["phone"] == "06 39 98 00 11"
    assert not {"points", "tier", "reasons", "criteria", "prescriber", "wishes", "rank", "needs_person"} & set(child)


async def test_a_whole_day_of_one_urgent_request_at_the_door(doors: Doors) -> None:
    agreement = {"section": VACANCY["section"], "notice_hours": 12, "age_from_months": 18, "age_to_months": 42}
    signed = await doors.post(
        "/agreements", "director", {**agreement, "days_per_child": 5, "valid_until": "2027-08-31"}
    )
    on_call = {"kind": "on_call", "agreement": signed.json()["id"], "audience": "urgent_insertion"}
    period = {"start": "2026-11-02", "end": "2027-08-01"}
    assert (await doors.post("/vacancies", "director", {**VACANCY, **on_call, "period": period})).status_code == 202
    request = await doors.register("counsellor", wishes=())
    (place,) = (await doors.get(f"/requests/{request}/on-call-places", "counsellor")).json()
    hold = await doors.post("/holds", "counsellor", {"request": request, "section": place["section"]})
    assert (await doors.get(hold.json()["follow"].removeprefix("/api/v1"), "counsellor")).json()["state"] == "asked"
    await doors.hear(made(request=request, kind="on_call", held_by="P-conseillere"))
    given = (await doors.get(f"/holds/{hold.json()['id']}", "counsellor")).json()
    assert (given["state"], given["proposal"]) == ("given", "O-1")
    oui = {"answer": "oui", "consent": True, "channel": "counsellor"}
    assert (await doors.post("/proposals/O-1/replies", "counsellor", oui)).status_code == 202
    assert (await doors.get("/proposals/O-1", "counsellor")).json()["replies"][0]["verdict"] is None


async def test_the_description_is_openapi_31_and_names_the_key_and_the_problems(doors: Doors) -> None:
    said = (await doors.client.get("/openapi.json")).json()
    assert said["openapi"].startswith("3.1")
    assert "HTTPBearer" in said["components"]["securitySchemes"]
    post = said["paths"]["/api/v1/vacancies"]["post"]
    assert {"401", "403", "404", "409", "422"} <= set(post["responses"])
    assert "Idempotency-Key" in {parameter["name"] for parameter in post["parameters"]}
    assert not [path for path in said["paths"] if path.startswith("/sms")]


async def test_readiness_tells_when_the_reader_waits_for_its_database(doors: Doors) -> None:
    assert (await doors.client.get("/readyz")).status_code == 200
    doors.service.reader.troubles.begin("handling", "OperationalError")
    away = await doors.client.get("/readyz")
    assert (away.status_code, away.json()["status"]) == (503, "away")
    assert (await doors.client.get("/livez")).status_code == 200
    assert "berceau_events_in" in (await doors.client.get("/metrics")).text


@pytest.mark.parametrize("since", ["0.5", "1790000000", "2026-11-02", "2026-11-02T08:00:00"])
async def test_an_instant_of_the_trail_is_written_with_its_date_its_hour_and_its_zone(doors: Doors, since: str) -> None:
    said = problem(await doors.get(f"/trail?since={since}", "coordinator"), 422)
    assert [line["field"] for line in said["errors"]] == ["since"]
    assert (await doors.get("/trail?since=2026-11-02T08:00:00Z", "coordinator")).status_code == 200
