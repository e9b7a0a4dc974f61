"""The synthetic territory has the published figures, is the same everywhere, and resembles nobody."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest

from contracts.base import Event
from contracts.requests import RequestRegistered
from contracts.structures import AgreementSigned, StructurePublished
from contracts.territories import TerritoryPublished
from contracts.vacancies import VacancyOpened
from contracts.vocabulary import AwardMode, Criterion, Period, RequestKind, StructureKind, VacancyKind, Weekday
from services.territory import SMALL, Request, Size, Territory, synthesise
from services.territory.calendars import bridge_days, closures, days_of, school_holidays, working_days
from services.territory.chance import seeded
from services.territory.figures import CHOICES, OPENING_DAYS, SINGLE_PARENT
from services.territory.people import phone
from services.vault import Contact as VaultContact
from tests.territory.conftest import MONDAY

PERSON_PHONE = re.compile(r"\+3363998\d{4}")
DIRECTORY_PHONE = re.compile(r"04 65 71 \d\d \d\d")
SMS_STRUCTURE_LENGTH = 22

PRINT_HASH = """
import hashlib, sys
from datetime import date
from services.territory import SMALL, synthesise
print(hashlib.sha256(synthesise(7, date(2026, 11, 2), SMALL).model_dump_json().encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def many() -> tuple[Request, ...]:
    """Enough requests for their shares to be near the figures."""
    return synthesise(11, MONDAY, Size(scale=4, waiting=0.5, many_vacancies=0)).requests


def share_with(requests: tuple[Request, ...], criterion: Criterion) -> float:
    return mean(any(each.criterion is criterion for each in request.criteria) for request in requests)


def awarded_or_reserved(territory: Territory) -> list[Any]:
    return [s for s in territory.structures if s.award_mode is not AwardMode.INTRODUCTION]


def test_the_twenty_one_communes_have_their_populations(territory: Territory) -> None:
    communes = {commune.code: commune for commune in territory.guichet.communes}
    assert len(communes) == 21
    assert (communes["03098"].name, communes["03098"].population) == ("Désertines", 4323)
    assert sum(commune.population for commune in communes.values()) == 59_380


def test_between_1300_and_1600_children_under_three_live_there_and_some_wait(territory: Territory) -> None:
    children = sum(home.children for home in territory.children_under_three)
    assert 1_300 <= children <= 1_600
    assert 0.2 <= len(territory.requests) / children <= 0.35


def test_crèches_have_about_33_places_and_care_as_a_whole_one_place_for_about_two_and_a_half_children(
    territory: Territory,
) -> None:
    assert 31 <= mean(structure.capacity for structure in awarded_or_reserved(territory)) <= 35
    under_three = [s for s in territory.structures if s.kind is not StructureKind.ALSH]
    children = sum(home.children for home in territory.children_under_three)
    assert 2.2 <= children / sum(structure.capacity for structure in under_three) <= 2.8


def test_every_kind_of_offer_is_there(territory: Territory) -> None:
    kinds = Counter(structure.kind for structure in territory.structures)
    assert kinds[StructureKind.MICRO_CRECHE] >= 3
    assert {StructureKind.HALTE_GARDERIE, StructureKind.MAM, StructureKind.CHILDMINDER, StructureKind.ALSH} <= set(
        kinds
    )
    modes = Counter(structure.award_mode for structure in territory.structures)
    assert modes[AwardMode.EMPLOYER_RESERVED] == 2
    assert all(s.award_mode is AwardMode.INTRODUCTION for s in territory.structures if s.kind in INTRODUCED)
    assert sum(structure.avip for structure in territory.structures) == 2
    assert all(s.capacity <= 12 for s in territory.structures if s.kind is StructureKind.MICRO_CRECHE)


INTRODUCED = {StructureKind.MAM, StructureKind.CHILDMINDER}


def test_the_places_of_the_sections_make_up_the_capacity(territory: Territory) -> None:
    for structure in territory.structures:
        assert sum(section.places for section in structure.sections) == structure.capacity
        assert all(section.age_from_months < section.age_to_months for section in structure.sections)


def test_a_crèche_opens_eleven_hours_a_day(territory: Territory) -> None:
    crèches = [s for s in territory.structures if s.kind is StructureKind.CRECHE]
    for structure in crèches:
        lengths = {
            (slot.end.hour - slot.start.hour) + (slot.end.minute - slot.start.minute) / 60 for slot in structure.opening
        }
        assert lengths == {11.0}


@pytest.mark.parametrize("year", [2026, 2027, 2028])
@pytest.mark.parametrize("name", ["S-a", "S-b", "S-c"])
def test_closures_leave_about_223_opening_days_and_overlap_nowhere(year: int, name: str) -> None:
    whole = Period(start=date(year, 1, 1), end=date(year + 1, 1, 1))
    shut = closures(year, int(OPENING_DAYS.value), seeded(7).of(name))
    days = [day for period in shut for day in days_of(period)]
    assert len(days) == len(set(days))
    assert abs(len(set(working_days(whole)) - set(days)) - OPENING_DAYS.value) <= 2


def test_the_bridge_of_ascension_is_a_bridge_and_bastille_day_on_a_saturday_is_none() -> None:
    assert date(2027, 5, 7) in bridge_days(2027)
    assert date(2026, 5, 15) in bridge_days(2026)
    assert date(2026, 7, 13) in bridge_days(2026)
    assert not [day for day in bridge_days(2029) if day.month == 7]


def test_school_holidays_are_those_of_zone_a() -> None:
    winter = next(holiday for holiday in school_holidays() if holiday.first_day == date(2027, 2, 13))
    assert (winter.name, winter.last_day, winter.period.end) == (
        "Vacances d'hiver",
        date(2027, 2, 28),
        date(2027, 3, 1),
    )
    assert all(before.last_day < after.first_day for before, after in pairwise(school_holidays()))


def test_families_list_as_many_wishes_as_in_rio(many: tuple[Request, ...]) -> None:
    counts = Counter(len(request.wishes) for request in many)
    for wishes, percent in CHOICES.weights.items():
        assert 100 * counts[wishes] / len(many) == pytest.approx(percent, abs=3)


def test_a_third_of_the_families_have_one_parent(many: tuple[Request, ...]) -> None:
    assert share_with(many, Criterion.SINGLE_PARENT) == pytest.approx(SINGLE_PARENT.value, abs=0.03)


def test_two_or_three_requests_in_a_hundred_ask_for_adapted_care(many: tuple[Request, ...]) -> None:
    assert 0.015 <= share_with(many, Criterion.DISABILITY) <= 0.035
    assert all(r.needs_support == any(c.criterion is Criterion.DISABILITY for c in r.criteria) for r in many)


def test_a_seventh_of_the_families_look_for_a_job(many: tuple[Request, ...]) -> None:
    assert 0.11 <= share_with(many, Criterion.INSERTION) <= 0.19


def test_weeks_have_one_to_five_days_and_age_does_not_decide_how_many(many: tuple[Request, ...]) -> None:
    regular = [request for request in many if request.kind is RequestKind.REGULAR]
    days = Counter(len(request.patterns[0].slots) for request in regular)
    assert set(days) == {1, 2, 3, 4, 5}
    assert 0.27 <= days[5] / len(regular) <= 0.41
    full = [r.born for r in regular if len(r.patterns[0].slots) == 5]
    part = [r.born for r in regular if len(r.patterns[0].slots) < 5]
    assert abs(mean(d.toordinal() for d in full) - mean(d.toordinal() for d in part)) < 30


def test_most_children_who_wait_are_less_than_a_year_old_and_none_is_over_three(many: tuple[Request, ...]) -> None:
    ages = [(MONDAY - request.born).days for request in many]
    assert max(ages) < 3 * 365
    assert 0.5 <= mean(age < 366 for age in ages) <= 0.75
    assert all(request.is_born == (age >= 0) for request, age in zip(many, ages, strict=True))


def test_care_is_wanted_between_ten_weeks_of_age_and_school(many: tuple[Request, ...]) -> None:
    for request in many:
        assert request.period.start > MONDAY
        assert request.period.start < date(request.born.year + 3, 9, 1)
        assert request.period.start >= request.born + timedelta(weeks=10) or request.kind is not RequestKind.REGULAR


def test_only_structures_that_the_guichet_awards_are_wished_and_ranks_start_at_one(territory: Territory) -> None:
    awarded = {s.id for s in territory.structures if s.award_mode is AwardMode.AWARDED}
    for request in territory.requests:
        assert {wish.structure for wish in request.wishes} <= awarded
        ranks = sorted({wish.rank for wish in request.wishes})
        assert ranks == list(range(1, len(ranks) + 1))


def test_urgent_requests_are_in_insertion_and_have_a_prescriber(many: tuple[Request, ...]) -> None:
    urgent = [request for request in many if request.kind is RequestKind.URGENT]
    assert urgent
    for request in urgent:
        assert request.prescriber is not None
        assert any(each.criterion is Criterion.INSERTION for each in request.criteria)
        assert all(isinstance(slot.day, date) for slot in request.patterns[0].slots)


def test_hours_with_travel_stay_within_those_of_a_crèche(many: tuple[Request, ...]) -> None:
    for request in many:
        for pattern in request.patterns:
            for slot in pattern.slots:
                assert slot.start.hour * 60 + slot.start.minute - request.travel_minutes >= 7 * 60 + 30
                assert slot.end.hour * 60 + slot.end.minute + request.travel_minutes <= 18 * 60 + 30


def test_free_places_are_leftovers_within_the_places_and_opening_hours(territory: Territory) -> None:
    sections = {
        section.section: (structure, section) for structure in territory.structures for section in structure.sections
    }
    wednesdays = 0
    for vacancy in territory.vacancies:
        structure, section = sections[vacancy.section]
        assert vacancy.structure == structure.id
        assert vacancy.places <= section.places
        for slot in vacancy.slots:
            assert any(o.day is slot.weekday and o.start <= slot.start and slot.end <= o.end for o in structure.opening)
        wednesdays += [slot.day for slot in vacancy.slots] == [Weekday.WED]
    assert wednesdays >= 20
    assert any(vacancy.period.start == date(2027, 9, 1) for vacancy in territory.vacancies)
    assert {vacancy.kind for vacancy in territory.vacancies} == set(VacancyKind)


def test_an_on_call_place_rests_on_an_agreement_for_its_section(territory: Territory) -> None:
    agreements = {agreement.id: agreement for agreement in territory.agreements}
    on_call = [vacancy for vacancy in territory.vacancies if vacancy.kind is VacancyKind.ON_CALL]
    assert len(on_call) == len(agreements) >= 2
    for vacancy in on_call:
        assert vacancy.agreement is not None
        assert agreements[vacancy.agreement].section == vacancy.section
        assert vacancy.audience == "urgent_insertion"


def test_every_thing_says_a_valid_event(territory: Territory) -> None:
    envelope = {"territory": "montlucon", "source": "ingest", "time": datetime(2026, 11, 2, 6, tzinfo=UTC)}
    kinds: list[tuple[type[Event], Any]] = [
        (TerritoryPublished, [territory.guichet]),
        (StructurePublished, territory.structures),
        (AgreementSigned, territory.agreements),
        (VacancyOpened, territory.vacancies),
        (RequestRegistered, territory.requests),
    ]
    for event, things in kinds:
        for thing in things:
            said = event.say(thing.id, cause="synthetic", **envelope, **thing.said())
            assert event.model_validate_json(said.model_dump_json()) == said


def test_ids_are_used_once(territory: Territory) -> None:
    contacts = [contact.id for family in territory.families for contact in family.contacts]
    children = [child.id for family in territory.families for child in family.children]
    sections = [section.section for structure in territory.structures for section in structure.sections]
    for ids in (contacts, children, sections, *([x.id for x in group] for group in groups(territory))):
        assert len(ids) == len(set(ids))


def groups(territory: Territory) -> tuple[Any, ...]:
    t = territory
    return (t.people, t.structures, t.agreements, t.vacancies, t.families, t.requests)


def test_phones_are_those_of_fiction_and_each_belongs_to_one_person(territory: Territory) -> None:
    phones = [contact.phone for family in territory.families for contact in family.contacts]
    phones += [person.phone for person in territory.people]
    assert len(phones) == len(set(phones))
    assert all(PERSON_PHONE.fullmatch(phone) for phone in phones)
    directory = [territory.guichet.guichet_phone, *(structure.phone for structure in territory.structures)]
    assert all(DIRECTORY_PHONE.fullmatch(phone) for phone in directory)


def test_no_other_number_stands_anywhere_in_the_territory(territory: Territory) -> None:
    text = territory.model_dump_json()
    looks_like_a_phone = re.findall(r"\+33\d{9}|\b0[1-9](?: ?\d\d){4}\b", text)
    assert looks_like_a_phone
    assert [p for p in looks_like_a_phone if not PERSON_PHONE.fullmatch(p) and not DIRECTORY_PHONE.fullmatch(p)] == []


def test_fiction_has_ten_thousand_phones_and_no_more() -> None:
    assert len({phone(7, n) for n in range(10_000)}) == 10_000
    with pytest.raises(ValueError, match="fiction"):
        phone(7, 10_000)


def test_the_vault_takes_every_contact_as_it_is(territory: Territory) -> None:
    channels = set()
    for family in territory.families:
        assert 1 <= len(family.contacts) <= 3
        for contact in family.contacts:
            channels.add(VaultContact.model_validate(contact.model_dump()).channel.value)
    assert channels == {"sms", "voice"}


def test_most_families_read_french_and_some_another_language(territory: Territory) -> None:
    languages = Counter(family.contacts[0].language for family in territory.families)
    assert set(languages) == {"fr", "ar", "tr", "en", "pt"}
    assert 0.75 <= languages["fr"] / len(territory.families) <= 0.95


def test_a_structure_name_fits_its_place_in_an_sms(territory: Territory) -> None:
    names = [structure.name for structure in territory.structures]
    assert len(names) == len(set(names))
    assert all(len(name) <= SMS_STRUCTURE_LENGTH for name in names)


def test_the_data_says_that_it_is_synthetic(territory: Territory) -> None:
    things: list[Any] = [territory, *territory.structures, *territory.families, *territory.people]
    assert all(thing.synthetic is True for thing in things)
    assert "synthétiques" in territory.guichet.name


def test_each_structure_has_somebody_who_speaks_for_it(territory: Territory) -> None:
    people = {person.id: person for person in territory.people}
    for structure in territory.structures:
        assert people[structure.person].structure == structure.id
    assert len(territory.counsellors) == 6
    assert people[territory.coordinator].structure is None


def test_the_same_seed_gives_the_same_territory_in_another_process() -> None:
    here = hashlib.sha256(synthesise(7, MONDAY, SMALL).model_dump_json().encode()).hexdigest()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PRINT_HASH], capture_output=True, text=True, env=environment, timeout=60
        )
        assert done.stdout.strip() == here, done.stderr


def test_another_seed_gives_another_territory() -> None:
    assert synthesise(8, MONDAY, SMALL).families != synthesise(7, MONDAY, SMALL).families


def test_a_draw_depends_on_its_name_only() -> None:
    first = seeded(7).of("R-1")
    assert first.share("age") == seeded(7).of("R-1").share("age")
    assert first.share("age") != first.share("days")
    assert first.share("age") != seeded(7).of("R-2").share("age")
    assert {first.whole(str(n), 1, 3) for n in range(100)} == {1, 2, 3}
    assert sorted(first.shuffled("order", [3, 1, 2])) == [1, 2, 3]
    assert set(first.sample("some", {"a": 1.0, "b": 5.0}, 5)) == {"a", "b"}
