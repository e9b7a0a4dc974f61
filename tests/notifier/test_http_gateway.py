"""The HTTP gateway against a real server that misbehaves: nothing lost, nothing double, no number in a reason."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from pydantic import SecretStr

from services.notifier.gateways import http
from services.notifier.gateways.gateway import SETTLING, Gateway, Idempotency, Outcome, SendResult, settled
from services.notifier.gateways.http import DeliveryReport, HttpGateway, receipt_of
from services.notifier.gsm7 import Encoding
from tests.notifier.provider import Fault, Provider, running

TO = "+33639981234"
TEXT = "Guichet enfance: texte d'essai"
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
IMPATIENT = httpx2.Timeout(0.25, connect=1.0)
DOUBTFUL = (Fault.LATE, Fault.ERROR_AFTER, Fault.CUT, Fault.GARBLED, Fault.ERROR_BEFORE)


@pytest.fixture(scope="module")
def shared() -> Iterator[Provider]:
    with running(Provider()) as provider:
        yield provider


@pytest.fixture
def provider(shared: Provider) -> Provider:
    """The provider as if it had just begun."""
    shared.honours_keys = True
    for memory in (shared.faults, shared.taken, shared.tokens):
        memory.clear()
    return shared


@asynccontextmanager
async def gateway_to(url: str, idempotency: Idempotency = Idempotency.KEY) -> AsyncIterator[HttpGateway]:
    async with httpx2.AsyncClient() as client:
        yield HttpGateway(client, url, SecretStr("jeton"), "GUICHET", idempotency, timeouts=IMPATIENT)


async def send(gateway: Gateway, reference: str = "m-1-0") -> SendResult:
    return await gateway.send(reference, TO, TEXT, Encoding.GSM7)


async def test_a_text_leaves_with_our_reference_as_its_key(provider: Provider) -> None:
    async with gateway_to(provider.url) as gateway:
        results = [await send(gateway), await send(gateway)]
    assert results == [SendResult(outcome=Outcome.SENT, provider_id="p-m-1-0")] * 2
    (taken,) = provider.taken
    assert (taken.to, taken.text, taken.encoding, taken.sender) == (TO, TEXT, "gsm7", "GUICHET")
    assert provider.tokens == ["Bearer jeton"] * 2


async def test_a_refusal_is_final_and_carries_the_code_without_the_number(provider: Provider) -> None:
    provider.faults.append(Fault.REFUSED)
    async with gateway_to(provider.url) as gateway:
        result = await send(gateway)
    assert result == SendResult(outcome=Outcome.FAILED, reason="refusé par l'opérateur (400 blacklisted)")
    assert provider.taken == []


async def test_a_busy_provider_is_asked_again_when_it_says(provider: Provider) -> None:
    provider.faults.append(Fault.BUSY)
    async with gateway_to(provider.url, Idempotency.NEITHER) as gateway:
        result = await send(gateway)
    assert (result.outcome, result.retry_after) == (Outcome.LATER, timedelta(seconds=7))


async def test_our_wrong_credentials_never_fail_a_family(provider: Provider) -> None:
    provider.faults.append(Fault.NOT_OURS)
    async with gateway_to(provider.url, Idempotency.NEITHER) as gateway:
        result = await send(gateway)
    assert result.outcome is Outcome.LATER
    assert TO not in result.reason
    assert "401" in result.reason


async def test_a_provider_that_cannot_be_reached_is_tried_later_even_without_keys() -> None:
    async with gateway_to("http://127.0.0.1:1", Idempotency.NEITHER) as gateway:
        result = await send(gateway)
    assert result.outcome is Outcome.LATER
    assert "injoignable" in result.reason


@pytest.mark.parametrize("fault", DOUBTFUL)
async def test_with_a_key_whatever_is_doubtful_is_sent_again_and_arrives_once(provider: Provider, fault: Fault) -> None:
    provider.faults.append(fault)
    async with gateway_to(provider.url) as gateway:
        outcomes = [(await send(gateway)).outcome, (await send(gateway)).outcome]
    assert outcomes == [Outcome.LATER, Outcome.SENT]
    assert len(provider.taken) == 1


@pytest.mark.parametrize("fault", [Fault.LATE, Fault.ERROR_AFTER, Fault.CUT])
async def test_with_look_up_a_lost_answer_is_found(provider: Provider, fault: Fault) -> None:
    provider.faults.append(fault)
    async with gateway_to(provider.url, Idempotency.LOOKUP) as gateway:
        assert (await send(gateway)).outcome is Outcome.SENT
    assert len(provider.taken) == 1


async def test_with_look_up_what_is_not_found_is_sent_again_only_once_it_has_settled(provider: Provider) -> None:
    provider.faults.append(Fault.ERROR_BEFORE)
    async with gateway_to(provider.url, Idempotency.LOOKUP) as gateway:
        first = await send(gateway)
        early = await settled(gateway, "m-1-0", NOW, NOW + SETTLING / 2)
        late = await settled(gateway, "m-1-0", NOW, NOW + SETTLING)
    assert (first.outcome, first.retry_after) == (Outcome.UNKNOWN, SETTLING)
    assert (early.outcome, early.retry_after) == (Outcome.UNKNOWN, SETTLING)
    assert late.outcome is Outcome.LATER


def test_a_request_of_ours_is_over_long_before_its_message_has_settled() -> None:
    waits = [timedelta(seconds=seconds) for seconds in http.TIMEOUTS.as_dict().values() if seconds is not None]
    assert len(waits) == 4
    assert sum(waits, timedelta(0)) < SETTLING / 2


@pytest.mark.parametrize("fault", DOUBTFUL)
async def test_with_neither_what_is_doubtful_stays_unknown_for_good(provider: Provider, fault: Fault) -> None:
    provider.faults.append(fault)
    async with gateway_to(provider.url, Idempotency.NEITHER) as gateway:
        result = await send(gateway)
        later = await settled(gateway, "m-1-0", NOW, NOW + timedelta(days=1))
    for unknown in (result, later):
        assert (unknown.outcome, unknown.retry_after) == (Outcome.UNKNOWN, None)


async def deliver_all(gateway: Gateway, references: list[str]) -> set[str]:
    """Send each until it is sent or nobody can tell: what the notifier does. Returns what nobody can tell."""
    unknown = set()
    for reference in references:
        result = await send(gateway, reference)
        while result.outcome is Outcome.LATER or (result.outcome is Outcome.UNKNOWN and result.retry_after):
            if result.outcome is Outcome.UNKNOWN:
                result = await settled(gateway, reference, NOW, NOW + SETTLING)
            if result.outcome is Outcome.LATER:
                result = await send(gateway, reference)
        if result.outcome is Outcome.UNKNOWN:
            unknown.add(reference)
    return unknown


def plenty_of_faults(seed: int) -> deque[Fault]:
    draw = random.Random(seed)
    faults = [Fault.NONE, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.CUT, Fault.BUSY]
    return deque(draw.choices(faults, k=200)) + deque([Fault.LATE] * 3)


REFERENCES = [f"m-{n}-0" for n in range(100)]


@pytest.mark.parametrize("idempotency", [Idempotency.KEY, Idempotency.LOOKUP])
async def test_a_hundred_texts_through_a_bad_line_arrive_once_each(
    provider: Provider, idempotency: Idempotency
) -> None:
    provider.faults.extend(plenty_of_faults(seed=1))
    async with gateway_to(provider.url, idempotency) as gateway:
        assert await deliver_all(gateway, REFERENCES) == set()
    assert sorted(message.reference for message in provider.taken) == sorted(REFERENCES)
    assert provider.doubles == 0


async def test_without_key_or_look_up_nothing_is_double_and_all_that_is_unknown_is_listed(provider: Provider) -> None:
    provider.faults.extend(plenty_of_faults(seed=1))
    async with gateway_to(provider.url, Idempotency.NEITHER) as gateway:
        unknown = await deliver_all(gateway, REFERENCES)
    missing = set(REFERENCES) - {message.reference for message in provider.taken}
    assert provider.doubles == 0
    assert missing <= unknown
    assert unknown


async def test_a_provider_that_forgets_its_keys_sends_twice(provider: Provider) -> None:
    provider.honours_keys = False
    provider.faults.extend(plenty_of_faults(seed=1))
    async with gateway_to(provider.url) as gateway:
        await deliver_all(gateway, REFERENCES)
    assert provider.doubles > 0


@pytest.mark.parametrize(("status", "delivered"), [("delivered", True), ("failed", False)])
def test_a_delivery_report_becomes_a_receipt(status: str, delivered: bool) -> None:
    report = DeliveryReport(reference="m-1-0", id="p-1", status=status, at=NOW, code="absent")
    receipt = receipt_of(report)
    assert receipt is not None
    assert (receipt.reference, receipt.delivered, receipt.at, receipt.reason) == ("m-1-0", delivered, NOW, "absent")


def test_a_report_on_the_way_is_no_receipt_and_a_number_never_passes_as_a_code() -> None:
    assert receipt_of(DeliveryReport(reference="m-1-0", status="sent", at=NOW)) is None
    failed = receipt_of(DeliveryReport(reference="m-1-0", status="failed", at=NOW, code="33639981234"))
    assert failed is not None
    assert failed.reason == ""
