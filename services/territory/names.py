"""Invented people: common first and family names, drawn apart, so that no pair means anybody.

All letters exist in Windows-1252, which Excel writes. Structure names fit the 22 characters that an SMS has for them.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Adam Alice Alix Ambre Anna Arthur Axel Ayden Ayoub Camille Chloé Clément Côme Elif Élio Éloïse Emma Emre "
    "Enzo Eva Gabriel Hanaé Hugo Ibrahim Inaya Inès Jade Jules Juliette Kylian Léa Léo Léonie Lina Lou Louis "
    "Lucas Maël Malo Manon Marius Mathis Mia Mila Mohamed Naël Nina Noah Noé Nour Olivia Ömer Raphaël Rayan Robin "
    "Romane Rose Rui Sacha Sofia Soline Théo Thiago Tiago Tom Victoire Yasmine Yusuf Zélie Zoé"
)

PARENT_NAMES = _words(
    "Aïcha Alexandre Amandine Amina Anthony Ana Aurélie Ayse Benjamin Caroline Cédric Céline Charlotte Cindy "
    "David Élodie Émilie Fatima Fatma Florian Guillaume Hassan Jérémy Jessica João Julie Julien Karim Kevin "
    "Laetitia Laura Ludovic Marion Marine Maxime Mehmet Mélanie Mickaël Nadia Nicolas Pauline Paulo Pierre Rachid "
    "Romain Sabrina Sara Sébastien Sophie Stéphanie Thomas Vanessa Virginie Yann"
)

FAMILY_NAMES = _words(
    "Alami Allard Andrieux Auclair Aydin Bardin Barbosa Belkacem Berger Bernard Bertrand Bidault Blanchet Bonnet "
    "Boucher Bourdier Carré Chabrol Chaumette Chevalier Colas Costa Darchy Debord Delage Demir Dubois Dumas Dupuy "
    "Fayard Fernandes Fontaine Garnier Gaume Gilbert Girard Gomes Grand Guérin Haddad Jouannet Kaya Labrousse "
    "Lacroix Lafont Lamy Laurent Lebrun Lefort Lopes Marchand Martin Mercier Michard Moreau Morel Nicolas Oztürk "
    "Perrin Petit Pinheiro Raynaud Renaud Richard Robin Rossignol Roussel Roux Saadi Simon Thévenet Thomas Touret "
    "Vidal Yilmaz Ziani"
)

CRECHE_NAMES = (
    "La Ronde des Lutins",
    "Les Petits Pas",
    "Le Jardin de Lulu",
    "Les Bout'chous",
    "La Coccinelle",
    "Les Berlingots",
    "La Farandole",
    "Les Petits Cailloux",
    "L'Île aux Câlins",
    "Le Nid Douillet",
    "Les Moussaillons",
    "Pomme d'Api",
    "La Souris Verte",
    "Les Libellules",
    "Le Petit Prince",
    "Les Pitchounets",
    "Au Clair de Lune",
    "Les Chatons",
    "Le Manège Enchanté",
    "Trois p'tits tours",
)

OFFICES = ("France Travail", "Mission locale", "CCAS", "Maison des solidarités", "PLIE", "Cap emploi")
"""Where counsellors work: kinds of office that exist, with nobody of theirs."""
