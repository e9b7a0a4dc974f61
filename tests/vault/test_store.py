"""The vault on a real SQLite file: what is kept, found, moved, and gone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from services import vault
from services.vault import tables
from tests.vault.conftest import OTHER_PHONE, PHONE, TODAY, father, mother


def put(tx: sa.Connection, keyring: vault.Keyring, family: str, *contacts: vault.Contact) -> None:
    vault.put_contacts(tx, keyring, family, contacts, TODAY)


def test_contacts_come_back_as_they_were_put_and_in_their_order(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", father(), mother())
    assert vault.contacts_of(tx, keyring, "f-1") == (father(), mother())
    assert vault.contact_named(tx, keyring, "c-mother") == mother()
    assert vault.contacts_of(tx, keyring, "f-2") == ()
    assert vault.contact_named(tx, keyring, "c-nobody") is None


def test_a_family_has_one_to_three_contacts(tx: sa.Connection, keyring: vault.Keyring) -> None:
    four = [mother(id=f"c-{n}") for n in range(4)]
    for wrong in ([], four, [mother(), mother()]):
        with pytest.raises(vault.TooManyContacts, match="un à 3 contacts"):
            put(tx, keyring, "f-1", *wrong)
    put(tx, keyring, "f-1", *four[:3])
    assert len(vault.contacts_of(tx, keyring, "f-1")) == 3


def test_new_contacts_replace_the_old_ones_and_their_index(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother(), father())
    put(tx, keyring, "f-1", mother(phone=OTHER_PHONE))
    assert [contact.id for contact in vault.contacts_of(tx, keyring, "f-1")] == ["c-mother"]
    assert vault.families_by_phone(tx, keyring, PHONE) == []
    assert vault.families_by_phone(tx, keyring, OTHER_PHONE) == [("f-1", "c-mother")]


def test_a_contact_is_never_taken_over_from_another_family(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    with pytest.raises(ValueError, match="quelqu'un d'autre"):
        put(tx, keyring, "f-2", mother())
    assert vault.families_by_phone(tx, keyring, PHONE) == [("f-1", "c-mother")]


def test_many_families_are_kept_as_if_each_came_alone(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother(id="c-1"))
    vault.suspend_contact(tx, "c-1")
    both = {"f-2": [mother(id="c-2"), father()], "f-1": [mother(id="c-1", name="Awa E.")]}
    vault.put_many_contacts(tx, keyring, both, TODAY)
    assert vault.contacts_of(tx, keyring, "f-1") == (mother(id="c-1", name="Awa E.", suspended=True),)
    assert vault.contacts_of(tx, keyring, "f-2") == (mother(id="c-2"), father())
    assert vault.families_by_phone(tx, keyring, PHONE) == [("f-1", "c-1"), ("f-2", "c-2")]


def test_many_families_never_share_or_take_over_a_contact(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    for wrong in ({"f-2": [mother()]}, {"f-2": [father()], "f-3": [father()]}, {"f-1": [father()], "f-2": [mother()]}):
        with pytest.raises(ValueError, match="quelqu'un d'autre"):
            vault.put_many_contacts(tx, keyring, wrong, TODAY)
    assert vault.contacts_of(tx, keyring, "f-1") == (mother(),)


def test_a_phone_leads_to_every_family_that_gave_it(tx: sa.Connection, keyring: vault.Keyring) -> None:
    assert vault.families_by_phone(tx, keyring, PHONE) == []
    put(tx, keyring, "f-2", mother(id="c-2"))
    put(tx, keyring, "f-1", mother(id="c-1"), father())
    assert vault.families_by_phone(tx, keyring, "06.39.98.12.34") == [("f-1", "c-1"), ("f-2", "c-2")]


def test_an_address_that_only_looks_like_another_is_none() -> None:
    """In small letters the Kelvin sign is a k: whoever owns the one address would own the other."""
    assert vault.normalised_email(" Kevin@Exemple.FR ") == "kevin@exemple.fr"
    assert vault.normalised_email("zoé@exemple.fr") == "zoé@exemple.fr"
    with pytest.raises(ValueError, match="pas valable"):
        vault.normalised_email("\N{KELVIN SIGN}evin@exemple.fr")


def test_professionals_are_found_by_email_and_never_among_families(tx: sa.Connection, keyring: vault.Keyring) -> None:
    person = mother(id="c-staff", role="staff", email="Directrice@Exemple.fr ")
    vault.put_contacts(tx, keyring, "p-1", [person], TODAY, vault.OwnerKind.STAFF)
    assert vault.owners_by_email(tx, keyring, "directrice@exemple.fr") == [("p-1", "c-staff")]
    assert vault.owners_by_email(tx, keyring, "directrice@exemple.fr", vault.OwnerKind.FAMILY) == []
    assert vault.families_by_phone(tx, keyring, PHONE) == []
    assert vault.contacts_of(tx, keyring, "p-1", vault.OwnerKind.STAFF) == (person,)


def test_a_suspended_contact_stays_so_until_its_number_changes(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    assert vault.suspend_contact(tx, "c-mother")
    assert not vault.suspend_contact(tx, "c-nobody")
    put(tx, keyring, "f-1", mother(name="Awa E."))
    assert vault.contacts_of(tx, keyring, "f-1")[0].suspended
    put(tx, keyring, "f-1", mother(phone=OTHER_PHONE))
    assert not vault.contacts_of(tx, keyring, "f-1")[0].suspended


def test_a_stranger_stays_one_until_the_number_changes_and_stop_makes_none(
    tx: sa.Connection, keyring: vault.Keyring
) -> None:
    put(tx, keyring, "f-1", mother(), father())
    vault.suspend_contact(tx, "c-mother", stranger=True)
    vault.suspend_contact(tx, "c-mother")
    vault.suspend_contact(tx, father().id)
    put(tx, keyring, "f-1", mother(name="Awa E."), father())
    assert [contact.stranger for contact in vault.contacts_of(tx, keyring, "f-1")] == [True, False]
    put(tx, keyring, "f-1", mother(phone=OTHER_PHONE))
    assert [contact.stranger for contact in vault.contacts_of(tx, keyring, "f-1")] == [False]


def test_many_first_names_are_kept_at_once_each_with_its_family(tx: sa.Connection, keyring: vault.Keyring) -> None:
    vault.put_child_first_name(tx, keyring, "f-1", "r-1", "Zoé", TODAY)
    children = [vault.ChildName("f-1", "r-1", "Zoë"), vault.ChildName("f-2", "r-2", "Noé")]
    vault.put_first_names(tx, keyring, children, TODAY)
    assert vault.child_first_names(tx, keyring, ["r-1", "r-2"]) == {"r-1": "Zoë", "r-2": "Noé"}
    vault.erase_family(tx, "f-2")
    assert vault.child_first_names(tx, keyring, ["r-1", "r-2"]) == {"r-1": "Zoë"}


def test_first_names_are_kept_by_request(tx: sa.Connection, keyring: vault.Keyring) -> None:
    vault.put_child_first_name(tx, keyring, "f-1", "r-1", "Zoé", TODAY)
    vault.put_child_first_name(tx, keyring, "f-1", "r-1", "Zoë", TODAY)
    vault.put_child_first_name(tx, keyring, "f-2", "r-2", "Imran", TODAY)
    assert vault.child_first_name(tx, keyring, "r-1") == "Zoë"
    assert vault.child_first_name(tx, keyring, "r-9") is None
    assert vault.child_first_names(tx, keyring, ["r-2", "r-1", "r-9"]) == {"r-1": "Zoë", "r-2": "Imran"}


def test_nothing_about_a_person_is_in_clear_in_the_file(
    tx: sa.Connection, keyring: vault.Keyring, database: Path
) -> None:
    put(tx, keyring, "f-1", mother(), father())
    vault.put_child_first_name(tx, keyring, "f-1", "r-1", "Imran", TODAY)
    tx.commit()
    stored = database.read_bytes()
    assert b"c-mother" in stored  # the file was really written
    for secret in (PHONE, PHONE[3:], "639981234", "Awa", "awa@exemple.fr", "Exemple", "Imran"):
        assert secret.encode() not in stored


def test_the_same_number_is_sealed_differently_each_time(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother(id="c-1"), mother(id="c-2"))
    sealed = tx.scalars(sa.select(tables.contacts.c.phone)).all()
    assert len(set(sealed)) == 2


def test_another_master_key_opens_nothing(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    wrong = vault.Keyring(b"x" * 32)
    with pytest.raises(vault.WrongMasterKey, match="ne peuvent pas être lues"):
        vault.contacts_of(tx, wrong, "f-1")
    with pytest.raises(vault.WrongMasterKey):
        vault.families_by_phone(tx, wrong, PHONE)


def test_a_master_key_has_32_bytes_and_is_never_printed() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        vault.Keyring(b"short")
    assert "kkkk" not in repr(vault.Keyring(b"k" * 32))


def swap(tx: sa.Connection, column: str) -> None:
    """Exchange one sealed column of the two contacts."""
    table = tables.contacts
    values = {row.contact: row._mapping[column] for row in tx.execute(sa.select(table))}
    for contact, other in (("c-mother", "c-father"), ("c-father", "c-mother")):
        tx.execute(sa.update(table).where(table.c.contact == contact).values({column: values[other]}))


def test_ciphertexts_swapped_between_families_are_refused(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    put(tx, keyring, "f-2", father())
    swap(tx, "phone")
    for family in ("f-1", "f-2"):
        with pytest.raises(vault.Unreadable, match="champ phone"):
            vault.contacts_of(tx, keyring, family)


def test_ciphertexts_swapped_between_two_contacts_of_one_family_are_refused(
    tx: sa.Connection, keyring: vault.Keyring
) -> None:
    put(tx, keyring, "f-1", mother(), father())
    swap(tx, "name")
    with pytest.raises(vault.Unreadable, match="champ name"):
        vault.contacts_of(tx, keyring, "f-1")


def test_a_ciphertext_moved_to_another_field_is_refused(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    tx.execute(sa.update(tables.contacts).values(name=tables.contacts.c.phone))
    with pytest.raises(vault.Unreadable, match="champ name"):
        vault.contacts_of(tx, keyring, "f-1")


def test_a_data_key_moved_to_another_family_is_refused(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    put(tx, keyring, "f-2", father())
    one = sa.select(tables.keys.c.wrapped).where(tables.keys.c.owner == "f-1").scalar_subquery()
    tx.execute(sa.update(tables.keys).where(tables.keys.c.owner == "f-2").values(wrapped=one))
    with pytest.raises(vault.Unreadable, match="champ key"):
        vault.contacts_of(tx, keyring, "f-2")


def test_an_erased_family_leaves_no_row(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    vault.put_child_first_name(tx, keyring, "f-1", "r-1", "Imran", TODAY)
    put(tx, keyring, "f-2", father())
    assert vault.erase_family(tx, "f-1")
    assert not vault.erase_family(tx, "f-1")
    for table in (tables.keys, tables.contacts, tables.first_names, tables.lookups):
        assert tx.execute(sa.select(table).where(table.c.owner == "f-1")).all() == []
    assert vault.families_by_phone(tx, keyring, PHONE) == []
    assert vault.contacts_of(tx, keyring, "f-2") == (father(),)


def test_an_erased_family_stays_unreadable_even_with_its_old_rows_restored(
    tx: sa.Connection, keyring: vault.Keyring
) -> None:
    put(tx, keyring, "f-1", mother())
    vault.put_child_first_name(tx, keyring, "f-1", "r-1", "Imran", TODAY)
    backup = {
        table: [dict(row._mapping) for row in tx.execute(sa.select(table))]
        for table in (tables.contacts, tables.first_names)
    }
    vault.erase_family(tx, "f-1")
    for table, rows in backup.items():
        tx.execute(sa.insert(table), rows)
    with pytest.raises(vault.Unreadable, match="clé a été effacée"):
        vault.contacts_of(tx, keyring, "f-1")
    with pytest.raises(vault.Unreadable, match="clé a été effacée"):
        vault.child_first_name(tx, keyring, "r-1")
    vault.put_child_first_name(tx, keyring, "f-1", "r-2", "Lina", TODAY)  # a new key opens nothing of before
    with pytest.raises(vault.Unreadable, match="champ"):
        vault.contacts_of(tx, keyring, "f-1")


def test_rotation_rewraps_every_key_and_the_old_master_key_can_go(tx: sa.Connection, keyring: vault.Keyring) -> None:
    put(tx, keyring, "f-1", mother())
    put(tx, keyring, "f-2", father())
    sealed = tx.scalars(sa.select(tables.contacts.c.phone)).all()
    new = vault.Keyring(b"n" * 32, previous=(keyring.current,))
    assert vault.contacts_of(tx, new, "f-1") == (mother(),)
    assert vault.rewrap(tx, new) == 3  # two families and the index
    assert vault.rewrap(tx, new) == 0
    alone = vault.Keyring(b"n" * 32)
    assert vault.contacts_of(tx, alone, "f-1") == (mother(),)
    assert vault.families_by_phone(tx, alone, OTHER_PHONE) == [("f-2", "c-father")]
    assert tx.scalars(sa.select(tables.contacts.c.phone)).all() == sealed
    with pytest.raises(vault.WrongMasterKey):
        vault.contacts_of(tx, keyring, "f-1")


def test_orphans_are_swept_once_they_are_old_and_nobody_else_is(tx: sa.Connection, keyring: vault.Keyring) -> None:
    for n, family in enumerate(("f-known", "f-orphan")):
        put(tx, keyring, family, mother(id=f"c-{n}"))
    vault.put_contacts(tx, keyring, "p-1", [mother(id="c-staff")], TODAY, vault.OwnerKind.STAFF)
    assert vault.sweep_orphans(tx, ["f-known"], TODAY + timedelta(days=7), 7) == []
    assert vault.sweep_orphans(tx, ["f-known"], TODAY + timedelta(days=8), 7) == ["f-orphan"]
    assert vault.contacts_of(tx, keyring, "f-orphan") == ()
    assert vault.contacts_of(tx, keyring, "f-known")
    assert vault.contacts_of(tx, keyring, "p-1", vault.OwnerKind.STAFF)
    assert vault.families_by_phone(tx, keyring, PHONE) == [("f-known", "c-0")]


NEW_PHONE = "+33639984321"


def named(tx: sa.Connection, keyring: vault.Keyring, *contacts: vault.Contact) -> list[str]:
    """The ids under which the family's contacts are kept, once these have been put in place of those before."""
    put(tx, keyring, "f-1", *vault.named_by_number(tx, keyring, {"f-1": contacts})["f-1"])
    return [contact.id for contact in vault.contacts_of(tx, keyring, "f-1")]


def test_an_id_is_one_numbers_wherever_in_the_order_it_stands(tx: sa.Connection, keyring: vault.Keyring) -> None:
    one, two = mother(id="c-1"), father(id="c-2")
    assert named(tx, keyring, one, two) == ["c-1", "c-2"]
    assert named(tx, keyring, father(id="c-1"), mother(id="c-2")) == ["c-2", "c-1"]
    assert named(tx, keyring, mother(id="c-1", name="Awa E."), father(id="c-2")) == ["c-1", "c-2"]
    new, kept = named(tx, keyring, mother(id="c-1", phone=NEW_PHONE), father(id="c-2"))
    assert kept == "c-2" and new not in ("c-1", "c-2") and NEW_PHONE[-8:] not in new
    assert named(tx, keyring, mother(id="c-1"), father(id="c-2"))[0] not in (new, "c-1")
    assert named(tx, keyring, mother(id="c-1", phone=NEW_PHONE)) == [new]


def test_a_number_beside_one_that_is_known_never_gets_the_id_of_one_that_was_removed(
    tx: sa.Connection, keyring: vault.Keyring
) -> None:
    named(tx, keyring, mother(id="c-1"), father(id="c-2"))
    named(tx, keyring, mother(id="c-1"))
    assert "c-2" not in named(tx, keyring, mother(id="c-1"), father(id="c-2", phone=NEW_PHONE))


def test_two_who_share_a_number_are_two_contacts(tx: sa.Connection, keyring: vault.Keyring) -> None:
    named(tx, keyring, mother(id="c-1"))
    shared = named(tx, keyring, mother(id="c-1", phone=NEW_PHONE), mother(id="c-2", phone=NEW_PHONE))
    assert len(set(shared)) == 2
    assert named(tx, keyring, mother(id="c-1", phone=NEW_PHONE), mother(id="c-2", phone=NEW_PHONE)) == shared


def test_the_same_number_has_another_id_in_each_family(tx: sa.Connection, keyring: vault.Keyring) -> None:
    for family in ("f-1", "f-2"):
        put(tx, keyring, family, mother(id=f"{family}-c1"))
    new = {family: [mother(id="c", phone=NEW_PHONE)] for family in ("f-1", "f-2")}
    one, two = (own[0].id for own in vault.named_by_number(tx, keyring, new).values())
    assert one != two
