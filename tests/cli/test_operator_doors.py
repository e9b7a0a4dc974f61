"""What the SMS operator calls on the one site of a town hall: it has no other address to give."""

from __future__ import annotations

import httpx2
import pytest

from services.bus.settings import from_environment
from services.calendar import system_clock
from services.cli.embedded import open_embedded
from services.matcher.app import decide_here

SECRET = "un-secret-assez-long-pour-un-operateur"
DOORS = {
    "receipts": {"reference": "M-1-0", "status": "delivered", "at": "2026-11-23T09:00:00+01:00"},
    "inbound": {"message_id": "m-1", "from": "+33639980011", "text": "bonjour"},
}


async def test_the_site_of_one_process_opens_both_doors_of_the_operator(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"GATEWAY": "http", "GATEWAY_URL": "http://operateur.test", "INBOUND_SECRET": SECRET}.items():
        monkeypatch.setenv(f"BERCEAU_{name}", value)
    town = await open_embedded(from_environment(), system_clock, durability="OFF", decide=decide_here)
    web = httpx2.AsyncClient(transport=httpx2.ASGITransport(town.site), base_url="http://127.0.0.1")
    for door, body in DOORS.items():
        found = [(await web.post(f"/sms/{door}/{secret}", json=body)).status_code for secret in (SECRET, "faux")]
        assert found == [200, 404], door
    assert (await web.get("/telephones")).status_code == 404, "real texts leave: there are no simulated phones"
    await town.close()
