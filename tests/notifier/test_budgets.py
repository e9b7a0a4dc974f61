"""How many SMS may leave to one phone and from one territory. The texts are real, the limits small."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.notifier import budgets
from services.notifier.budgets import DAY, HOUR, Budgets, Limit
from services.vault import Contact
from tests.notifier.desk import FIRST, NOON, SECOND, Desk

SMALL = budgets.DEFAULT_BUDGETS.model_copy(
    update={"to_a_phone": (Limit(most=2, window=HOUR), Limit(most=3, window=DAY)), "from_a_territory": ()}
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    set_budgets(monkeypatch, SMALL)


def set_budgets(monkeypatch: pytest.MonkeyPatch, changed: Budgets) -> None:
    monkeypatch.setattr(budgets.free_at, "__defaults__", (changed,))
    monkeypatch.setattr(budgets.may_be_written_to, "__defaults__", (changed,))


async def offer_many(desk: Desk, count: int) -> None:
    for number in range(count):
        await desk.offer(f"p-{number}", code=f"47{number:02}")
        await desk.send()


@pytest.mark.usefixtures("small")
async def test_a_text_over_the_budget_of_a_phone_waits_for_the_oldest_to_be_old_enough(desk: Desk) -> None:
    await offer_many(desk, 3)
    assert len(desk.sent) == 2
    (waiting,) = [row for row in await desk.rows() if row["state"] == "planned"]
    assert waiting["send_at"] == NOON + HOUR
    await desk.later(minutes=59)
    assert len(desk.sent) == 2
    await desk.later(minutes=1)
    assert len(desk.sent) == 3


@pytest.mark.usefixtures("small")
async def test_each_limit_counts_for_itself_and_another_phone_is_not_touched(desk: Desk) -> None:
    await offer_many(desk, 3)
    await desk.later(hours=1)
    await desk.offer("p-more", code="4799")
    await desk.later(minutes=61)
    assert len(desk.sent) == 3, "three in a day, although the hour has room"
    await desk.keep(Contact.model_validate({"id": "c-other", "phone": SECOND}), family="f-2")
    await desk.offer("p-other", family="f-2", code="4798")
    await desk.send()
    assert [sms.to for sms in desk.gateway.sent] == [FIRST, FIRST, FIRST, SECOND]


async def test_a_whole_territory_has_a_budget_of_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"to_a_phone": (), "from_a_territory": (Limit(most=1, window=timedelta(minutes=10)),)}
    set_budgets(monkeypatch, SMALL.model_copy(update=changes))
    await offer_many(desk, 2)
    assert len(desk.sent) == 1
    await desk.later(minutes=10)
    assert len(desk.sent) == 2


async def test_a_text_that_comes_too_late_for_its_budget_is_given_up_and_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_budgets(monkeypatch, SMALL.model_copy(update={"to_a_phone": (Limit(most=1, window=timedelta(days=7)),)}))
    await offer_many(desk, 2)
    await desk.later(days=7)
    (failed,) = await desk.said("message.failed")
    assert (failed.reason, failed.last) == ("too_late", True)


@pytest.mark.parametrize(("phone", "written"), [(FIRST, True), ("+262639010203", True), ("+447911123456", False)])
def test_only_the_countries_of_the_territory_are_written_to(phone: str, written: bool) -> None:
    assert budgets.may_be_written_to(phone) is written


async def test_a_contact_in_another_country_is_passed_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    set_budgets(monkeypatch, SMALL.model_copy(update={"countries": ("+44",)}))
    await desk.offer()
    await desk.send()
    (failed,) = await desk.said("message.failed")
    assert (desk.sent, failed.reason) == ([], "no_contact")


async def test_the_voted_budget_lets_three_proposals_a_day_through(desk: Desk) -> None:
    """The twin of the small limits: nothing ordinary is ever held back."""
    await offer_many(desk, 3)
    assert len(desk.sent) == 3
