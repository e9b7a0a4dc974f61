"""The columns of the three files, as `docs/fichiers.md` publishes them.

When to modify: together with `docs/fichiers.md`. A new column is optional, so that older files still read the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.vocabulary import WEEKDAYS
from services.ingest.declare.needs import MOST_WISHES

DAYS = tuple(day.label.capitalize() for day in WEEKDAYS)
WISHES = tuple(f"Vœu {n}" for n in range(1, MOST_WISHES + 1))
CONTACTS = (1, 2, 3)
CONTACT_COLUMNS = ("Contact", "Téléphone", "Joindre par", "Langue", "Rôle", "Répond")
REASON, REMEDY = "Motif du rejet", "Que faire"
REMARK = "Remarque"
"""Free words of whoever keeps the file. Never read: it may hold what nobody should write down."""


@dataclass(frozen=True)
class Columns:
    """`key` identifies a row; a file without one of `needed` is refused whole."""

    key: str
    needed: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def read(self) -> tuple[str, ...]:
        """All that is read."""
        return (*self.needed, *self.others)

    @property
    def known(self) -> tuple[str, ...]:
        """All that may stand there without being reported."""
        return (*self.read, REMARK, REASON, REMEDY)


STRUCTURE_COLUMNS = Columns(
    "Structure",
    needed=(
        *("Structure", "Nom", "Type", "Code commune", "Attribution", "Tarif", "AVIP", "Capacité"),
        *("Section", "Nom de section", "Âge mini (mois)", "Âge maxi (mois)", "Places"),
    ),
    others=(
        *("Adresse", "Téléphone", *DAYS),
        *("Ouvertures exceptionnelles", "Fermetures", "Accueils adaptés préparés"),
        *("Accueils adaptés jusqu'au", "Motif de la limite", "Débuts par semaine"),
        *("Gestionnaire", "Adultes présents", "Enfants présents", "Taux d'encadrement", "PEDT", "Semaine de vacances"),
    ),
)
VACANCY_COLUMNS = Columns(
    "Place",
    needed=("Place", "Structure", "Section", "Type", "Nombre", "Début"),
    others=("Fin", *DAYS, "Dates", "Public", "Réservée jusqu'au", "Convention"),
)
REQUEST_COLUMNS = Columns(
    "Demande",
    needed=(
        *("Demande", "Famille", "Enfant", "Naissance", "Né", "Type", "Code commune"),
        *("Vœu 1", "Début", "Accueil adapté", "Téléphone 1"),
    ),
    others=(
        *("Prénom", *WISHES[1:], *DAYS, "Dates", "Autres semaines", "Fin", "Souplesse (jours)", "Trajet (minutes)"),
        *("Critères validés", "Critères à vérifier", "Prescripteur", "SMS urgents", "Dossier complet"),
        *("Une partie aide", "Jours minimum", "Deux structures", "Partout (minutes)", "Place actuelle"),
        *("Avec", "Ensemble"),
        *(f"{name} {n}" for n in CONTACTS for name in CONTACT_COLUMNS if (name, n) != ("Téléphone", 1)),
    ),
)
