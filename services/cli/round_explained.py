"""`berceau rounds ROUND --explain REQUEST`: a past round decided again, why a request got what it got, and its proofs.

The decision is made again from what was kept, so that no ordinary round has to write proofs that nobody asks for.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from services.cli.failures import NBSP, CommandFailed

if TYPE_CHECKING:
    from services.matcher.solver.schema import Reason, Round

SEE = "docs/commande.md"
KEPT_OUT = f"Sans la priorité{NBSP}1, cette demande aurait une place."


def explain(asked: Round, request: str, as_json: bool) -> None:
    """Say why a request of this round has, or has not, its place. Raises CommandFailed where it took no part."""
    from services.cli import rounds
    from services.matcher.beside import beside
    from services.matcher.solver.solve import DEFAULT, decide

    outcome = decide(asked, replace(DEFAULT, prices=False))
    reason = _reason({row.request: row for row in outcome.reasons}, asked.id, request)
    found = beside(asked, outcome, {})
    told = rounds.sentences(outcome, asked, reason)
    told += [KEPT_OUT] if request in found.displaced else []
    told += found.proofs.get(request, ())
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2) if as_json else "\n".join(told))


def _reason(reasons: dict[str, Reason], round_id: str, request: str) -> Reason:
    if request not in reasons:
        cause = f"La demande {request} n'a pris aucune part à l'attribution {round_id}."
        raise CommandFailed(cause, "Vérifiez l'identifiant.", SEE)
    return reasons[request]
