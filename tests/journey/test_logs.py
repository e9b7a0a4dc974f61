"""People ask, are answered, and things go wrong around them: no log line of it names one of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PHONE, NAME = "+33639988123", "Camille Exempleton"

SCENARIO = """
import asyncio, logging, sys
from pathlib import Path
import structlog
from services.bus.logs import configure_logs
from services.bus.retries import WrongEvent
from services.notifier.gateways.phone import PhoneGateway
from tests.journey.conftest import MONDAY
from tests.journey.embedded import open_profile
from tests.journey.town import ask, open_town, open_tuesdays
from tests.journey.world import World
from services.vault import Contact

async def refuse(self, reference, to, text, encoding):
    raise RuntimeError(f"refused {to}: {text}")

async def main():
    profile = await open_profile(Path(sys.argv[1]), MONDAY)
    world = World(profile, "t1")
    await open_town(world, automatic_release=True)
    await ask(world, "+33639988123")
    PhoneGateway.send = refuse
    await open_tuesdays(world)
    try:
        await profile.settle()
    except RuntimeError as error:
        log.error("failed", error=str(error), exc_info=error)
        logging.getLogger("asyncio").error("Task exception was never retrieved", exc_info=error)
    log.info("tried", contact=contact, phone=contact.phone, name=contact.name, tried=[{"name": contact.name}])
    logging.getLogger("a.library").warning("could not reach %s", contact.phone)
    raise RuntimeError(f"the end of {contact.phone}")

configure_logs()
log = structlog.get_logger()
contact = Contact.model_validate({"id": "c-1", "phone": "+33639988123", "name": "Camille Exempleton"})
asyncio.run(main())
"""


def test_a_night_in_which_everything_fails_leaves_no_phone_and_no_name_in_the_log(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCENARIO, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "the end of [masqué]" in said and "could not reach [masqué]" in said and "refused [masqué]" in said
    national = "0" + PHONE.removeprefix("+33")
    assert not any(secret in said for secret in (PHONE, PHONE[1:], national, "Camille", "Exempleton", "Personne inv"))


def test_a_line_is_json_for_programs_and_keeps_the_ids_that_one_looks_for() -> None:
    code = (
        "from services.bus.logs import configure_logs; import structlog, logging; configure_logs();"
        "structlog.get_logger().warning('sent', contact='f-1-c2', proposal='P-1', tries=2);"
        "logging.getLogger('a').warning('slow')"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stderr
    ours, theirs = (json.loads(line) for line in said.splitlines())
    assert (ours["event"], ours["contact"], ours["proposal"], ours["tries"]) == ("sent", "f-1-c2", "P-1", 2)
    assert (theirs["event"], theirs["level"]) == ("slow", "warning")
