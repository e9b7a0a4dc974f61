"""What the first text asks of the databases, asked once about nobody: no family waits while statements are built, words
are read and telephone rules are loaded.

When to modify: with what sending asks. A rehearsal that misses something costs the first family a moment, no more.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import sqlalchemy as sa

from contracts.vocabulary import MessageTemplate
from services.bus.database import Database
from services.notifier import budgets, store
from services.notifier.facts import NotYetKnown, facts_for
from services.notifier.messages import Facts, MissingFact, render
from services.notifier.store import Message, State
from services.vault import Contact, Keyring, OwnerKind, contacts_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOBODYS_PHONE = "+33639980000"
"""Of a range that is kept for fiction."""

NOBODY = Message(
    message="nobody", territory="nowhere", template=MessageTemplate.PROPOSAL, proposal="none", owner="nobody",
    owner_kind=OwnerKind.FAMILY.value, wanted_contact=None, limit_at=None, not_after=None, is_urgent=False, link=None,
    state=State.PLANNED, send_at=EPOCH, started_at=None, attempts=0, tried=(), in_doubt=False, contact=None,
    traceparent=None,
)  # fmt: skip


async def rehearse(database: Database, vault: Database, keyring: Keyring) -> None:
    """Leaves nothing behind: no row is nobody's."""
    Contact(id="nobody", phone=NOBODYS_PHONE)
    await vault.read(contacts_of, keyring, NOBODY.owner)
    await database.write(_ask_what_a_text_asks)


def _ask_what_a_text_asks(tx: sa.Connection) -> None:
    store.to_look_after(tx, EPOCH, EPOCH - EPOCH, 1)
    budgets.free_at(tx, NOBODY, "nobody", EPOCH)
    with contextlib.suppress(NotYetKnown):
        facts_for(tx, NOBODY, "", EPOCH)
    store.proposal(tx, "none", lock=True)
    store.change(tx, NOBODY, State.SENDING, started_at=EPOCH, contact="nobody", attempts=1)
    store.named(tx, NOBODY.message)
    store.change(tx, NOBODY, State.SENT)
    with contextlib.suppress(MissingFact):
        render(NOBODY.template, Facts())
