"""The doors of the demo: the address of each screen, with a one-time link where somebody has to sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from contracts.vocabulary import AwardMode
from services.bus.links import sign_in_token
from services.cli.players import Players
from services.ingest import credentials
from services.territory import Structure

OPEN_FOR = timedelta(days=60)
"""A way in stays open while the demo lasts: its clock runs faster than whoever tries it."""


@dataclass(frozen=True)
class Door:
    label: str
    url: str


async def doors(players: Players) -> list[Door]:
    """The public page, the phones, and a way in for a coordinator, a director and a counsellor."""
    base = players.town.guichet.public_url
    territory = players.territory
    director = next(structure.person for structure in territory.structures if _awards(structure))
    staff = {"Coordination": territory.coordinator, "Crèche": director, "Insertion": territory.counsellors[0]}
    links = [Door(label, await _way_in(players, person)) for label, person in staff.items()]
    return [Door("Places libres", f"{base}/"), Door("Téléphones", players.town.phones_url), *links]


def _awards(structure: Structure) -> bool:
    return structure.award_mode is AwardMode.AWARDED


async def _way_in(players: Players, person: str) -> str:
    guichet = players.town.guichet
    link = f"demo-{person}"
    token = sign_in_token(guichet.link_key, link)
    await players.town.databases["ingest"].write(_keep, link, person, token, players)
    return f"{guichet.public_url}/connexion/{token}"


def _keep(tx: sa.Connection, link: str, person: str, token: str, players: Players) -> None:
    credentials.keep_link(tx, link=link, person=person, token=token, now=players.town.clock(), life=OPEN_FOR)
