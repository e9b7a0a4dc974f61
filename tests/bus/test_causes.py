"""Whoever asks why a service is away reads it in French; the class of the error is for the log."""

from __future__ import annotations

import errno
import sqlite3
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from socket import gaierror

import pytest
import sqlalchemy as sa
import sqlalchemy.exc as sa_exc
from aiokafka.errors import UnknownTopicOrPartitionError
from asyncpg import ConnectionDoesNotExistError
from kafka.errors import KafkaTimeoutError, SaslAuthenticationFailedError

from services.bus.causes import REMEDIES, WORDS, in_words
from services.bus.pulse import DatabaseSilent
from services.bus.retries import BrokerAway
from services.bus.troubles import Troubles
from services.matcher.leases import LeaseLost
from services.matcher.solver_process import SolverDied


def made_of(outer: Exception, inner: BaseException) -> Exception:
    outer.__cause__ = inner
    return outer


def of_driver(inner: Exception) -> Exception:
    """As SQLAlchemy wraps what its driver wraps."""
    return sa_exc.InterfaceError("SELECT 1", None, made_of(Exception(), inner))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), "la connexion est refusée"),
        (OSError("Multiple exceptions"), "aucune connexion"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "aucune connexion"),
        (OSError(errno.ENOSPC, "No space left on device"), "le disque est plein"),
        (made_of(RuntimeError("behind"), OSError(errno.EROFS, "Read-only")), "le disque est en lecture seule"),
        (OSError(errno.EMFILE, "Too many open files"), "trop de fichiers sont ouverts"),
        (gaierror(-2, "Name or service not known"), "ce nom de machine est inconnu"),
        (made_of(BrokerAway("KafkaTimeoutError: KafkaTimeoutError"), KafkaTimeoutError()), "pas de réponse à temps"),
        (made_of(BrokerAway(""), UnknownTopicOrPartitionError()), "le sujet n'existe pas"),
        (made_of(BrokerAway(""), SaslAuthenticationFailedError()), "le compte ou le mot de passe est refusé"),
        (BrokerAway("2 événements sans accusé de réception"), "2 événements sans accusé de réception"),
        (DatabaseSilent("PostgreSQL n'a pas répondu"), "PostgreSQL n'a pas répondu"),
        (LeaseLost("le territoire a est au processus 2"), "le territoire a est au processus 2"),
        (made_of(SolverDied("le calcul s'est arrêté"), BrokenProcessPool("ended")), "le calcul s'est arrêté"),
        (of_driver(ConnectionDoesNotExistError("closed")), "la connexion est coupée"),
        (of_driver(PermissionError(13, "no")), "l'accès au fichier est refusé"),
        (KeyError("x"), "erreur imprévue (KeyError)"),
    ],
)
def test_a_cause_is_said_in_french_by_what_is_inmost(error: Exception, words: str) -> None:
    assert in_words(error) == words


def test_every_remedy_is_of_a_cause_that_is_said() -> None:
    assert set(REMEDIES) <= set(WORDS.values())


def of_sqlite(path: Path, statement: str) -> Exception:
    """What SQLAlchemy raises of a file that is opened to be read only."""
    engine = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", poolclass=sa.NullPool)
    with pytest.raises(sa_exc.DatabaseError) as caught, engine.connect() as tx:
        tx.exec_driver_sql(statement)
    return caught.value


def test_a_file_that_is_no_database_and_one_that_may_not_be_written_are_told_apart(tmp_path: Path) -> None:
    """SQLite raises the same few classes for nearly everything: both read as if the file were busy, or as a class."""
    (tmp_path / "letter").write_text("Bonjour. " * 500)
    said = in_words(of_sqlite(tmp_path / "letter", "SELECT * FROM sqlite_schema"))
    assert said == "ce fichier n'est pas une base, ou il est abîmé"
    sqlite3.connect(tmp_path / "base").execute("CREATE TABLE t (a)").connection.close()
    assert in_words(of_sqlite(tmp_path / "base", "INSERT INTO t VALUES (1)")) == "la base refuse d'écrire"


def test_who_asks_reads_words_where_the_log_has_the_class() -> None:
    troubles = Troubles("ingest")
    troubles.begin("handling", ConnectionRefusedError(111, "no"))
    assert troubles.told() == ["traitement des événements (handling)\u00a0: la connexion est refusée"]
    assert "ConnectionRefusedError" in troubles.causes["handling"]
    troubles.end("handling")
    assert troubles.told() == []
