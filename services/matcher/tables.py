"""The matcher's own tables: what was declared, what is held, what was proposed, what is due.

Ids are those of the events. Slots and needs are kept as the JSON they travelled in. `version` columns grow with every
change that a round could have read: a round whose rows have moved is dropped and run again.

When to modify: together with a migration in `services/matcher/migrations`.
"""

from __future__ import annotations

import sqlalchemy as sa

from contracts.vocabulary import LIVE
from services.bus.tables import Instant

metadata = sa.MetaData()


def _id(name: str, **options: bool) -> sa.Column[str]:
    return sa.Column(name, sa.String(64), **{"nullable": False, **options})  # type: ignore[arg-type]


territories = sa.Table(
    "territories",
    metadata,
    _id("territory", primary_key=True),
    _id("policy"),
    sa.Column("automatic_release", sa.Boolean, nullable=False),
    sa.Column("quiet_seconds", sa.Integer, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("due_marks", sa.Integer, nullable=False, default=0),
    sa.Column("due_because", sa.String(64)),
    sa.Column("begun_at", Instant),
)

travel = sa.Table(
    "travel",
    metadata,
    _id("territory", primary_key=True),
    sa.Column("times", sa.JSON, nullable=False),
)
"""Beside `territories`, whose row every event reads: (commune, commune, minutes)."""

leases = sa.Table(
    "leases",
    metadata,
    _id("territory", primary_key=True),
    sa.Column("member", sa.String(64), nullable=False),
    sa.Column("life", sa.String(32), nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("taken_at", Instant, nullable=False),
    sa.Column("until", Instant, nullable=False),
    sa.Index("leases_holder", "member", "life"),
)
"""Who decides for a territory, by the database's clock. `token` grows with every change of owner and never repeats."""

structures = sa.Table(
    "structures",
    metadata,
    _id("structure", primary_key=True),
    _id("territory"),
    sa.Column("award_mode", sa.String(32), nullable=False),
    sa.Column("commune", sa.String(8), nullable=False),
    sa.Column("prepared_support", sa.Integer),
    sa.Column("support_until", sa.Date),
    sa.Column("manager", sa.String(64)),
    sa.Column("avip", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("capacity", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("insertion_children", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("premises", sa.JSON(none_as_null=True)),
    sa.Column("name", sa.Text, nullable=False),
    sa.Index("structures_territory", "territory"),
)

sections = sa.Table(
    "sections",
    metadata,
    _id("section", primary_key=True),
    _id("structure"),
    _id("territory"),
    sa.Column("age_from_months", sa.Integer, nullable=False),
    sa.Column("age_to_months", sa.Integer, nullable=False),
    sa.Column("starts_per_week", sa.Integer),
    sa.Column("is_open", sa.Boolean, nullable=False, default=True, server_default=sa.true()),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Index("sections_territory", "territory"),
)

agreements = sa.Table(
    "agreements",
    metadata,
    _id("agreement", primary_key=True),
    _id("territory"),
    _id("section"),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("ended", sa.Boolean, nullable=False, default=False),
)

vacancies = sa.Table(
    "vacancies",
    metadata,
    _id("vacancy", primary_key=True),
    _id("territory"),
    _id("structure"),
    _id("section"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("slots", sa.JSON, nullable=False),
    sa.Column("places", sa.Integer, nullable=False),
    sa.Column("sat_on", sa.JSON, nullable=False, default=list, server_default="[]"),
    sa.Column("starts", sa.Date, nullable=False),
    sa.Column("ends", sa.Date),
    sa.Column("audience", sa.String(32), nullable=False),
    sa.Column("release_at", Instant),
    sa.Column("agreement", sa.String(64)),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("confirmed_at", Instant),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Index("vacancies_section", "section"),
    sa.Index("vacancies_territory", "territory"),
)
"""`places` is the director's count. `sat_on` are places beside it on which children already sat when it was said."""

requests = sa.Table(
    "requests",
    metadata,
    _id("request", primary_key=True),
    _id("territory"),
    _id("family"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("need", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("goes_first", sa.Boolean, nullable=False, default=False),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("registered_at", Instant),
    sa.Index("requests_waiting", "territory", "state", "request", "version"),
)

siblings = sa.Table(
    "siblings",
    metadata,
    _id("siblings", primary_key=True),
    _id("territory"),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("is_parted", sa.Boolean, nullable=False, default=False),
    sa.Index("siblings_territory", "territory"),
)

IS_LIVE = sa.text("state IN ({})".format(", ".join(f"'{state.value}'" for state in sorted(LIVE))))
"""A proposal is on its way: in these very words a database sees that an index of live ones answers the question."""

proposals = sa.Table(
    "proposals",
    metadata,
    _id("proposal", primary_key=True),
    _id("territory"),
    sa.Column("round", sa.String(64)),
    _id("request"),
    _id("family"),
    _id("structure"),
    _id("section"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("slots", sa.JSON, nullable=False),
    sa.Column("starts", sa.Date, nullable=False),
    sa.Column("ends", sa.Date),
    sa.Column("code", sa.String(6), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("tier", sa.Integer, nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("needs_person", sa.Boolean, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("held_by", sa.String(64)),
    sa.Column("held_until", sa.Date),
    sa.Column("answer_by", Instant),
    sa.Column("counted_from", Instant),
    sa.Column("deadline", Instant),
    sa.Column("deadline_before_call", Instant),
    sa.Column("call_asked_at", Instant),
    sa.Column("answered_by", sa.String(64)),
    sa.Column("answered_at", Instant),
    sa.Column("answer", sa.String(16)),
    sa.Column("withdrawn_for", sa.String(32)),
    sa.Column("was_sent", sa.Boolean, nullable=False, default=False),
    sa.Column("partial", sa.Boolean, nullable=False, default=False),
    sa.Column("replaces", sa.String(64)),
    sa.Column("siblings", sa.String(64)),
    sa.Column("wave", sa.String(64)),
    sa.Column("other_half", sa.JSON(none_as_null=True)),
    sa.Column("other_section", sa.String(64)),
    sa.Column("confirmed_half", sa.JSON(none_as_null=True)),
    sa.Index("one_live_proposal_a_request", "request", unique=True, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
    sa.Index("one_live_proposal_a_code", "territory", "code", unique=True, sqlite_where=IS_LIVE,
             postgresql_where=IS_LIVE),
    sa.Index("proposals_section", "section", "state"),
    sa.Index("proposals_wave", "wave"),
    sa.Index("proposals_other_section", "other_section"),
    sa.Index("proposals_ended", "territory", "ended_at"),
    sa.Index("proposals_in_waves", "territory", sqlite_where=sa.text("wave IS NOT NULL"),
             postgresql_where=sa.text("wave IS NOT NULL")),
    sa.Index("proposals_replacing", "territory", sqlite_where=sa.text("replaces IS NOT NULL"),
             postgresql_where=sa.text("replaces IS NOT NULL")),
)  # fmt: skip
"""`other_half`: a second structure has the other days of the week (`halves.py`). `confirmed_half`: by the name of the
half that its structure has confirmed first, the dates that it said."""

holds = sa.Table(
    "holds",
    metadata,
    _id("hold", primary_key=True),
    _id("territory"),
    _id("section"),
    _id("proposal"),
    sa.Column("is_placement", sa.Boolean, nullable=False, default=False),
    sa.Column("slots", sa.JSON, nullable=False),
    sa.Column("starts", sa.Date, nullable=False),
    sa.Column("ends", sa.Date),
    sa.Column("units", sa.Integer, nullable=False, default=1),
    sa.Column("entitled_to", sa.String(32), nullable=False),
    sa.Column("lent_by", sa.String(64)),
    sa.Column("forced", sa.String(64)),
    sa.Index("holds_section", "section"),
    sa.Index("holds_territory", "territory"),
)
"""The proposals of a wave hold their hours together, by one row in the name of the wave (`waves.py`).

A row with `lent_by` counts -1: hours that the hold of that name gives up, should its child move, and on which the
row's proposal already counts (`moving.py`). `forced` is the request whose child persons placed there."""

awaited = sa.Table(
    "awaited",
    metadata,
    _id("proposal", primary_key=True),
    _id("departs", primary_key=True),
    sa.Index("awaited_departs", "departs"),
)
"""`proposal` waits until the child of the proposal `departs` has its new place."""

placements = sa.Table(
    "placements",
    metadata,
    _id("placement", primary_key=True),
    _id("territory"),
    _id("request"),
    _id("structure"),
    _id("section"),
    sa.Column("slots", sa.JSON, nullable=False),
    sa.Column("starts", sa.Date, nullable=False),
    sa.Column("ends", sa.Date),
    sa.Column("last_day", sa.Date),
    sa.Column("reason", sa.String(32)),
    sa.Column("is_over", sa.Boolean, nullable=False, default=False),
)

timers = sa.Table(
    "timers",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("about", sa.String(64), primary_key=True),
    _id("territory"),
    sa.Column("due_at", Instant, nullable=False),
    sa.Index("timers_due", "due_at"),
    sa.Index("timers_about", "about"),
)

tasks = sa.Table(
    "tasks",
    metadata,
    _id("task", primary_key=True),
    _id("territory"),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("proposal", sa.String(64)),
    sa.Column("request", sa.String(64)),
    sa.Column("structure", sa.String(64)),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    sa.Index("tasks_open", "territory", "settled_at"),
    sa.Index("tasks_proposal", "proposal"),
)

draws = sa.Table(
    "draws",
    metadata,
    _id("territory", primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("seed", sa.String(64), nullable=False),
    sa.Column("sealed_at", Instant, nullable=False),
    sa.Column("opened_at", Instant),
)
"""The seed of a local day's draw. It leaves this table when `opened_at` is set, and not before."""

rounds = sa.Table(
    "rounds",
    metadata,
    _id("round", primary_key=True),
    _id("territory"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("trigger", sa.String(64), nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("proposed", sa.Integer, nullable=False),
    sa.Column("dropped", sa.Integer, nullable=False),
    sa.Column("input_hash", sa.String(64), nullable=False),
    sa.Column("outcome_hash", sa.String(64), nullable=False),
    sa.Column("violations", sa.JSON, nullable=False),
)

round_inputs = sa.Table(
    "round_inputs",
    metadata,
    _id("round", primary_key=True),
    _id("territory"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("round_inputs_at", "at"),
)
"""What a round decided on, as compressed JSON: with it a decision can be made again, checked and compared."""

campaigns = sa.Table(
    "campaigns",
    metadata,
    _id("campaign", primary_key=True),
    _id("territory"),
    sa.Column("starts", sa.Date, nullable=False),
    sa.Column("ends", sa.Date),
    sa.Column("requests_until", sa.Date, nullable=False),
    sa.Column("commission_on", sa.Date, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("seed", sa.String(64)),
    sa.Column("draft", sa.String(64)),
    sa.Column("released_by", sa.String(64)),
    sa.Column("note", sa.Text, nullable=False, default="", server_default=""),
    sa.Index("campaigns_territory", "territory", "state"),
)
"""`starts` up to, and without, `ends`: the first days of care that wait. `draft`: the released one."""

drafts = sa.Table(
    "drafts",
    metadata,
    _id("draft", primary_key=True),
    _id("territory"),
    _id("campaign"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("decided_at", Instant),
    sa.Column("body", sa.LargeBinary),
    sa.Index("drafts_campaign", "campaign", "number"),
)
"""What a draft decided on, and what it decided, as compressed JSON (`drafts.py`)."""

gestures = sa.Table(
    "gestures",
    metadata,
    _id("gesture", primary_key=True),
    _id("territory"),
    sa.Column("campaign", sa.String(64)),
    sa.Column("kind", sa.String(16), nullable=False),
    _id("section"),
    sa.Column("request", sa.String(64)),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("until", sa.Date),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index("gestures_territory", "territory", "state"),
)
"""What persons decide beside the list: a place kept back, or a child placed. `facts` is the event as it came."""

declared_criteria = sa.Table(
    "declared_criteria",
    metadata,
    _id("request", primary_key=True),
    sa.Column("at", Instant, primary_key=True),
    _id("territory"),
    _id("family"),
    sa.Column("commune", sa.String(8), nullable=False),
    sa.Column("criteria", sa.JSON, nullable=False),
    sa.Index("declared_criteria_territory", "territory", "at"),
)
"""What a grid counts of a request, from an instant on: validated criteria, each with the structure that it is limited
to, and the commune. With it a past round is counted again under another grid. Gone with an erased family."""

explanations = sa.Table(
    "explanations",
    metadata,
    _id("request", primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False),
)
