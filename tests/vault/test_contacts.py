"""What a contact is, and how phone numbers are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import vault
from tests.vault.conftest import PHONE, mother


@pytest.mark.parametrize("text", ["06 39 98 12 34", "06.39.98.12.34", "+33 6 39 98 12 34", "0033639981234"])
def test_one_number_written_in_four_ways_is_one_number(text: str) -> None:
    assert vault.normalised_phone(text) == PHONE


@given(st.integers(0, 9999))
def test_normalising_and_writing_for_people_lead_back_to_the_same_number(last: int) -> None:
    phone = f"+3363998{last:04}"
    assert vault.normalised_phone(phone) == phone
    assert vault.normalised_phone(vault.phone_for_people(phone)) == phone


@pytest.mark.parametrize("text", ["", "o6", "06 39 98", "12", "06 39 98 12 34 56", "appelez-moi"])
def test_what_is_no_number_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(vault.InvalidPhone, match="06 39 98 56 78"):
        vault.normalised_phone(text)


def test_a_landline_is_not_taken_for_sms_but_for_a_call() -> None:
    with pytest.raises(ValueError, match="ne reçoit pas de SMS"):
        mother(phone="04 65 71 00 01")
    assert mother(phone="04 65 71 00 01", channel="voice").phone == "+33465710001"


def test_a_foreign_mobile_keeps_its_country() -> None:
    assert mother(phone="+351 912 345 678").phone == "+351912345678"
    assert vault.phone_for_people("+351912345678") == "+351 912 345 678"


def test_a_contact_needs_what_its_channel_uses() -> None:
    with pytest.raises(ValueError, match="numéro de téléphone"):
        mother(phone=None)
    with pytest.raises(ValueError, match="adresse électronique"):
        mother(channel="email", email=None)
    with pytest.raises(ValueError, match=r"prenom\.nom@exemple\.fr"):
        mother(email="awa chez exemple")


def test_a_contact_shows_nothing_of_the_person_when_printed() -> None:
    shown = repr(mother()) + str(mother())
    assert "c-mother" in shown
    assert not any(secret in shown for secret in (PHONE, "Awa", "awa@"))
