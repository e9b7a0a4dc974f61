"""The encoder against the standard's table, and what the field's facts say about French letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import gsm7
from services.notifier.gsm7 import Encoding

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = "\f^{}\\[~]|€"
gsm_texts = st.text(st.sampled_from(BASIC + EXTENDED), max_size=700)
any_texts = st.text(max_size=400)
FRENCH = "abcdefghijklmnopqrstuvwxyzéèàùçêâîôûëïüÿœæÉÀÈÊÇŒ «»’–…' -.,;:!?0123456789\u00a0\u202f"


def test_the_table_has_128_septets_less_the_escape_and_ten_extended_signs() -> None:
    assert len(set(BASIC)) == 127
    assert all(gsm7.length(sign) == 1 for sign in BASIC)
    assert all(gsm7.length(sign) == 2 for sign in EXTENDED)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("@", "00"),
        ("é", "05"),
        ("Ç", "09"),
        ("É", "1f"),
        (" ", "20"),
        ("à", "7f"),
        ("€", "1b65"),
        ("|", "1b40"),
        ("[", "1b3c"),
    ],
)
def test_signs_have_the_codes_of_the_standard(text: str, octets: str) -> None:
    assert gsm7.encode(text).hex() == octets


@pytest.mark.parametrize("sign", "éèàùÉÇ'")
def test_these_french_signs_are_in_gsm_7(sign: str) -> None:
    assert gsm7.encoding_of(sign) is Encoding.GSM7


@pytest.mark.parametrize("sign", "çêâîôûëïœÀÈÊ«»’–…\u00a0")
def test_these_french_signs_force_ucs_2_and_are_written_otherwise(sign: str) -> None:
    assert gsm7.encoding_of(sign) is Encoding.UCS2
    assert gsm7.encoding_of(gsm7.transliterated(sign)) is Encoding.GSM7


def test_one_cedilla_turns_one_segment_into_three() -> None:
    text = "Montluçon".ljust(160, ".")
    assert gsm7.segments(text) == 3
    assert gsm7.segments(gsm7.transliterated(text)) == 1
    assert gsm7.segments("MONTLUÇON".ljust(160, ".")) == 1


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ê" * 70, 1),
        ("ê" * 71, 2),
        ("ê" * 134, 2),
        ("ê" * 135, 3),
    ],
)
def test_segments_are_counted_at_160_153_70_and_67(text: str, segments: int) -> None:
    assert gsm7.segments(text) == segments


def test_a_sign_of_two_septets_is_never_cut_between_two_segments() -> None:
    text = "a" * 152 + "€" + "a" * 152
    assert gsm7.length(text) == 306  # by division: two segments
    assert [gsm7.length(part) for part in gsm7.split(text)] == [152, 153, 1]


def test_a_sign_outside_the_basic_plane_takes_two_units_and_is_never_cut() -> None:
    text = "ê" * 66 + "😀" + "ê" * 66
    assert gsm7.length(text) == 134
    assert [gsm7.length(part) for part in gsm7.split(text)] == [66, 67, 1]


def test_a_sign_outside_the_alphabet_is_refused_by_the_encoder() -> None:
    with pytest.raises(ValueError, match="ç"):
        gsm7.encode("Montluçon")
    with pytest.raises(ValueError, match="escape"):
        gsm7.decode(b"\x1b")


@given(gsm_texts)
def test_decoding_gives_back_what_was_encoded(text: str) -> None:
    assert gsm7.decode(gsm7.encode(text)) == text
    assert len(gsm7.encode(text)) == gsm7.length(text)


@given(any_texts)
def test_segments_join_to_the_text_and_none_is_too_long(text: str) -> None:
    parts = gsm7.split(text)
    single, several = (160, 153) if gsm7.encoding_of(text) is Encoding.GSM7 else (70, 67)
    assert "".join(parts) == text
    assert all(gsm7.length(part) <= (single if len(parts) == 1 else several) for part in parts)
    assert (len(parts) == 1) == (gsm7.length(text) <= single)


@given(st.text(st.sampled_from(FRENCH), max_size=200))
def test_any_french_text_can_be_written_in_gsm_7(text: str) -> None:
    assert gsm7.encoding_of(gsm7.transliterated(text)) is Encoding.GSM7


@given(any_texts)
def test_writing_in_plain_letters_twice_changes_nothing_more(text: str) -> None:
    once = gsm7.transliterated(text)
    assert gsm7.transliterated(once) == once


@given(gsm_texts)
def test_a_text_of_the_alphabet_stays_as_it_is(text: str) -> None:
    assert gsm7.transliterated(text) == text
