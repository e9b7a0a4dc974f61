"""What `deploy/prometheus` and `deploy/grafana` ask is answered by a real Prometheus that watches a real Berceau."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from deploy.servers.processes import free_ports, start_child, wait_until_ready
from services.bus import dead_letters
from services.bus.database import open_sqlite
from services.bus.settings import PREFIX
from services.calendar import system_clock
from services.ingest import partners
from tests.cli.conftest import KEYS
from tests.deploy.prometheus import RECIPE, Prometheus, find, watching
from tests.servers import failing_with_the_remedy

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "berceau.json"
SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass(frozen=True)
class Watched:
    """A Berceau, what it says at `/metrics`, and the Prometheus that watches it."""

    prometheus: Prometheus
    data: Path
    metrics: str

    def until(self, expression: str, patience_s: float = 30.0) -> list[str]:
        """The values of an expression, once it has some."""
        deadline = time.monotonic() + patience_s
        while not (found := self.prometheus.query(expression)):
            assert time.monotonic() < deadline, f"{expression} stayed empty"
            time.sleep(0.3)
        return [sample["value"][1] for sample in found]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    home = tmp_path_factory.mktemp("watched")
    (port,) = free_ports(1)
    bare = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    own = {"BERCEAU_DATA": str(home / "data"), "BERCEAU_BACKUPS": str(home / "backups"), "PYTHONPATH": str(ROOT)}
    command = ["/usr/bin/env", *(f"{k}={v}" for k, v in {**own, **KEYS}.items())]
    assert not set(own) & set(bare) - {"PYTHONPATH"}
    berceau = start_child([*command, sys.executable, "-m", "services.cli", "serve", "--port", str(port)], home / "log")
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(berceau, lambda: answers(f"{url}/readyz"), home / "log")
        with failing_with_the_remedy(), watching(home, f"127.0.0.1:{port}") as prometheus:
            with urllib.request.urlopen(f"{url}/metrics") as answer:
                found = Watched(prometheus, home / "data", answer.read().decode() + of_the_cluster())
            found.until('up{job="berceau"} == 1')
            yield found
    finally:
        berceau.end(signal.SIGTERM, patience=15)


def of_the_cluster() -> str:
    """What only a process with a broker measures: partners come by Kafka."""
    (about,) = partners.MESSAGES.collect()
    return f"# TYPE {about.name}_total {about.type}\n"


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def asked_by_alerts() -> dict[str, str]:
    groups = yaml.safe_load((RECIPE / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def asked_by_the_dashboard() -> dict[str, str]:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return {panel["title"]: target["expr"] for panel in panels for target in panel["targets"]}


ASKED = {**asked_by_alerts(), **asked_by_the_dashboard()}


def measured(metrics: str) -> set[str]:
    """The names that a process says it measures, those without a sample yet included."""
    types = dict(re.findall(r"^# TYPE (berceau_\w+) (\w+)$", metrics, re.MULTILINE))
    parts = {f"{name}{end}" for name, kind in types.items() if kind == "histogram" for end in SUFFIXES}
    return set(types) | parts


def unknown(expression: str, metrics: str) -> set[str]:
    """The names of an expression that nobody measures."""
    return set(re.findall(r"\bberceau_\w+", expression)) - measured(metrics)


@pytest.mark.parametrize("title", ASKED)
def test_what_an_alert_or_a_panel_asks_is_measured_and_understood(watched: Watched, title: str) -> None:
    assert unknown(ASKED[title], watched.metrics) == set()
    assert isinstance(watched.prometheus.query(ASKED[title]), list)


def test_a_name_that_nobody_measures_and_a_query_that_is_none_are_found(watched: Watched) -> None:
    """The twin."""
    assert unknown("max(berceau_dead_leters) > 0", watched.metrics) == {"berceau_dead_leters"}
    with pytest.raises(urllib.error.HTTPError):
        watched.prometheus.query("max by (service (berceau_away)")


def test_every_service_of_one_process_is_measured(watched: Watched) -> None:
    watched.until("count(berceau_dead_letters) == 3")
    assert watched.until("max(berceau_last_backup_timestamp_seconds)") == ["0"]


def test_a_parked_message_raises_its_alert(watched: Watched) -> None:
    async def park() -> None:
        matcher = open_sqlite(watched.data / "matcher.sqlite")
        facts = {"type_": None, "reason": "wrong", "error": "essai", "tries": 1, "now": system_clock()}
        await matcher.write(dead_letters.park, stream="declarations", origin="declarations/1", body=b"?", **facts)
        await matcher.close()

    assert watched.prometheus.query('ALERTS{alertname="BerceauMessageDeCote"}') == []
    asyncio.run(park())
    watched.until('ALERTS{alertname="BerceauMessageDeCote", alertstate="pending", service="matcher"}')


@pytest.mark.parametrize("arguments", [("check", "rules", "alerts.yml"), ("check", "config", "prometheus.yml")])
def test_the_files_are_what_prometheus_reads(arguments: tuple[str, ...]) -> None:
    assert promtool(*arguments).returncode == 0


def test_each_alert_fires_on_its_fault_and_none_where_all_is_well() -> None:
    done = promtool("test", "rules", "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    cases = yaml.safe_load((RECIPE / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    quiet = {case["alertname"] for case in cases[0]["alert_rule_test"]}
    assert quiet == set(asked_by_alerts())
    (firing,) = cases[1]["promql_expr_test"]
    assert firing["exp_samples"][0]["value"] == len(quiet)


def test_each_alert_says_what_to_do_and_the_technicians_guide_names_it() -> None:
    guide = (ROOT / "docs" / "exploitation.md").read_text(encoding="utf-8")
    groups = yaml.safe_load((RECIPE / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert rule["annotations"]["summary"] and rule["annotations"]["action"]
        assert f"`{rule['alert']}`" in guide


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    with failing_with_the_remedy():
        program = find("promtool")
    return subprocess.run([program, *arguments], cwd=RECIPE, capture_output=True, text=True)
