"""The tables that handlers fill. They can be emptied and filled again from the streams.

When to modify: together with a migration. Whatever a page shows must also be given to somebody in `access`.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.bus.tables import Instant, Position
from services.ingest.store import key, metadata, named

proposals = sa.Table(
    "proposals",
    metadata,
    key(),
    named("territory"),
    named("request", nullable=True),
    named("family", nullable=True),
    named("structure", nullable=True),
    named("section", nullable=True),
    named("round", nullable=True),
    named("held_by", nullable=True),
    sa.Column("link", sa.String(64), unique=True),
    sa.Column("kind", sa.String(16)),
    sa.Column("slots", sa.JSON, nullable=False, default=list),
    sa.Column("start", sa.Date),
    sa.Column("end", sa.Date),
    sa.Column("code", sa.String(6)),
    sa.Column("tier", sa.Integer),
    sa.Column("points", sa.Integer),
    sa.Column("reasons", sa.JSON, nullable=False, default=list),
    sa.Column("rank", sa.Integer),
    sa.Column("needs_person", sa.Boolean, nullable=False, default=False),
    sa.Column("to_prepare", sa.Boolean, nullable=False, default=False),
    sa.Column("partial", sa.Boolean, nullable=False, default=False),
    named("replaces", nullable=True),
    named("siblings", nullable=True),
    named("wave", nullable=True),
    sa.Column("asked_at_once", sa.Integer),
    sa.Column("asked_as", sa.Integer),
    sa.Column("after", sa.JSON, nullable=False, default=list),
    named("other_half", nullable=True),
    named("half_of", nullable=True),
    sa.Column("half_confirmed", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("after_yes", sa.Boolean, nullable=False, default=False),
    sa.Column("held_until", sa.Date),
    sa.Column("held_reason", sa.Text),
    sa.Column("answer_by", Instant),
    sa.Column("deadline", Instant),
    sa.Column("undo_until", Instant),
    sa.Column("confirm_by", Instant),
    sa.Column("withdrawal_reason", sa.String(32)),
    sa.Column("refusal_reason", sa.String(32)),
    named("refused_by", nullable=True),
    sa.Column("made_at", Instant),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Index("proposals_of_structure", "structure", "state"),
    sa.Index("proposals_of_request", "request"),
    sa.Index("proposals_of_family", "family"),
    sa.Index("proposals_of_territory", "territory", "state"),
    sa.Index("proposals_half_of", "half_of"),
)
"""`link` is the fingerprint of the family's token. `after_yes`: the family said OUI once, so the structure may know.

A week that two structures share has a row for each: the proposal's own, with `other_half`, and one for the second
structure, `half_of` the first, which moves with it and has no code and no link. `half_confirmed`: this structure takes
the child, and the other has not said so yet. `refused_by`: which of the two does not take it."""

WHOLE = proposals.c.half_of.is_(None)
"""One row for each proposal, for whoever looks at families and not at one structure."""

history = sa.Table(
    "proposal_history",
    metadata,
    sa.Column("position", Position, primary_key=True, autoincrement=True),
    sa.Column("event", sa.String(64), nullable=False, unique=True),
    named("proposal"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    sa.Column("by", sa.String(64)),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Index("history_of_proposal", "proposal", "at"),
)

placements = sa.Table(
    "placements",
    metadata,
    key(),
    named("territory"),
    named("proposal", nullable=True),
    named("request", nullable=True),
    named("structure", nullable=True),
    named("section", nullable=True),
    sa.Column("slots", sa.JSON, nullable=False, default=list),
    sa.Column("start", sa.Date),
    sa.Column("end", sa.Date),
    sa.Column("appointment", Instant),
    sa.Column("adaptation_start", sa.Date),
    sa.Column("first_full_day", sa.Date),
    sa.Column("last_day", sa.Date),
    sa.Column("departure_reason", sa.String(32)),
    sa.Column("partial", sa.Boolean, nullable=False, default=False),
    named("replaces", nullable=True),
    sa.Column("confirmed_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Index("placements_of_structure", "structure", "ended_at"),
    sa.Index("placements_of_proposal", "proposal"),
)

tasks = sa.Table(
    "tasks",
    metadata,
    key(),
    named("territory"),
    sa.Column("kind", sa.String(32), nullable=False),
    named("proposal", nullable=True),
    named("request", nullable=True),
    named("structure", nullable=True),
    sa.Column("due", Instant),
    sa.Column("detail", sa.Text, nullable=False, default=""),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    named("settled_by", nullable=True),
    sa.Column("handled_at", Instant),
    named("handled_by", nullable=True),
    sa.Index("tasks_open", "territory", "settled_at", "kind"),
)
"""`handled_at`: a person said it is done; `settled_at`: the matcher closed it. Pages show those with neither."""

explanations = sa.Table(
    "explanations",
    metadata,
    key("request"),
    named("territory"),
    named("round"),
    sa.Column("placed", sa.Boolean, nullable=False),
    sa.Column("phrases", sa.JSON, nullable=False),
    sa.Column("plain_phrases", sa.JSON, nullable=False),
    sa.Column("family_phrases", sa.JSON, nullable=False),
    sa.Column("reason", sa.JSON, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

rounds = sa.Table(
    "rounds",
    metadata,
    key(),
    named("territory"),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("rounds_of_territory", "territory", "at"),
)

draws = sa.Table(
    "draws",
    metadata,
    sa.Column("territory", sa.String(64), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("commitment", sa.String(64), nullable=False),
    sa.Column("sealed_at", Instant),
    sa.Column("seed", sa.String(64)),
    sa.Column("opened_at", Instant),
)
"""The draw of each day: its print from the day before, its seed from the day after."""

drafts = sa.Table(
    "drafts",
    metadata,
    key(),
    named("territory"),
    named("campaign"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("drafts_of_campaign", "campaign", "number"),
)

drafted = sa.Table(
    "drafted",
    metadata,
    key("request"),
    named("territory"),
    named("campaign"),
    named("draft"),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Index("drafted_of_campaign", "campaign"),
)
"""What the drafts say of each request, as the last of them that said anything new: `draft`."""

messages = sa.Table(
    "messages",
    metadata,
    key(),
    named("territory"),
    named("proposal", nullable=True),
    named("contact", nullable=True),
    sa.Column("template", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("send_at", Instant),
    sa.Column("sent_at", Instant),
    sa.Column("delivered_at", Instant),
    sa.Column("segments", sa.Integer),
    sa.Column("reason", sa.Text),
    sa.Index("messages_of_proposal", "proposal"),
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    key("reply"),
    named("proposal"),
    sa.Column("answer", sa.String(16), nullable=False),
    sa.Column("verdict", sa.String(16)),
    named("answered_by"),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("received_at", Instant),
    sa.Column("judged_at", Instant),
    sa.Index("verdicts_of_proposal", "proposal"),
)
"""Replies, from the moment they are recorded ("réponse enregistrée") to what the matcher made of them."""
