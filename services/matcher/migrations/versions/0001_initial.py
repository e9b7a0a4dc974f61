"""Initial."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("did", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("file", sa.String(length=64), nullable=True),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("link", sa.BigInteger(), nullable=True),
        sa.Column("seal", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("link"),
    )
    op.create_index("audit_of_file", "audit", ["file", "at"], unique=False)
    op.create_index("audit_of_person", "audit", ["who", "at"], unique=False)
    op.create_index(
        "audit_unsealed",
        "audit",
        ["id"],
        unique=False,
        sqlite_where=sa.text("link IS NULL"),
        postgresql_where=sa.text("link IS NULL"),
    )
    op.create_table(
        "audit_chain",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("first_seal", sa.String(length=64), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("last_seal", sa.String(length=64), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "cursors",
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream"),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=128), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("origin"),
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index(
        "outbox_unpublished",
        "outbox",
        ["position"],
        unique=False,
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_table(
        "agreements",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("agreement"),
    )
    op.create_table(
        "awaited",
        sa.Column("proposal", sa.String(length=64), nullable=False),
        sa.Column("departs", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("proposal", "departs"),
    )
    op.create_index("awaited_departs", "awaited", ["departs"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("requests_until", sa.Date(), nullable=False),
        sa.Column("commission_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=True),
        sa.Column("draft", sa.String(length=64), nullable=True),
        sa.Column("released_by", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("campaign"),
    )
    op.create_index("campaigns_territory", "campaigns", ["territory", "state"], unique=False)
    op.create_table(
        "declared_criteria",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("commune", sa.String(length=8), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("request", "at"),
    )
    op.create_index("declared_criteria_territory", "declared_criteria", ["territory", "at"], unique=False)
    op.create_table(
        "drafts",
        sa.Column("draft", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("draft"),
    )
    op.create_index("drafts_campaign", "drafts", ["campaign", "number"], unique=False)
    op.create_table(
        "draws",
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("territory", "day"),
    )
    op.create_table(
        "explanations",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("request"),
    )
    op.create_table(
        "gestures",
        sa.Column("gesture", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("gesture"),
    )
    op.create_index("gestures_territory", "gestures", ["territory", "state"], unique=False)
    op.create_table(
        "holds",
        sa.Column("hold", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("proposal", sa.String(length=64), nullable=False),
        sa.Column("is_placement", sa.Boolean(), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("entitled_to", sa.String(length=32), nullable=False),
        sa.Column("lent_by", sa.String(length=64), nullable=True),
        sa.Column("forced", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("hold"),
    )
    op.create_index("holds_section", "holds", ["section"], unique=False)
    op.create_index("holds_territory", "holds", ["territory"], unique=False)
    op.create_table(
        "leases",
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("life", sa.String(length=32), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("territory"),
    )
    op.create_index("leases_holder", "leases", ["member", "life"], unique=False)
    op.create_table(
        "placements",
        sa.Column("placement", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("structure", sa.String(length=64), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("placement"),
    )
    op.create_table(
        "proposals",
        sa.Column("proposal", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("round", sa.String(length=64), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("structure", sa.String(length=64), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("needs_person", sa.Boolean(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("held_by", sa.String(length=64), nullable=True),
        sa.Column("held_until", sa.Date(), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_before_call", sa.DateTime(timezone=True), nullable=True),
        sa.Column("call_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("withdrawn_for", sa.String(length=32), nullable=True),
        sa.Column("was_sent", sa.Boolean(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("replaces", sa.String(length=64), nullable=True),
        sa.Column("siblings", sa.String(length=64), nullable=True),
        sa.Column("wave", sa.String(length=64), nullable=True),
        sa.Column("other_half", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("other_section", sa.String(length=64), nullable=True),
        sa.Column("confirmed_half", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("proposal"),
    )
    op.create_index(
        "one_live_proposal_a_code",
        "proposals",
        ["territory", "code"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('accepted', 'declining', 'delivered', 'frozen', 'held', 'prepared', 'released', 'sent', 'undelivered')"
        ),
        postgresql_where=sa.text(
            "state IN ('accepted', 'declining', 'delivered', 'frozen', 'held', 'prepared', 'released', 'sent', 'undelivered')"
        ),
    )
    op.create_index(
        "one_live_proposal_a_request",
        "proposals",
        ["request"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('accepted', 'declining', 'delivered', 'frozen', 'held', 'prepared', 'released', 'sent', 'undelivered')"
        ),
        postgresql_where=sa.text(
            "state IN ('accepted', 'declining', 'delivered', 'frozen', 'held', 'prepared', 'released', 'sent', 'undelivered')"
        ),
    )
    op.create_index("proposals_ended", "proposals", ["territory", "ended_at"], unique=False)
    op.create_index(
        "proposals_in_waves",
        "proposals",
        ["territory"],
        unique=False,
        sqlite_where=sa.text("wave IS NOT NULL"),
        postgresql_where=sa.text("wave IS NOT NULL"),
    )
    op.create_index("proposals_other_section", "proposals", ["other_section"], unique=False)
    op.create_index(
        "proposals_replacing",
        "proposals",
        ["territory"],
        unique=False,
        sqlite_where=sa.text("replaces IS NOT NULL"),
        postgresql_where=sa.text("replaces IS NOT NULL"),
    )
    op.create_index("proposals_section", "proposals", ["section", "state"], unique=False)
    op.create_index("proposals_wave", "proposals", ["wave"], unique=False)
    op.create_table(
        "requests",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("need", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("goes_first", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("request"),
    )
    op.create_index("requests_waiting", "requests", ["territory", "state", "request", "version"], unique=False)
    op.create_table(
        "round_inputs",
        sa.Column("round", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("round"),
    )
    op.create_index("round_inputs_at", "round_inputs", ["at"], unique=False)
    op.create_table(
        "rounds",
        sa.Column("round", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trigger", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("input_hash", sa.String(length=64), nullable=False),
        sa.Column("outcome_hash", sa.String(length=64), nullable=False),
        sa.Column("violations", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("round"),
    )
    op.create_table(
        "sections",
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("structure", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("age_from_months", sa.Integer(), nullable=False),
        sa.Column("age_to_months", sa.Integer(), nullable=False),
        sa.Column("starts_per_week", sa.Integer(), nullable=True),
        sa.Column("is_open", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("section"),
    )
    op.create_index("sections_territory", "sections", ["territory"], unique=False)
    op.create_table(
        "siblings",
        sa.Column("siblings", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("is_parted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("siblings"),
    )
    op.create_index("siblings_territory", "siblings", ["territory"], unique=False)
    op.create_table(
        "structures",
        sa.Column("structure", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("award_mode", sa.String(length=32), nullable=False),
        sa.Column("commune", sa.String(length=8), nullable=False),
        sa.Column("prepared_support", sa.Integer(), nullable=True),
        sa.Column("support_until", sa.Date(), nullable=True),
        sa.Column("manager", sa.String(length=64), nullable=True),
        sa.Column("avip", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("capacity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("insertion_children", sa.Integer(), server_default="0", nullable=False),
        sa.Column("premises", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("structure"),
    )
    op.create_index("structures_territory", "structures", ["territory"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("proposal", sa.String(length=64), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("structure", sa.String(length=64), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("task"),
    )
    op.create_index("tasks_open", "tasks", ["territory", "settled_at"], unique=False)
    op.create_index("tasks_proposal", "tasks", ["proposal"], unique=False)
    op.create_table(
        "territories",
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("automatic_release", sa.Boolean(), nullable=False),
        sa.Column("quiet_seconds", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_marks", sa.Integer(), nullable=False),
        sa.Column("due_because", sa.String(length=64), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("territory"),
    )
    op.create_table(
        "travel",
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("times", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("territory"),
    )
    op.create_table(
        "timers",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "about"),
    )
    op.create_index("timers_about", "timers", ["about"], unique=False)
    op.create_index("timers_due", "timers", ["due_at"], unique=False)
    op.create_table(
        "vacancies",
        sa.Column("vacancy", sa.String(length=64), nullable=False),
        sa.Column("territory", sa.String(length=64), nullable=False),
        sa.Column("structure", sa.String(length=64), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("sat_on", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("audience", sa.String(length=32), nullable=False),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreement", sa.String(length=64), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("vacancy"),
    )
    op.create_index("vacancies_section", "vacancies", ["section"], unique=False)
    op.create_index("vacancies_territory", "vacancies", ["territory"], unique=False)


def downgrade() -> None:
    op.drop_index("vacancies_territory", table_name="vacancies")
    op.drop_index("vacancies_section", table_name="vacancies")
    op.drop_table("vacancies")
    op.drop_index("timers_due", table_name="timers")
    op.drop_index("timers_about", table_name="timers")
    op.drop_table("timers")
    op.drop_table("territories")
    op.drop_index("tasks_proposal", table_name="tasks")
    op.drop_index("tasks_open", table_name="tasks")
    op.drop_table("tasks")
    op.drop_index("structures_territory", table_name="structures")
    op.drop_table("structures")
    op.drop_index("siblings_territory", table_name="siblings")
    op.drop_table("siblings")
    op.drop_index("sections_territory", table_name="sections")
    op.drop_table("sections")
    op.drop_table("rounds")
    op.drop_index("round_inputs_at", table_name="round_inputs")
    op.drop_table("round_inputs")
    op.drop_index("requests_waiting", table_name="requests")
    op.drop_table("requests")
    op.drop_index("proposals_wave", table_name="proposals")
    op.drop_index("proposals_section", table_name="proposals")
    op.drop_index(
        "proposals_replacing",
        table_name="proposals",
        sqlite_where=sa.text("replaces IS NOT NULL"),
        postgresql_where=sa.text("replaces IS NOT NULL"),
    )
    op.drop_index("proposals_other_section", table_name="proposals")
    op.drop_index(
        "proposals_in_waves",
        table_name="proposals",
        sqlite_where=sa.text("wave IS NOT NULL"),
        postgresql_where=sa.text("wave IS NOT NULL"),
    )
    op.drop_index("proposals_ended", table_name="proposals")
    op.drop_index(
        "one_live_proposal_a_request",
        table_name="proposals",
        sqlite_where=sa.text(
            "state IN ('accepted', 'declining', 'delivered', 'frozen', 'held', 'prepared', 'released', 'sent', 'undelivered')"
        ),
        postgresql_where=sa.text(
            "state IN ('accepted', 'declining', 'delivered', 'frozen', 'held', 'prepared', 'released', 'sent', 'undelivered')"
        ),
    )
    op.drop_index(
        "one_live_proposal_a_code",
        table_name="proposals",
        sqlite_where=sa.text(
            "state IN ('accepted', 'declining', 'delivered', 'frozen', 'held', 'prepared', 'released', 'sent', 'undelivered')"
        ),
        postgresql_where=sa.text(
            "state IN ('accepted', 'declining', 'delivered', 'frozen', 'held', 'prepared', 'released', 'sent', 'undelivered')"
        ),
    )
    op.drop_table("proposals")
    op.drop_table("placements")
    op.drop_index("leases_holder", table_name="leases")
    op.drop_table("leases")
    op.drop_index("holds_territory", table_name="holds")
    op.drop_index("holds_section", table_name="holds")
    op.drop_table("holds")
    op.drop_index("gestures_territory", table_name="gestures")
    op.drop_table("gestures")
    op.drop_table("explanations")
    op.drop_table("draws")
    op.drop_index("drafts_campaign", table_name="drafts")
    op.drop_table("drafts")
    op.drop_index("declared_criteria_territory", table_name="declared_criteria")
    op.drop_table("declared_criteria")
    op.drop_index("campaigns_territory", table_name="campaigns")
    op.drop_table("campaigns")
    op.drop_index("awaited_departs", table_name="awaited")
    op.drop_table("awaited")
    op.drop_table("agreements")
    op.drop_index(
        "outbox_unpublished",
        table_name="outbox",
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_table("dead_letters")
    op.drop_table("cursors")
    op.drop_table("audit_chain")
    op.drop_index(
        "audit_unsealed",
        table_name="audit",
        sqlite_where=sa.text("link IS NULL"),
        postgresql_where=sa.text("link IS NULL"),
    )
    op.drop_index("audit_of_person", table_name="audit")
    op.drop_index("audit_of_file", table_name="audit")
    op.drop_table("audit")
