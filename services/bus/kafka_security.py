"""How a process makes itself known to the broker, for each of the two clients that we use.

When to modify: with another way of signing in that a broker asks for.
"""

from __future__ import annotations

import ssl
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from services.bus.settings import Settings

_BY_MECHANISM = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def for_faststream(settings: Settings) -> BaseSecurity | None:
    """None where the broker asks for nothing."""
    if settings.kafka_protocol == "PLAINTEXT":
        return None
    context = _context(settings)
    if not settings.kafka_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context, use_ssl=True)
    password = settings.kafka_password.get_secret_value()
    sign_in = _BY_MECHANISM[settings.kafka_mechanism]
    return sign_in(settings.kafka_user, password, ssl_context=context, use_ssl=context is not None)


def for_kafka_python(settings: Settings) -> dict[str, Any]:
    """The same for the clients of commands."""
    found: dict[str, Any] = {"security_protocol": settings.kafka_protocol}
    if context := _context(settings):
        found["ssl_context"] = context
    if settings.kafka_protocol.startswith("SASL"):
        found["sasl_mechanism"] = settings.kafka_mechanism
        found["sasl_plain_username"] = settings.kafka_user
        found["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return found


def _context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.kafka_protocol.endswith("SSL"):
        return None
    return ssl.create_default_context(cafile=settings.kafka_ca)
