"""Who may do what to the two halves of a shared week: each director to her own, and nobody to the other's."""

from __future__ import annotations

import pytest

from contracts.base import Event
from contracts.confirmations import AdmissionConfirmed, AdmissionRefused
from contracts.proposals import ProposalHeld, ProposalWithdrawn
from contracts.tasks import TaskOpened
from contracts.vocabulary import TaskKind, WithdrawalReason
from services.ingest import store
from services.ingest.actors import Actor
from services.ingest.declare.confirmations import ConfirmationBody, confirm_admission
from services.ingest.declare.vacancies import open_vacancy
from services.ingest.inbound import known_to
from services.ingest.problems import Refused
from services.ingest.projection import tables as seen
from services.ingest.queries.proposals import proposal, proposals_of
from services.ingest.queries.tasks import to_handle
from tests.ingest.pages.test_shared_weeks import (
    DATES,
    GIVEN,
    HALF,
    OFFERED,
    ONE_SAID,
    REFUSED,
    REQUEST,
    WHOLE,
    YES,
    late_at,
    told,
)
from tests.ingest.pages.town import Town
from tests.ingest.people import COORDINATOR, DIRECTOR, ELSEWHERE, NOW, OTHER, OTHER_DIRECTOR, act, later, vacancy_body
from tests.ingest.proposals import event

STRANGERS = [("director", HALF), ("other_director", WHOLE)]


@pytest.mark.parametrize(("who", "half"), STRANGERS)
async def test_no_director_decides_of_the_other_half(town: Town, who: str, half: str) -> None:
    await told(town, *YES)
    client = await town.signed_in(who)
    path = f"/creche/a-confirmer/{half}"
    answers = [
        await client.get(path),
        await client.post(path, data=DATES),
        await client.get(f"{path}/refuser"),
        await client.post(f"{path}/refuser", data={"motif": "age", "mots": ""}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert (await town.said(AdmissionConfirmed), await town.said(AdmissionRefused)) == ([], [])


@pytest.mark.parametrize(("actor", "half"), [(DIRECTOR, HALF), (OTHER_DIRECTOR, WHOLE)])
async def test_no_director_reads_the_other_half(town: Town, actor: Actor, half: str) -> None:
    await told(town, *GIVEN)
    with pytest.raises(Refused):
        await town.guichet.database.read(proposal, actor, half, NOW)
    rows = await town.guichet.database.read(proposals_of, actor, NOW)
    mine = [row for row in rows if row["proposal"] in (WHOLE, HALF)]
    assert [row["proposal"] for row in mine] == [HALF if actor is OTHER_DIRECTOR else WHOLE]
    assert not {"other_half", "messages", "code", "rank", "points"} & mine[0].keys()


def _withdrawn(reason: WithdrawalReason) -> Event:
    return event(ProposalWithdrawn, WHOLE, reason=reason, after_yes=True, family_knew=True)


READERS = ((DIRECTOR, WHOLE), (OTHER_DIRECTOR, HALF), (COORDINATOR, WHOLE))


@pytest.mark.parametrize(
    ("end", "field", "read"),
    [
        (REFUSED, "refusal_reason", [None, "staff_shortage", "staff_shortage"]),
        (_withdrawn(WithdrawalReason.CLOSURE), "withdrawal_reason", [None, None, "closure"]),
        (_withdrawn(WithdrawalReason.BY_GUICHET), "withdrawal_reason", ["by_guichet"] * 3),
    ],
)
async def test_what_ails_one_structure_is_not_told_to_the_other(
    town: Town, end: Event, field: str, read: list[str | None]
) -> None:
    await told(town, *YES, end)
    views = [await town.guichet.database.read(proposal, actor, half, NOW) for actor, half in READERS]
    assert [view[field] for view in views] == read


@pytest.mark.parametrize(("own", "other"), [(True, False), (False, True), (False, False)])
async def test_each_structure_reads_whether_it_is_to_prepare_the_care_and_the_guichet_of_both(
    town: Town, own: bool, other: bool
) -> None:
    half = OFFERED[0].other_half.model_copy(update={"to_prepare": other})
    offered = OFFERED[0].model_copy(update={"to_prepare": own, "other_half": half})
    await told(town, offered, *YES[1:])
    views = [await town.guichet.database.read(proposal, actor, name, NOW) for actor, name in READERS]
    assert [view["to_prepare"] for view in views] == [own, other, own or other]


async def test_a_structure_that_has_confirmed_is_told_so_and_the_other_may_confirm(town: Town) -> None:
    await told(town, *ONE_SAID)
    body = ConfirmationBody(adaptation_start=later(hours=24 * 9).date(), first_full_day=later(hours=24 * 16).date())
    with pytest.raises(Refused):
        await town.write(confirm_admission, act(OTHER_DIRECTOR), HALF, body)
    await town.write(confirm_admission, act(DIRECTOR), WHOLE, body)
    (said,) = await town.said(AdmissionConfirmed)
    assert (said.proposal, said.structure) == (WHOLE, DIRECTOR.structure)


async def _states(town: Town) -> set[str]:
    query = seen.proposals.select().where(seen.proposals.c.id.in_([WHOLE, HALF]))
    return {row.state for row in await town.guichet.database.read(lambda tx: list(tx.execute(query)))}


async def test_both_halves_are_where_their_one_text_is(town: Town) -> None:
    await told(town, *OFFERED[:2])
    for step, state in zip(OFFERED[2:4], ("sent", "delivered"), strict=True):
        await town.hear(step)
        assert await _states(town) == {state}


async def test_what_was_held_back_waits_again_in_both_structures(town: Town) -> None:
    await told(town, OFFERED[0], event(ProposalHeld, WHOLE, reason="", until=later(hours=48).date(), by="c"))
    assert await _states(town) == {"held"}
    facts = {"proposal": WHOLE, "request": REQUEST, "structure": None, "detail": ""}
    await town.hear(event(TaskOpened, "T-32", kind=TaskKind.RELEASE, **facts))
    assert await _states(town) == {"prepared"}


async def test_a_text_without_a_code_answers_the_one_proposal(town: Town) -> None:
    await told(town, *OFFERED)
    family = OFFERED[0].family
    rows = await town.guichet.database.read(known_to, [family])
    assert [row["id"] for row in rows] == [WHOLE]


async def test_a_director_who_is_late_reads_of_her_own_half(town: Town) -> None:
    await told(town, *YES, late_at(OTHER))
    tasks = await town.guichet.database.read(to_handle, OTHER_DIRECTOR, NOW)
    assert [task["about"]["proposal"] for task in tasks[TaskKind.LATE_CONFIRMATION]] == [HALF]
    mine = await town.guichet.database.read(to_handle, DIRECTOR, NOW)
    assert tasks[TaskKind.LATE_CONFIRMATION][0]["task"] not in {row["task"] for rows in mine.values() for row in rows}


async def test_the_places_of_the_structure_that_refuses_are_in_doubt_and_no_others(town: Town) -> None:
    vacancy = await town.write(open_vacancy, act(OTHER_DIRECTOR), vacancy_body(section=ELSEWHERE))
    await told(town, *YES, REFUSED)
    query = store.vacancies.select().where(store.vacancies.c.kind == "regular")
    rows = {row.id: row.confirmed_at for row in await town.guichet.database.read(lambda tx: list(tx.execute(query)))}
    assert rows.pop(vacancy) is None
    assert None not in rows.values()
