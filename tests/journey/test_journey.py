"""The whole way, from a free place to a child who has it, and every turn that it may take."""

from __future__ import annotations

import re

from contracts.vocabulary import ProposalState, TaskKind
from tests.journey.town import (
    DAY,
    ask,
    crèche,
    in_days,
    new_phone,
    open_town,
    open_tuesdays,
    section,
    with_points,
)
from tests.journey.world import World

S = ProposalState


async def offered(world: World, request: str, phone: str) -> dict[str, str]:
    """The proposal of `request`, released by the coordinator and read by the family."""
    made = await world.proposal_of(request, S.PREPARED)
    await world.act("coordinator", "POST", "/releases", {"proposals": [made["proposal"]]})
    await world.text(phone, made["code"])
    return await world.until(lambda: read_by_family(world, request), f"{request} to have a deadline")


async def read_by_family(world: World, request: str) -> dict[str, str] | None:
    """The proposal once its delay runs: the receipt and the deadline may be seen one after the other."""
    proposal = await world.proposal_of(request, S.DELIVERED)
    return proposal if proposal["deadline"] else None


async def click(world: World, text: str, answer: str) -> None:
    """A parent opens the link of a text, chooses, and presses the button."""
    link = re.search(r"(/p/\S+)", text)
    assert link is not None, "the gateway carries links"
    page = (await world.profile.api.get(link[1])).text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    sent = await world.profile.api.post(link[1], data={**hidden, "reponse": answer})
    assert sent.status_code == 303, sent.text


async def confirm(world: World, proposal: str) -> None:
    dates = {"adaptation_start": str(in_days(world, 9)), "first_full_day": str(in_days(world, 16))}
    await world.act(crèche(world), "POST", f"/proposals/{proposal}/confirmation", dates)


async def test_a_free_place_becomes_a_placement_and_is_free_again_after_a_notice(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    request, phone = await ask(world)
    proposal = await offered(world, request, phone)
    text = await world.text(phone, "place proposée")
    assert f"OUI {proposal['code']}" in text and "Les Petits Cailloux" in text and "04 65 71 00 00" in text
    await world.reply(phone, f"OUI {proposal['code']}")
    await world.proposal_of(request, S.ACCEPTED)
    await world.text(phone, f"OUI {proposal['code']} noté")
    await confirm(world, proposal["proposal"])
    await world.proposal_of(request, S.CONFIRMED)
    other, _ = await ask(world)
    assert await world.states_of(other) == [], "the only place is taken"
    notice = {"last_day": str(in_days(world, 7)), "reason": "moved"}
    await world.act(crèche(world), "POST", f"/placements/{proposal['proposal']}/departure", notice)
    await world.proposal_of(other, S.PREPARED)


async def test_a_refusal_can_be_undone_and_then_calls_the_next_family(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    first, phone = await ask(world, criteria=with_points("single_parent"))
    second, _ = await ask(world)
    proposal = await offered(world, first, phone)
    await world.reply(phone, f"NON {proposal['code']}")
    await world.proposal_of(first, S.DECLINING)
    await world.text(phone, f"NON {proposal['code']} noté")
    assert await world.states_of(second) == [], "the place is held while the NON can be undone"
    await world.pass_time(minutes=16)
    await world.proposal_of(first, S.DECLINED)
    await world.proposal_of(second, S.PREPARED)


async def test_silence_after_delivery_is_reminded_then_expires_and_calls_the_next_family(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    first, phone = await ask(world, criteria=with_points("single_parent"))
    second, _ = await ask(world)
    await offered(world, first, phone)
    await world.pass_time(hours=24)
    await world.text(phone, "attend votre réponse")
    await world.pass_time(hours=24)
    await world.proposal_of(first, S.EXPIRED)
    await world.text(phone, "délai passé")
    await world.proposal_of(second, S.PREPARED)
    state = (await world.look("coordinator", f"/requests/{first}"))["request_state"]
    assert state == "open", "silence is not a refusal: the request goes on"


async def test_a_message_that_never_arrived_is_a_task_and_no_silence(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    request, phone = await ask(world)
    await world.switch(phone, "unassigned")
    made = await world.proposal_of(request, S.PREPARED)
    await world.act("coordinator", "POST", "/releases", {"proposals": [made["proposal"]]})
    await world.proposal_of(request, S.UNDELIVERED)
    await world.task(TaskKind.UNDELIVERED, made["proposal"])
    await world.pass_time(days=5)
    assert await world.states_of(request) == [S.UNDELIVERED]
    await world.act("coordinator", "POST", f"/proposals/{made['proposal']}/calls", {"reached": True})
    await world.until(lambda: read_by_family(world, request), "a recorded call to start the delay")


async def test_a_second_contact_is_tried_when_the_first_cannot_be_reached(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    dead, alive = new_phone(), new_phone()
    request, _ = await ask(world, phones=[dead, alive])
    await world.switch(dead, "unassigned")
    await offered(world, request, alive)
    assert await world.states_of(request) == [S.DELIVERED]


async def test_rappel_is_a_task_and_stops_the_clock_once(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    request, phone = await ask(world)
    proposal = await offered(world, request, phone)
    await world.reply(phone, f"rappel {proposal['code']}")
    await world.task(TaskKind.CALL_BACK, proposal["proposal"])
    moved = (await world.proposal_of(request, S.DELIVERED))["deadline"]
    assert moved > proposal["deadline"], "the family has the time of the call on top"
    await world.reply(phone, f"RAPPEL {proposal['code']}")
    assert (await world.proposal_of(request, S.DELIVERED))["deadline"] == moved, "once only"


async def test_words_that_are_no_answer_decide_nothing_and_call_a_person(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    request, phone = await ask(world)
    proposal = await offered(world, request, phone)
    await world.reply(phone, "oui mais pas le mardi")
    await world.task(TaskKind.UNCLEAR_REPLY, proposal["proposal"])
    await world.text(phone, "réponse non comprise, rien n'est décidé")
    await world.proposal_of(request, S.DELIVERED)
    await world.reply(phone, "oui merci")
    accepted = await world.proposal_of(request, S.ACCEPTED)
    assert accepted["proposal"] == proposal["proposal"], "the place was held all the while"


async def test_a_place_withdrawn_before_the_answer_is_told_to_the_family(world: World) -> None:
    await open_town(world)
    vacancy = await open_tuesdays(world)
    request, phone = await ask(world)
    await offered(world, request, phone)
    await world.act(crèche(world), "POST", f"/vacancies/{vacancy}/withdrawal", {"reason": "staff_shortage"})
    await world.proposal_of(request, S.WITHDRAWN)
    assert "04 65 71 00 00" in await world.text(phone, "n'a plus cette place")


async def test_a_child_whose_accepted_place_is_withdrawn_goes_first(world: World) -> None:
    await open_town(world)
    vacancy = await open_tuesdays(world)
    request, phone = await ask(world)
    proposal = await offered(world, request, phone)
    await world.reply(phone, f"OUI {proposal['code']}")
    await world.proposal_of(request, S.ACCEPTED)
    await world.act(crèche(world), "POST", f"/vacancies/{vacancy}/withdrawal", {"reason": "closure"})
    await world.proposal_of(request, S.WITHDRAWN)
    stronger, _ = await ask(world, criteria=with_points("single_parent", "both_parents_work"))
    await open_tuesdays(world)
    await world.proposal_of(request, S.PREPARED)
    assert await world.states_of(stronger) == [], "more points do not count before a promise that was taken back"


async def test_a_late_oui_is_no_oui_and_a_person_hears_of_it(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    first, phone = await ask(world, criteria=with_points("single_parent"))
    second, _ = await ask(world)
    proposal = await offered(world, first, phone)
    await world.pass_time(hours=49)
    await world.proposal_of(first, S.EXPIRED)
    told = len(await world.texts_to(phone))
    await world.reply(phone, f"OUI {proposal['code']}")
    await world.task(TaskKind.LATE_YES, proposal["proposal"])
    assert len(await world.texts_to(phone)) == told + 1, "one text says that the delay is over"
    assert await world.states_of(first) == [S.EXPIRED]
    await world.proposal_of(second, S.PREPARED)


async def test_oui_twice_counts_once_and_is_answered_once(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    request, phone = await ask(world)
    proposal = await offered(world, request, phone)
    await click(world, await world.text(phone, "place proposée"), "oui")
    await world.reply(phone, f"OUI {proposal['code']}")
    await world.proposal_of(request, S.ACCEPTED)
    await world.text(phone, "noté")
    await world.pass_time(minutes=5)
    assert sum("noté" in text for text in await world.texts_to(phone)) == 1


async def test_two_contacts_who_contradict_each_other_freeze_the_proposal_until_the_guichet_called(
    world: World,
) -> None:
    await open_town(world)
    await open_tuesdays(world)
    one, other = new_phone(), new_phone()
    request, _ = await ask(world, phones=[one, other])
    proposal = await offered(world, request, one)
    await world.reply(one, f"OUI {proposal['code']}")
    await world.proposal_of(request, S.ACCEPTED)
    await world.reply(other, f"NON {proposal['code']}")
    await world.proposal_of(request, S.FROZEN)
    await world.task(TaskKind.CONTRADICTION, proposal["proposal"])
    await world.reply(one, f"OUI {proposal['code']}")
    await world.pass_time(days=3)
    assert await world.states_of(request) == [S.FROZEN], "nothing moves before the call"
    said = {"answer": "oui", "channel": "phone"}
    await world.act("coordinator", "POST", f"/proposals/{proposal['proposal']}/replies", said)
    await world.proposal_of(request, S.ACCEPTED)


async def test_an_urgent_request_at_half_past_five_gets_tomorrow_on_call_by_oui_alone(world: World) -> None:
    await open_town(world)
    await world.pass_time(hours=8.5)
    tomorrow = in_days(world, 1)
    agreement = {
        "section": section(world), "notice_hours": 2, "age_from_months": 3, "age_to_months": 40, "days_per_child": 10,
        "valid_until": str(in_days(world, 60)),
    }  # fmt: skip
    signed = (await world.act(crèche(world), "POST", "/agreements", agreement))["id"]
    await world.act(
        crèche(world), "POST", "/vacancies",
        {
            "section": section(world), "kind": "on_call", "places": 1, "audience": "urgent_insertion",
            "slots": [{"day": str(tomorrow), "start": "08:00", "end": "18:00"}], "agreement": signed,
            "period": {"start": str(tomorrow), "end": str(in_days(world, 2))},
        },
    )  # fmt: skip
    morning = {"day": str(tomorrow), "start": "08:30", "end": "12:00"}
    need = {
        "kind": "urgent", "patterns": [{"slots": [morning], "rank": 1}],
        "period": {"start": str(tomorrow), "end": str(in_days(world, 2))},
        "criteria": with_points("insertion"), "urgent_sms_agreed": True,
    }  # fmt: skip
    request, phone = await ask(world, by="counsellor", **need)
    proposal = await world.proposal_of(request, S.DELIVERED)
    await world.text(phone, "8h30-12h")
    await world.reply(phone, f"OUI {proposal['code']}")
    await world.proposal_of(request, S.CONFIRMED)
    assert "8h30-12h" in await world.text(phone, "place confirmée")


async def test_adapted_care_beyond_what_is_prepared_gets_the_place_and_a_task(world: World) -> None:
    limit = {"prepared_support": 1, "support_until": str(in_days(world, 90)), "support_reason": "training"}
    await open_town(world, automatic_release=True, **limit)
    await open_tuesdays(world, places=2)
    needs = {"criteria": with_points("disability"), "needs_support": True}
    requests = [(await ask(world, **needs))[0] for _ in range(2)]
    for request in requests:
        made = await world.proposal_of(request, S.PREPARED)
        assert made["needs_person"], "a criterion drawn from health never leaves by itself, whatever was voted"
    await world.task(TaskKind.TO_PREPARE)
    assert (await world.open_tasks()).count(TaskKind.TO_PREPARE) == 1


async def test_a_child_gets_a_part_of_its_days_then_all_of_them(world: World) -> None:
    await open_town(world)
    await open_tuesdays(world)
    week = [*DAY, {"day": "wed", "start": "08:30", "end": "17:00"}]
    request, phone = await ask(world, patterns=[{"slots": week, "rank": 1}], accepts_partial=True)
    part = await offered(world, request, phone)
    text = await world.text(phone, part["code"])
    assert "Les Petits Cailloux, mardi dès" in text, "only the days that are proposed"
    page = await read_page(world, text)
    assert "une partie des jours demandés" in page and "mercredi, de" not in page
    await world.reply(phone, f"OUI {part['code']}")
    await world.proposal_of(request, S.ACCEPTED)
    await confirm(world, part["proposal"])
    await open_tuesdays(world, slots=[{"day": "wed", "start": "08:00", "end": "18:00"}])
    whole = await offered(world, request, phone)
    assert (whole["partial"], whole["replaces"]["placement"]) == (False, part["proposal"])
    assert "Votre place actuelle" in await read_page(world, await world.text(phone, whole["code"]))
    await world.reply(phone, f"OUI {whole['code']}")
    await world.until(lambda: accepted(world, whole["proposal"]), "the OUI to the whole week")
    await confirm(world, whole["proposal"])
    await world.until(lambda: given_up(world, part["proposal"]), "the part to end for the whole")


async def test_a_child_changes_its_crèche_and_who_follows_it_waits_for_that(world: World) -> None:
    await open_town(world, structures=2)
    await open_tuesdays(world)
    first, phone = await ask(world)
    placed = await offered(world, first, phone)
    await world.reply(phone, f"OUI {placed['code']}")
    await world.proposal_of(first, S.ACCEPTED)
    await confirm(world, placed["proposal"])
    await world.proposal_of(first, S.CONFIRMED)
    file = await world.look("coordinator", f"/requests/{first}")
    later = {"start": str(in_days(world, 15))}
    follower, other_phone = await ask(world, period=later)
    moving, _ = await ask(
        world, phone, kind="transfer", current=placed["proposal"], family=file["family"], child=file["child"],
        wishes=[{"structure": crèche(world, 1), "rank": 1}], period=later,
    )  # fmt: skip
    await open_tuesdays(world, n=1)
    following = await world.proposal_of(follower, S.PREPARED)
    assert following["awaits"] == 1
    moved = await offered(world, moving, phone)
    assert await world.texts_to(other_phone) == [], "nothing leaves before the other child has its place"
    await world.reply(phone, f"OUI {moved['code']}")
    await world.until(lambda: accepted(world, moved["proposal"]), "the OUI to the other crèche")
    dates = {"adaptation_start": str(in_days(world, 15)), "first_full_day": str(in_days(world, 16))}
    await world.act(crèche(world, 1), "POST", f"/proposals/{moved['proposal']}/confirmation", dates)
    await world.until(lambda: given_up(world, placed["proposal"]), "the first place to end")
    await world.until(lambda: may_leave(world, follower), "the follower to be released")
    await offered(world, follower, other_phone)


async def test_siblings_wait_for_each_other_leave_together_and_are_answered_one_by_one(world: World) -> None:
    await open_town(world)
    first, phone = await ask(world)
    file = await world.look("coordinator", f"/requests/{first}")
    second, _ = await ask(world, phone, family=file["family"])
    asked = {"requests": [first, second], "together": ["same_structure"]}
    await world.act("coordinator", "POST", "/siblings", asked)
    await open_tuesdays(world)
    assert await world.states_of(first) == await world.states_of(second) == [], "one place is not for one of them"
    await open_tuesdays(world)
    one, other = await world.proposal_of(first, S.PREPARED), await world.proposal_of(second, S.PREPARED)
    await world.act("coordinator", "POST", "/releases", {"proposals": [one["proposal"]]})
    text = await world.text(phone, one["code"])
    await world.text(phone, other["code"])
    assert "Répondez pour chaque enfant" in await read_page(world, text)
    await world.reply(phone, f"OUI {one['code']}")
    await world.reply(phone, f"NON {other['code']}")
    await world.proposal_of(first, S.ACCEPTED)
    await world.proposal_of(second, S.DECLINING)


async def read_page(world: World, text: str) -> str:
    link = re.search(r"(/p/\S+)", text)
    assert link is not None, "the gateway carries links"
    return (await world.profile.api.get(link[1])).text


async def accepted(world: World, proposal: str) -> bool:
    return (await world.look("coordinator", f"/proposals/{proposal}"))["state"] == S.ACCEPTED


async def given_up(world: World, proposal: str) -> bool:
    return (await world.look("coordinator", f"/proposals/{proposal}")).get("departure_reason") == "other_place"


async def may_leave(world: World, request: str) -> bool:
    return (await world.proposal_of(request, S.PREPARED))["awaits"] == 0
