"""An invented crèche software: it signs what its structure says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from services.ingest.actors import Role
from services.ingest.declare.persons import KeyBody, create_key
from services.ingest.partners import KEY_HEADER, SIGNATURE_HEADER, signature, signing_secret
from tests.ingest import people
from tests.ingest.proposals import LINK_KEY


@dataclass
class Software:
    """The software of one structure, with its key."""

    key: str
    secret: str
    _n: int = field(default=0)

    def signed(self, body: bytes) -> dict[str, str]:
        return {KEY_HEADER: self.key, SIGNATURE_HEADER: signature(self.secret, body)}

    def says(self, kind: str, data: dict[str, Any] | None = None, **facts: Any) -> tuple[dict[str, str], bytes]:
        """(headers, body) of a message; a new id each time, unless one is given."""
        self._n += 1
        envelope = {"id": f"m-{self._n}", "kind": kind, "sent_at": people.NOW.isoformat(), "data": data or {}}
        body = json.dumps({**envelope, **facts}, ensure_ascii=False).encode()
        return self.signed(body), body


def software(tx: sa.Connection, structure: str = people.CRECHE) -> Software:
    """A key for the software of `structure`."""
    body = KeyBody(role=Role.STRUCTURE, structure=structure, label="logiciel inventé")
    key, _ = create_key(tx, people.act(people.ADMINISTRATOR), body)
    return Software(key, signing_secret(LINK_KEY, key))


def free_tuesday(**changes: Any) -> dict[str, Any]:
    """A place on Tuesdays, as JSON."""
    return {**people.vacancy_body().model_dump(mode="json", exclude_none=True), **changes}
