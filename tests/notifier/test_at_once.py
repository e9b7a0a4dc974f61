"""Several families are written to at once; the texts of one follow each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from services.notifier.gateways.gateway import Idempotency, SendResult
from services.notifier.gsm7 import Encoding
from services.notifier.sending import AT_ONCE
from services.vault import Contact
from tests.notifier.desk import Desk
from tests.notifier.fakes import FakeGateway

FAMILIES, TEXTS = AT_ONCE + 2, 2


def phone(family: int) -> str:
    return f"+336399870{family:02}"


@dataclass
class SlowGateway(FakeGateway):
    """Answers once as many calls are under way as may be, or after its patience; notes how many were, in all and to one
    phone."""

    patience_s: float = 0.02
    full: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: Counter[str] = field(default_factory=Counter)
    most: int = 0
    most_to_one: int = 0

    async def send(self, reference: str, to: str, text: str, encoding: Encoding) -> SendResult:
        self.under_way[to] += 1
        self.most = max(self.most, self.under_way.total())
        self.most_to_one = max(self.most_to_one, self.under_way[to])
        if self.under_way.total() == AT_ONCE:
            self.full.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.full.wait(), self.patience_s)
        self.under_way[to] -= 1
        return await super().send(reference, to, text, encoding)


async def offers_to_many(desk: Desk) -> None:
    """Two proposals for each of some families, a minute between them."""
    for n in range(FAMILIES):
        await desk.keep(Contact(id=f"c-{n}", phone=phone(n)), family=f"f-many-{n}")
    for text in range(TEXTS):
        for n in range(FAMILIES):
            await desk.offer(f"p-{n}-{text}", family=f"f-many-{n}", code=str(1000 + 100 * n + text))
        desk.clock.advance(timedelta(minutes=1))


def codes_to(gateway: FakeGateway, family: int) -> list[str]:
    """The last figure of the code in each text to this family, in their order."""
    codes = [str(1000 + 100 * family + text) for text in range(TEXTS)]
    return [code for sms in gateway.sent if sms.to == phone(family) for code in codes if code in sms.text]


@pytest.mark.parametrize(("idempotency", "most"), [(Idempotency.KEY, AT_ONCE), (Idempotency.NEITHER, 1)])
async def test_families_are_written_to_at_once_where_a_crash_leaves_nothing_in_doubt(
    desk: Desk, idempotency: Idempotency, most: int
) -> None:
    patience_s = 20.0 if most > 1 else 0.02
    desk.gateway = SlowGateway(idempotency=idempotency, patience_s=patience_s)
    await offers_to_many(desk)
    assert await desk.send() == FAMILIES * TEXTS
    assert (desk.gateway.most, desk.gateway.most_to_one) == (most, 1)


async def test_the_texts_of_a_family_keep_their_order(desk: Desk) -> None:
    desk.gateway = SlowGateway()
    await offers_to_many(desk)
    await desk.send()
    assert [codes_to(desk.gateway, n) for n in range(FAMILIES)] == [
        [str(1000 + 100 * n + text) for text in range(TEXTS)] for n in range(FAMILIES)
    ]


async def test_a_failure_towards_one_family_holds_back_its_later_texts_and_no_other_familys(desk: Desk) -> None:
    class Failing(SlowGateway):
        async def send(self, reference: str, to: str, text: str, encoding: Encoding) -> SendResult:
            if to == phone(0):
                raise ConnectionError
            return await super().send(reference, to, text, encoding)

    desk.gateway = Failing()
    await offers_to_many(desk)
    with pytest.raises(ConnectionError):
        await desk.send()
    assert codes_to(desk.gateway, 0) == []
    assert len(desk.gateway.sent) == (FAMILIES - 1) * TEXTS
    assert Counter(row["state"] for row in await desk.rows()) == {"sent": 18, "sending": 1, "planned": 1}
