"""`berceau match` and `berceau explain`: a round without any server, and why each request got what it got."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.failures import NBSP, CommandFailed, Exit, of_file

if TYPE_CHECKING:
    from services.matcher.solver.schema import Outcome, Reason, Round

SEE = "docs/formats.md"


class Format(StrEnum):
    ROUND = "round"
    OUTCOME = "outcome"


def match(
    round_file: Annotated[Path | None, typer.Argument(metavar="ROUND.json", help="L'attribution à décider.")] = None,
    out: Annotated[Path | None, typer.Option(help="Où écrire la décision (sinon, à l'écran).")] = None,
    csv: Annotated[Path | None, typer.Option(help="La décision en CSV, une ligne par demande.")] = None,
    schema: Annotated[Format | None, typer.Option(help="Montrer le schéma JSON d'un des deux fichiers.")] = None,
    example: Annotated[bool, typer.Option("--example", help="Montrer un fichier d'attribution (inventé).")] = False,
    proofs: Annotated[bool, typer.Option(help="Écrire à côté les preuves que personne ne pouvait avoir mieux.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Les erreurs en JSON ; la décision l'est toujours.")] = False,
) -> None:
    """Décider une attribution sans serveur : ROUND.json entre, la décision sort."""
    from services.cli import rounds

    if schema is not None:
        typer.echo(rounds.rendered(rounds.schema_of(schema.value)), nl=False)
    elif example:
        typer.echo(rounds.EXAMPLE.read_text(encoding="utf-8"), nl=False)
    elif round_file is None:
        raise CommandFailed(
            "Il manque le fichier ROUND.json.", "«\u00a0berceau match --example\u00a0» en montre un.", SEE, Exit.USAGE
        )
    else:
        raise typer.Exit(_match(round_file, out, csv, proofs=proofs))


def _match(round_file: Path, out: Path | None, csv: Path | None, *, proofs: bool) -> Exit:
    from services.cli import rounds
    from services.matcher.solver.proving import with_proofs
    from services.matcher.solver.schema import Round

    asked = rounds.read(round_file, Round)
    _warn_of_unknown(rounds.unknown_fields(round_file, asked))
    outcome = with_proofs(asked, decided(asked)) if proofs else decided(asked)
    text = outcome.model_dump_json(indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        _write(out, text.encode())
    if csv is not None:
        _write(csv, rounds.as_csv(outcome, asked))
    return _tell(outcome, len(asked.requests))


def decided(asked: Round, *, prices: bool = True) -> Outcome:
    """The outcome of a round. Raises CommandFailed where it contradicts itself."""
    from services.matcher.solver.solve import RoundRefused, Settings, decide

    try:
        return decide(asked, Settings(prices=prices))
    except RoundRefused as refused:
        raise CommandFailed(str(refused), "Corrigez le fichier.", SEE) from refused


def placed_only(asked: Round) -> Outcome:
    """The same for a look at who is placed: other modes, and what priority costs, are not worked out each time."""
    return decided(asked, prices=False)


def _warn_of_unknown(names: list[str]) -> None:
    if names:
        sys.stderr.write(f"Champs inconnus, non lus{NBSP}: {', '.join(names[:10])}. Voir {SEE}.\n")


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise of_file(path, error, "s'écrit", SEE) from error


def _tell(outcome: Outcome, asked: int) -> Exit:
    from services.calendar import counted

    offered = counted(len({row.request for row in outcome.placed}), "proposition")
    sys.stderr.write(f"{counted(asked, 'demande')}, {offered}.\n")
    for line in _whom_priority_touches(outcome):
        sys.stderr.write(f"{line}\n")
    for violation in outcome.violations:
        sys.stderr.write(f"Règle non respectée{NBSP}: {violation.guarantee}, {violation.sentence}\n")
    return Exit.FOUND if outcome.violations else Exit.DONE


def _whom_priority_touches(outcome: Outcome) -> list[str]:
    """Who is kept out by the first tier's priority, and who of it comes after its share."""
    lines = {
        f"Sans la priorité 1, auraient une place{NBSP}": outcome.displaced or (),
        f"Au-delà de la part votée de la priorité 1{NBSP}": outcome.behind,
    }
    return [f"{said}: {', '.join(requests)}." for said, requests in lines.items() if requests]


def explain(
    outcome_file: Annotated[Path, typer.Argument(metavar="OUTCOME.json", help="La décision de berceau match.")],
    request: Annotated[str, typer.Argument(metavar="DEMANDE", help="L'identifiant de la demande.")],
    round_file: Annotated[
        Path | None, typer.Option("--round", help="L'attribution : donne le rang de chaque vœu.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="L'explication en JSON.")] = False,
) -> None:
    """Dire en français pourquoi une demande a, ou n'a pas, sa place."""
    from services.cli import rounds
    from services.matcher.solver.proof_phrases import proof_phrases
    from services.matcher.solver.schema import Outcome, Round

    outcome = rounds.read(outcome_file, Outcome)
    asked = rounds.read(round_file, Round) if round_file else None
    check_untouched(outcome, asked)
    reason = _reason(outcome, request)
    told = rounds.sentences(outcome, asked, reason)
    told += proof_phrases(asked, outcome, request) if asked and outcome.certificate else []
    if as_json:
        typer.echo(json.dumps(_facts(outcome, reason, told), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(told))


def check_untouched(outcome: Outcome, asked: Round | None) -> None:
    """An explanation of a file that somebody edited, or of another round, would be a lie."""
    from services.matcher.solver.canonical import outcome_hash, round_hash

    if outcome_hash(outcome) != outcome.outcome_hash:
        cause = "La décision a été modifiée depuis son calcul (empreinte différente)."
        raise CommandFailed(cause, "Calculez-la de nouveau avec «\u00a0berceau match\u00a0».", SEE)
    if asked is not None and round_hash(asked) != outcome.input_hash:
        cause = "La décision ne vient pas de cette attribution (empreinte différente)."
        raise CommandFailed(cause, "Donnez l'attribution d'où elle vient.", SEE)


def _reason(outcome: Outcome, request: str) -> Reason:
    for reason in outcome.reasons:
        if reason.request == request:
            return reason
    raise CommandFailed(f"La décision ne parle pas de la demande {request}.", "Vérifiez l'identifiant.", SEE)


def _facts(outcome: Outcome, reason: Reason, told: list[str]) -> dict[str, Any]:
    offer = next((row for row in outcome.placed if row.request == reason.request), None)
    return {
        "request": reason.request,
        "placed": reason.placed,
        "phrases": told,
        "offer": offer.model_dump(mode="json") if offer else None,
        "reason": reason.model_dump(mode="json"),
    }
