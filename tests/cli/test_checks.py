"""What the doctor says of rights on the broker and of the hours in which SMS leave."""

from __future__ import annotations

import asyncio
from datetime import time

import pytest

from services.bus.settings import Settings
from services.bus.topics import TopicState
from services.cli import checks, doctor
from services.cli.assembly import gateway_of, has_closed_sender, quiet_hours_of
from services.cli.checks import Check
from services.cli.checks_of_carriers import gateway, sending_hours
from services.cli.checks_of_rights import NEEDS, READ, WRITE, rights
from tests.cli.command import Command
from tests.cli.conftest import KEYS

SECRETS = {"vault_key": KEYS["BERCEAU_VAULT_KEY"], "link_key": KEYS["BERCEAU_LINK_KEY"]}
EVERY_TOPIC = ("declarations", "decisions", "messages", "partners", "partners.rejects")


def settings(**values: str) -> Settings:
    return Settings.model_validate({**SECRETS, "kafka_prefix": "t.", **values})


def seen(held: set[tuple[str, str]], *, guarded: bool = True) -> list[Check]:
    """What the doctor says of an account that holds these rights."""
    states = [
        TopicState(f"t.{name}", 2, 3, 7, 2, tuple(sorted(right for topic, right in held if topic == name)))
        for name in EVERY_TOPIC
    ]
    return list(rights(settings(), states, guarded=guarded))


@pytest.mark.parametrize("service", ["ingest", "matcher", "notifier"])
def test_an_account_with_the_rights_of_one_service_is_right(service: str) -> None:
    (check,) = seen(set(NEEDS[service]))
    assert (check.state, check.detail) == ("ok", f"ce compte suffit à {service}")


@pytest.mark.parametrize("right", sorted(NEEDS["matcher"]))
def test_an_account_that_lacks_one_right_is_told_which(right: tuple[str, str]) -> None:
    (check,) = seen(set(NEEDS["matcher"]) - {right})
    assert check.state == "failed"
    assert f"{right[1]} sur t.{right[0]}" in check.detail and "kafka-acls" in check.remedy


def test_a_broker_that_controls_nobody_is_said() -> None:
    (check,) = seen({(name, right) for name in EVERY_TOPIC for right in (READ, WRITE)}, guarded=False)
    assert check.state == "warning" and "authorizer.class.name" in check.remedy


def test_a_matcher_writes_decisions_and_reads_the_rest() -> None:
    assert NEEDS["matcher"] == {("declarations", READ), ("messages", READ), ("decisions", WRITE)}


async def test_the_operators_address_is_told_without_the_secrets_that_it_carries() -> None:
    address = "http://us:hidden@127.0.0.1:9/v1?token=hidden"
    said = await gateway(settings(gateway="http", gateway_url=address, gateway_token="hidden"))
    assert said[0].state == "failed" and said[0].detail.startswith("http://127.0.0.1:9/v1 ne répond pas")
    assert not any("hidden" in check.detail for check in said)


def test_hours_without_an_operators_silence_are_the_guichets() -> None:
    check = sending_hours(None)
    assert (check.state, check.remedy) == ("ok", "")
    assert "ordinaires de 08h00 à 20h00" in check.detail and "urgents de 06h00 à 22h00" in check.detail


def test_an_operator_who_keeps_urgent_texts_back_is_a_warning() -> None:
    check = sending_hours((time(20), time(8)))
    assert check.state == "warning"
    assert "urgents de 08h00 à 20h00" in check.detail and "se tait de 20h00 à 08h00" in check.detail
    assert sending_hours((time(22), time(6))).state == "ok", "nothing of ours would leave then"


def test_an_operator_who_never_sends_by_day_is_a_fault() -> None:
    check = sending_hours((time(7), time(21)))
    assert check.state == "failed" and "BERCEAU_GATEWAY_QUIET" in check.remedy


def test_an_operator_who_leaves_one_minute_of_ours_is_no_fault() -> None:
    assert sending_hours((time(8, 1), time(8))).state != "failed"
    assert sending_hours((time(8), time(8))).state == "failed", "from an hour to itself is the whole day"


@pytest.mark.parametrize("command", [("serve",), ("worker", "notifier")])
def test_berceau_does_not_start_with_an_operator_who_never_sends(
    berceau: Command, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERCEAU_GATEWAY", "http")
    monkeypatch.setenv("BERCEAU_GATEWAY_QUIET", "07:00-21:00")
    said = berceau(*command)
    assert said.code == 3
    assert "BERCEAU_GATEWAY_QUIET" in said.err and "se tairait" in said.err


def test_berceau_does_not_start_with_a_sender_that_no_operator_carries(
    berceau: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERCEAU_GATEWAY", "http")
    monkeypatch.setenv("BERCEAU_GATEWAY_SENDER", "06 39 98 00 11")
    said = berceau("serve")
    assert said.code == 3 and "BERCEAU_GATEWAY_SENDER" in said.err


@pytest.mark.parametrize(
    "sender", ["0639980011", "+33 6 39 98 00 11", "0033639980011", "33.6.39.98.00.11", "+33 (0)639980011"]
)
async def test_the_doctor_refuses_an_ordinary_mobile_number_as_sender(sender: str) -> None:
    way = {"gateway": "http", "gateway_url": "http://127.0.0.1:9", "gateway_token": "t"}
    (said,) = await gateway(settings(**way, gateway_sender=sender))
    assert said.state == "failed" and "BERCEAU_GATEWAY_SENDER" in said.remedy


@pytest.mark.parametrize("sender", ["Guichet", "38600", "0465710000", "Creche07", "+33 4 65 71 00 00"])
def test_a_name_or_a_number_of_another_kind_may_send(sender: str) -> None:
    assert not has_closed_sender(settings(gateway="http", gateway_sender=sender))
    assert not has_closed_sender(settings(gateway_sender="0639980011")), "simulated phones carry everything"


def test_the_operators_silence_reaches_the_gateway() -> None:
    assert quiet_hours_of(settings()) is None
    gateway = gateway_of(settings(gateway="http", gateway_quiet="22:30-07:00"))
    assert gateway is not None and gateway.quiet_hours == (time(22, 30), time(7))


@pytest.mark.parametrize("wrong", ["22:30", "24:00-07:00", "22h-7h", "7:00-22:00"])
def test_an_operators_silence_is_written_in_one_way_only(wrong: str) -> None:
    with pytest.raises(ValueError, match="gateway_quiet"):
        settings(gateway_quiet=wrong)


async def test_the_doctor_looks_side_by_side_and_tells_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look ends only once the last has begun: one after the other they would wait for ever."""
    last_began = asyncio.Event()

    async def first(_: Settings) -> list[Check]:
        await last_began.wait()
        return [checks.ok("premier", "")]

    async def last(_: Settings) -> list[Check]:
        last_began.set()
        return [checks.ok("dernier", "")]

    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(doctor, "_all", lambda: (first, last))
    told: list[str] = []
    async with asyncio.timeout(5):
        await doctor.examined(lambda check: told.append(check.name))
    assert told == ["Python", "réglages", "premier", "dernier"]
