"""`berceau link new` and `berceau api-key new`: the first ways in, from whoever may type on the machine itself."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed
from services.cli.french import FrenchCommand, FrenchGroup

if TYPE_CHECKING:
    import sqlalchemy as sa

    from services.ingest.actors import Act
    from services.ingest.guichet import Guichet

T = TypeVar("T")
link = typer.Typer(cls=FrenchGroup, no_args_is_help=True, help="Donner un premier accès à une personne.")
api_key = typer.Typer(cls=FrenchGroup, no_args_is_help=True, help="Donner un accès à un logiciel.")


class StaffRole(StrEnum):
    STRUCTURE = "structure"
    COUNSELLOR = "counsellor"
    COMMITTEE = "committee"
    COORDINATOR = "coordinator"
    ADMINISTRATOR = "administrator"


Role = Annotated[StaffRole, typer.Option(help="Ce que la personne ou le logiciel fait.")]
Structure = Annotated[str | None, typer.Option(help="La structure, pour le rôle structure.")]
Territory = Annotated[str | None, typer.Option(help="Le territoire, s'il n'y en a pas exactement un.")]
Json = Annotated[bool, typer.Option("--json", help="En JSON.")]


@link.callback()
@api_key.callback()
def group() -> None:
    """Donner un accès."""


@link.command("new", cls=FrenchCommand)
def new_link(
    role: Role,
    structure: Structure = None,
    territory: Territory = None,
    person: Annotated[str | None, typer.Option(help="L'identifiant d'une personne déjà connue.")] = None,
    email: Annotated[
        str | None, typer.Option(help="Son adresse, pour ses connexions suivantes. Va dans le coffre.")
    ] = None,
    phone: Annotated[
        str | None, typer.Option(help="Son mobile, où vont ses prochains liens. Va dans le coffre.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Enregistrer une personne et montrer un lien de connexion, valable une fois."""
    made = installation.run(_new_link(role, structure, territory, person, {"email": email, "phone": phone}))
    if as_json:
        typer.echo(json.dumps(made, indent=2))
    else:
        typer.echo(f"{made['link']}\nLien de {made['person']}, à ouvrir une fois d'ici {made['minutes']}{NBSP}minutes.")
        if made["has_phone"] == "no":
            typer.echo(WITHOUT_PHONE, err=True)


WITHOUT_PHONE = (
    f"Sans mobile, cette personne ne recevra aucun lien par SMS. Ajoutez --phone{NBSP}; sinon elle se connecte avec un "
    "compte professionnel (docs/exploitation.md), ou par un nouveau lien d'ici."
)


async def _new_link(
    role: StaffRole, structure: str | None, territory: str | None, person: str | None,
    reached: Mapping[str, str | None],
) -> dict[str, str]:  # fmt: skip
    """`reached` is by kind of address: email, phone. A new one takes the place of those before."""
    from services.ingest.actors import Role
    from services.ingest.credentials import LINK_LIFE
    from services.ingest.declare.persons import PersonBody, register_person

    async with installation.guichet_of(installation.settings()) as guichet:
        act: Act = installation.act_as(guichet, Role.ADMINISTRATOR, await installation.territory_of(guichet, territory))
        who = person or act.new_id("P")
        body = PersonBody(role=Role(role.value), structure=structure)
        await _refusable(guichet.database.write(register_person, act, who, body))
        if any(reached.values()):
            await _keep_contact(guichet, act, who, reached)
        token = await guichet.database.write(_keep_link, act, who, guichet.link_key)
        minutes = int(LINK_LIFE.total_seconds() // 60)
        has_phone = "yes" if await _has_phone(guichet, who) else "no"
        link = f"{guichet.public_url}/connexion/{token}"
        return {"person": who, "link": link, "minutes": str(minutes), "has_phone": has_phone}


async def _refusable(act: Awaitable[T]) -> T:
    """What the act returns. Raises CommandFailed where ingest refuses it."""
    from services.ingest.problems import Refused

    try:
        return await act
    except Refused as refused:
        raise installation.refused(refused.problems) from refused


async def _keep_contact(guichet: Guichet, act: Act, person: str, reached: Mapping[str, str | None]) -> None:
    from services.vault import Contact, ContactChannel, ContactRole, OwnerKind, put_contacts

    channel = ContactChannel.SMS if reached["phone"] else ContactChannel.EMAIL
    try:
        contact = Contact(id=f"{person}-c1", role=ContactRole.STAFF, channel=channel, **reached)
    except ValueError as error:
        cause = f"L'adresse ou le mobile ne sont pas valables{NBSP}: {', '.join(filter(None, reached.values()))}."
        raise CommandFailed(cause, "Écrivez-les ainsi : prenom.nom@exemple.fr, 06 39 98 12 34.") from error
    await guichet.vault.write(put_contacts, guichet.keyring, person, [contact], act.today, OwnerKind.STAFF)


async def _has_phone(guichet: Guichet, person: str) -> bool:
    from services.vault import OwnerKind, contacts_of

    kept = await guichet.vault.read(contacts_of, guichet.keyring, person, OwnerKind.STAFF)
    return any(contact.phone for contact in kept)


def _keep_link(tx: sa.Connection, act: Act, person: str, link_key: bytes) -> str:
    from services.bus.links import sign_in_token
    from services.ingest import credentials

    made = act.new_id("C")
    token = sign_in_token(link_key, made)
    if not credentials.keep_link(tx, link=made, person=person, token=token, now=act.now):
        cause = f"{credentials.LINKS_AT_ONCE} liens de cette personne sont encore valables."
        raise CommandFailed(cause, "Utilisez-en un, ou attendez une demi-heure.")
    return token


@api_key.command("new", cls=FrenchCommand)
def new_api_key(
    role: Role,
    label: Annotated[str, typer.Option(help="Quel logiciel, pour qui la révoquera un jour.")],
    structure: Structure = None,
    territory: Territory = None,
    as_json: Json = False,
) -> None:
    """Créer la clé d'un logiciel. Elle ne sera plus jamais montrée."""
    made = installation.run(_new_api_key(role, label, structure, territory))
    if as_json:
        typer.echo(json.dumps(made, indent=2))
    else:
        lines = (("Identifiant", "id"), ("Clé (API)", "secret"), ("Secret de signature (Kafka)", "signing_secret"))
        typer.echo("\n".join(f"{word}{NBSP}: {made[name]}" for word, name in lines))
        typer.echo("Notez-les maintenant : ils ne seront plus montrés.")


async def _new_api_key(role: StaffRole, label: str, structure: str | None, territory: str | None) -> dict[str, str]:
    from services.ingest.actors import Role
    from services.ingest.declare.persons import KeyBody, create_key
    from services.ingest.partners import signing_secret

    async with installation.guichet_of(installation.settings()) as guichet:
        act: Act = installation.act_as(guichet, Role.ADMINISTRATOR, await installation.territory_of(guichet, territory))
        body = KeyBody(role=Role(role.value), structure=structure, label=label)
        name, secret = await _refusable(guichet.database.write(create_key, act, body))
        return {"id": name, "secret": secret, "signing_secret": signing_secret(guichet.link_key, name)}
