"""What people may do at a moment, by what the guichet's pages show them then. Nobody here sees the matcher's tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.vacancies import FreePlaces
from contracts.vocabulary import (
    Answer,
    Audience,
    Channel,
    ClosingReason,
    DepartureReason,
    Period,
    ProposalState,
    RefusalReason,
    RequestKind,
    VacancyKind,
    WithdrawalReason,
)
from services.bus.links import proposal_token
from services.calendar import local_day
from services.ingest import store
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare import agreements, confirmations, holds, persons, releases, replies, tasks, vacancies
from services.ingest.declare.requests import ClosingBody, close_request
from services.ingest.declare.structures import publish_structure
from services.ingest.families import AmendmentBody, ContactBody
from services.ingest.projection import tables as seen
from services.ingest.queries.proposals import family_of_link
from tests.simulation import town as places
from tests.simulation.errands import Errand, amendment, registration, reply
from tests.simulation.hostility import Hostility
from tests.simulation.processes import LINK_KEY
from tests.simulation.town import SECTIONS, STRUCTURE_OF, Town

S = ProposalState
Row = dict[str, Any]
TOLD = (S.RELEASED, S.SENT, S.DELIVERED, S.UNDELIVERED, S.DECLINING, S.ACCEPTED, S.FROZEN, S.EXPIRED, S.WITHDRAWN)


@dataclass
class People:
    """Everybody of the town. `page` is ingest's database, read only."""

    dice: Hostility
    town: Town
    page: sa.Engine

    def rows(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[Row]:
        with self.page.connect() as tx:
            return store.rows(tx, sa.select(table).where(*where).order_by(*table.primary_key.columns))

    def some(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> Row | None:
        found = self.rows(table, *where)
        return self.dice.one(found) if found else None

    def proposal(self, *states: ProposalState) -> Row | None:
        return self.some(seen.proposals, seen.proposals.c.state.in_(states), seen.WHOLE)

    def at_a_creche(self, *states: ProposalState) -> Row | None:
        """A proposal as its structure sees it: of a shared week, its half that nobody has decided on yet."""
        undecided = seen.proposals.c.half_confirmed.is_(False)
        return self.some(seen.proposals, seen.proposals.c.state.in_(states), undecided)

    # requests

    def ask(self, now: datetime) -> Errand | None:
        family = self.town.next_family()
        if family is None:
            return None
        kind = self.dice.one((RequestKind.REGULAR, RequestKind.REGULAR, RequestKind.OCCASIONAL, RequestKind.URGENT))
        if self.dice.habit is not None:
            kind = RequestKind.OCCASIONAL if self.dice.is_crowded else RequestKind.REGULAR
        actor = self.town.counsellor if kind is RequestKind.URGENT else self.town.coordinator
        body = places.registration(self.dice, family, kind, now)
        if actor is self.town.counsellor:  # it validates insertion only
            own = tuple(c for c in body.criteria if c.criterion.value == "insertion")
            body = body.model_copy(update={"criteria": own})
        return registration(actor, body)

    def amend(self, now: datetime) -> Errand | None:
        row = self.some(store.requests, store.requests.c.state == store.OPEN)
        if row is None:
            return None
        facts = places.need(self.dice, RequestKind(row["kind"]), now)
        if self.dice.happens(0.6):  # the child is born, or a paper came: the rest stays
            facts = {**_need_of(row), "is_born": True, "born": local_day(now) - timedelta(days=90)}
        contacts = self._new_number(row) if self.dice.happens(0.3) else ()
        return amendment(self.town.coordinator, row["id"], AmendmentBody(**facts, contacts=contacts))

    def _new_number(self, row: Row) -> tuple[ContactBody, ...]:
        family = self.dice.one(self.town.asked)
        return (ContactBody(phone=family.phone(self.dice.one((0, 1))), name=family.names[0]),)

    def close(self, now: datetime) -> Errand | None:
        row = self.some(store.requests, store.requests.c.state == store.OPEN)
        if row is None:
            return None
        body = ClosingBody(reason=self.dice.one(tuple(ClosingReason)))
        return Errand(
            self.town.coordinator, f"close {body.reason.value}", "request.closed",
            lambda tx, act, _: close_request(tx, act, row["id"], body),
        )  # fmt: skip

    # places

    def post(self, now: datetime) -> Errand:
        if self.dice.is_crowded:
            return self.post_a_day(now)
        section = self.dice.one(tuple(STRUCTURE_OF))
        body = places.regular_places(self.dice, section, now)
        return self.posted(section, body)

    def post_a_day(self, now: datetime) -> Errand:
        section = self.dice.one(tuple(STRUCTURE_OF))
        slots, period = places.one_day(self.dice, now)
        kept = self.dice.happens(0.3)
        body = vacancies.VacancyBody(
            section=section, kind=VacancyKind.OCCASIONAL, slots=slots, places=1, period=period,
            audience=Audience.INSERTION if kept else Audience.EVERYBODY,
            release_at=now + timedelta(hours=self.dice.one((1, 12))) if kept else None,
        )  # fmt: skip
        return self.posted(section, body)

    def post_on_call(self, now: datetime) -> Errand | None:
        agreed = self.some(store.agreements, store.agreements.c.ended_at.is_(None))
        if agreed is None:
            return None
        slots, period = places.one_day(self.dice, now)
        body = vacancies.VacancyBody(
            section=agreed["section"], kind=VacancyKind.ON_CALL, slots=slots, places=1, period=period,
            audience=Audience.URGENT_INSERTION, agreement=agreed["id"],
        )  # fmt: skip
        return self.posted(agreed["section"], body)

    def posted(self, section: str, body: vacancies.VacancyBody) -> Errand:
        director = self.town.director(STRUCTURE_OF[section])
        return Errand(
            director, f"post {body.kind.value}", "vacancy.opened",
            lambda tx, act, _: vacancies.open_vacancy(tx, act, body),
        )  # fmt: skip

    def _vacancy(self) -> Row | None:
        return self.some(store.vacancies, store.vacancies.c.withdrawn_at.is_(None))

    def change(self, now: datetime) -> Errand | None:
        row = self._vacancy()
        if row is None:
            return None
        body = vacancies.ChangeBody(places=self.dice.one((0, 0, 1, 2)))
        return Errand(
            self.town.director(row["structure"]), "change", "vacancy.changed",
            lambda tx, act, _: vacancies.change_vacancy(tx, act, row["id"], body),
        )  # fmt: skip

    def withdraw(self, now: datetime) -> Errand | None:
        row = self._vacancy()
        if row is None:
            return None
        body = vacancies.WithdrawalBody(reason=self.dice.one(sorted(vacancies.BY_STRUCTURE)))
        return Errand(
            self.town.director(row["structure"]), "withdraw", "vacancy.withdrawn",
            lambda tx, act, _: vacancies.withdraw_vacancy(tx, act, row["id"], body),
        )  # fmt: skip

    def reconfirm(self, now: datetime) -> Errand | None:
        row = self._vacancy()
        if row is None:
            return None
        return Errand(
            self.town.director(row["structure"]), "reconfirm", "vacancy.reconfirmed",
            lambda tx, act, _: vacancies.reconfirm_vacancy(tx, act, row["id"]),
        )  # fmt: skip

    def snapshot(self, now: datetime) -> Errand:
        section = self.dice.one(tuple(STRUCTURE_OF))
        free = FreePlaces(
            slots=self.dice.one(places.PATTERNS), places=self.dice.one((0, 1, 2)), period=places.weeks(now)
        )
        body = vacancies.SnapshotBody(section=section, free=(free,) if self.dice.happens(0.8) else (), as_of=now)
        return Errand(
            self.town.director(STRUCTURE_OF[section]), "snapshot", "snapshot.declared",
            lambda tx, act, _: vacancies.declare_snapshot(tx, act, body),
        )  # fmt: skip

    def agree(self, now: datetime) -> Errand:
        section = self.dice.one(tuple(STRUCTURE_OF))
        body = agreements.AgreementBody(
            section=section, notice_hours=1, age_from_months=2, age_to_months=36, days_per_child=3,
            valid_until=local_day(now) + timedelta(days=60),
        )  # fmt: skip
        return Errand(
            self.town.director(STRUCTURE_OF[section]), "agree", "agreement.signed",
            lambda tx, act, _: agreements.sign_agreement(tx, act, body),
        )  # fmt: skip

    def end_agreement(self, now: datetime) -> Errand | None:
        row = self.some(store.agreements, store.agreements.c.ended_at.is_(None))
        if row is None:
            return None
        return Errand(
            self.town.director(row["structure"]), "end agreement", "agreement.ended",
            lambda tx, act, _: agreements.end_agreement(tx, act, row["id"]),
        )  # fmt: skip

    def publish_anew(self, now: datetime) -> Errand:
        """A structure with one section less, or all of them again."""
        creche = self.dice.one(places.CRECHES)
        named = SECTIONS[creche][: 1 if self.dice.happens(0.4) else None]
        body = places.structure(creche, named, local_day(now), places.commune_of(self.dice, creche))
        return Errand(
            self.town.coordinator, "publish anew", "structure.published",
            lambda tx, act, _: publish_structure(tx, act, creche, body),
        )  # fmt: skip

    # proposals

    def release(self, now: datetime) -> Errand | None:
        found = self.rows(seen.proposals, seen.proposals.c.state.in_((S.PREPARED, S.HELD)), seen.WHOLE)
        if not found:
            return None
        body = releases.ReleaseBody(proposals=tuple(row["id"] for row in found))
        return Errand(
            self.town.coordinator, "release", "release.given", lambda tx, act, _: releases.give_release(tx, act, body)
        )

    def suspend(self, now: datetime) -> Errand | None:
        row = self.proposal(S.PREPARED, S.HELD)
        if row is None:
            return None
        until = local_day(now) + timedelta(days=self.dice.one((0, 1, 2)))
        body = releases.SuspensionBody(reason="À vérifier", until=until)
        return Errand(
            self.town.coordinator, "suspend", "release.suspended",
            lambda tx, act, _: releases.suspend_release(tx, act, row["id"], body),
        )  # fmt: skip

    def take_back(self, now: datetime) -> Errand | None:
        row = self.proposal(*TOLD[:-2], S.PREPARED)
        if row is None:
            return None
        reason = self.dice.one((*sorted(vacancies.BY_STRUCTURE), WithdrawalReason.BY_GUICHET))
        body = releases.TakingBackBody(reason=reason)
        return Errand(
            self.town.coordinator, f"take back {reason.value}", "withdrawal.given",
            lambda tx, act, _: releases.withdraw_proposal(tx, act, row["id"], body),
        )  # fmt: skip

    def call(self, now: datetime) -> Errand | None:
        row = self.proposal(*TOLD)
        if row is None:
            return None
        ago = timedelta(hours=self.dice.one((0, 0, 1, 20)))
        body = replies.CallBody(reached=self.dice.happens(0.8), called_at=now - ago)
        return Errand(
            self.town.coordinator, f"call {'reached' if body.reached else 'in vain'}", "call.recorded",
            lambda tx, act, _: replies.record_call(tx, act, row["id"], body),
        )  # fmt: skip

    def write_down(self, now: datetime) -> Errand | None:
        """The guichet, or a counsellor with the family's agreement, writes down what a family said."""
        row = self.proposal(*TOLD)
        if row is None:
            return None
        by_counsellor = self.dice.happens(0.3)
        actor = self.town.counsellor if by_counsellor else self.town.coordinator
        channel = Channel.COUNSELLOR if by_counsellor else self.dice.one((Channel.PHONE, Channel.COUNTER))
        answer = self.dice.one((Answer.OUI, Answer.OUI, Answer.NON, *Answer))
        consent = self.dice.happens(0.8)

        def do(tx: sa.Connection, act: Act, _: None) -> str:
            return replies.record_reply(tx, act, row["id"], answer, consent=consent)

        return reply(actor, row["id"], answer, do, channel)

    def answer_by_link(self, now: datetime) -> Errand | None:
        row, actor = self._linked(*TOLD)
        if row is None or actor is None:
            return None
        answer = self.dice.one((Answer.OUI, Answer.OUI, Answer.NON, Answer.NON, *Answer))
        return reply(
            actor, row["id"], answer, lambda tx, act, _: replies.record_reply(tx, act, row["id"], answer), Channel.LINK
        )

    def undo(self, now: datetime) -> Errand | None:
        row, actor = self._linked(S.DECLINING)
        if row is None:
            row, actor = self._linked(S.DECLINED)
        if row is None or actor is None:
            return None
        if self.dice.happens(0.3):  # the other parent
            actor = Actor(f"{row['family']}-c2", Role.FAMILY, actor.territory, family=actor.family,
                          request=actor.request, proposal=actor.proposal)  # fmt: skip
        return Errand(
            actor, "undo", "reply.undone", lambda tx, act, _: replies.undo_reply(tx, act, row["id"]), Channel.LINK
        )

    def _linked(self, *states: ProposalState) -> tuple[Row | None, Actor | None]:
        row = self.proposal(*states)
        if row is None:
            return None, None
        with self.page.connect() as tx:
            return row, family_of_link(tx, proposal_token(LINK_KEY, row["id"]))

    def confirm(self, now: datetime) -> Errand | None:
        row = self.at_a_creche(S.ACCEPTED)
        if row is None:
            return None
        first = max(row["start"] or local_day(now), local_day(now))
        body = confirmations.ConfirmationBody(adaptation_start=first, first_full_day=first)
        return Errand(
            self.town.director(row["structure"]), "confirm", "admission.confirmed",
            lambda tx, act, _: confirmations.confirm_admission(tx, act, row["id"], body),
        )  # fmt: skip

    def refuse(self, now: datetime) -> Errand | None:
        row = self.at_a_creche(S.ACCEPTED)
        if row is None:
            return None
        body = confirmations.RefusalBody(reason=self.dice.one(tuple(RefusalReason)), note="à revoir")
        return Errand(
            self.town.director(row["structure"]), f"refuse {body.reason.value}", "admission.refused",
            lambda tx, act, _: confirmations.refuse_admission(tx, act, row["id"], body),
        )  # fmt: skip

    def leave(self, now: datetime) -> Errand | None:
        row = self.some(seen.placements, seen.placements.c.ended_at.is_(None), seen.placements.c.structure.is_not(None))
        if row is None:
            return None
        start = row["start"] or local_day(now)
        last = self.dice.one((start - timedelta(days=1), start, local_day(now), start + timedelta(days=9)))
        body = confirmations.DepartureBody(last_day=last, reason=self.dice.one(tuple(DepartureReason)))
        return Errand(
            self.town.director(row["structure"]), "leave", "departure.announced",
            lambda tx, act, _: confirmations.announce_departure(tx, act, row["id"], body),
        )  # fmt: skip

    # the rest of the guichet's day

    def hold(self, now: datetime) -> Errand | None:
        urgent = (store.requests.c.kind == RequestKind.URGENT.value, store.requests.c.state == store.OPEN)
        request = self.some(store.requests, *urgent)
        place = self.some(store.vacancies, store.vacancies.c.kind == VacancyKind.ON_CALL.value)
        if request is None or place is None:
            return None
        body = holds.HoldBody(request=request["id"], section=place["section"])
        return Errand(
            self.town.counsellor, "hold", "hold.requested", lambda tx, act, _: holds.request_hold(tx, act, body)
        )

    def ask_urgently_for_it(self, now: datetime) -> Errand | None:
        """An urgent request for the very day of an on-call place: else they seldom meet."""
        place = self.some(store.vacancies, store.vacancies.c.kind == VacancyKind.ON_CALL.value)
        family = self.town.next_family() if place else None
        if place is None or family is None:
            return None
        body = places.registration(self.dice, family, RequestKind.URGENT, now)
        pattern = body.patterns[0].model_copy(update={"slots": vacancies.VacancyBody.model_validate(
            {"section": place["section"], "kind": "on_call", "slots": place["slots"], "places": 1,
             "period": {"start": place["start"], "end": place["end"]}}).slots})  # fmt: skip
        own = tuple(c for c in body.criteria if c.criterion.value == "insertion")
        period = Period(start=place["start"], end=place["end"])
        days = {"patterns": (pattern,), "period": period, "criteria": own, "is_born": True}
        days["born"] = local_day(now) - timedelta(days=300)
        return registration(self.town.counsellor, body.model_copy(update=days))

    def handle_task(self, now: datetime) -> Errand | None:
        row = self.some(seen.tasks, seen.tasks.c.settled_at.is_(None), seen.tasks.c.handled_at.is_(None))
        if row is None:
            return None
        again = 4 if row["id"] < "6" else None  # of the task, so that no other draw moves
        return Errand(
            self.town.coordinator, "handle task", "task.handled",
            lambda tx, act, _: tasks.handle_task(tx, act, row["id"], tasks.HandledBody(again_in_hours=again)),
        )  # fmt: skip

    def sign_in(self, now: datetime) -> Errand:
        return Errand(
            self.town.coordinator, "sign in", "sign_in.requested",
            lambda tx, act, _: persons.request_sign_in(tx, act, "p-director", LINK_KEY),
        )  # fmt: skip


def _need_of(row: Row) -> Row:
    names = set(AmendmentBody.model_fields) - {"contacts", "child_first_name", "prescriber"}
    return {name: value for name, value in row["need"].items() if name in names}
