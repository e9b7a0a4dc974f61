"""What a territory is promised of every round: each guarantee in a sentence that a committee can read.

When to modify: when the territory is promised something more, or something else; then `verify` checks it.
"""

from __future__ import annotations

from contracts.vocabulary import Id
from services.matcher.solver.schema import Violation

GUARANTEES = {
    "G1": "Dans aucun créneau il n'y a plus d'enfants que de places libres.",
    "G2": "Un enfant reçoit une seule proposition au plus, qui couvre entièrement un des rythmes acceptés, "
    "ou la partie, ou le partage, que la famille accepte.",
    "G3": "L'âge, les dates, les horaires offerts, les vœux et le temps de trajet sont respectés.",
    "G4": "Une place d'astreinte ne va qu'à une urgence en parcours d'insertion jusqu'à son heure de libération, "
    "une place réservée ou garantie à l'insertion qu'à son public jusqu'à sa date de libération.",
    "G5": "Aucun enfant ne pourrait obtenir une place qu'il préfère en reprenant seulement des places "
    "à des enfants moins prioritaires dans cette structure.",
    "G6": "Aucune place ne reste libre alors qu'un enfant sans proposition pourrait la prendre, "
    "sauf si une personne la tient avec un motif, ou une règle votée.",
    "G7": "Un besoin d'accueil adapté ne fait jamais perdre une place : "
    "au-delà de ce qui est prêt, l'accueil se prépare.",
    "G8": "Les mêmes données donnent le même résultat, quel que soit leur ordre.",
    "G9": "Une fratrie demandée ensemble est placée ensemble, ou la famille sait pourquoi.",
    "G10": "Chaque niveau est prouvé, ou son écart est montré.",
    "G11": "Chaque demande reçoit sa raison, vœu par vœu, et cette raison est vraie.",
    "G12": "Ce qui est déjà tenu n'est jamais repris par une attribution.",
    "G14": "La première priorité ne passe devant que pour la part des places que le territoire a votée.",
    "G15": "Une même semaine, une section ne commence pas l'accueil de plus d'enfants qu'elle ne peut en adapter.",
    "G16": "Une place n'attend pas un début plus tardif au-delà des semaines que le territoire a votées.",
    "G17": "Chaque preuve écrite à côté d'une décision se refait par une addition.",
}


def violation(guarantee: str, requests: list[Id], sections: list[Id]) -> Violation:
    """A guarantee that these requests, and these sections, show to be broken."""
    sentence = GUARANTEES[guarantee]
    return Violation(guarantee=guarantee, sentence=sentence, requests=tuple(requests), sections=tuple(sections))
