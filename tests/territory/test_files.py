"""The three files of a town hall say all that the importer needs, and their broken rows are broken indeed."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from services.territory import Territory
from services.territory.faults import CUT_SHORT, NOT_WRONG_IN, Fault, with_faults
from services.territory.files import (
    EXCEL,
    EXCEL_UTF8,
    LABEL,
    WRITERS,
    TownFile,
    requests_csv,
    structures_csv,
    vacancies_csv,
)
from tests.territory import reading

ENCODINGS = [EXCEL, EXCEL_UTF8]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_structures_come_back_from_their_file(territory: Territory, encoding: str) -> None:
    rows = reading.rows_of(structures_csv(territory).encoded(encoding), encoding)
    assert reading.structures(rows) == list(territory.structures)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_vacancies_come_back_from_their_file(territory: Territory, encoding: str) -> None:
    rows = reading.rows_of(vacancies_csv(territory).encoded(encoding), encoding)
    assert [reading.vacancy(row) for row in rows] == list(territory.vacancies)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_requests_come_back_from_their_file(territory: Territory, encoding: str) -> None:
    rows = reading.rows_of(requests_csv(territory).encoded(encoding), encoding)
    assert len(rows) == len(territory.requests)
    for row, written in zip(rows, territory.requests, strict=True):
        read = reading.request(row)
        assert set(read.criteria) == set(written.criteria)
        assert read.model_copy(update={"criteria": written.criteria}) == written


def test_first_names_and_contacts_come_back_from_the_requests_file(territory: Territory) -> None:
    families = {family.id: family for family in territory.families}
    for row in reading.rows_of(requests_csv(territory).encoded(), EXCEL_UTF8):
        family = families[row["Famille"]]
        assert reading.child(row) in family.children
        assert reading.contacts(row) == list(family.contacts)


@pytest.mark.parametrize("write", WRITERS)
def test_every_row_has_a_cell_for_each_column_and_says_that_it_is_synthetic(
    territory: Territory, write: object
) -> None:
    assert callable(write)
    file: TownFile = write(territory)
    assert len(file.columns) == len(set(file.columns))
    assert all(len(row) == len(file.columns) for row in file.rows)
    assert {row[-1] for row in file.rows} == {LABEL}


def test_a_file_is_written_as_french_excel_does(territory: Territory) -> None:
    data = structures_csv(territory).encoded(EXCEL)
    assert data.startswith(b"Structure;Nom;Type;")
    assert data.endswith(b"\r\n")
    assert "Crèche".encode("cp1252") in data
    assert structures_csv(territory).encoded().startswith(b"\xef\xbb\xbfStructure;")


def test_the_last_day_is_written_as_people_say_it() -> None:
    period = reading.closed("03/08/2026 au 21/08/2026")
    assert (period.start, period.end) == (date(2026, 8, 3), date(2026, 8, 22))


@pytest.mark.parametrize("write", WRITERS)
def test_without_a_share_no_row_is_wrong(territory: Territory, write: object) -> None:
    assert callable(write)
    file: TownFile = write(territory)
    assert with_faults(file, 0, 7) == (file, ())


def test_one_row_in_a_hundred_is_wrong_and_the_others_are_untouched(territory: Territory) -> None:
    file = requests_csv(territory)
    broken, faults = with_faults(file, 0.01, 7)
    assert len(faults) == round(len(file.rows) / 100)
    wrong = {fault.line - 2 for fault in faults}
    assert {n for n, row in enumerate(file.rows) if row != broken.rows[n]} == wrong
    assert with_faults(file, 0.01, 7) == (broken, faults)


def test_broken_vacancies_are_refused_by_a_reader_that_knows_the_rules(territory: Territory) -> None:
    file, faults = with_faults(vacancies_csv(territory), 1, 7)
    sections = {section.section for structure in territory.structures for section in structure.sections}
    for fault in faults:
        row = dict(zip(file.columns, file.rows[fault.line - 2], strict=False))
        with pytest.raises((ValueError, KeyError, StopIteration)):
            check_section(reading.vacancy(row).section, sections)


def check_section(section: str, known: set[str]) -> None:
    if section not in known:
        raise ValueError(section)


def test_broken_requests_are_refused_by_a_reader_that_knows_the_rules(territory: Territory) -> None:
    file, faults = with_faults(requests_csv(territory), 1, 7)
    codes = {commune.code for commune in territory.guichet.communes}
    structures = {structure.id for structure in territory.structures}
    for fault in faults:
        row = dict(zip(file.columns, file.rows[fault.line - 2], strict=False))
        assert is_refused(row, codes, structures), (fault, row)


def is_refused(row: dict[str, str], codes: set[str], structures: set[str]) -> bool:
    try:
        read, contacts = reading.request(row), reading.contacts(row)
    except (ValidationError, ValueError, KeyError, StopIteration):
        return True
    unknown = {wish.structure for wish in read.wishes} - structures
    vague = row["Accueil adapté"] not in ("oui", "non")
    return read.commune not in codes or bool(unknown) or vague or not contacts


def test_a_row_that_nobody_broke_is_not_refused(territory: Territory) -> None:
    codes = {commune.code for commune in territory.guichet.communes}
    structures = {structure.id for structure in territory.structures}
    rows = reading.rows_of(requests_csv(territory).encoded(), EXCEL_UTF8)
    assert not any(is_refused(row, codes, structures) for row in rows)


@pytest.mark.parametrize("write", WRITERS)
def test_each_fault_names_its_line_its_column_and_its_reason(territory: Territory, write: object) -> None:
    assert callable(write)
    file: TownFile = write(territory)
    broken, faults = with_faults(file, 0.2, 3)
    assert faults
    for fault in faults:
        assert_shows(file, broken, fault)


def assert_shows(file: TownFile, broken: TownFile, fault: Fault) -> None:
    cell, row = file.columns.index(fault.column), fault.line - 2
    assert fault.column not in NOT_WRONG_IN.get(file.name, set())
    if fault.what == CUT_SHORT:
        assert len(broken.rows[row]) == cell
    else:
        assert broken.rows[row][cell] != file.rows[row][cell]
