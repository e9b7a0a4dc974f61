"""What crèche software says on the partner topic: signed, taken once, or refused with a reason."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.confirmations import AdmissionConfirmed, AdmissionRefused
from contracts.vacancies import SnapshotDeclared, VacancyChanged, VacancyOpened, VacancyReconfirmed, VacancyWithdrawn
from services.bus import inbox
from services.ingest import partners
from services.ingest.declare.persons import revoke_key
from services.ingest.partners import REPEATED, TAKEN, reject_of, take, vacancy_of
from services.ingest.problems import Refused
from tests.ingest import people
from tests.ingest.partner_software import Software, free_tuesday, software
from tests.ingest.people import register, said
from tests.ingest.proposals import LINK_KEY, accepted, hear, made

Message = tuple[dict[str, str], bytes]


@pytest.fixture
def theirs(town: sa.Connection) -> Software:
    return software(town)


def told(tx: sa.Connection, message: Message) -> str:
    headers, body = message
    return take(tx, LINK_KEY, headers, body, people.NOW)


def refusal(tx: sa.Connection, message: Message) -> Refused:
    with pytest.raises(Refused) as caught, tx.begin_nested():
        told(tx, message)
    return caught.value


def codes(refused: Refused) -> set[tuple[str, str]]:
    return {(problem.field, problem.code) for problem in refused.problems}


def test_a_place_is_opened_changed_confirmed_and_withdrawn(town: sa.Connection, theirs: Software) -> None:
    assert told(town, theirs.says("vacancy.open", free_tuesday(), id="m-open")) == TAKEN
    assert told(town, theirs.says("vacancy.still_free", opened_by="m-open")) == TAKEN
    assert told(town, theirs.says("vacancy.change", {"places": 1}, opened_by="m-open")) == TAKEN
    vacancy = vacancy_of(theirs.key, "m-open")
    assert told(town, theirs.says("vacancy.withdraw", {"reason": "closure"}, about=vacancy)) == TAKEN
    for event in (VacancyOpened, VacancyReconfirmed, VacancyChanged, VacancyWithdrawn):
        (one,) = said(town, event)
        assert (one.subject, one.said_by) == (vacancy, theirs.key)  # type: ignore[attr-defined]


def test_a_snapshot_says_all_that_a_section_has_free(town: sa.Connection, theirs: Software) -> None:
    body = people.vacancy_body().model_dump(mode="json")
    free = [{name: body[name] for name in ("slots", "places", "period")}]
    snapshot = {"section": people.GRANDS, "free": free, "as_of": people.NOW.isoformat()}
    assert told(town, theirs.says("snapshot", snapshot)) == TAKEN
    (event,) = said(town, SnapshotDeclared)
    assert event.section == people.GRANDS  # type: ignore[attr-defined]


def accepted_proposal(tx: sa.Connection, proposal: str, request: str) -> None:
    register(tx, request)
    hear(tx, made(proposal, request), accepted(proposal))


def test_an_admission_is_confirmed_or_refused(town: sa.Connection, theirs: Software) -> None:
    accepted_proposal(town, "O-1", "R-1")
    accepted_proposal(town, "O-2", "R-2")
    dates = {"adaptation_start": "2026-11-10", "first_full_day": "2026-11-17"}
    assert told(town, theirs.says("admission.confirm", dates, about="O-1")) == TAKEN
    assert told(town, theirs.says("admission.refuse", {"reason": "age"}, about="O-2")) == TAKEN
    (confirmed,), (refused,) = said(town, AdmissionConfirmed), said(town, AdmissionRefused)
    assert (confirmed.subject, refused.subject) == ("O-1", "O-2")
    assert confirmed.first_full_day == date(2026, 11, 17)  # type: ignore[attr-defined]


def test_a_message_sent_three_times_takes_effect_once(town: sa.Connection, theirs: Software) -> None:
    message = theirs.says("vacancy.open", free_tuesday())
    assert [told(town, message) for _ in range(3)] == [TAKEN, REPEATED, REPEATED]
    assert len(said(town, VacancyOpened)) == 1


def test_without_the_note_of_its_id_a_repeated_message_would_be_done_again(
    town: sa.Connection, theirs: Software, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(town, theirs.says("vacancy.open", free_tuesday(), id="m-open"))
    message = theirs.says("vacancy.still_free", opened_by="m-open")
    monkeypatch.setattr(inbox, "first_times", lambda tx, event_ids, now: list(event_ids))
    told(town, message)
    with pytest.raises(sa.exc.IntegrityError):  # the outbox is a second guard: the same message says the same event
        told(town, message)


def test_an_id_that_was_another_messages_is_refused(town: sa.Connection, theirs: Software) -> None:
    told(town, theirs.says("vacancy.open", free_tuesday(), id="m-1"))
    other = theirs.says("vacancy.open", free_tuesday(places=1), id="m-1")
    assert codes(refusal(town, other)) == {("id", "id_reused")}
    assert len(said(town, VacancyOpened)) == 1


def test_a_refused_message_may_be_corrected_under_the_same_id(town: sa.Connection, theirs: Software) -> None:
    refusal(town, theirs.says("vacancy.open", free_tuesday(places=0), id="m-1"))
    assert told(town, theirs.says("vacancy.open", free_tuesday(), id="m-1")) == TAKEN


def forged(theirs: Software) -> list[Message]:
    headers, body = theirs.says("vacancy.open", free_tuesday())
    wrong_secret = Software(theirs.key, "0" * 64).signed(body)
    return [
        ({}, body),
        (wrong_secret, body),
        (headers, body.replace(b'"places": 2', b'"places": 9')),
        ({**headers, partners.KEY_HEADER: "K-inconnue"}, body),
        (Software("K-inconnue", partners.signing_secret(LINK_KEY, "K-inconnue")).signed(body), body),
        ({**headers, partners.SIGNATURE_HEADER: "é"}, body),
    ]


@pytest.mark.parametrize("n", range(6))
def test_a_message_that_is_not_signed_by_a_key_in_force_is_refused(
    town: sa.Connection, theirs: Software, n: int
) -> None:
    assert codes(refusal(town, forged(theirs)[n])) == {(partners.SIGNATURE_HEADER, "not_signed")}
    assert said(town, VacancyOpened) == []


def test_a_revoked_key_signs_no_more(town: sa.Connection, theirs: Software) -> None:
    message = theirs.says("vacancy.open", free_tuesday())
    revoke_key(town, people.act(people.ADMINISTRATOR), theirs.key)
    assert codes(refusal(town, message)) == {(partners.SIGNATURE_HEADER, "not_signed")}


def test_a_software_speaks_for_its_own_structure_only(town: sa.Connection, theirs: Software) -> None:
    message = theirs.says("vacancy.open", free_tuesday(section=people.ELSEWHERE))
    assert {code for _, code in codes(refusal(town, message))} == {"forbidden"}


WRONG: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({"kind": "vacancy.sell"}, {("kind", "unknown_kind")}),
    ({"kind": "vacancy.still_free"}, {("about", "about_wanted")}),
    ({"kind": "vacancy.still_free", "about": "V-nulle-part"}, {("vacancy", "unknown")}),
    (
        {"kind": "vacancy.open", "data": {"places": 2}},
        {(f"data.{name}", "missing") for name in ("section", "kind", "slots", "period")},
    ),
    ({"kind": "vacancy.open", "data": free_tuesday(colour="vert")}, {("data.colour", "extra_forbidden")}),
    ({"kind": "vacancy.open", "data": free_tuesday(), "mood": "bonne"}, {("mood", "extra_forbidden")}),
    ({"kind": "vacancy.open", "data": free_tuesday(), "id": "é"}, {("id", "string_pattern_mismatch")}),
    (
        {"kind": "vacancy.open", "data": free_tuesday(), "sent_at": "2026-11-02T08:00:00"},
        {("sent_at", "timezone_aware")},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "problems"), WRONG)
def test_a_wrong_message_is_told_which_field_and_which_rule(
    town: sa.Connection, theirs: Software, facts: dict[str, Any], problems: set[tuple[str, str]]
) -> None:
    refused = refusal(town, theirs.says(**facts))
    assert codes(refused) == problems
    assert all(problem.rule.endswith(".") and problem.remedy.endswith(".") for problem in refused.problems)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"{", b'{"id": "m"}', b"x" * 100_001])
def test_bytes_that_are_no_message_are_refused(town: sa.Connection, theirs: Software, body: bytes) -> None:
    assert codes(refusal(town, (theirs.signed(body), body)))


def test_a_reject_carries_the_message_its_place_and_every_reason(town: sa.Connection, theirs: Software) -> None:
    headers, body = theirs.says("vacancy.open", free_tuesday(places=0))
    reject = json.loads(reject_of(refusal(town, (headers, body)), "partners/3/42", headers, body))
    assert (reject["origin"], reject["key"], reject["why"]) == ("partners/3/42", theirs.key, "invalid")
    assert reject["message"] == body.decode()
    assert {problem["field"] for problem in reject["problems"]} == {"data.places"}


def test_the_signing_secret_differs_for_each_key_and_each_installation() -> None:
    secrets = {partners.signing_secret(key, name) for key in (b"a" * 32, b"b" * 32) for name in ("K-1", "K-2")}
    assert len(secrets) == 4


def test_the_age_of_a_snapshot_is_counted_from_its_own_instant(town: sa.Connection, theirs: Software) -> None:
    old = (people.NOW - timedelta(days=2)).isoformat()
    message = theirs.says("snapshot", {"section": people.GRANDS, "free": [], "as_of": old})
    assert codes(refusal(town, message)) == {("data.as_of", "too_old")}
