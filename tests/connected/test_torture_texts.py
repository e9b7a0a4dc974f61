"""T2 and T3 at full size: texts under kill -9, and many claimants for few places. The small sizes stand elsewhere."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from services.notifier.gateways.gateway import Idempotency
from services.notifier.store import State
from tests.connected import torture
from tests.notifier import test_killed_sender as killed
from tests.notifier.dying_sender import every_message
from tests.notifier.provider import running

TEXTS, KILLS, SEED = 2_000, 20, 7  # for each of the three kinds of gateway: 6,000 and 60 in all


@pytest.mark.torture
@pytest.mark.timeout(1200)
async def test_six_thousand_texts_and_sixty_kills_lose_none_and_send_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, unknown = time.monotonic(), {}
    monkeypatch.setattr(killed, "KILLS", KILLS)
    for idempotency in Idempotency:
        folder = tmp_path / idempotency.value
        folder.mkdir()
        database = await killed.plan_texts(folder, TEXTS, families=TEXTS // 10)
        at = killed.deaths(SEED, TEXTS, KILLS)
        deadly = killed.DeadlyProvider(honours_keys=idempotency is Idempotency.KEY, kill_at=at)
        with running(deadly) as provider:
            assert killed.live_and_die(folder, deadly, idempotency) == KILLS
        messages = await database.read(every_message)
        unknown[idempotency] = sum(message.state is State.UNKNOWN for message in messages)
        assert provider.doubles == 0
        assert {m.reference for m in provider.taken} == {m.reference for m in messages}
        await database.close()
    assert unknown == {Idempotency.KEY: 0, Idempotency.LOOKUP: 0, Idempotency.NEITHER: KILLS}
    torture.record(
        "T2", f"{3 * TEXTS} SMS, expéditeur tué {3 * KILLS} fois, trois sortes de passerelle",
        f"0 perdu, 0 doublé ; sans clé ni recherche {KILLS} à vérifier, tous listés", seed=SEED, begun=begun,
        on=torture.sqlite(), twin="envoyer puis noter : 5 doublés pour 5 morts (à chaque `make test`)",
    )  # fmt: skip
