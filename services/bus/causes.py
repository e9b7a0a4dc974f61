"""Why a database or a broker is away, in French, for whoever asks a service or the command. Logs name the class.

When to modify: an error that a person met as "erreur imprévue" gets its words here.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from types import MappingProxyType

from services.bus.retries import BrokerAway

_NAMED = {
    "aucune connexion": (
        "OSError", "KafkaConnectionError", "NoBrokersAvailable", "NodeNotReadyError", "MetadataEmptyBrokerList",
        "ConnectError",
    ),
    "la connexion est refusée": ("ConnectionRefusedError",),
    "la connexion est coupée": (
        "ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", "ConnectionDoesNotExistError",
        "InterfaceError", "RemoteProtocolError",
    ),
    "pas de réponse à temps": ("TimeoutError", "KafkaTimeoutError", "RequestTimedOutError", "TimeoutException"),
    "ce nom de machine est inconnu": ("gaierror",),
    "le certificat est refusé": ("SSLError",),
    "le compte ou le mot de passe est refusé": (
        "SaslAuthenticationFailed", "SaslAuthenticationFailedError", "AuthenticationFailedError",
        "InvalidPasswordError", "InvalidAuthorizationSpecificationError",
    ),
    "ce compte n'en a pas le droit": (
        "TopicAuthorizationFailedError", "GroupAuthorizationFailedError", "ClusterAuthorizationFailedError",
        "InsufficientPrivilegeError",
    ),
    "le sujet n'existe pas": ("UnknownTopicOrPartitionError",),
    "trop peu de copies du sujet sont en marche": ("NotEnoughReplicasError", "NotEnoughReplicasAfterAppendError"),
    "le courtier se réorganise": (
        "LeaderNotAvailableError", "NotLeaderForPartitionError", "BrokerNotAvailableError", "NotControllerError",
        "CoordinatorNotAvailableError", "GroupCoordinatorNotAvailableError", "RebalanceInProgressError",
    ),
    "le serveur démarre ou s'arrête": ("CannotConnectNowError", "AdminShutdownError", "CrashShutdownError"),
    "cette base n'existe pas": ("InvalidCatalogNameError",),
    "toutes les connexions à la base sont prises": ("TooManyConnectionsError",),
    "deux écritures se sont gênées": ("DeadlockDetectedError", "SerializationError", "LockNotAvailableError"),
    "le disque est plein": ("DiskFullError", "SQLITE_FULL", "ENOSPC", "EDQUOT"),
    "le disque est en lecture seule": ("EROFS",),
    "le disque ne se lit pas ou ne s'écrit pas": ("EIO", "SQLITE_IOERR"),
    "trop de fichiers sont ouverts": ("EMFILE", "ENFILE"),
    "la base refuse d'écrire": ("ReadOnlySQLTransactionError", "SQLITE_READONLY"),
    "ce fichier n'est pas une base, ou il est abîmé": ("SQLITE_NOTADB", "SQLITE_CORRUPT"),
    "une table manque": ("UndefinedTableError",),
    "la base est occupée, pleine ou illisible": ("OperationalError",),
    "l'accès au fichier est refusé": ("PermissionError",),
    "le fichier n'existe pas": ("FileNotFoundError",),
}  # fmt: skip
WORDS = MappingProxyType({name: words for words, names in _NAMED.items() for name in names})
"""By the name of the class or of its nearest ancestor here: two Kafka clients have the same names, and a process
without Kafka imports neither. SQLite and the system have few classes: the name of their code goes before."""

REMEDIES = MappingProxyType(
    {
        "le disque est plein": "Libérez de la place, ici ou sur la machine de la base, puis relancez.",
        "le disque est en lecture seule": "Rendez ce disque inscriptible, ou réglez BERCEAU_DATA ailleurs.",
        "le disque ne se lit pas ou ne s'écrit pas": "Vérifiez ce disque, et gardez la dernière sauvegarde.",
        "trop de fichiers sont ouverts": "Augmentez la limite du service (LimitNOFILE), puis relancez.",
        "l'accès au fichier est refusé": "Donnez au compte qui lance Berceau le droit d'y lire et d'y écrire.",
    }
)
"""What to do about those where everything is running, and a disk or the system says no."""

SAID_THERE = frozenset({"DatabaseSilent", "LeaseLost", "SolverDied"})
"""Our own, by name too, which say in French why. They are made of ConnectionError, whose words would blame a network
that nothing is wrong with."""


def in_words(error: BaseException) -> str:
    """The cause of `error` in French, lower case and without a full stop. A class without words is named."""
    if type(error).__name__ in SAID_THERE or (isinstance(error, BrokerAway) and error.__cause__ is None):
        return str(error)
    inmost_first = reversed(list(_layers(error)))
    known = (WORDS[name] for each in inmost_first for name in _names(each) if name in WORDS)
    return next(known, f"erreur imprévue ({type(error.__cause__ or error).__name__})")


def _names(error: BaseException) -> list[str]:
    """BrokerAway only wraps: what it is made of says nothing. Of SQLITE_READONLY_DBMOVED the first two words count."""
    if isinstance(error, BrokerAway):
        return []
    code = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
    of_system = errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    return [code, of_system, *(kind.__name__ for kind in type(error).__mro__)]


def _layers(error: BaseException) -> Iterator[BaseException]:
    """The error, then what each layer (SQLAlchemy, its driver) made it of."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = getattr(inner, "orig", None) or inner.__cause__
