"""The units under a real systemd, which is given namespaces of its own: started, killed, begun again, stopped."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MACHINE = Path(__file__).parent / "machine"
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc"]
GUARDS = 3
"""No capability, no new privilege, a filter of system calls: as the kernel says it of the process."""

WORKING = f"ready berceau {GUARDS}"
BEGUN_AGAIN, ENDED_IN_ORDER = "ready 1", "inactive success 0"


def lines(**settings: str) -> str:
    return "".join(f"BERCEAU_{name.upper()}={value}\n" for name, value in settings.items())


def seen(folder: Path) -> dict[str, str]:
    """What was seen on a machine that has just been installed, by what was looked at."""
    here = [str(folder), str(ROOT), sys.base_prefix, sysconfig.get_path("purelib")]
    done = subprocess.run(
        [*NAMESPACES, "bash", str(MACHINE / "boot.sh"), *here], capture_output=True, text=True, check=False
    )
    assert (folder / "seen").exists(), done.stdout + done.stderr
    pairs = (line.split(": ", 1) for line in (folder / "seen").read_text(encoding="utf-8").splitlines())
    return dict(pairs)  # type: ignore[arg-type]


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_a_real_systemd_starts_guards_begins_again_and_stops_every_unit(
    tmp_path: Path, kafka_bootstrap: str, database_url: str, topic_prefix: str
) -> None:
    missing = [name for name in ("unshare", "systemctl", "curl", "useradd") if shutil.which(name) is None]
    assert (os.geteuid(), missing) == (0, []), "namespaces of systemd's own need root and these programs"
    keys = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in ("vault_key", "link_key")}
    (tmp_path / "secrets.env").write_text(lines(**keys, inbound_secret=secrets.token_hex(16)), encoding="utf-8")
    shutil.copy(ROOT / "deploy" / "systemd" / "berceau.env", tmp_path)
    cluster = {"kafka": kafka_bootstrap, "database": database_url, "kafka_prefix": topic_prefix}
    (tmp_path / "cluster.env").write_text(lines(**cluster), encoding="utf-8")
    shutil.copy(MACHINE / "look.sh", tmp_path)
    assert seen(tmp_path) == {
        "alone": WORKING, "backup": "success 1", "alone killed": BEGUN_AGAIN, "alone stopped": ENDED_IN_ORDER,
        "timer": "active", "ingest": WORKING, "matcher": WORKING, "notifier": WORKING, "matcher killed": BEGUN_AGAIN,
        "ingest stopped": ENDED_IN_ORDER, "matcher stopped": ENDED_IN_ORDER, "notifier stopped": ENDED_IN_ORDER,
        "left": "0",
    }  # fmt: skip
