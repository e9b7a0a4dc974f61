"""The audit trail as people read it: the words of each act, and a page of the trail with the state of its chain.

When to modify: with a new act that leaves a row (a test walks them all).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import sqlalchemy as sa

from services.bus import audit, audit_chain
from services.bus.audit import Kept, Wanted
from services.bus.audit_chain import End
from services.ingest.access import Seen, Thing, may_see
from services.ingest.actors import Actor, Role
from services.ingest.problems import forbidden

PER_PAGE = 25
MOST_PAGES = 400
"""Ten thousand rows behind, a date finds more than the next page."""

CHECKED_LINKS = 2_000
"""Links that one look at the page makes again: some 20 ms. `berceau audit --check` makes all."""

ROLES = MappingProxyType({**{role.value: role.label for role in Role}, "technician": "Équipe technique"})
"""Who acts, in the words of people; the last one is `berceau` itself."""

DID = MappingProxyType({
    "territory.published": "a publié le territoire et ses règles",
    "structure.published": "a publié une structure",
    "agreement.signed": "a signé un accord d'astreinte",
    "agreement.ended": "a mis fin à un accord d'astreinte",
    "vacancy.opened": "a publié une place",
    "vacancy.changed": "a modifié une place",
    "vacancy.withdrawn": "a retiré une place",
    "vacancy.reconfirmed": "a dit une place toujours libre",
    "snapshot.declared": "a publié l'état d'une section",
    "request.registered": "a enregistré une demande",
    "request.amended": "a modifié une demande",
    "siblings.asked": "a demandé ensemble des frères et sœurs",
    "siblings.parted": "a demandé de nouveau chaque enfant à part",
    "request.closed": "a clos une demande",
    "hold.requested": "a réservé une place d'astreinte",
    "reply.received": "a répondu, ou noté une réponse",
    "reply.undone": "est revenu sur un NON",
    "call.recorded": "a noté un appel",
    "call.asked": "a demandé un appel",
    "campaign.opened": "a ouvert une campagne",
    "campaign.ended": "a mis fin à une campagne",
    "campaign.released": "a libéré une campagne",
    "draft.asked": "a demandé un brouillon de campagne",
    "place.held": "a tenu une place",
    "force.asked": "a demandé qui serait touché si un enfant était placé",
    "force.confirmed": "a placé un enfant par décision",
    "gesture.undone": "a annulé un geste",
    "release.given": "a libéré une proposition",
    "release.suspended": "a retenu une proposition",
    "withdrawal.given": "a retiré une proposition",
    "admission.confirmed": "a confirmé une admission",
    "admission.refused": "n'a pas confirmé une admission",
    "departure.announced": "a annoncé un départ",
    "task.handled": "a fait une tâche",
    "text.handled": "a traité un SMS",
    "sign_in.requested": "a demandé un lien de connexion",
    "session.opened": "s'est connecté par un lien",
    "session.vouched": "s'est connecté avec son compte professionnel",
    "person.registered": "a donné un accès à une personne",
    "person.removed": "a retiré l'accès d'une personne",
    "key.made": "a créé la clé d'un logiciel",
    "key.revoked": "a révoqué la clé d'un logiciel",
    "family.erased": "a effacé une famille",
    "contact.read": "a lu un contact",
    "health.read": "a lu un besoin de santé",
    "draft.downloaded": "a téléchargé les dossiers d'une campagne",
    "requests.downloaded": "a téléchargé la liste des demandes",
    "backup.made": "a sauvegardé les bases",
    "dead_letter.redriven": "a fait traiter de nouveau un message de côté",
    "dead_letter.discarded": "a écarté un message de côté",
})  # fmt: skip
"""What each entry says, behind its author."""

WRONG = MappingProxyType({
    "changed": "la ligne {link} a été modifiée",
    "missing": "des lignes manquent avant la ligne {link}",
    "end": "des lignes manquent après la ligne {link}",
    "chain": "le début ou la fin de la chaîne ont été réécrits (ligne {link}), ou la clé a changé",
})  # fmt: skip


@dataclass(frozen=True)
class Trail:
    """One page of it, newest first; `has_more` where older ones follow."""

    rows: tuple[Kept, ...]
    has_more: bool
    end: End

    @property
    def is_whole(self) -> bool:
        return not self.end.broken

    @property
    def faults(self) -> list[str]:
        return [WRONG[wrong.kind].format(link=wrong.link) for wrong in self.end.broken]


def read_trail(tx: sa.Connection, actor: Actor, wanted: Wanted, page: int, key: bytes) -> Trail:
    """What happened in the actor's territory. `key` is the installation's for links. Raises Refused."""
    if not may_see(actor, Seen.TRAIL, Thing(actor.territory)):
        raise forbidden()
    rows = audit.found(tx, wanted, PER_PAGE + 1, (page - 1) * PER_PAGE)
    end = audit_chain.check_end(tx, audit_chain.chain_key(key), CHECKED_LINKS)
    return Trail(tuple(rows[:PER_PAGE]), len(rows) > PER_PAGE, end)
