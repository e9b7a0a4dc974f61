"""What the people of the demo do at Berceau's doors: one gesture, one call of a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count

import sqlalchemy as sa

from contracts.vocabulary import Answer, Channel, Id, ProposalState, VacancyKind
from services.calendar import local_day
from services.cli.asked_again import who_may_move
from services.cli.place import Place
from services.cli.town import Names, act_of, keep_family, keep_first_name, post, register
from services.ingest import store
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.confirmations import (
    ConfirmationBody,
    DepartureBody,
    RefusalBody,
    announce_departure,
    confirm_admission,
    refuse_admission,
)
from services.ingest.declare.holds import HoldBody, request_hold
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.releases import ReleaseBody, give_release
from services.ingest.declare.replies import CallBody, record_call, record_reply
from services.ingest.declare.requests import ClosingBody, amend_request, close_request, register_request
from services.ingest.declare.tasks import HandledBody, handle_task
from services.ingest.declare.vacancies import (
    ChangeBody,
    WithdrawalBody,
    change_vacancy,
    reconfirm_vacancy,
    withdraw_vacancy,
)
from services.ingest.inbound import InboundSms, receive_sms
from services.ingest.problems import Refused
from services.ingest.projection import tables as seen
from services.ingest.sms_replies import parse_reply
from services.notifier.gateways import phone_threads
from services.territory import (
    AnnounceDeparture,
    AskForPlace,
    AskToMove,
    ChangePlaces,
    ChangeRequest,
    CloseRequest,
    Confirmation,
    Family,
    PostVacancy,
    ReleasePrepared,
    SayStillFree,
    Territory,
    TimedAction,
    WithdrawVacancy,
)

MOST_RELEASED = 1000
PUT_OFF_HOURS = 4
"""When the coordinator tries again (assumed)."""


@dataclass
class Gestures:
    """`names` are the ids that Berceau gave; `families` grows with those who ask during the week."""

    town: Place
    territory: Territory
    name: str
    names: Names
    families: dict[Id, Family]
    people: dict[Id, Id]
    _n: count[int]

    def _now(self) -> datetime:
        return self.town.clock()

    def _act(self, person: Id, role: Role, structure: Id | None = None, channel: Channel = Channel.API) -> Act:
        actor = Actor(person, role, self.name, structure=structure)
        return Act(actor, self._now(), channel=channel, cause=f"week-{next(self._n)}")

    def _guichet(self, channel: Channel = Channel.API) -> Act:
        return self._act(self.territory.coordinator, Role.COORDINATOR, channel=channel)

    def _director(self, structure: Id) -> Act:
        return self._act(self.people[structure], Role.STRUCTURE, structure)

    async def _write(self, do: object, *args: object) -> None:
        await self.town.databases["ingest"].write(do, *args)  # type: ignore[arg-type]

    async def play(self, action: TimedAction) -> None:
        """One gesture of the synthetic week. Raises Refused where Berceau refuses it."""
        match action:
            case PostVacancy(vacancy=vacancy):
                await self._write(post, self._director(vacancy.structure), vacancy, self.names)
            case SayStillFree(vacancy=vacancy) | ChangePlaces(vacancy=vacancy) | WithdrawVacancy(vacancy=vacancy):
                await self._about_vacancy(action, self.names.vacancies.get(vacancy))
            case AskForPlace():
                await self._ask(action)
            case ChangeRequest(request=request):
                need = NeedBody(**{n: v for n, v in request.said().items() if n in NeedBody.model_fields})
                await self._write(amend_request, self._guichet(), request.id, need)
            case CloseRequest(request=request, reason=reason):
                await self._write(close_request, self._guichet(), request, ClosingBody(reason=reason))
            case AnnounceDeparture():
                await self._depart(action)
            case AskToMove():
                await self._ask_to_move(action)
            case ReleasePrepared():
                await self.release_all()

    async def _about_vacancy(self, action: TimedAction, vacancy: Id | None) -> None:
        if vacancy is None:
            return
        act = self._guichet()
        match action:
            case ChangePlaces(places=places):
                await self._write(change_vacancy, act, vacancy, ChangeBody(places=places))
            case WithdrawVacancy(reason=reason):
                await self._write(withdraw_vacancy, act, vacancy, WithdrawalBody(reason=reason))
            case _:
                await self._write(reconfirm_vacancy, act, vacancy)

    async def _ask(self, action: AskForPlace) -> None:
        family, request = action.family, action.request
        self.families[family.id] = family
        await self.town.databases["vault"].write(keep_family, self.town.guichet.keyring, family, self._now())
        role = Role.COUNSELLOR if request.prescriber == action.by else Role.COORDINATOR
        await self._write(register, act_of(action.by, role, self.name, self._now(), request.id), request)
        if action.hold:
            await self._hold(action.by, request.id)

    async def _hold(self, counsellor: Id, request: Id) -> None:
        """Keep an on-call place of a structure that the client wishes; the matcher says whether it may."""
        section = await self.town.databases["ingest"].read(_section_to_hold, request)
        if section is not None:
            body = HoldBody(request=request, section=section)
            await self._write(request_hold, self._act(counsellor, Role.COUNSELLOR), body)

    async def _depart(self, action: AnnounceDeparture) -> None:
        placed = await self.town.databases["ingest"].read(_placed_in, action.structure)
        if placed:
            leaving = placed[action.pick % len(placed)]
            body = DepartureBody(last_day=action.last_day, reason=action.reason)
            await self._write(announce_departure, self._director(action.structure), leaving, body)

    async def _ask_to_move(self, action: AskToMove) -> None:
        """The child keeps its place until the other one is confirmed."""
        might = await self.town.databases["ingest"].read(who_may_move, action.structure, local_day(self._now()))
        if not might:
            return
        asked = might[action.pick % len(might)]
        about = (self.families[asked.family], asked.child, asked.request, self._now())
        await self.town.databases["vault"].write(keep_first_name, self.town.guichet.keyring, *about)
        ids = {"request": asked.request, "family": asked.family, "child": asked.child}
        await self.town.databases["ingest"].write(register_request, self._guichet(), asked.need, **ids)

    async def release_all(self) -> None:
        """The coordinator releases everything that is prepared."""
        prepared = await self.town.databases["ingest"].read(_prepared)
        if prepared:
            await self._write(give_release, self._guichet(), ReleaseBody(proposals=tuple(prepared[:MOST_RELEASED])))

    async def text(self, family: Family, contact: Id, words: str) -> None:
        """A parent types on a phone; the operator hands it over."""
        phone = next(person.phone for person in family.contacts if person.id == contact)
        message = f"week-{next(self._n)}"
        await self.town.databases["notifier"].write(phone_threads.write_reply, message, phone, words, self._now())
        sms = InboundSms.model_validate(
            {"message_id": message, "from": phone, "text": words, "received_at": self._now()}
        )  # fmt: skip
        await receive_sms(self.town.guichet, sms)

    async def click(self, proposal: Id, family: Id, contact: Id, words: str) -> None:
        """A parent opens the link and presses a button."""
        actor = Actor(contact, Role.FAMILY, self.name, family=family, proposal=proposal)
        act = Act(actor, self._now(), channel=Channel.LINK, cause=f"week-{next(self._n)}")
        await self._write(record_reply, act, proposal, parse_reply(words).answer or Answer.RAPPEL)

    async def call(self, proposal: Id) -> None:
        await self._write(record_call, self._guichet(Channel.PHONE), proposal, CallBody(reached=True))

    async def answer_by_phone(self, proposal: Id, words: str) -> None:
        """What the family says on the phone, written down by the guichet."""
        answer = parse_reply(words).answer or Answer.RAPPEL
        await self._write(record_reply, self._guichet(Channel.PHONE), proposal, answer)

    async def answer_for_client(self, proposal: Id, counsellor: Id, answer: Answer) -> None:
        act = self._act(counsellor, Role.COUNSELLOR, channel=Channel.COUNSELLOR)
        await self.town.databases["ingest"].write(record_reply, act, proposal, answer, consent=True)

    async def confirm(self, proposal: Id, structure: Id, settled: Confirmation) -> None:
        act = self._director(structure)
        if settled.refused is not None:
            await self._write(refuse_admission, act, proposal, RefusalBody(reason=settled.refused))
            return
        dates = settled.model_dump(include={"appointment", "adaptation_start", "first_full_day"})
        await self._write(confirm_admission, act, proposal, ConfirmationBody(**dates))

    async def handle(self, task: Id) -> None:
        """Tick it off; where that would leave a place held for nobody, put it off until the next gesture."""
        try:
            await self._write(handle_task, self._guichet(), task, HandledBody())
        except Refused as refused:
            if refused.problems[0].code != "gesture_wanted":
                raise
            await self._write(handle_task, self._guichet(), task, HandledBody(again_in_hours=PUT_OFF_HOURS))


def _prepared(tx: sa.Connection) -> list[str]:
    query = sa.select(seen.proposals.c.id).where(seen.proposals.c.state == ProposalState.PREPARED.value, seen.WHOLE)
    return list(tx.scalars(query.order_by(seen.proposals.c.id)))


def _placed_in(tx: sa.Connection, structure: str) -> list[str]:
    own = (seen.placements.c.structure == structure, seen.placements.c.last_day.is_(None))
    return list(tx.scalars(sa.select(seen.placements.c.id).where(*own).order_by(seen.placements.c.id)))


def _section_to_hold(tx: sa.Connection, request: str) -> str | None:
    """The first on-call section among the structures that the request wishes."""
    need = tx.scalar(sa.select(store.requests.c.need).where(store.requests.c.id == request))
    wished = [wish["structure"] for wish in need["wishes"]] if need else []
    v = store.vacancies
    on_call = (v.c.kind == VacancyKind.ON_CALL.value, v.c.withdrawn_at.is_(None), v.c.structure.in_(wished))
    return tx.scalar(sa.select(v.c.section).where(*on_call).order_by(v.c.section).limit(1))
