"""A week of life has every gesture, in order, by people who may; families and structures behave as the figures say."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from contracts.requests import RequestRegistered
from contracts.vacancies import VacancyOpened
from contracts.vocabulary import Channel, RequestKind, VacancyKind
from services.calendar import PARIS, at, local
from services.territory import (
    AnnounceDeparture,
    AskForPlace,
    ChangePlaces,
    ChangeRequest,
    CloseRequest,
    Family,
    FamilyAnswer,
    PostVacancy,
    ProposalFacts,
    ReleasePrepared,
    SayStillFree,
    Territory,
    TimedAction,
    WithdrawVacancy,
    answers_of,
    confirmation_of,
    week_of_events,
)
from services.territory.behaviour import MANNERS
from services.territory.figures import ANSWERS, CONFIRMS
from services.territory.people import DAYS_A_MONTH
from services.territory.week import without_the_gone

START = datetime(2026, 11, 2, 7, tzinfo=PARIS)
REACHED = datetime(2026, 11, 3, 9, tzinfo=PARIS)


@pytest.fixture(scope="module")
def week(territory: Territory) -> list[TimedAction]:
    return week_of_events(territory, 1, START)


def facts(number: int, kind: VacancyKind = VacancyKind.REGULAR, hours: float = 33) -> ProposalFacts:
    answer_by = REACHED + timedelta(hours=hours)
    return ProposalFacts(proposal=f"O-{number}", code="4821", kind=kind, reached_at=REACHED, answer_by=answer_by)


def all_answers(
    territory: Territory, proposals: int = 3
) -> list[tuple[Family, ProposalFacts, tuple[FamilyAnswer, ...]]]:
    pairs = [(family, facts(n)) for n in range(proposals) for family in territory.families]
    return [(family, fact, answers_of(family, fact, 1)) for family, fact in pairs]


def test_a_week_has_every_kind_of_gesture_in_order_of_time(week: list[TimedAction]) -> None:
    kinds = Counter(type(action) for action in week)
    assert set(kinds) == set(TimedAction.__args__)
    assert [action.at for action in week] == sorted(action.at for action in week)
    assert week[0].at >= START
    assert week[-1].at < START + timedelta(days=7)


def test_a_week_is_the_same_again_and_another_seed_is_another_week(
    territory: Territory, week: list[TimedAction]
) -> None:
    assert week_of_events(territory, 1, START) == week
    assert week_of_events(territory, 2, START) != week


def test_a_day_does_not_depend_on_the_days_around_it(territory: Territory, week: list[TimedAction]) -> None:
    wednesday = at(date(2026, 11, 4), time(0))
    alone = week_of_events(territory, 1, wednesday, days=1)
    within = [action for action in week if wednesday <= action.at < wednesday + timedelta(days=1)]
    gone = {action.vacancy for action in week if isinstance(action, WithdrawVacancy)}
    assert [a for a in alone if getattr(a, "vacancy", "") not in gone] == [
        a for a in within if getattr(a, "vacancy", "") not in gone
    ]


def test_professionals_do_nothing_on_the_weekend_nor_on_armistice_day(territory: Territory) -> None:
    second_week = week_of_events(territory, 1, datetime(2026, 11, 9, 7, tzinfo=PARIS))
    at_work = [action for action in second_week if action.by.startswith("P-")]
    days = {local(action.at).date() for action in at_work}
    assert days == {date(2026, 11, day) for day in (9, 10, 12, 13)}


def test_on_each_working_day_a_counsellor_asks_at_half_past_five_for_the_next_working_day(
    week: list[TimedAction], territory: Territory
) -> None:
    late = [a for a in week if isinstance(a, AskForPlace) and local(a.at).time() == time(17, 30)]
    assert len(late) == 5
    for action in late:
        assert action.request.kind is RequestKind.URGENT
        assert action.by == action.request.prescriber
        assert action.by in territory.counsellors
        assert action.request.period.start > local(action.at).date()
    friday = late[-1].request
    assert (local(late[-1].at).date(), friday.period.start) == (date(2026, 11, 6), date(2026, 11, 9))


def test_an_absence_is_an_occasional_place_for_a_day_on_which_the_structure_opens(
    week: list[TimedAction], territory: Territory
) -> None:
    structures = {structure.id: structure for structure in territory.structures}
    posted = [a for a in week if isinstance(a, PostVacancy) and a.vacancy.kind is VacancyKind.OCCASIONAL]
    assert len(posted) >= 10
    for action in posted:
        day = action.vacancy.slots[0].day
        assert isinstance(day, date)
        assert local(action.at).date() <= day
        assert not any(shut.contains(day) for shut in structures[action.vacancy.structure].closures)
        assert action.by == structures[action.vacancy.structure].person


def test_gestures_name_things_that_exist_and_new_things_have_new_ids(
    week: list[TimedAction], territory: Territory
) -> None:
    vacancies, requests = {v.id for v in territory.vacancies}, {r.id for r in territory.requests}
    posted = [action.vacancy.id for action in week if isinstance(action, PostVacancy)]
    asked = [action.request.id for action in week if isinstance(action, AskForPlace)]
    assert len(posted) == len(set(posted)) and not set(posted) & vacancies
    assert len(asked) == len(set(asked)) and not set(asked) & requests
    for action in week:
        if isinstance(action, SayStillFree | ChangePlaces | WithdrawVacancy):
            assert action.vacancy in vacancies
        if isinstance(action, CloseRequest):
            assert action.request in requests
        if isinstance(action, ChangeRequest):
            assert action.request.id in requests
            assert action.request not in territory.requests
        if isinstance(action, AnnounceDeparture):
            assert action.last_day > local(action.at).date()


def test_new_families_bring_phones_that_nobody_has(week: list[TimedAction], territory: Territory) -> None:
    taken = [c.phone for family in territory.families for c in family.contacts] + [p.phone for p in territory.people]
    new = [c.phone for a in week if isinstance(a, AskForPlace) for c in a.family.contacts]
    assert len(taken + new) == len(set(taken + new))


def test_what_a_week_says_are_valid_events(week: list[TimedAction]) -> None:
    envelope: dict[str, Any] = {"territory": "montlucon", "source": "ingest", "time": START}
    for action in week:
        if isinstance(action, PostVacancy):
            assert VacancyOpened.say(action.vacancy.id, **envelope, **action.vacancy.said())
        if isinstance(action, AskForPlace):
            assert RequestRegistered.say(action.request.id, **envelope, **action.request.said())
            assert action.request.child in {child.id for child in action.family.children}
            assert action.request.family == action.family.id


def test_nothing_touches_a_place_after_its_withdrawal() -> None:
    def tap(hour: int) -> SayStillFree:
        return SayStillFree(at=datetime(2026, 11, 2, hour, tzinfo=UTC), by="P-a", vacancy="V-a")

    gone = WithdrawVacancy(at=datetime(2026, 11, 2, 8, tzinfo=UTC), by="P-a", vacancy="V-a", reason="already_filled")
    assert list(without_the_gone([tap(7), gone, tap(9)])) == [tap(7), gone]


def test_the_coordinator_releases_twice_on_a_working_day(week: list[TimedAction], territory: Territory) -> None:
    released = [action for action in week if isinstance(action, ReleasePrepared)]
    assert len(released) == 10
    assert {action.by for action in released} == {territory.coordinator}


def test_nothing_happens_before_the_day_of_the_territory(territory: Territory) -> None:
    with pytest.raises(ValueError, match="nothing happens before"):
        week_of_events(territory, 1, START - timedelta(days=1))
    with pytest.raises(ValueError, match="naive"):
        week_of_events(territory, 1, datetime(2026, 11, 2, 7))  # noqa: DTZ001 (a naive time is the point)


def test_every_manner_of_answering_is_in_the_figures_and_comes_about_as_often(territory: Territory) -> None:
    assert set(MANNERS) == set(ANSWERS.weights)
    texts = Counter("+".join(a.text for a in answers) for _, _, answers in all_answers(territory, 6))
    total = sum(texts.values())
    silence = 100 * texts[""] / total
    assert silence == pytest.approx(ANSWERS.weights["silence"], abs=2.5)
    for word in ("oui merci", "kes c ca", "oui mais pas le vendredi", "RAPPEL 4821", "FIN 4821", "ERREUR", "NON 4821"):
        assert texts[word], word


def test_a_family_answers_the_same_again_and_otherwise_to_another_proposal(territory: Territory) -> None:
    family = territory.families[0]
    assert answers_of(family, facts(1), 1) == answers_of(family, facts(1), 1)
    assert len({answers_of(family, facts(n), 1) for n in range(20)}) > 5


def test_only_contacts_who_may_answer_do_and_who_has_no_mobile_answers_by_phone(territory: Territory) -> None:
    channels = set()
    for family, _, answers in all_answers(territory):
        may = {contact.id: contact for contact in family.contacts if contact.may_answer}
        for answer in answers:
            channels.add(answer.channel)
            assert (may[answer.contact].channel == "voice") == (answer.channel is Channel.PHONE)
    assert channels == {Channel.SMS, Channel.LINK, Channel.PHONE}


def test_some_answers_come_late_and_the_others_in_time(territory: Territory) -> None:
    late = [
        (fact, answer)
        for _, fact, answers in all_answers(territory)
        for answer in answers[:1]
        if fact.reached_at + answer.delay > fact.answer_by
    ]
    assert {answer.text for _, answer in late} == {"OUI 4821"}
    assert 5 <= len(late) <= 120


def test_an_urgent_place_is_answered_within_its_short_delay(territory: Territory) -> None:
    for family in territory.families[:100]:
        fact = facts(1, VacancyKind.ON_CALL, hours=0.75)
        in_time = [answer for answer in answers_of(family, fact, 1)[:1] if answer.text != "OUI 4821"]
        assert all(answer.delay <= timedelta(minutes=45) for answer in in_time)


def test_two_answers_to_one_proposal_come_in_order_and_contradict_or_repeat(territory: Territory) -> None:
    double = [answers for _, _, answers in all_answers(territory, 6) if len(answers) > 1]
    assert all(first.delay <= second.delay for first, second in double)
    heard = {
        ("link" if a.channel is Channel.LINK else a.text[:3], b.text[:3], a.contact == b.contact) for a, b in double
    }
    assert {("link", "OUI", True), ("NON", "OUI", True), ("OUI", "NON", False)} <= heard


def test_structures_confirm_with_dates_in_working_hours_and_sometimes_refuse() -> None:
    accepted, starts = datetime(2026, 11, 6, 16, tzinfo=PARIS), date(2026, 11, 10)
    settled = [confirmation_of(f"O-{n}", accepted, starts, 1) for n in range(1_000)]
    confirmed = [each for each in settled if each.refused is None]
    assert len(confirmed) / 1_000 == pytest.approx(CONFIRMS.value, abs=0.03)
    for each in settled:
        assert each.delay > timedelta(0)
        assert local(accepted + each.delay).weekday() < 5
    for each in confirmed:
        assert each.appointment is not None and each.adaptation_start is not None and each.first_full_day is not None
        assert accepted + each.delay < each.appointment
        assert starts <= each.adaptation_start < each.first_full_day
    assert any(each.delay > timedelta(days=4) for each in settled)
    assert confirmation_of("O-1", accepted, starts, 1) == settled[1]


def test_a_counsellor_asks_first_where_an_agreement_takes_a_child_of_that_age(
    week: list[TimedAction], territory: Territory
) -> None:
    agreements = {agreement.structure: agreement for agreement in territory.agreements}
    urgent = [a for a in week if isinstance(a, AskForPlace) and a.request.kind is RequestKind.URGENT]
    asked_on_call = 0
    for action in urgent:
        months = (local(action.at).date() - action.request.born).days / DAYS_A_MONTH
        fits = {a.structure for a in agreements.values() if a.age_from_months <= months < a.age_to_months}
        wished = {wish.structure for wish in action.request.wishes}
        assert not fits or wished <= fits
        asked_on_call += bool(fits)
    assert asked_on_call >= len(urgent) / 2
