"""Where a process of Berceau finds its database, its broker, its keys and its doors.

Everything comes from the environment, under names that begin with BERCEAU_; nothing has a default that would be
unsafe in a town hall.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from contracts.vocabulary import Frozen, Id

PREFIX = "BERCEAU_"


class Settings(Frozen):
    """The resolved settings of one process.

    Without `database` the profile is embedded: SQLite files under `data`. With `database` (`postgresql+asyncpg://…`)
    it is cluster, and `kafka` (`host:port,…`) is needed: `member` then names this process among those of its service,
    the same after each restart and never two alive at once, and `kafka_session_s` is how long its partitions wait for
    it.

    With a `kafka_protocol` that begins with SASL, `kafka_user` and `kafka_password` are the account of this service;
    with one that ends with SSL the broker's certificate is checked, against `kafka_ca` where it is given.

    `vault_key` and `link_key` are 32 bytes in base64: the first opens the contacts vault, the second derives the
    families' links. `backups` is the folder where `berceau backup` writes. `clock_file` is for rehearsals and tests
    only: seconds by which the clock is moved. In a `rehearsal` nobody is real and time runs faster. `traces` is where
    an OpenTelemetry collector takes them (`http://host:4318/v1/traces`), empty for none.

    With an `oidc_issuer`, professionals may sign in with the account that they have there, known to them as
    `oidc_name`; `oidc_vouches` where it answers for every address without saying so of each.
    """

    data: Path = Path("berceau-data")
    backups: Path | None = None
    clock_file: Path | None = None
    rehearsal: bool = False
    database: str | None = None
    kafka: str | None = None
    kafka_prefix: str = ""
    kafka_session_s: float = Field(default=10.0, ge=1)
    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_user: str = ""
    kafka_password: SecretStr = Field(default=SecretStr(""), validate_default=True)
    kafka_ca: Path | None = None
    member: Id = "1"
    vault_key: SecretStr
    link_key: SecretStr
    public_url: str = "http://127.0.0.1:8080"
    inbound_secret: SecretStr = Field(default=SecretStr(""))
    gateway: str = "phone"
    gateway_url: str = ""
    gateway_token: SecretStr = Field(default=SecretStr(""))
    gateway_sender: str = "Guichet"
    gateway_idempotency: Literal["key", "lookup", "neither"] = "neither"
    gateway_quiet: str = Field(default="", pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")
    inbound_url: str = ""
    traces: str = ""
    oidc_issuer: str = Field(default="", pattern=r"^(https://\S+|http://(127\.0\.0\.1|localhost)(:\d+)?(/\S*)?)?$")
    oidc_client_id: str = Field(default="", validate_default=True)
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), validate_default=True)
    oidc_name: str = Field(default="le compte de votre employeur", min_length=1, max_length=40)
    oidc_vouches: bool = False
    host: str = "127.0.0.1"
    port: int = 8080

    @field_validator("kafka_password")
    @classmethod
    def _signs_in(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        has_account = bool(info.data.get("kafka_user")) and bool(value.get_secret_value())
        if str(info.data.get("kafka_protocol")).startswith("SASL") and not has_account:
            raise ValueError("avec SASL, donnez BERCEAU_KAFKA_USER et BERCEAU_KAFKA_PASSWORD")
        return value

    @field_validator("oidc_client_id", "oidc_client_secret")
    @classmethod
    def _known_to_the_provider(cls, value: str | SecretStr, info: ValidationInfo) -> str | SecretStr:
        given = value.get_secret_value() if isinstance(value, SecretStr) else value
        if info.data.get("oidc_issuer") and not given:
            raise ValueError("avec BERCEAU_OIDC_ISSUER, donnez BERCEAU_OIDC_CLIENT_ID et BERCEAU_OIDC_CLIENT_SECRET")
        return value

    @field_validator("vault_key", "link_key")
    @classmethod
    def _has_32_bytes(cls, value: SecretStr) -> SecretStr:
        try:
            length = len(base64.b64decode(value.get_secret_value(), validate=True))
        except ValueError as error:
            raise ValueError("la clé doit être en base64 (berceau key new en crée une)") from error
        if length != 32:
            raise ValueError("la clé doit faire 32 octets en base64 (berceau key new en crée une)")
        return value

    @field_validator("kafka_ca")
    @classmethod
    def _holds_certificates(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except (OSError, ssl.SSLError) as error:
                raise ValueError("ce fichier ne se lit pas, ou ne contient pas de certificat (PEM)") from error
        return value

    @property
    def profile(self) -> str:
        return "cluster" if self.database else "embedded"

    @property
    def door_of_replies(self) -> str:
        """Where simulated phones post what families write: ingest, and no address of its own means the public one."""
        return self.inbound_url or self.public_url

    def key(self, name: str) -> bytes:
        """The bytes of `vault_key` or `link_key`."""
        secret: SecretStr = getattr(self, name)
        return base64.b64decode(secret.get_secret_value())


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises pydantic.ValidationError naming each variable that is missing or wrong."""
    names = {PREFIX + field.upper(): field for field in Settings.model_fields}
    return Settings.model_validate({names[k]: v for k, v in environment.items() if k in names and v != ""})
