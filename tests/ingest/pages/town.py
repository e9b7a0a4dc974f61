"""An invented town in the middle of a week: every state a proposal can be in, every task there is. Nobody exists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx2
import sqlalchemy as sa
from fastapi import FastAPI

from contracts.base import Event
from contracts.proposals import (
    ProposalDeadlineSet,
    ProposalDeclined,
    ProposalDeclining,
    ProposalExpired,
    ProposalFrozen,
    ProposalHeld,
    ProposalUndelivered,
    ProposalWithdrawn,
)
from contracts.requests import AcceptedPattern
from contracts.rounds import RequestExplained, RoundDecided
from contracts.structures import SectionFacts
from contracts.tasks import TaskOpened
from contracts.vocabulary import (
    Answer,
    Audience,
    AwardMode,
    Channel,
    Period,
    RefusalReason,
    Slot,
    StructureKind,
    TaskKind,
    VacancyKind,
    Weekday,
    WithdrawalReason,
)
from services import vault
from services.bus.links import contact_token, request_token
from services.calendar import FixedClock
from services.ingest import app, credentials, store
from services.ingest.actors import Actor
from services.ingest.declare.agreements import AgreementBody, sign_agreement
from services.ingest.declare.structures import publish_structure
from services.ingest.declare.vacancies import open_vacancy
from services.ingest.guichet import Guichet
from services.ingest.inbound import InboundSms, receive_sms
from services.ingest.pages import Pages, PublishedRules, RulesLine, pages_router
from tests.ingest import people
from tests.ingest.people import (
    COORDINATOR,
    COUNSELLOR,
    CRECHE,
    DIRECTOR,
    ELSEWHERE,
    GRANDS,
    NOW,
    OTHER_DIRECTOR,
    TODAY,
    act,
    later,
    need_body,
    structure_body,
    urgent_need,
    vacancy_body,
)
from tests.ingest.proposals import LINK_KEY, accepted, delivered, event, hear, made, placed, released, sent
from tests.ingest.proposals import facts as message

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=Event)

MAM = "S-mam"
TOMORROW, IN_A_WEEK = TODAY + timedelta(days=1), TODAY + timedelta(days=7)
WEEK = tuple(Slot(day=day, start=time(8), end=time(17)) for day in (Weekday.MON, Weekday.TUE, Weekday.THU, Weekday.FRI))
STATES = (
    *("prepared", "held", "delivered", "unclear", "undelivered", "frozen"),
    *("declining", "accepted", "confirmed", "declined", "expired", "withdrawn"),
)
"""Proposal O-1 is in the first state, O-2 in the second, and so on."""

FIRST_NAMES = ("Lina", "Noé", "Inès", "Sacha", "Maël", "Alma", "Eden", "Jeanne", "Tom", "Aya", "Louis", "Zoé")
STAFF = {
    "director": (DIRECTOR, "06 39 98 10 01"),
    "other_director": (OTHER_DIRECTOR, "06 39 98 10 02"),
    "counsellor": (COUNSELLOR, "06 39 98 10 03"),
    "other_counsellor": (people.OTHER_COUNSELLOR, "06 39 98 10 04"),
    "coordinator": (COORDINATOR, "06 39 98 10 05"),
    "committee": (people.COMMITTEE, "06 39 98 10 06"),
    "administrator": (people.ADMINISTRATOR, "06 39 98 10 07"),
    "stranger": (people.STRANGER, "06 39 98 10 08"),
}
RULES = PublishedRules(
    title="Grille modèle (non délibérée)",
    source="Essai, valeurs inventées",
    valid_from=date(2026, 1, 1),
    lines=(RulesLine("Parent isolé", 35), RulesLine("Congé parental ou solution durable", -10)),
    first_tier=("Parcours d'insertion, recherche d'emploi ou RSA",),
    is_model=True,
    voted=("Une place libre attend un début 4\u00a0semaines au plus.",),
)


def proposal_in(state: str) -> str:
    """The id of the proposal in that state."""
    return f"O-{STATES.index(state) + 1}"


def link(state: str) -> str:
    """The family's page of the proposal in that state, by the link of its first contact."""
    proposal = proposal_in(state)
    return f"/p/{contact_token(LINK_KEY, proposal, f'F-R-{proposal[2:]}-c1')}"


def own_request(request: str) -> str:
    """The family's page of its request, as the guichet hands the link over."""
    return f"/p/demande/{request}/{request_token(LINK_KEY, request)}"


@dataclass
class Town:
    """Ingest with all its screens on real files, and who is signed in."""

    guichet: Guichet
    clock: FixedClock
    begun: int = 0

    async def open(self) -> None:
        """Its doors; what was said before is no test's."""
        pages = pages_router(Pages(self.guichet, rules=lambda _policy, _day: RULES))
        self.service = app.build(self.guichet, limits=(), pages=pages)
        self.app: FastAPI = self.service.app
        self.client = self.visitor()
        self.begun = len(await self.guichet.database.read(people.said))

    async def begin(self) -> None:
        """The structures, and who works there."""
        await self.write(people.publish_all)
        await self.write(_employ)
        await self.guichet.vault.write(_keep_staff, self.guichet.keyring)

    async def fill(self) -> None:
        """A week's worth of places, families, proposals and tasks."""
        await self.write(_publish_places)
        for n in range(1, len(STATES) + 1):
            await self._family(n)
        await self._urgent_family()
        await self.hear(*_rounds(), *_proposals(), *_tasks())
        await receive_sms(self.guichet, _text("m1", "06 39 98 20 04", "kes c ca ?"))
        await receive_sms(self.guichet, _text("m2", "06 39 98 77 77", "Bonjour, avez-vous une place pour mon fils ?"))

    async def _family(self, n: int) -> None:
        request = f"R-{n}"
        changes: dict[str, Any] = {"needs_support": n == 8, "file_complete": n % 2 == 0}
        if n == 5:
            changes |= {"born": TODAY - timedelta(days=5), "is_born": False}
        need = need_body(**changes)
        await self.write(people.register, request, COORDINATOR, need)
        await self.guichet.vault.write(_keep_family, self.guichet.keyring, request, n)

    async def _urgent_family(self) -> None:
        slots = tuple(Slot(day=TOMORROW + timedelta(days=n), start=time(8, 30), end=time(16, 30)) for n in range(3))
        period = Period(start=TOMORROW, end=TOMORROW + timedelta(days=3))
        need = urgent_need(patterns=(AcceptedPattern(slots=slots, rank=1),), period=period, travel_minutes=30)
        await self.write(people.register, "R-urgent", COUNSELLOR, need)
        await self.guichet.vault.write(_keep_family, self.guichet.keyring, "R-urgent", 13)

    def visitor(self) -> httpx2.AsyncClient:
        """Somebody without a cookie."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://guichet.test")

    async def signed_in(self, who: str) -> httpx2.AsyncClient:
        """A client with the session of one of `STAFF`."""
        client = self.visitor()
        client.cookies.set("berceau", await self.session(who), domain="guichet.test")
        client.headers["Origin"] = "http://guichet.test"
        return client

    async def session(self, who: str) -> str:
        """A fresh session's secret, as a one-time link opens it."""
        return await self.write(_session, STAFF[who][0].id, self.clock())

    async def write(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.guichet.database.write(do, *args, **kwargs)

    async def hear(self, *events: Event) -> None:
        await self.write(hear, *events)

    async def said(self, kind: type[E] = Event) -> list[E]:  # type: ignore[assignment]
        """What the pages said since the town was opened."""
        since = (await self.guichet.database.read(people.said))[self.begun :]
        return [event for event in since if isinstance(event, kind)]


def _employ(tx: sa.Connection) -> None:
    for actor, _ in STAFF.values():
        row = {"id": actor.id, "territory": actor.territory, "role": actor.role.value, "registered_at": NOW}
        store.put(tx, credentials.persons, {**row, "structure": actor.structure})


def _keep_staff(tx: sa.Connection, keyring: vault.Keyring) -> None:
    for who, (actor, phone) in STAFF.items():
        email = f"{who}@exemple.fr"
        contact = vault.Contact(id=f"{actor.id}-c1", role=vault.ContactRole.STAFF, phone=phone, email=email)
        vault.put_contacts(tx, keyring, actor.id, [contact], TODAY, vault.OwnerKind.STAFF)


def _keep_family(tx: sa.Connection, keyring: vault.Keyring, request: str, n: int) -> None:
    family = f"F-{request}"
    contact = vault.Contact(id=f"{family}-c1", phone=f"06 39 98 20 {n:02}", name="Ada Exemple")
    vault.put_contacts(tx, keyring, family, [contact], TODAY)
    name = FIRST_NAMES[(n - 1) % len(FIRST_NAMES)]
    vault.put_child_first_name(tx, keyring, family, request, name, TODAY)


def _session(tx: sa.Connection, person: str, now: datetime) -> str:
    token = f"essai-{person}-{now.isoformat()}"
    rows = tx.scalar(sa.select(sa.func.count()).select_from(credentials.sign_in_links)) or 0
    row = {"id": f"C-{rows}", "person": person, "fingerprint": credentials.fingerprint(f"{token}{rows}")}
    tx.execute(credentials.sign_in_links.insert().values(**row, expires_at=now + credentials.LINK_LIFE))
    secret = credentials.open_session(tx, f"{token}{rows}", now)
    assert secret is not None
    return secret


def _publish_places(tx: sa.Connection) -> None:
    mam = SectionFacts(section=f"{MAM}-tous", name="Tous les âges", age_from_months=2, age_to_months=47, places=8)
    facts = {"kind": StructureKind.MAM, "award_mode": AwardMode.INTRODUCTION, "capacity": 8, "sections": (mam,)}
    publish_structure(tx, act(COORDINATOR), MAM, structure_body(name="MAM des Lutins (synthétique)", **facts))
    long_ago = act(DIRECTOR, NOW - timedelta(days=9))
    start = Period(start=TODAY, end=date(2027, 8, 1))
    week = vacancy_body(section=people.BEBES, slots=WEEK, places=1, period=start)
    open_vacancy(tx, long_ago, week)
    open_vacancy(tx, long_ago, vacancy_body(slots=(Slot(day=Weekday.WED, start=time(8), end=time(12)),), period=start))
    open_vacancy(tx, act(DIRECTOR), vacancy_body(places=12))
    yesterday = _one_day(TODAY - timedelta(days=3), time(8), time(12))
    open_vacancy(tx, act(DIRECTOR, NOW - timedelta(days=4)), yesterday)
    open_vacancy(tx, act(OTHER_DIRECTOR), _one_day(TOMORROW, time(8), time(18), section=ELSEWHERE))
    _open_on_call(tx)


def _open_on_call(tx: sa.Connection) -> None:
    """An agreement, and a place every day under it."""
    facts = {"section": GRANDS, "notice_hours": 12, "age_from_months": 18, "age_to_months": 42, "days_per_child": 5}
    agreement = sign_agreement(tx, act(DIRECTOR), AgreementBody(**facts, valid_until=date(2027, 8, 31)))
    on_call = {"kind": VacancyKind.ON_CALL, "agreement": agreement, "audience": Audience.URGENT_INSERTION}
    period = Period(start=TODAY, end=date(2027, 8, 1))
    open_vacancy(tx, act(DIRECTOR), vacancy_body(**on_call, slots=people.OPENING, places=1, period=period))


def _one_day(day: date, start: time, end: time, **changes: Any) -> Any:
    slot = Slot(day=day, start=start, end=end)
    period = Period(start=day, end=day + timedelta(days=1))
    return vacancy_body(kind=VacancyKind.OCCASIONAL, slots=(slot,), places=1, period=period, **changes)


def _text(message: str, sender: str, text: str) -> InboundSms:
    return InboundSms.model_validate({"message_id": message, "from": sender, "text": text})


def _rounds() -> list[Event]:
    phrases = ("Obtient la place demandée en premier.", "Deux demandes passaient avant.")
    facts = {"engine": "essai", "policy": "montlucon-modele-2026", "input_hash": "a" * 64, "outcome_hash": "b" * 64}
    why = {"wishes": [{"structure": CRECHE, "why": "offered", "rank": 3, "points": 60}]}
    own = ("Vous obtenez la place demandée en premier.", "Deux demandes passaient avant la vôtre.")
    said = {"phrases": phrases, "plain_phrases": phrases[:1], "family_phrases": own, "reason": why}
    explained = [event(RequestExplained, f"R-{n}", round="T-1", placed=True, **said) for n in range(1, len(STATES) + 1)]
    return [
        event(RoundDecided, "T-1", trigger="vacancy.opened", requests=41, proposed=12, dropped=0, **facts),
        *explained,
    ]


def _proposals() -> list[Event]:
    """Each proposal as far as its state."""
    events: list[Event] = []
    for n, state in enumerate(STATES, start=1):
        id_ = f"O-{n}"
        health = {"needs_person": True, "to_prepare": True} if state in ("prepared", "accepted") else {}
        events.append(made(id_, f"R-{n}", code=f"48{n:02}", rank=n, **health))
        if state == "held":
            events.append(
                event(ProposalHeld, id_, reason="Fratrie à vérifier", until=TODAY + timedelta(days=7), by="P")
            )
        elif state != "prepared":
            contact = f"F-R-{n}-c1"
            events += [released(id_), sent(id_, contact=contact), *_AFTER[state](id_)]
    return events


def _reached(id_: str) -> list[Event]:
    return [
        delivered(id_).model_copy(update={"about": message(id_, f"F-R-{id_[2:]}-c1")}),
        event(ProposalDeadlineSet, id_, counted_from=NOW, deadline=later(hours=34)),
    ]


def _end(kind: type[Event], **facts: Any) -> Callable[[str], list[Event]]:
    return lambda id_: [*_reached(id_), event(kind, id_, **facts)]


_UNDO = {"undo_until": later(minutes=15), "answered_by": "F", "channel": Channel.SMS}
_AFTER: dict[str, Callable[[str], list[Event]]] = {
    "delivered": _reached,
    "unclear": _reached,
    "undelivered": lambda id_: [event(ProposalUndelivered, id_)],
    "frozen": _end(ProposalFrozen),
    "declining": _end(ProposalDeclining, **_UNDO),
    "accepted": lambda id_: [*_reached(id_), accepted(id_)],
    "confirmed": lambda id_: [*_reached(id_), accepted(id_), _placement(id_)],
    "declined": _end(ProposalDeclined, answer=Answer.NON, answered_by="F"),
    "expired": _end(ProposalExpired, deadline=NOW),
    "withdrawn": _end(ProposalWithdrawn, reason=WithdrawalReason.STAFF_SHORTAGE, after_yes=False, family_knew=True),
}


def _placement(id_: str) -> Event:
    dates = {"adaptation_start": date(2026, 11, 12), "first_full_day": date(2026, 11, 17)}
    return placed(id_, id_).model_copy(update={**dates, "appointment": later(days=3), "request": f"R-{id_[2:]}"})


def _tasks() -> list[Event]:
    about = {
        TaskKind.RELEASE: "prepared",
        TaskKind.CONTRADICTION: "frozen",
        TaskKind.CALL_BACK: "delivered",
        TaskKind.UNCLEAR_REPLY: "unclear",
        TaskKind.UNDELIVERED: "undelivered",
        TaskKind.LATE_YES: "expired",
        TaskKind.LATE_CONFIRMATION: "accepted",
        TaskKind.TO_PREPARE: "accepted",
        TaskKind.STRUCTURE_REFUSED: "withdrawn",
        TaskKind.STRUCTURE_TO_TELL: "declined",
        TaskKind.WRONG_NUMBER: "declined",
        TaskKind.TO_VERIFY: "declining",
        TaskKind.NO_MOBILE: "undelivered",
    }
    tasks = [_task(kind, proposal_in(state)) for kind, state in about.items()]
    broken = "G3\u00a0: une place serait donnée deux fois."
    return [
        *tasks,
        event(TaskOpened, "A-birth", kind=TaskKind.BIRTH_TO_CONFIRM, request="R-5"),
        event(TaskOpened, "A-shortfall", kind=TaskKind.SHORTFALL, structure=CRECHE),
        event(TaskOpened, "A-over", kind=TaskKind.OVER_CAPACITY, structure=CRECHE, detail="Le mardi, 3 pour 2."),
        event(TaskOpened, "A-withheld", kind=TaskKind.ROUND_WITHHELD, detail=broken),
    ]


def _task(kind: TaskKind, proposal: str) -> Event:
    detail = RefusalReason.STAFF_SHORTAGE.label if kind is TaskKind.STRUCTURE_REFUSED else ""
    where = {"proposal": proposal, "request": f"R-{proposal[2:]}", "structure": CRECHE}
    return event(TaskOpened, f"A-{kind.value}", kind=kind, detail=detail, due=later(hours=6), **where)


def actor(who: str) -> Actor:
    return STAFF[who][0]
