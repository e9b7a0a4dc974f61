"""What `berceau doctor` looks at of the place where professionals sign in with the account of their employer.

When to modify: with a way in which such a provider was found to be set wrongly.
"""

from __future__ import annotations

from services.bus.settings import Settings
from services.cli.assembly import identity_of
from services.cli.checks import Check, failed, ok, warning
from services.cli.failures import NBSP
from services.ingest.identity import ProviderAway

NAME = "connexion par un compte"


async def identity(settings: Settings) -> list[Check]:
    """It answers, under the very name that was given. Nothing where no such place is set: the SMS stays."""
    provider = identity_of(settings)
    if provider is None:
        return []
    try:
        await provider.described()
    except ProviderAway as error:
        remedy = (
            f"Comparez BERCEAU_OIDC_ISSUER avec le champ «{NBSP}issuer{NBSP}» de "
            f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration, et vérifiez que le pare-feu laisse "
            "sortir. Le lien par SMS marche toujours."
        )
        return [failed(NAME, f"{settings.oidc_name} ne répond pas comme il faut ({error})", remedy)]
    answers = ok(NAME, f"{settings.oidc_name} répond{NBSP}; il renvoie à {provider.back_to}")
    if settings.oidc_issuer.startswith("https://") and not settings.public_url.startswith("https://"):
        remedy = "Donnez l'adresse en https dans BERCEAU_PUBLIC_URL."
        return [answers, warning(NAME, f"le retour se fait en clair ({settings.public_url})", remedy)]
    return [answers]
