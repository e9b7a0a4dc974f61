"""A commission's intake, the whole way: opened, drafted, changed by gestures, released. On each profile."""

from __future__ import annotations

from typing import Any

from contracts.vocabulary import ProposalState
from tests.journey.town import ask, in_days, open_town, open_tuesdays, section, with_points
from tests.journey.world import World

S = ProposalState


async def open_campaign(world: World) -> str:
    """What starts in the next two months waits for a commission in six days."""
    dates = {
        "starts": {"start": str(in_days(world, 7)), "end": str(in_days(world, 60))},
        "requests_until": str(in_days(world, 5)), "commission_on": str(in_days(world, 6)),
    }  # fmt: skip
    return (await world.act("coordinator", "POST", "/campaigns", dates))["id"]  # type: ignore[no-any-return]


async def draft(world: World, campaign: str) -> dict[str, Any]:
    """A new draft, once it is there."""
    name = (await world.act("coordinator", "POST", f"/campaigns/{campaign}/drafts"))["id"]

    async def see() -> dict[str, Any] | None:
        view = await world.look("coordinator", f"/campaigns/{campaign}")
        return view if view["draft"] and view["draft"]["draft"] == name else None

    return await world.until(see, "the draft to be decided")


def placed(view: dict[str, Any]) -> set[str]:
    return {row["request"] for row in view["requests"] if row["placed"]}


async def test_a_commission_drafts_holds_forces_undoes_and_releases(world: World) -> None:
    await open_town(world)
    campaign = await open_campaign(world)
    vacancy = await open_tuesdays(world, places=2)
    first, phone = await ask(world, criteria=with_points("single_parent"))
    second, _ = await ask(world)
    third, _ = await ask(world)
    assert await world.states_of(first) == [], "it waits for the commission"
    view = await draft(world, campaign)
    assert (view["draft"]["placed"], view["draft"]["broken"]) == (2, [])
    assert first in placed(view) and await world.texts_to(phone) == []
    held = {"vacancy": vacancy, "until": str(in_days(world, 30)), "reason": "Travaux.", "campaign": campaign}
    hold = (await world.act("coordinator", "POST", "/held-places", held))["id"]
    assert placed(await draft(world, campaign)) == {first}
    await world.act("coordinator", "POST", f"/gestures/{hold}/undoing")
    left = third if second in placed(await draft(world, campaign)) else second
    body = {"request": left, "section": section(world), "reason": "Vu en commission."}
    force = (await world.act("coordinator", "POST", f"/campaigns/{campaign}/forces", body))["id"]

    async def weighed() -> dict[str, Any] | None:
        found = await world.look("coordinator", f"/gestures/{force}")
        return found if found["weighed"] else None

    found = await world.until(weighed, "whom it touches")
    loser = second if left == third else third
    assert found["possible"] and [row["request"] for row in found["touched"]] == [loser]
    await world.act("coordinator", "POST", f"/gestures/{force}/confirmation")
    last = await draft(world, campaign)
    effects = {row["request"]: row["effect"] for row in last["requests"] if row["effect"]}
    assert effects == {left: "gains", loser: "loses"}
    await world.act("coordinator", "POST", f"/campaigns/{campaign}/release", {"draft": last["draft"]["draft"]})
    await world.text(phone, "place proposée")
    await world.proposal_of(left, S.RELEASED, S.SENT, S.DELIVERED)
    assert await world.states_of(loser) == []
    view = await world.look("coordinator", f"/campaigns/{campaign}")
    assert (view["state"], view["closed"]["proposals"], view["closed"]["dropped"]) == ("over", 2, [])


async def test_what_moves_between_the_draft_and_the_release_is_named_and_nothing_else_waits(world: World) -> None:
    await open_town(world)
    campaign = await open_campaign(world)
    await open_tuesdays(world, places=3)
    one, phone = await ask(world)
    other, _ = await ask(world)
    urgent, soon = await ask(world, **an_urgent_morning(world))
    view = await draft(world, campaign)
    assert placed(view) == {one, other, urgent}, "the commission hears an urgent need of its days"
    assert await world.states_of(urgent) == [], "and no round takes its places before"
    await world.act("coordinator", "POST", f"/requests/{other}/closing", {"reason": "found_elsewhere"})
    await world.act("coordinator", "POST", f"/campaigns/{campaign}/release", {"draft": view["draft"]["draft"]})
    await world.text(phone, "place proposée")
    await world.text(soon, "Répondez OUI")
    closed = (await world.look("coordinator", f"/campaigns/{campaign}"))["closed"]
    assert (closed["proposals"], closed["dropped"]) == (2, [other])


def an_urgent_morning(world: World) -> dict[str, Any]:
    """The first Tuesday of the intake, for somebody in an insertion pathway."""
    day = str(in_days(world, 8))
    slots = [{"day": day, "start": "09:00", "end": "12:00"}]
    return {
        "kind": "urgent", "patterns": [{"slots": slots, "rank": 1}], "criteria": with_points("insertion"),
        "period": {"start": day, "end": str(in_days(world, 9))}, "urgent_sms_agreed": True,
    }  # fmt: skip
