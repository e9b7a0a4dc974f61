"""A file is read whatever program saved it, and one that can not be read says what is wrong with it."""

from __future__ import annotations

import pytest

from services.ingest.files.columns import VACANCY_COLUMNS
from services.ingest.files.reading import Sheet, read_sheet
from services.ingest.problems import Refused

HEADER = ["Place", "Structure", "Section", "Type", "Nombre", "Début", "Réservée jusqu'au", "Remarque"]
ROW = ["V-1", "S-a", "S-a-tous", "Place régulière", "2", "03/11/2026", "", "été, œuf"]


def text(rows: list[list[str]], separator: str = ";", end: str = "\r\n") -> str:
    quoted = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in rows]
    return end.join(separator.join(row) for row in quoted) + end


def sheet_of(data: bytes) -> Sheet:
    return read_sheet(data, VACANCY_COLUMNS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_encoding_separator_and_line_ends_are_found(encoding: str, separator: str, end: str) -> None:
    sheet = sheet_of(text([HEADER, ROW], separator, end).encode(encoding))
    assert sheet.separator == separator
    assert [sheet.cell(line, "Type") for line in sheet.lines] == ["Place régulière"]
    assert sheet.lines[0].cells == tuple(ROW)


def test_a_file_of_an_old_mac_is_read() -> None:
    rows = [HEADER, [*ROW[:-1], "été"]]
    assert sheet_of(text(rows).encode("mac_roman")).lines[0].cells[-1] == "été"


def test_titles_are_known_without_their_accents_and_with_a_typographic_apostrophe() -> None:
    header = ["PLACE", "structure", "Section ", "type", "nombre", "debut", "Reservee jusqu’au", "Remarque"]
    sheet = sheet_of(text([header, ROW]).encode())
    assert sheet.cell(sheet.lines[0], "Début") == "03/11/2026"
    assert sheet.unread == ()


def test_a_title_that_nobody_knows_is_reported() -> None:
    sheet = sheet_of(text([[*HEADER, "Météo"], [*ROW, "beau"]]).encode())
    assert sheet.unread == ("Météo",)


def test_lines_count_as_a_spreadsheet_shows_them_and_empty_ones_are_passed() -> None:
    sheet = sheet_of(text([HEADER, ROW, [""] * len(HEADER), ROW]).encode())
    assert [line.number for line in sheet.lines] == [2, 4]


def test_the_line_that_excel_writes_for_itself_is_not_the_header() -> None:
    assert len(sheet_of(("sep=;\r\n" + text([HEADER, ROW])).encode()).lines) == 1


def test_a_cell_may_hold_the_separator_and_a_line_end_inside_quotes() -> None:
    data = text([HEADER]) + ";".join([*ROW[:-1], '"un ; deux\r\ntrois"']) + "\r\n" + text([ROW])
    sheet = sheet_of(data.encode())
    assert sheet.lines[0].cells[-1] == "un ; deux\ntrois"
    assert [line.number for line in sheet.lines] == [2, 3]


def test_a_quote_that_nobody_closed_spoils_its_own_line_only() -> None:
    broken = [*ROW[:3], '"Place régulière', *ROW[4:]]
    many = [[f"V-{n}", *ROW[1:]] for n in range(100)]
    sheet = sheet_of((text([HEADER]) + ";".join(broken) + "\r\n" + text(many)).encode())
    assert len(sheet.lines) == 101
    assert [line.fault.code for line in sheet.lines if line.fault] == ["cut_short"]


def test_a_line_that_is_cut_short_or_too_long_is_wrong_as_a_whole() -> None:
    sheet = sheet_of(text([HEADER, ROW[:4], [*ROW, "de trop"], [*ROW, ""]]).encode())
    assert [line.fault.code if line.fault else None for line in sheet.lines] == ["cut_short", "too_long", None]


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (b"", {"column_missing"}),
        (text([HEADER[1:], ROW[1:]]).encode(), {"column_missing"}),
        (text([[*HEADER, "Nombre"], [*ROW, "3"]]).encode(), {"column_twice"}),
        (b"\xff\xfe\x00", {"unknown_encoding"}),
        (b"x" * 50_000_001, {"too_large"}),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_whole(data: bytes, codes: set[str]) -> None:
    with pytest.raises(Refused) as caught:
        sheet_of(data)
    assert {problem.code for problem in caught.value.problems} == codes
