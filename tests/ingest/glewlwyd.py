"""A real OpenID Connect provider, Glewlwyd from Debian's package, with invented people who sign in there.

People do with its pages what `Glewlwyd.sign_in` does with the doors behind them: a password, then their consent.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from deploy.servers.processes import MissingPart, free_ports, port_open, start_child, wait_until_ready

PEOPLE = {
    "camille": "Director@exemple.fr",
    "inconnue": "personne@exemple.fr",
    "partagee": "partagee@exemple.fr",
}
"""Who has an account there, by the address that the provider knows."""

CLIENT, SECRET, PASSWORD = "berceau", "secret d'essai", "mot de passe d'essai"
PACKAGE = "glewlwyd"
MODULES = Path("/usr/lib/glewlwyd")
SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")

CONFIG = """
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="INFO"
cookie_domain="127.0.0.1"
cookie_secure=0
session_expiration=3600
session_key="session"
admin_scope="g_admin"
profile_scope="g_profile"
login_api_enabled=true
user_module_path="{modules}/user"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
use_secure_connection=false
secure_connection_key_file="/unused"
secure_connection_pem_file="/unused"
hash_algorithm="SHA512"
database={{ type="sqlite3" path="{home}/glewlwyd.db" }};
"""


@dataclass(frozen=True)
class Glewlwyd:
    """A provider that knows Berceau as `CLIENT`."""

    root: str

    @property
    def issuer(self) -> str:
        return f"{self.root}/oidc"

    async def sign_in(self, way_in: str, who: str, password: str = PASSWORD) -> str:
        """What a person does where Berceau sent the browser; returns where the provider sends it back to."""
        async with httpx2.AsyncClient() as browser:
            asked = await browser.get(way_in)
            assert "/login.html?" in asked.headers["location"], asked.text
            await browser.post(f"{self.root}/auth/", json={"username": who, "password": password})
            await browser.put(f"{self.root}/auth/grant/{CLIENT}/", json={"scope": "openid"})
            return str((await browser.get(f"{way_in}&g_continue")).headers["location"])


@contextlib.contextmanager
def running(home: Path, back_to: str) -> Iterator[Glewlwyd]:
    """The provider, set up by its own administration, until the end of the block."""
    program = shutil.which(PACKAGE)
    if program is None:
        install = f"sudo systemctl mask {PACKAGE}; sudo apt-get install -y {PACKAGE}"
        raise MissingPart(f"{PACKAGE} is missing; install it, without its service, with: {install}")
    with contextlib.closing(sqlite3.connect(home / "glewlwyd.db")) as database:
        database.executescript(SCHEMA.read_text())
    (port,) = free_ports(1)
    (home / "glewlwyd.conf").write_text(CONFIG.format(port=port, modules=MODULES, home=home))
    log = home / "glewlwyd.log"
    child = start_child([program, f"--config-file={home / 'glewlwyd.conf'}"], log)
    here = Glewlwyd(f"http://127.0.0.1:{port}/api")
    try:
        wait_until_ready(child, lambda: port_open(port), log)
        _set_up(here, back_to)
        yield here
    finally:
        child.end(signal.SIGTERM, patience=5)


def _set_up(here: Glewlwyd, back_to: str) -> None:
    with httpx2.Client(base_url=here.root) as admin:
        for path, body in (
            ("/auth/", {"username": "admin", "password": "password"}),  # as the package's schema makes it
            ("/mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": _spoken(here)}),
            ("/client/", _client(back_to)),
            *(("/user/", _person(name, email)) for name, email in PEOPLE.items()),
        ):
            answer = admin.post(path, json=body)
            assert answer.is_success, (path, answer.text)


def _spoken(here: Glewlwyd) -> dict[str, object]:
    """Codes with PKCE, and tokens signed by a key made for this run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    flows = ("code", "token", "id-token", "none", "password", "client", "refresh", "device")
    return {
        "iss": here.issuer, "jwt-type": "rsa", "jwt-key-size": "256", "key": private, "cert": public,
        "code-duration": 600, "refresh-token-duration": 600, "access-token-duration": 600, "allow-non-oidc": False,
        **{f"auth-type-{flow}-enabled": flow in ("code", "id-token") for flow in flows},
        "pkce-allowed": True, "pkce-method-plain-allowed": False, "pkce-required": True,
        "email-claim": "mandatory", "name-claim": "no", "scope-claim": "no",
    }  # fmt: skip


def _client(back_to: str) -> dict[str, object]:
    return {
        "client_id": CLIENT, "name": "Berceau", "confidential": True, "password": SECRET, "enabled": True,
        "redirect_uri": [back_to], "authorization_type": ["code"], "scope": ["openid"],
        "token_endpoint_auth_method": ["client_secret_basic"],
    }  # fmt: skip


def _person(name: str, email: str) -> dict[str, object]:
    return {
        "username": name, "name": name, "email": email, "password": PASSWORD, "scope": ["openid"], "enabled": True,
    }  # fmt: skip
