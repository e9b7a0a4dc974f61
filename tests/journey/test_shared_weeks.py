"""A week that two structures share: one text, one answer for both, and each crèche that sees its own days only."""

from __future__ import annotations

from typing import Any

from contracts.vocabulary import ProposalState, TaskKind
from tests.journey.test_journey import click, offered, read_page
from tests.journey.town import ask, crèche, in_days, open_town, open_tuesdays
from tests.journey.world import World

S = ProposalState
THURSDAY = [{"day": "thu", "start": "08:00", "end": "18:00"}]
WEEK = [{"day": day, "start": "08:30", "end": "17:00"} for day in ("tue", "thu")]


async def shared(world: World) -> tuple[dict[str, Any], str, list[str]]:
    """The proposal that the family of a new child has read, its phone, and the two vacancies."""
    await open_town(world, structures=2)
    vacancies = [await open_tuesdays(world), await open_tuesdays(world, n=1, slots=THURSDAY)]
    wishes = [{"structure": crèche(world, n), "rank": n + 1} for n in range(2)]
    week = [{"slots": WEEK, "rank": 1}]
    request, phone = await ask(world, wishes=wishes, patterns=week, accepts_split=True)
    return await offered(world, request, phone), phone, vacancies


async def own_half(world: World, n: int, proposal: str) -> dict[str, Any]:
    """What a crèche has on its list, once it says more than the plain proposal."""

    async def see() -> dict[str, Any] | None:
        rows = await world.look(crèche(world, n), f"/structures/{crèche(world, n)}/to-confirm")
        return next(iter(rows), None)

    return await world.until(see, f"crèche {n} to see its half of {proposal}")


async def confirm(world: World, n: int, half: str) -> None:
    dates = {"adaptation_start": str(in_days(world, 9)), "first_full_day": str(in_days(world, 16 + n))}
    await world.act(crèche(world, n), "POST", f"/proposals/{half}/confirmation", dates)


async def test_one_answer_gives_a_child_the_days_of_two_structures(world: World) -> None:
    proposal, phone, _ = await shared(world)
    text = await world.text(phone, proposal["code"])
    assert " ma et " in text and " je dès le " in text, "one text says both"
    assert len(await world.texts_to(phone)) == 1
    page = await read_page(world, text)
    assert "Votre réponse vaut pour les deux." in page and "mardi, de" in page and "jeudi, de" in page
    await click(world, text, "oui")
    request = proposal["request"]
    await world.proposal_of(request, S.ACCEPTED)
    await world.text(phone, "Les 2 structures vous appellent")
    halves = [await own_half(world, n, proposal["proposal"]) for n in range(2)]
    assert [[slot["day"] for slot in half["slots"]] for half in halves] == [["tue"], ["thu"]], "its own days only"
    assert all("other_half" not in half for half in halves)
    await confirm(world, 1, halves[1]["proposal"])
    await world.until(lambda: half_said(world, request), "one crèche to have confirmed")
    assert await world.states_of(request) == [S.ACCEPTED], "one alone gives nothing"
    assert "n'a pas encore répondu" in await read_page(world, text)
    await confirm(world, 0, halves[0]["proposal"])
    placed = await world.proposal_of(request, S.CONFIRMED)
    assert (placed["first_full_day"], placed["other_half"]["first_full_day"]) == (
        str(in_days(world, 16)), str(in_days(world, 17)),
    )  # fmt: skip
    assert "Les deux places sont à vous" in await read_page(world, text)
    notice = {"last_day": str(in_days(world, 30)), "reason": "moved"}
    await world.act(crèche(world, 1), "POST", f"/placements/{placed['other_half']['placement']}/departure", notice)
    await world.until(lambda: leaves(world, request), "the departure from one of the two")


async def test_a_half_that_cannot_be_kept_ends_the_other_and_the_family_is_told(world: World) -> None:
    proposal, phone, vacancies = await shared(world)
    await world.act(crèche(world, 1), "POST", f"/vacancies/{vacancies[1]}/withdrawal", {"reason": "staff_shortage"})
    await world.proposal_of(proposal["request"], S.WITHDRAWN)
    await world.text(phone, "l'une des 2 places n'est plus libre")
    await world.task(TaskKind.CALL_BACK, proposal["proposal"])
    other, _ = await ask(world, patterns=[{"slots": WEEK[:1], "rank": 1}])
    free = await world.proposal_of(other, S.PREPARED)
    assert free["structure"] == crèche(world), "the half of the other crèche is free again"


async def test_a_crèche_that_does_not_confirm_ends_both_halves(world: World) -> None:
    proposal, phone, _ = await shared(world)
    await world.reply(phone, f"OUI {proposal['code']}")
    await world.proposal_of(proposal["request"], S.ACCEPTED)
    first, second = [await own_half(world, n, proposal["proposal"]) for n in range(2)]
    await confirm(world, 0, first["proposal"])
    await world.until(lambda: half_said(world, proposal["request"]), "one crèche to have confirmed")
    await world.act(crèche(world, 1), "POST", f"/proposals/{second['proposal']}/refusal", {"reason": "age"})
    await world.proposal_of(proposal["request"], S.REFUSED)
    task = await world.task(TaskKind.STRUCTURE_REFUSED, proposal["proposal"])
    assert "l'autre place est rendue aussi" in task["detail"]
    told = await world.task(TaskKind.STRUCTURE_TO_TELL, proposal["proposal"])
    assert told["structure"] == crèche(world, 0)


async def half_said(world: World, request: str) -> dict[str, Any] | None:
    view = await world.proposal_of(request, S.ACCEPTED)
    return view if view["half_confirmed"] or view["other_half"]["half_confirmed"] else None


async def leaves(world: World, request: str) -> str | None:
    other = (await world.proposal_of(request, S.CONFIRMED))["other_half"]
    return other["last_day"]  # type: ignore[no-any-return]
