"""What only a gesture settles, and whose answer it is: the whole way, on each profile."""

from __future__ import annotations

from contracts.vocabulary import ProposalState, TaskKind
from tests.journey.test_journey import click, offered
from tests.journey.town import ask, new_phone, open_town, open_tuesdays, with_points
from tests.journey.world import World

S = ProposalState


async def tick(world: World, task: str) -> tuple[int, str]:
    """The coordinator says that it is done, and does nothing else."""
    headers = {"Authorization": f"Bearer {world.keys['coordinator']}"}
    answer = await world.profile.api.post(f"/api/v1/tasks/{task}/handling", json={}, headers=headers)
    return answer.status_code, answer.json()["errors"][0]["code"] if answer.status_code >= 400 else ""


async def test_a_family_that_nobody_reaches_is_tried_again_and_then_its_place_goes_to_the_next(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    first, phone = await ask(world, criteria=with_points("single_parent"))
    made = await world.proposal_of(first, S.PREPARED)
    await world.switch(phone, "unassigned")
    await world.act("coordinator", "POST", "/releases", {"proposals": [made["proposal"]]})
    task = await world.task(TaskKind.UNDELIVERED, made["proposal"])
    assert await tick(world, task["task"]) == (409, "gesture_wanted")
    await world.act("coordinator", "POST", f"/tasks/{task['task']}/handling", {"again_in_hours": 4})
    assert await world.open_tasks() == []
    await world.pass_time(hours=4, minutes=1)
    again = await world.task(TaskKind.UNDELIVERED, made["proposal"])
    assert again["task"] != task["task"]
    second, _ = await ask(world)
    assert await world.states_of(second) == [], "the only place is held for the first family"
    await world.act(
        "coordinator", "POST", f"/proposals/{made['proposal']}/withdrawal", {"reason": "family_unreachable"}
    )
    await world.proposal_of(first, S.WITHDRAWN)
    await world.proposal_of(second, S.PREPARED)
    assert await world.states_of(first) == [S.WITHDRAWN], "not the same hours again to whom nobody reaches"
    assert "call_back" not in await world.open_tasks()


async def test_two_contacts_who_contradict_each_other_by_link_freeze_the_proposal(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    one, other = new_phone(), new_phone()
    request, _ = await ask(world, phones=[one, other])
    await world.switch(one, "unassigned")
    proposal = await offered(world, request, other)
    theirs = await world.text(other, "place proposée")
    await world.switch(one, "on")
    await world.pass_time(hours=30)
    own = await world.text(one, "attend votre réponse")
    await click(world, own, "oui")
    await world.proposal_of(request, S.ACCEPTED)
    await click(world, theirs, "non")
    await world.proposal_of(request, S.FROZEN)
    await world.task(TaskKind.CONTRADICTION, proposal["proposal"])
    assert await world.states_of(request) == [S.FROZEN], "nothing moves before the guichet has called"
