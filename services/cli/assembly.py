"""How each service is put together, the same for one process and for a cluster: only what it is given differs.

What a service needs is loaded where it is put together: a process that runs one does not load the others, and is back
in half the time after a death.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from services.bus import traces
from services.bus.database import Database
from services.bus.delivery import Clock
from services.bus.service import Service
from services.bus.settings import Settings
from services.calendar import ShiftedClock, system_clock
from services.cli.failures import CommandFailed, Exit

if TYPE_CHECKING:
    import httpx2

    from services.ingest.guichet import Guichet
    from services.ingest.openid import OpenIdProvider
    from services.ingest.protection import Limit
    from services.matcher.draws import NewSeed
    from services.matcher.rounds import Decide
    from services.notifier.gateways.gateway import Gateway
    from services.notifier.sending_hours import QuietHours

REHEARSED_SESSION = timedelta(days=60)
"""Where the clock runs hundreds of times faster, a session of hours would end in minutes."""

SERVICES = ("ingest", "matcher", "notifier")


def clock_of(settings: Settings) -> Clock:
    """The machine's clock; in a rehearsal, moved by what the file says."""
    return ShiftedClock(settings.clock_file) if settings.clock_file else system_clock


def guichet_of(settings: Settings, database: Database, vault: Database, clock: Clock) -> Guichet:
    from services.ingest.credentials import SESSION_LIFE
    from services.ingest.guichet import Guichet
    from services.vault import Keyring

    rehearsed = settings.rehearsal or settings.clock_file is not None
    return Guichet(
        database, vault, Keyring(settings.key("vault_key")), clock, settings.key("link_key"), settings.public_url,
        inbound_secret=settings.inbound_secret.get_secret_value(),
        session_life=REHEARSED_SESSION if rehearsed else SESSION_LIFE, knows_policy=knows_policy,
        identity=identity_of(settings),
    )  # fmt: skip


def identity_of(settings: Settings) -> OpenIdProvider | None:
    """Where professionals may sign in with the account of their employer, if the settings name such a place."""
    if not settings.oidc_issuer:
        return None
    from services.ingest.openid import OpenIdProvider

    return OpenIdProvider(
        settings.oidc_name, settings.oidc_issuer, settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(), public_url=settings.public_url, vouches=settings.oidc_vouches,
    )  # fmt: skip


def knows_policy(policy: str, day: date) -> bool:
    """What ingest asks of a territory's rules: they are the matcher's, and loaded when a territory is published."""
    from services.matcher.policy import is_in_force

    return is_in_force(policy, day)


def ingest_service(guichet: Guichet, *, relayed: bool, limits: Sequence[Limit] | None = None) -> Service:
    """With no `limits` at all, `()`, where one client stands for many: the demo, and tests."""
    from services.cli.rules import rules_on
    from services.ingest import app as ingest
    from services.ingest.pages import Pages, pages_router
    from services.ingest.protection import LIMITS

    pages = pages_router(Pages(guichet, rules=rules_on))
    service = ingest.build(guichet, relayed=relayed, limits=LIMITS if limits is None else limits, pages=pages)
    service.app.add_middleware(traces.Traced)
    return service


def matcher_service(
    database: Database, clock: Clock, *, relayed: bool, decide: Decide | None = None, member: str = "1",
    new_seed: NewSeed | None = None,
) -> Service:  # fmt: skip
    """Without `new_seed`, draws are settled by the machine's randomness."""
    from services.matcher import app as matcher
    from services.matcher.draws import fresh_seed

    return matcher.build(database, clock, decide, relayed=relayed, member=member, new_seed=new_seed or fresh_seed)


def notifier_service(
    settings: Settings, database: Database, vault: Database, clock: Clock, client: httpx2.AsyncClient, *, relayed: bool
) -> Service:
    """`client` reaches ingest's door for operators, by which simulated phones answer."""
    from services.notifier import app as notifier
    from services.notifier.phones import Inbound
    from services.vault import Keyring

    secret = settings.inbound_secret.get_secret_value()
    return notifier.build(
        database, vault, Keyring(settings.key("vault_key")), clock,
        link_key=settings.key("link_key"), link_base=settings.public_url, gateway=gateway_of(settings),
        inbound=Inbound(client, f"/sms/inbound/{secret}"), receipt_secret=secret, relayed=relayed,
    )  # fmt: skip


def gateway_of(settings: Settings) -> Gateway | None:
    """The gateway that the settings name; None for simulated phones."""
    if settings.gateway == "phone":
        return None
    import httpx2

    from services.notifier.gateways.gateway import Idempotency
    from services.notifier.gateways.http import HttpGateway

    return HttpGateway(
        httpx2.AsyncClient(), settings.gateway_url, settings.gateway_token, settings.gateway_sender,
        Idempotency(settings.gateway_idempotency), quiet_hours=quiet_hours_of(settings),
    )  # fmt: skip


def quiet_hours_of(settings: Settings) -> QuietHours | None:
    """The hours in which the operator sends nothing, as the settings give them."""
    if not settings.gateway_quiet:
        return None
    start, _, end = settings.gateway_quiet.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)


def has_closed_sender(settings: Settings) -> bool:
    """Whether texts would come from an ordinary mobile number: in France those are closed to what a program sends
    (Arcep, plan national de numérotation)."""
    number = re.sub(r"[^+\w]", "", settings.gateway_sender)
    return settings.gateway != "phone" and re.fullmatch(r"(0|(\+|00)?330?)[67]\d{8}", number) is not None


def refuse_deaf_gateway(settings: Settings) -> None:
    """Texts that wait for an hour that never comes, or that no operator carries, would be lost without a word. Raises
    CommandFailed."""
    from services.notifier.sending_hours import DEFAULT_SENDING, first_hour

    if has_closed_sender(settings):
        raise CommandFailed(CLOSED_SENDER, CLOSED_SENDER_REMEDY, "docs/exploitation.md", Exit.SETTINGS)
    if settings.gateway != "phone" and first_hour(DEFAULT_SENDING.ordinary, quiet_hours_of(settings)) is None:
        raise CommandFailed(NEVER_SENDS, NEVER_SENDS_REMEDY, "docs/exploitation.md", Exit.SETTINGS)


CLOSED_SENDER = "Un numéro en 06 ou 07 est fermé aux SMS envoyés par un logiciel (BERCEAU_GATEWAY_SENDER)."
CLOSED_SENDER_REMEDY = (
    "Donnez à BERCEAU_GATEWAY_SENDER un nom de 11 caractères au plus, ou un numéro court de l'opérateur."
)
NEVER_SENDS = "L'opérateur se tairait à toutes les heures où un SMS ordinaire peut partir (BERCEAU_GATEWAY_QUIET)."
NEVER_SENDS_REMEDY = (
    "Corrigez BERCEAU_GATEWAY_QUIET. Demandez à l'opérateur un envoi de service, sans heures de silence."
)
