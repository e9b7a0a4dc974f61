"""What every synthetic thing has in common: an id, and the facts that its event will say."""

from __future__ import annotations

from typing import Any, ClassVar

from contracts.vocabulary import Frozen, Id


class Said(Frozen):
    """Something that becomes an event: `id` is the event's subject and `said()` its data.

    `OWN` names what is the guichet's own business and never travels.
    """

    OWN: ClassVar[frozenset[str]] = frozenset()

    id: Id

    def said(self) -> dict[str, Any]:
        """The data of the event that publishes this, ready for `Event.say(self.id, ..., **thing.said())`."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in {"id", *self.OWN}}
