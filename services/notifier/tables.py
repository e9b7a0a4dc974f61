"""The notifier's own tables: what it needs to write a text, and what became of each.

No phone number and no name: those are read in the vault at the moment of sending.
When to modify: together with a migration in `services/notifier/migrations`.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.bus.tables import Instant
from services.notifier.gateways.phone_threads import metadata as phones

metadata = sa.MetaData()

territories = sa.Table(
    "territories",
    metadata,
    sa.Column("territory", sa.String(64), primary_key=True),
    sa.Column("guichet_phone", sa.String(32), nullable=False),
)

structures = sa.Table(
    "structures",
    metadata,
    sa.Column("structure", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)

proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("proposal", sa.String(64), primary_key=True),
    sa.Column("territory", sa.String(64), nullable=False),
    sa.Column("family", sa.String(64), nullable=False),
    sa.Column("structure", sa.String(64), nullable=False),
    sa.Column("slots", sa.JSON, nullable=False),
    sa.Column("starts", sa.Date, nullable=False),
    sa.Column("code", sa.String(6), nullable=False),
    sa.Column("is_urgent", sa.Boolean, nullable=False),
    sa.Column("limit_at", Instant),
    sa.Column("no_was_noted", sa.Boolean, nullable=False),
    sa.Column("asks", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("was_released", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("withdrawn_for", sa.String(32)),
    sa.Column("in_wave", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("request", sa.String(64), nullable=False),
    sa.Column("kept", sa.String(64)),
    sa.Column("other_structure", sa.String(64)),
    sa.Column("other_slots", sa.JSON(none_as_null=True)),
)
"""`asks`: an answer is still wanted. `was_released`: it was meant for the family, and not only for its counsellor.
`kept`: the placement that the child keeps unless its family says OUI. `other_structure`: it shares the week."""

placements = sa.Table(
    "placements",
    metadata,
    sa.Column("placement", sa.String(64), primary_key=True),
    sa.Column("proposal", sa.String(64), nullable=False),
    sa.Column("request", sa.String(64), nullable=False),
    sa.Column("ends", sa.Date),
    sa.Column("is_over", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Index("placements_of_request", "request"),
)
"""Which places a child has: a text must not say that one stays which ends. `ends`: the first day behind the care."""

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("message", sa.String(64), primary_key=True),
    sa.Column("territory", sa.String(64), nullable=False),
    sa.Column("template", sa.String(32), nullable=False),
    sa.Column("proposal", sa.String(64)),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("owner_kind", sa.String(16), nullable=False),
    sa.Column("wanted_contact", sa.String(64)),
    sa.Column("limit_at", Instant),
    sa.Column("not_after", Instant),
    sa.Column("is_urgent", sa.Boolean, nullable=False),
    sa.Column("link", sa.String(64)),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("send_at", Instant, nullable=False),
    sa.Column("started_at", Instant),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("tried", sa.JSON, nullable=False),
    sa.Column("in_doubt", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("contact", sa.String(64)),
    sa.Column("traceparent", sa.String(64)),
    sa.Index("messages_to_send", "state", "send_at"),
    sa.Index("messages_proposal", "proposal"),
    sa.Index("messages_to_contact", "contact", "started_at"),
    sa.Index("messages_from_territory", "territory", "started_at"),
)
"""`state`: planned, sending, sent, delivered, failed, unknown, cancelled, doubted. `tried`: contacts that did not work.
`in_doubt`: a gateway that knows keys was asked, its answer was lost, and it was not asked again since.
`traceparent`: what the text is a part of, since it may leave hours later."""

bookmarks = sa.Table(
    "bookmarks",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)
"""How far the receipts of a gateway that keeps them in a list were read."""

for table in phones.sorted_tables:
    table.to_metadata(metadata)
