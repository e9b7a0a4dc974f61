"""What `berceau doctor` looks at of the broker and the SMS gateway: reached, and set as the promise needs.

When to modify: with a setting of `services/bus/kafka.py` on which the promise rests.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import time
from typing import Any, TypeVar

import httpx2
import sqlalchemy as sa
from faststream.middlewares import AckPolicy

from contracts.topics import TOPICS as OF_EVENTS
from services.bus import outbox
from services.bus.causes import in_words
from services.bus.database import Database
from services.bus.delivery import Reader
from services.bus.kafka import KafkaBus, open_broker, topic_name
from services.bus.retries import BrokerAway
from services.bus.settings import Settings
from services.bus.topics import OF_THE_TABLE, TopicState, admin, describe_topics, has_access_control, written
from services.bus.wiring import database_at
from services.calendar import counted, system_clock
from services.cli.assembly import CLOSED_SENDER_REMEDY, NEVER_SENDS_REMEDY, has_closed_sender, quiet_hours_of
from services.cli.checks import Check, failed, is_stuck, ok, oldest_waiting, warning
from services.cli.checks_of_rights import rights
from services.cli.failures import NBSP
from services.ingest.partners import TOPICS
from services.notifier.sending_hours import DEFAULT_SENDING, QuietHours, first_hour, is_quiet

T = TypeVar("T")
GATEWAY_PATIENCE_S = 5.0
CERTIFICATE_PATIENCE_S = 5.0

SAFE = {
    "ack_policy": AckPolicy.NACK_ON_ERROR,
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 0,
}
"""What FastStream's own defaults would not be (reliability: messages lost in flight, or on a first start)."""


async def broker(settings: Settings) -> list[Check]:
    """Reached, with its topics, and nothing that has waited for it too long."""
    if settings.kafka is None and settings.database is None:
        return [ok("courtier", "aucun, les événements restent dans ce processus (profil embarqué)")]
    if settings.kafka is None:
        return [failed("courtier", "aucun, alors que la base est PostgreSQL", "Donnez BERCEAU_KAFKA (hôte:port,…).")]
    try:
        states, guarded = await asyncio.to_thread(_topics, settings)
    except BrokerAway as error:
        return [await asyncio.to_thread(_away, settings, error)]
    looked_at = [*(_topic(state, guarded=guarded) for state in states), *rights(settings, states, guarded=guarded)]
    lost, stuck = await asyncio.gather(_emptied(settings, states), _stuck(settings))
    return [ok("courtier", settings.kafka), *looked_at, *lost, *stuck]


def _away(settings: Settings, error: BrokerAway) -> Check:
    """A certificate that is not the right one only ends the connection: so it is looked at by itself."""
    if settings.kafka_protocol.endswith("SSL") and (fault := certificate_fault(settings)):
        remedy = f"Donnez son autorité dans BERCEAU_KAFKA_CA{NBSP}; s'il a expiré, renouvelez-le sur le courtier."
        return failed("courtier", f"son certificat est refusé, {fault}", remedy)
    return failed("courtier", f"injoignable, {in_words(error)}", _remedy_of(settings, str(error)))


def certificate_fault(settings: Settings) -> str:
    """Why the certificate of the first broker that answers is refused, in OpenSSL's words; "" where it is not."""
    for address in (settings.kafka or "").split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with socket.create_connection((host, int(port)), CERTIFICATE_PATIENCE_S) as plain:
                context = ssl.create_default_context(cafile=settings.kafka_ca)
                context.wrap_socket(plain, server_hostname=host).close()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        except (OSError, ValueError):
            continue  # not there, or no TLS: said otherwise
        return ""
    return ""


def _remedy_of(settings: Settings, error: str) -> str:
    """A broker that refuses a password often only ends the connection: who signs in is told of both."""
    if "Authentication" in error or settings.kafka_protocol.startswith("SASL"):
        return (
            f"Vérifiez qu'il tourne et BERCEAU_KAFKA, puis le compte{NBSP}: BERCEAU_KAFKA_USER, "
            "BERCEAU_KAFKA_PASSWORD et BERCEAU_KAFKA_MECHANISM."
        )
    if settings.kafka_protocol == "SSL":
        return "Vérifiez qu'il tourne, et l'autorité de son certificat (BERCEAU_KAFKA_CA)."
    return f"Vérifiez qu'il tourne, BERCEAU_KAFKA, et s'il demande un compte{NBSP}: BERCEAU_KAFKA_PROTOCOL."


def _topics(settings: Settings) -> tuple[list[TopicState], bool]:
    """The topics, and whether the broker controls who does what with them."""
    with admin(settings) as client:
        return describe_topics(client, settings, [*OF_THE_TABLE, *TOPICS]), has_access_control(client)


def _topic(state: TopicState, *, guarded: bool) -> Check:
    name = f"sujet {state.name}"
    if not state.partitions and guarded:
        remedy = f"Donnez au compte ses droits (kafka-acls), ou créez-le{NBSP}: «{NBSP}berceau topics --create{NBSP}»."
        return failed(name, "n'existe pas, ou ce compte n'a aucun droit sur lui", remedy)
    if not state.partitions:
        return failed(name, "n'existe pas", f"Créez-le{NBSP}: «{NBSP}berceau topics --create{NBSP}».")
    copies = counted(state.replicas, "copie")
    detail = f"{counted(state.partitions, 'partition')}, {copies}"
    if state.replicas == 1:
        remedy = "Trois courtiers et trois copies survivent à la perte d'une machine."
        return warning(name, f"{detail} : la perte du disque le perd", remedy)
    if state.min_insync_replicas is not None and state.min_insync_replicas < state.replicas - 1:
        remedy = f"Réglez min.insync.replicas à {state.replicas - 1}."
        return failed(name, f"{detail}, accusé par {state.min_insync_replicas} seulement", remedy)
    return ok(name, detail)


async def _emptied(settings: Settings, states: Sequence[TopicState]) -> list[Check]:
    """Topics that were given fewer events than the log says were acknowledged: somebody made them anew."""
    if not all(state.partitions for state in states):
        return []  # said already of the topic that is missing
    given = await asyncio.to_thread(_given, settings)
    totals = await asyncio.gather(*(_asked(settings, topic.writer, _published) for topic in OF_EVENTS))
    found = []
    for topic, published in zip(OF_EVENTS, totals, strict=True):
        if published is not None and given[topic.name] < published:
            detail = (
                f"{published} événements publiés, le courtier n'en a reçu que {given[topic.name]}{NBSP}: il a été vidé"
            )
            remedy = (
                f"Publiez de nouveau depuis l'heure de la perte{NBSP}: «{NBSP}berceau publish-again --since …{NBSP}»."
            )
            found.append(failed(f"sujet {topic_name(settings, topic.name)}", detail, remedy))
    return found


async def _published(database: Database) -> int:
    return await database.read(outbox.count_given)


async def _asked(settings: Settings, name: str, ask: Callable[[Database], Awaitable[T]]) -> T | None:
    """None where the database does not answer, which is said already of it. One that hangs takes seconds to be known:
    so all are asked at once."""
    database = database_at(settings, name)
    try:
        return await ask(database)
    except (sa.exc.SQLAlchemyError, OSError):
        return None
    finally:
        await database.close()


def _given(settings: Settings) -> dict[str, int]:
    with admin(settings) as client:
        return written(client, settings)


async def _stuck(settings: Settings) -> list[Check]:
    """Events that no relay has brought to the broker."""
    names, found = ("ingest", "matcher", "notifier"), []
    waited = await asyncio.gather(*(_asked(settings, name, oldest_waiting) for name in names))
    for name, seconds in zip(names, waited, strict=True):
        if seconds is not None and is_stuck(seconds):
            detail = f"un événement attend d'être publié depuis {seconds:.0f} s"
            found.append(failed(f"publication {name}", detail, f"Démarrez «{NBSP}berceau worker {name}{NBSP}»."))
    return found


async def delivery(settings: Settings) -> list[Check]:
    """The settings of the client as they are resolved, not as they were meant."""
    if settings.kafka is None:
        return []
    database = database_at(settings, "ingest")
    reader = Reader("ingest", database, {}, system_clock)
    wrong = list(_unsafe(KafkaBus(settings, reader, open_broker(settings), taken=lambda: None)))
    await database.close()
    if wrong:
        remedy = "Revenez à une version de FastStream que requirements/base.txt nomme."
        return [failed("livraison", "; ".join(wrong), remedy)]
    return [ok("livraison", "tout est accusé par toutes les copies, rien n'est validé avant d'être traité")]


def _unsafe(bus: KafkaBus) -> Iterator[str]:
    """What differs from what the promise needs, in a client that was made and not started."""
    reading: Any = bus.subscriber._connection_args
    writing: Any = bus.broker._connection_kwargs
    resolved = {**reading, **writing, "ack_policy": bus.subscriber.ack_policy}
    for name, wanted in SAFE.items():
        if resolved.get(name) != wanted:
            yield f"{name} vaut {resolved.get(name)} au lieu de {wanted}"


async def gateway(settings: Settings) -> list[Check]:
    """Where SMS go, and whether anybody answers there. Nothing is sent."""
    if settings.gateway == "phone":
        remedy = "Pour de vrais SMS, donnez BERCEAU_GATEWAY=http et l'adresse de l'opérateur."
        return [warning("passerelle SMS", "téléphones simulés, aucun SMS ne part", remedy)]
    if not settings.gateway_url or not settings.gateway_token.get_secret_value():
        remedy = "Donnez BERCEAU_GATEWAY_URL et BERCEAU_GATEWAY_TOKEN."
        return [failed("passerelle SMS", "adresse ou jeton manquant", remedy)]
    if has_closed_sender(settings):
        detail = f"l'expéditeur est un 06 ou un 07, fermés aux SMS d'un logiciel{NBSP}; Berceau ne démarre pas"
        return [failed("passerelle SMS", detail, CLOSED_SENDER_REMEDY)]
    try:
        async with httpx2.AsyncClient(timeout=GATEWAY_PATIENCE_S) as client:
            await client.get(settings.gateway_url)
    except httpx2.HTTPError as error:
        detail = f"{_operator(settings)} ne répond pas ({in_words(error)})"
        remedy = "Vérifiez l'adresse, et que le pare-feu laisse sortir."
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            detail = f"le certificat de {_operator(settings)} est refusé"
            remedy = "Vérifiez l'adresse et l'heure de cette machine, puis demandez à l'opérateur."
        unreachable = failed("passerelle SMS", detail, remedy)
        return [unreachable, sending_hours(quiet_hours_of(settings))]
    return [_promise(settings), sending_hours(quiet_hours_of(settings))]


def _promise(settings: Settings) -> Check:
    """What the operator can do decides what we may promise."""
    if settings.gateway_idempotency == "neither":
        detail = "répond, sans clé d'idempotence ni recherche : un envoi incertain sera à vérifier par une personne"
        return warning("passerelle SMS", detail, "Si l'opérateur a l'une des deux, donnez BERCEAU_GATEWAY_IDEMPOTENCY.")
    return ok("passerelle SMS", f"{_operator(settings)} répond")


def _operator(settings: Settings) -> str:
    """Where it is, without the secret that some addresses carry before the host or behind the path."""
    url = httpx2.URL(settings.gateway_url)
    return f"{url.scheme}://{url.netloc.decode()}{url.path}"


def sending_hours(quiet: QuietHours | None) -> Check:
    """When SMS may leave: the guichet's hours, less those in which the operator sends nothing."""
    ordinary, urgent = (_hours(urgent=urgent, quiet=quiet) for urgent in (False, True))
    name, lost = "heures d'envoi", "Demandez à l'opérateur un envoi de service, sans heures de silence."
    if first_hour(DEFAULT_SENDING.ordinary, quiet) is None:
        detail = (
            f"l'opérateur se tait à toutes les heures où un SMS ordinaire peut partir{NBSP}; Berceau ne démarre pas"
        )
        return failed(name, detail, NEVER_SENDS_REMEDY)
    detail = f"SMS ordinaires {_shown(ordinary)}, sauf dimanches et jours fériés{NBSP}; urgents {_shown(urgent)}"
    if quiet is not None and urgent != _hours(urgent=True, quiet=None):
        silent = f"{detail}{NBSP}; l'opérateur se tait de {quiet[0]:%Hh%M} à {quiet[1]:%Hh%M}, urgences comprises"
        return warning(name, silent, lost)
    return ok(name, detail)


def _hours(*, urgent: bool, quiet: QuietHours | None) -> list[time]:
    """The quarters of an hour of an ordinary day at which an SMS leaves at once."""
    window = DEFAULT_SENDING.urgent if urgent else DEFAULT_SENDING.ordinary
    quarters = [time(n // 4, n % 4 * 15) for n in range(24 * 4)]
    allowed = [hour for hour in quarters if window.opens <= hour < window.closes]
    return [hour for hour in allowed if quiet is None or not is_quiet(hour, quiet)]


def _shown(hours: list[time]) -> str:
    """ "de 08h00 à 20h00": from the first quarter of an hour to the end of the last."""
    if not hours:
        return "jamais"
    end = (hours[-1].hour * 60 + hours[-1].minute + 15) % (24 * 60)
    return f"de {hours[0]:%Hh%M} à {end // 60:02}h{end % 60:02}"
