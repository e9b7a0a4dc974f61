"""What structures post: who may, what is checked, what is said."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.structures import AgreementEnded, OnDuty, Present, Staffing, StructurePublished
from contracts.vacancies import (
    FreePlaces,
    SnapshotDeclared,
    VacancyChanged,
    VacancyOpened,
    VacancyReconfirmed,
    VacancyWithdrawn,
)
from contracts.vocabulary import Audience, LimitReason, Period, Slot, VacancyKind, Weekday, WithdrawalReason
from services.ingest import store
from services.ingest.actors import Actor
from services.ingest.declare import agreements, structures, vacancies
from services.ingest.declare.vacancies import ChangeBody, SnapshotBody, WithdrawalBody
from services.ingest.problems import Refused, Why
from tests.ingest.people import (
    BEBES,
    COORDINATOR,
    CRECHE,
    DIRECTOR,
    GRANDS,
    NOW,
    OTHER_DIRECTOR,
    STRANGER,
    TERM,
    TODAY,
    TUESDAY,
    act,
    later,
    open_on_call,
    said,
    structure_body,
    vacancy_body,
)


def codes(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    for problem in refused.value.problems:
        assert problem.rule.endswith(".")
        assert problem.remedy.endswith(".")
        assert problem.field or refused.value.why is Why.FORBIDDEN
    return {problem.code for problem in refused.value.problems}


def test_posting_places_keeps_them_and_says_so(town: sa.Connection) -> None:
    id_ = vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body())
    (event,) = said(town, VacancyOpened)
    assert isinstance(event, VacancyOpened)
    assert (event.subject, event.structure, event.places, event.said_by) == (id_, CRECHE, 2, DIRECTOR.id)
    row = store.find(town, store.vacancies, id_)
    assert row is not None
    assert (row["section"], row["places"], row["opened_at"]) == (GRANDS, 2, NOW)


LIMIT: dict[str, Any] = {"support_until": TODAY + timedelta(days=90), "support_reason": LimitReason.TRAINING}


def publish_limit(tx: sa.Connection, actor: Actor, now: datetime = NOW, **limit: Any) -> None:
    structures.publish_structure(tx, act(actor, now), CRECHE, structure_body(**limit))


def test_a_limit_of_adapted_care_is_the_guichets_to_set_and_anybodys_to_lift(town: sa.Connection) -> None:
    with pytest.raises(Refused) as refused:
        publish_limit(town, DIRECTOR, prepared_support=1, **LIMIT)
    assert (refused.value.why, refused.value.problems[0].field) == (Why.FORBIDDEN, "prepared_support")
    publish_limit(town, COORDINATOR, prepared_support=2, **LIMIT)
    publish_limit(town, DIRECTOR, prepared_support=2, **LIMIT)
    for own in ({"prepared_support": 1}, {"support_until": TODAY + timedelta(days=91)}):
        with pytest.raises(Refused):
            publish_limit(town, DIRECTOR, **{"prepared_support": 2, **LIMIT, **own})
    publish_limit(town, DIRECTOR)
    assert [event.prepared_support for event in said(town, StructurePublished)][-3:] == [2, 2, None]


@pytest.mark.parametrize(
    ("limit", "field"),
    [
        ({"support_reason": None}, "support_reason"),
        ({"support_until": None}, "support_until"),
        ({"support_until": TODAY - timedelta(days=1)}, "support_until"),
        ({"support_until": TODAY + timedelta(days=367)}, "support_until"),
        ({"prepared_support": None}, "prepared_support"),
    ],
)
def test_a_limit_of_adapted_care_needs_a_reason_and_a_last_day(
    town: sa.Connection, limit: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        publish_limit(town, COORDINATOR, **{"prepared_support": 1, **LIMIT, **limit})
    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_limit_that_is_over_may_be_published_again_as_it_is_but_not_anew(town: sa.Connection) -> None:
    publish_limit(town, COORDINATOR, prepared_support=1, **LIMIT)
    over = NOW + timedelta(days=100)
    publish_limit(town, DIRECTOR, over, prepared_support=1, **LIMIT)
    with pytest.raises(Refused):
        publish_limit(town, COORDINATOR, over, prepared_support=2, **LIMIT)


def test_nobody_posts_for_another_structure(town: sa.Connection) -> None:
    with pytest.raises(Refused) as refused:
        vacancies.open_vacancy(town, act(OTHER_DIRECTOR), vacancy_body())
    assert refused.value.why is Why.FORBIDDEN
    assert said(town, VacancyOpened) == []


def test_another_territory_does_not_even_see_the_section(town: sa.Connection) -> None:
    with pytest.raises(Refused) as refused:
        vacancies.open_vacancy(town, act(STRANGER), vacancy_body())
    assert refused.value.why is Why.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"slots": (Slot(day=Weekday.TUE, start=time(8, 10), end=time(17)),)}, "not_a_quarter"),
        ({"slots": (TUESDAY, Slot(day=Weekday.TUE, start=time(16), end=time(18)))}, "overlapping_slots"),
        ({"slots": (TUESDAY, Slot(day=date(2026, 11, 12), start=time(8), end=time(9)))}, "mixed_days"),
        ({"slots": (Slot(day=Weekday.TUE, start=time(6), end=time(9)),)}, "outside_opening"),
        ({"slots": (Slot(day=Weekday.SAT, start=time(8), end=time(9)),)}, "outside_opening"),
        ({"slots": (Slot(day=date(2026, 11, 12), start=time(8), end=time(9)),)}, "weekdays_wanted"),
        ({"kind": VacancyKind.OCCASIONAL}, "dates_wanted"),
        ({"kind": VacancyKind.ON_CALL}, "agreement_wanted"),
        ({"agreement": "A-1"}, "agreement_not_wanted"),
        ({"places": 15}, "more_than_section"),
        ({"period": Period(start=TODAY - timedelta(days=1))}, "in_the_past"),
        ({"period": Period(start=date(2040, 1, 1))}, "too_far"),
        ({"release_at": later(days=1)}, "release_without_audience"),
        ({"audience": Audience.INSERTION, "release_at": NOW}, "in_the_past"),
    ],
)
def test_a_wrong_posting_is_refused_with_its_rule(town: sa.Connection, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body(**changes))
    assert code in codes(refused)
    assert said(town, VacancyOpened) == []


def test_a_dated_place_must_fall_within_its_period(town: sa.Connection) -> None:
    slot = Slot(day=date(2026, 11, 4), start=time(8), end=time(12))
    body = vacancy_body(kind=VacancyKind.OCCASIONAL, slots=(slot,), period=TERM)
    with pytest.raises(Refused) as refused:
        vacancies.open_vacancy(town, act(DIRECTOR), body)
    assert codes(refused) == {"date_outside_period"}


def test_an_on_call_place_ends_with_its_agreement(town: sa.Connection) -> None:
    id_ = open_on_call(town)
    row = store.find(town, store.vacancies, id_)
    assert row is not None
    beyond = Period(start=TODAY, end=date(2027, 9, 2))
    body = vacancy_body(kind=VacancyKind.ON_CALL, agreement=row["agreement"], period=beyond)
    with pytest.raises(Refused) as refused:
        vacancies.open_vacancy(town, act(DIRECTOR), body)
    assert codes(refused) == {"beyond_agreement"}


def test_an_ended_agreement_carries_no_new_place(town: sa.Connection) -> None:
    open_on_call(town)
    (row,) = store.rows(town, sa.select(store.agreements))
    agreements.end_agreement(town, act(DIRECTOR), row["id"])
    assert len(said(town, AgreementEnded)) == 1
    with pytest.raises(Refused) as refused:
        vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body(kind=VacancyKind.ON_CALL, agreement=row["id"]))
    assert codes(refused) == {"agreement_wanted"}
    with pytest.raises(Refused) as again:
        agreements.end_agreement(town, act(DIRECTOR), row["id"])
    assert codes(again) == {"already_ended"}


def test_changing_confirming_and_withdrawing_are_said_each(town: sa.Connection) -> None:
    id_ = vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body())
    vacancies.change_vacancy(town, act(DIRECTOR, later(hours=1)), id_, ChangeBody(places=1))
    vacancies.reconfirm_vacancy(town, act(DIRECTOR, later(hours=2)), id_)
    vacancies.withdraw_vacancy(
        town, act(DIRECTOR, later(hours=3)), id_, WithdrawalBody(reason=WithdrawalReason.STAFF_SHORTAGE)
    )
    assert [len(said(town, kind)) for kind in (VacancyChanged, VacancyReconfirmed, VacancyWithdrawn)] == [1, 1, 1]
    row = store.find(town, store.vacancies, id_)
    assert row is not None
    assert (row["places"], row["confirmed_at"]) == (1, later(hours=2))
    with pytest.raises(Refused) as refused:
        vacancies.reconfirm_vacancy(town, act(DIRECTOR), id_)
    assert refused.value.why is Why.CONFLICT


def test_a_structure_withdraws_for_a_reason_of_its_list(town: sa.Connection) -> None:
    id_ = vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body())
    with pytest.raises(Refused) as refused:
        vacancies.withdraw_vacancy(town, act(DIRECTOR), id_, WithdrawalBody(reason=WithdrawalReason.REQUEST_CLOSED))
    assert codes(refused) == {"reason_not_listed"}


def snapshot(**changes: Any) -> SnapshotBody:
    free = (FreePlaces(slots=(TUESDAY,), places=3, period=TERM),)
    return SnapshotBody(**{"section": GRANDS, "free": free, "as_of": NOW, **changes})


def test_a_snapshot_replaces_the_regular_places_of_its_section_only(town: sa.Connection) -> None:
    old = vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body())
    other = vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body(section=BEBES))
    vacancies.declare_snapshot(town, act(DIRECTOR, later(minutes=5)), snapshot())
    assert len(said(town, SnapshotDeclared)) == 1
    live = store.rows(town, sa.select(store.vacancies).where(store.vacancies.c.withdrawn_at.is_(None)))
    assert sorted((row["section"], row["places"]) for row in live) == [(BEBES, 2), (GRANDS, 3)]
    assert {row["id"] for row in live} & {old, other} == {other}


@pytest.mark.parametrize(
    ("as_of", "code"),
    [(later(minutes=10), "in_the_future"), (later(days=-2), "too_old"), (later(minutes=-1), "not_newest")],
)
def test_a_snapshot_is_of_now_and_newer_than_the_last(town: sa.Connection, as_of: Any, code: str) -> None:
    vacancies.declare_snapshot(town, act(DIRECTOR), snapshot())
    with pytest.raises(Refused) as refused:
        vacancies.declare_snapshot(town, act(DIRECTOR, later(minutes=5)), snapshot(as_of=as_of))
    assert code in codes(refused)


def test_a_new_publication_closes_the_sections_it_leaves_out(town: sa.Connection) -> None:
    body = structure_body()
    structures.publish_structure(town, act(DIRECTOR), CRECHE, structure_body(sections=body.sections[:1]))
    assert [row["id"] for row in store.sections_of(town, CRECHE)] == [BEBES]
    assert len(said(town, StructurePublished)) == 3
    with pytest.raises(Refused) as refused:
        vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body())
    assert refused.value.why is Why.UNKNOWN


def test_what_a_structure_says_of_its_staff_and_manager_goes_out_with_it(town: sa.Connection) -> None:
    staffing = Staffing(on_duty=(OnDuty(slots=structure_body().opening, adults=3),))
    sections = tuple(row.model_copy(update={"starts_per_week": 2}) for row in structure_body().sections)
    facts = {"staffing": staffing, "manager": "G-exemple", "insertion_children": 1, "sections": sections}
    structures.publish_structure(town, act(DIRECTOR), CRECHE, structure_body(**facts))
    published = said(town, StructurePublished)[-1]
    assert (published.staffing, published.manager, published.insertion_children) == (staffing, "G-exemple", 1)
    assert {row.starts_per_week for row in published.sections} == {2}


@pytest.mark.parametrize(
    ("born", "code"),
    [
        ((TODAY + timedelta(days=1),), "born_in_future"),
        ((TODAY - timedelta(days=20 * 365),), "too_old"),
        ((TODAY,) * 501, "too_many_children"),
    ],
)
def test_a_child_who_is_present_has_a_date_of_birth_that_can_be(
    town: sa.Connection, born: tuple[date, ...], code: str
) -> None:
    """Counted by its age on the day, a child of the year 2062 would need no staff at all."""

    def publish(*days: date) -> None:
        staffing = Staffing(on_duty=(), present=(Present(slots=(TUESDAY,), born=days),))
        structures.publish_structure(town, act(DIRECTOR), CRECHE, structure_body(staffing=staffing))

    publish(TODAY, TODAY - timedelta(days=3 * 365))
    with pytest.raises(Refused) as refused:
        publish(*born)
    assert codes(refused) == {code}


def test_a_structure_takes_no_section_of_another_and_no_commune_outside(town: sa.Connection) -> None:
    with pytest.raises(Refused) as refused:
        structures.publish_structure(town, act(OTHER_DIRECTOR), "S-tilleuls", structure_body(commune="63113"))
    assert codes(refused) == {"section_taken", "commune_outside"}


def test_the_same_cause_says_the_same_ids() -> None:
    one, two = act(DIRECTOR, cause="m-1"), act(DIRECTOR, cause="m-1")
    assert one.new_id("V") == two.new_id("V")
    assert one.new_id("V") != act(DIRECTOR, cause="m-2").new_id("V")
    assert act(DIRECTOR).new_id("V") != act(DIRECTOR).new_id("V")
