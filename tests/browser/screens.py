"""Every screen there is to look at: who opens it, and where."""

from __future__ import annotations

from tests.ingest.pages.town import STATES, link, proposal_in

ACCEPTED, CONFIRMED = proposal_in("accepted"), proposal_in("confirmed")

SCREENS: tuple[tuple[str | None, str], ...] = (
    (None, "/"),
    (None, "/?commune=03185"),
    (None, "/?commune=99999"),
    (None, "/annuaire"),
    (None, "/annuaire/S-cailloux"),
    (None, "/regles"),
    (None, "/api/docs"),
    (None, "/api/evenements"),
    (None, "/connexion"),
    (None, "/connexion?fait=a_connecter"),
    (None, "/connexion/envoi"),
    (None, "/connexion/abc"),
    (None, "/p/inconnu"),
    *((None, link(state)) for state in STATES[2:]),
    (None, f"{link('delivered')}/confirmer?reponse=fin"),
    (None, f"{link('delivered')}/confirmer?reponse=erreur"),
    (None, f"{link('delivered')}/merci"),
    ("director", "/creche"),
    ("director", "/creche/publier"),
    ("director", "/creche/publier/reguliere"),
    ("director", "/creche/publier/ponctuelle"),
    ("director", "/creche/publier/astreinte"),
    ("director", "/creche/absence"),
    ("director", "/creche/a-confirmer"),
    ("director", f"/creche/a-confirmer/{ACCEPTED}"),
    ("director", f"/creche/a-confirmer/{ACCEPTED}/refuser"),
    ("director", "/creche/departs"),
    ("director", f"/creche/depart/{CONFIRMED}"),
    ("director", "/astreinte"),
    ("director", "/astreinte/signer"),
    ("director", "/guichet"),
    ("counsellor", "/conseil"),
    ("counsellor", "/conseil/demande"),
    ("counsellor", "/conseil/dossier/R-urgent"),
    ("counsellor", "/conseil/dossier/R-urgent/modifier"),
    ("committee", "/commission"),
    ("committee", f"/commission/proposition/{proposal_in('prepared')}/retenir"),
    ("committee", "/guichet/territoire"),
    ("coordinator", "/guichet"),
    ("coordinator", "/guichet/demande"),
    ("coordinator", "/guichet/demandes"),
    ("coordinator", "/guichet/dossier/R-3"),
    ("coordinator", "/guichet/dossier/R-5"),
    ("coordinator", "/guichet/dossier/R-3/modifier"),
    ("coordinator", f"/guichet/proposition/{proposal_in('prepared')}/retenir"),
    ("coordinator", f"/guichet/proposition/{proposal_in('delivered')}/repondre"),
    ("coordinator", "/astreinte"),
    ("coordinator", "/astreinte/signer"),
    ("coordinator", "/guichet/territoire"),
    ("coordinator", "/guichet/journal"),
    ("coordinator", "/guichet/journal?qui=personne"),
)

FAULTY: tuple[tuple[str, str, str], ...] = (
    ("director", "/creche/publier/reguliere", "Publier"),
    ("director", f"/creche/a-confirmer/{ACCEPTED}", "Confirmer l'accueil"),
    ("director", "/astreinte/signer", "Signer l'accord"),
    ("counsellor", "/conseil/demande", "Vérifier la demande"),
    ("coordinator", "/guichet/demande", "Vérifier la demande"),
    ("committee", f"/commission/proposition/{proposal_in('prepared')}/retenir", "Retenir"),
    ("coordinator", f"/guichet/proposition/{proposal_in('delivered')}/repondre", "Enregistrer la réponse"),
    ("coordinator", "/guichet/dossier/R-3/modifier", "Vérifier les changements"),
)
"""Forms sent as they are when they open: who, where, the button."""
