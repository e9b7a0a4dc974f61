"""What Kafka brought and nobody could handle, settled by the command beside the running service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.bus.migrations import upgrade
from services.bus.settings import Settings
from services.bus.wiring import database_at
from services.calendar import system_clock
from services.cli.failures import Exit
from services.matcher import app as matcher
from services.matcher.app import decide_here
from tests.bus.harness import until
from tests.cli.command import Command
from tests.connected.carriers import reading

EXAMPLES = Path(__file__).resolve().parents[2] / "contracts" / "examples" / "declarations"
TERRITORY = (EXAMPLES / "territory.published.json").read_bytes().replace(b"montlucon-modele-2026", b"montlucon-modele")


@pytest.fixture
def command(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    own = {"KAFKA": settings.kafka, "KAFKA_PREFIX": settings.kafka_prefix, "DATABASE": database_url}
    keys = {"VAULT_KEY": settings.vault_key.get_secret_value(), "LINK_KEY": settings.link_key.get_secret_value()}
    for name, value in (own | keys).items():
        monkeypatch.setenv(f"BERCEAU_{name}", str(value))
    return Command(capsys)


async def test_a_message_that_kafka_brought_too_early_is_handled_again_by_the_command(
    settings: Settings, database_url: str, command: Command
) -> None:
    database = database_at(settings.model_copy(update={"database": database_url}), "matcher")
    await upgrade(database, "matcher")
    service = matcher.build(database, system_clock, decide_here)
    async with reading(settings, service.reader) as bus:
        for name in ("structure.published", "territory.published"):
            body = TERRITORY if name.startswith("territory") else (EXAMPLES / f"{name}.json").read_bytes()
            topic = f"{settings.kafka_prefix}declarations"
            await bus.broker.publish(body, topic, key=b"montlucon", headers={"ce_type": name})

        async def parked() -> bool:
            return (await asyncio.to_thread(command, "dead-letters")).code == Exit.FOUND

        await until(parked)
        await until(lambda: asyncio.to_thread(redriven, command))
        assert (await asyncio.to_thread(command, "dead-letters")).code == 0
    await service.close()


def redriven(command: Command) -> bool:
    """True once the territory was heard, which it was behind its structure."""
    return command("dead-letters", "redrive", "matcher", 1, "--note", "territoire publié").code == 0
