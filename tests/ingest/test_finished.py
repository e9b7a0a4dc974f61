"""What is known of a family goes by itself once nothing goes on with it, and at once where the family asks for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.placements import PlacementEnded, PlacementEnding
from contracts.requests import RequestClosed
from contracts.vocabulary import ClosingReason, DepartureReason, Period
from services import vault
from services.bus.audit import Wanted, found
from services.bus.tables import inbox
from services.calendar import local_day
from services.ingest.app import Tidying
from services.ingest.declare.requests import ClosingBody, close_request, record_erasure, register_request
from services.ingest.finished import BY_ITSELF, NOT_PLACED, PACKAGE, PLACED, kept_on
from tests.ingest.doors import Doors
from tests.ingest.people import COORDINATOR, CRECHE, GRANDS, act, later, need_body, register
from tests.ingest.proposals import event, made, placed

LATE = later(days=60)
RULES = kept_on(PACKAGE, local_day(LATE))
LEFT = local_day(LATE)
DAY = timedelta(days=1)
THREE_YEARS = RULES[PLACED].duration
FOR_EVER = Period(start=local_day(later(days=1)))
UNTIL_LATE = Period(start=local_day(later(days=1)), end=LEFT + DAY)
PHONE = "06 39 98 00 11"


async def known(doors: Doors) -> list[str]:
    kept = await doors.guichet.vault.read(vault.families_by_phone, doors.guichet.keyring, PHONE)
    return [family for family, _ in kept]


async def with_contact(doors: Doors, request: str = "R-1") -> None:
    """A request whose family is in the vault."""
    await doors.write(register, request)
    contact = vault.Contact(id=f"F-{request}:1", phone=PHONE)
    await doors.guichet.vault.write(vault.put_contacts, doors.guichet.keyring, f"F-{request}", [contact], LEFT)


async def close(doors: Doors, request: str = "R-1", reason: ClosingReason = ClosingReason.FOUND_ELSEWHERE) -> None:
    await doors.write(lambda tx: close_request(tx, act(COORDINATOR, LATE), request, ClosingBody(reason=reason)))


async def tidied(doors: Doors, after: timedelta) -> list[str]:
    """Who is known once the tidying ran, `after` the end of it all, where something happened in the days before."""
    lately = LATE + after - 5 * DAY
    await doors.write(lambda tx: tx.execute(inbox.insert().values(event_id=f"{lately}", received_at=lately)) and None)
    await Tidying(doors.guichet).tick(LATE + after)
    return await known(doors)


async def test_a_family_without_a_place_is_known_for_its_year_and_no_longer(doors: Doors) -> None:
    await with_contact(doors)
    await close(doors)
    year = RULES[NOT_PLACED].duration
    assert await tidied(doors, year) == ["F-R-1"]
    assert await tidied(doors, year + DAY) == []
    closings = [said for said in await doors.said(RequestClosed) if said.reason is ClosingReason.ERASED]
    assert [(said.subject, said.said_by) for said in closings] == [("R-1", BY_ITSELF)], "the matcher forgets the need"
    trail = await doors.guichet.database.read(found, Wanted(), 10, 0)
    assert (BY_ITSELF, "family.erased") in {(kept.who, kept.did) for kept in trail}


async def test_a_clock_that_jumps_ahead_by_years_erases_nobody(doors: Doors) -> None:
    await with_contact(doors)
    await close(doors)
    tidying, ahead = Tidying(doors.guichet), LATE + THREE_YEARS
    for days in range(3):
        await tidying.tick(ahead + days * DAY)
        assert await known(doors) == ["F-R-1"]
        await doors.write(register, f"R-in-{days}")  # people go on as ever
    assert await tidied(doors, THREE_YEARS + 5 * DAY) == []


async def test_a_request_that_waits_keeps_its_family_whatever_became_of_its_others(doors: Doors) -> None:
    await with_contact(doors)
    ids = {"request": "R-2", "family": "F-R-1", "child": "E-R-2"}
    await doors.write(lambda tx: register_request(tx, act(COORDINATOR), need_body(), **ids))
    await close(doors)
    assert await tidied(doors, 10 * RULES[PLACED].duration) == ["F-R-1"]


@pytest.mark.parametrize("partial", [False, True])
async def test_a_child_that_left_is_known_for_three_years_whether_it_had_all_its_days_or_a_part(
    doors: Doors, partial: bool
) -> None:
    await with_contact(doors)
    there = placed().model_copy(update={"partial": partial, "period": FOR_EVER})
    await doors.hear(made(), there)
    assert await tidied(doors, 10 * THREE_YEARS) == ["F-R-1"], "the child is there"
    await doors.hear(event(PlacementEnded, "L-1", LATE, structure=CRECHE, last_day=LEFT, reason=DepartureReason.SCHOOL))
    assert await tidied(doors, THREE_YEARS) == ["F-R-1"]
    assert await tidied(doors, THREE_YEARS + DAY) == []


async def test_a_place_with_a_term_is_left_at_its_term_though_nobody_says_so(doors: Doors) -> None:
    await with_contact(doors)
    await doors.hear(made(), placed().model_copy(update={"period": UNTIL_LATE}))
    assert await tidied(doors, THREE_YEARS) == ["F-R-1"]
    assert await tidied(doors, THREE_YEARS + DAY) == []


@pytest.mark.parametrize("for_another", [False, True])
async def test_who_waits_for_the_days_that_a_part_lacks_is_known_though_the_part_is_over(
    doors: Doors, for_another: bool
) -> None:
    await with_contact(doors)
    await doors.hear(made(), placed().model_copy(update={"partial": True, "period": UNTIL_LATE}))
    if for_another:
        gone = {"structure": CRECHE, "section": GRANDS, "last_day": LEFT, "reason": DepartureReason.OTHER_PLACE}
        await doors.hear(event(PlacementEnding, "L-1", LATE, **gone))
    assert await tidied(doors, 10 * THREE_YEARS) == ["F-R-1"]


async def test_who_said_that_a_place_was_found_here_is_known_as_long_as_who_left_one(doors: Doors) -> None:
    await with_contact(doors)
    await close(doors, reason=ClosingReason.PLACED)
    assert await tidied(doors, THREE_YEARS) == ["F-R-1"]
    assert await tidied(doors, THREE_YEARS + DAY) == []


async def test_a_request_is_erased_once_by_whoever_comes_first(doors: Doors) -> None:
    await with_contact(doors)
    erased = [await doors.write(record_erasure, act(COORDINATOR, LATE), "R-1") for _ in range(2)]
    assert (erased, len(await doors.said(RequestClosed))) == ([True, False], 1)


async def test_only_the_guichet_erases(doors: Doors) -> None:
    request = await doors.register()
    refused = await doors.post(f"/requests/{request}/closing", "counsellor", {"reason": "erased"})
    assert (refused.status_code, len(await known(doors))) == (403, 1)
    closed = await doors.post(f"/requests/{request}/closing", "counsellor", {"reason": "moved_away"})
    assert closed.status_code == 202


async def test_a_family_whose_request_is_closed_may_still_ask_to_be_erased(doors: Doors) -> None:
    await with_contact(doors)
    await close(doors)
    erased = await doors.post("/requests/R-1/closing", "coordinator", {"reason": "erased"})
    assert (erased.status_code, await known(doors)) == (202, [])
    again = await doors.post("/requests/R-1/closing", "coordinator", {"reason": "erased"})
    assert again.status_code == 409
