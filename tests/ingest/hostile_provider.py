"""An identity provider that answers whatever a test wants: forged, foreign, stale or broken. It signs in nobody."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

OWN, FOREIGN = RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "1"})
"""What the provider publishes, and what somebody else signs with under the same name."""


@dataclass
class Hostile:
    """`answers` is by path: a JSON value, or the text of a JWT. Where it `drips`, a byte comes now and then."""

    issuer: str
    answers: dict[str, Any] = field(default_factory=dict)
    drips: str = ""

    def describe(self, **changes: Any) -> None:
        paths = {"authorization_endpoint": "a", "token_endpoint": "t", "jwks_uri": "k", "userinfo_endpoint": "u"}
        said = {name: f"{self.issuer}/{path}" for name, path in paths.items()}
        self.answers["/.well-known/openid-configuration"] = {"issuer": self.issuer, **said, **changes}
        self.answers["/k"] = {"keys": [OWN.as_dict(private=False)]}

    def gives(self, token: Mapping[str, Any]) -> None:
        self.answers["/t"] = {"access_token": "a", "token_type": "Bearer", **token}


def claims(issuer: str, client: str, nonce: str, **changes: Any) -> dict[str, Any]:
    """What an honest provider says of somebody; a change to None leaves a claim out."""
    now = int(time.time())
    honest = {"iss": issuer, "aud": client, "sub": "7", "nonce": nonce, "iat": now, "exp": now + 60}
    told = {**honest, "email": "camille@exemple.fr", "email_verified": True, **changes}
    return {name: value for name, value in told.items() if value is not None}


def signed(told: Mapping[str, Any], key: RSAKey = OWN) -> str:
    return jwt.encode({"alg": "RS256", "kid": "1"}, dict(told), key)


def forged(told: Mapping[str, Any], secret: bytes | None) -> str:
    """Signed by a shared secret, or by nobody: by hand, since the library refuses to."""
    parts = ({"alg": "none" if secret is None else "HS256", "kid": "1"}, told)
    text = ".".join(_url_safe(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_url_safe(hmac.digest(secret, text.encode(), 'sha256')) if secret else ''}"


def _url_safe(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@contextmanager
def serving() -> Iterator[Hostile]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    here = Hostile(f"http://127.0.0.1:{server.server_port}")
    server.hostile = here  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    here.describe()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answer = self.server.hostile.answers.get(self.path)  # type: ignore[attr-defined]
        is_jwt = isinstance(answer, str)
        body = (answer if is_jwt else json.dumps(answer)).encode()
        self.send_response(200 if answer is not None else 500)
        self.send_header("Content-Type", "application/jwt" if is_jwt else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self._write(body)
        except ConnectionError:
            """Whoever asked has left."""

    def _write(self, body: bytes) -> None:
        drips = self.server.hostile.drips == self.path  # type: ignore[attr-defined]
        for part in (body[n : n + 1] for n in range(len(body))) if drips else (body,):
            self.wfile.write(part)
            if drips:
                time.sleep(0.05)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Nothing: what a test wants to see it asks for."""
