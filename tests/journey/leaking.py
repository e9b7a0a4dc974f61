"""`berceau` whose readers keep something of each message they take: what a soak must find."""

from __future__ import annotations

import sqlalchemy as sa

from services.bus.delivery import Message, Reader
from services.cli import main

KEPT: list[bytearray] = []
EACH = 32 * 1024


def leak() -> None:
    handle = Reader._handle

    def kept(self: Reader, tx: sa.Connection, messages: list[Message]) -> list[tuple[str, str]]:
        KEPT.extend(bytearray(b"x" * EACH) for _ in messages)
        return handle(self, tx, messages)

    Reader._handle = kept  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    leak()
    main()
