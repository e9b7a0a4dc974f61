"""Who acts, and one act: by whom, when, by which door."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from contracts.base import EVENT_IDS, Event
from contracts.vocabulary import Channel, Labelled
from services.calendar import local_day

E = TypeVar("E", bound=Event)
SOURCE = "ingest"
_ID_LENGTH = 20


class Role(Labelled):
    STRUCTURE = "structure", "Structure d'accueil"
    COUNSELLOR = "counsellor", "Conseiller en insertion"
    COMMITTEE = "committee", "Commission d'attribution"
    COORDINATOR = "coordinator", "Coordination du guichet"
    ADMINISTRATOR = "administrator", "Administration"
    FAMILY = "family", "Famille"
    PUBLIC = "public", "Public"


STAFF = frozenset({Role.STRUCTURE, Role.COUNSELLOR, Role.COMMITTEE, Role.COORDINATOR, Role.ADMINISTRATOR})


@dataclass(frozen=True)
class Actor:
    """Who acts: a person, a program with its key, or a family that holds the link of one proposal.

    `id` is what events carry as `said_by`; for a family it is the contact that the link was sent to.
    """

    id: str
    role: Role
    territory: str
    structure: str | None = None
    family: str | None = None
    request: str | None = None
    proposal: str | None = None


def public(territory: str) -> Actor:
    """Anybody: no sign-in, no cookie."""
    return Actor("public", Role.PUBLIC, territory)


@dataclass(frozen=True)
class Act:
    """One act of `actor` at `now`. With a `cause` (a message id, an idempotency key) its ids repeat when it repeats."""

    actor: Actor
    now: datetime
    channel: Channel = Channel.API
    cause: str | None = None
    traceparent: str | None = None

    @property
    def territory(self) -> str:
        return self.actor.territory

    @property
    def today(self) -> date:
        """The French calendar day of the act."""
        return local_day(self.now)

    def new_id(self, prefix: str) -> str:
        """An id for what the act makes: `V-…` for a vacancy, `R-…` for a request."""
        name = uuid.uuid4() if self.cause is None else uuid.uuid5(EVENT_IDS, f"{prefix}/{self.actor.id}/{self.cause}")
        return f"{prefix}-{name.hex[:_ID_LENGTH]}"

    def say(self, event: type[E], subject: str, /, **data: Any) -> E:
        """An `event` about `subject`, as this act says it."""
        return event.say(
            subject,
            cause=None if self.cause is None else f"{self.actor.id}/{self.cause}",
            source=SOURCE,
            time=self.now,
            territory=self.territory,
            traceparent=self.traceparent,
            **data,
        )

    def say_as(self, id_: str, event: type[E], /, **data: Any) -> E:
        """The same for what is known by one id only: a reply, whose verdict names it, or a sign-in link."""
        facts = {"source": SOURCE, "time": self.now, "territory": self.territory, "traceparent": self.traceparent}
        return event(type=event.wire_type(), id=id_, subject=id_, version=event.VERSION, **{**facts, **data})
