"""The contacts vault: names, phone numbers and e-mail addresses, encrypted with a key per family, erased with it.

ingest writes here first, the notifier reads, and the matcher may not import it. Functions take a
`sqlalchemy.Connection` and a `Keyring`; they never commit. Nothing read here may go on the bus or into a log.
"""

from __future__ import annotations

from services.vault.ciphers import Keyring, Unreadable, WrongMasterKey
from services.vault.contacts import (
    Contact,
    ContactChannel,
    ContactRole,
    InvalidPhone,
    OwnerKind,
    is_fiction,
    normalised_email,
    normalised_phone,
    phone_for_people,
    takes_sms,
)
from services.vault.first_names import (
    ChildName,
    child_first_name,
    child_first_names,
    put_child_first_name,
    put_first_names,
)
from services.vault.keys import rewrap
from services.vault.naming import named_by_number
from services.vault.store import (
    TooManyContacts,
    contact_ids,
    contact_named,
    contacts_of,
    erase,
    erase_family,
    families_by_phone,
    families_by_phones,
    is_suspended,
    metadata,
    owners_by_email,
    put_contacts,
    put_many_contacts,
    staff_by_phone,
    suspend_contact,
    sweep_orphans,
)

__all__ = [
    "ChildName",
    "Contact",
    "ContactChannel",
    "ContactRole",
    "InvalidPhone",
    "Keyring",
    "OwnerKind",
    "TooManyContacts",
    "Unreadable",
    "WrongMasterKey",
    "child_first_name",
    "child_first_names",
    "contact_ids",
    "contact_named",
    "contacts_of",
    "erase",
    "erase_family",
    "families_by_phone",
    "families_by_phones",
    "is_fiction",
    "is_suspended",
    "metadata",
    "named_by_number",
    "normalised_email",
    "normalised_phone",
    "owners_by_email",
    "phone_for_people",
    "put_child_first_name",
    "put_contacts",
    "put_first_names",
    "put_many_contacts",
    "rewrap",
    "staff_by_phone",
    "suspend_contact",
    "sweep_orphans",
    "takes_sms",
]
