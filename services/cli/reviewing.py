"""`berceau verify`, `enough`, `force`, `compare`: a decision as a committee looks at it, on files alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.failures import NBSP, CommandFailed, Exit
from services.cli.matching import SEE, check_untouched, decided, placed_only

if TYPE_CHECKING:
    from contracts.vocabulary import Slot
    from services.matcher.solver.enough import Enough
    from services.matcher.solver.schema import Outcome, Placed, Round, Violation
    from services.matcher.solver.verify import Proven
    from services.matcher.solver.what_if import Difference, Forced

RoundFile = Annotated[Path, typer.Argument(metavar="ROUND.json", help="L'attribution.")]
OutcomeFile = Annotated[Path, typer.Argument(metavar="OUTCOME.json", help="Sa décision.")]
RequestId = Annotated[str, typer.Argument(metavar="DEMANDE", help="L'identifiant de la demande.")]
MOST_NAMED = 10
AsJson = Annotated[bool, typer.Option("--json", help="La réponse en JSON.")]


def verify(
    round_file: RoundFile,
    outcome_file: OutcomeFile,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Refaire aussi tout le calcul, et comparer les empreintes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Contrôler une décision sans le solveur : chaque règle promise, les empreintes et le tirage."""
    from services.matcher.solver import verify as checks

    asked, outcome = _both(round_file, outcome_file)
    found = checks.verify(asked, outcome)
    best = checks.best_of_all(asked, outcome) if outcome.certificate else None
    same = decided(asked).outcome_hash == outcome.outcome_hash if recompute else None
    if as_json:
        typer.echo(
            json.dumps({**_checked(asked, found, same), "proofs": _shown(outcome, best)}, indent=2, ensure_ascii=False)
        )
    else:
        for guarantee, sentence in checks.GUARANTEES.items():
            _tell_guarantee(guarantee, sentence, [row for row in found if row.guarantee == guarantee])
        _tell_withheld(outcome)
        _tell_proofs(outcome, best)
        _tell_levels(outcome)
        _tell_persons(asked)
        _tell_seed(asked)
        _tell_same(same)
    raise typer.Exit(Exit.FOUND if found or same is False else Exit.DONE)


def _both(round_file: Path, outcome_file: Path) -> tuple[Round, Outcome]:
    """A round in its one order and a decision that nobody has edited. Raises CommandFailed."""
    from services.cli import rounds
    from services.matcher.solver.canonical import RoundRefused, canonical
    from services.matcher.solver.schema import Outcome, Round

    asked, outcome = rounds.read(round_file, Round), rounds.read(outcome_file, Outcome)
    try:
        asked = canonical(asked)
    except RoundRefused as refused:
        raise CommandFailed(str(refused), "Corrigez le fichier.", SEE) from refused
    check_untouched(outcome, asked)
    return asked, outcome


def _tell_guarantee(guarantee: str, sentence: str, broken: list[Violation]) -> None:
    typer.echo(f"{'NON' if broken else 'oui'}  {guarantee:<4} {sentence}")
    for violation in broken:
        named = [*violation.requests, *violation.sections]
        typer.echo(
            f"          en défaut{NBSP}: {', '.join(named[:MOST_NAMED])}{'…' if len(named) > MOST_NAMED else ''}"
        )


def _tell_withheld(outcome: Outcome) -> None:
    """Whose answers the checks held back: nobody can see without deciding again that they had to."""
    if outcome.withheld:
        named = ", ".join(outcome.withheld[:MOST_NAMED]) + ("…" if len(outcome.withheld) > MOST_NAMED else "")
        typer.echo(f"          Sans réponse, car le contrôle a trouvé une faute{NBSP}: {named}")


def _tell_proofs(outcome: Outcome, best: Proven | None) -> None:
    """How many requests are shown to have the best that the rules allow, and which are not."""
    from services.calendar import counted

    if best is None or outcome.certificate is None:
        typer.echo("          Aucune preuve n'est écrite à côté de cette décision.")
        return
    written = counted(len(outcome.certificate.proofs), "preuve")
    asked = len(best.best) + len(best.open)
    typer.echo(f"{'NON' if best.false else 'oui'}       Refaites par addition{NBSP}: {written}.")
    typer.echo(f"          Le mieux possible est prouvé pour {len(best.best)} des {counted(asked, 'demande')}.")
    if best.open:
        named = ", ".join(best.open[:MOST_NAMED])
        typer.echo(f"          Sans preuve écrite{NBSP}: {named}{'…' if len(best.open) > MOST_NAMED else ''}")


def _tell_levels(outcome: Outcome) -> None:
    """How far each goal was reached where the structures' lists contradict each other, and up to where it is open."""
    levels = outcome.certificate.levels if outcome.certificate else ()
    if levels:
        typer.echo(f"          Là où les listes des structures se contredisent{NBSP}:")
    for level in levels:
        band = "" if level.points is None else f", priorité {level.tier} à {level.points}{NBSP}points"
        proof = "prouvé" if level.value == level.bound else f"non prouvé, au mieux {level.bound}"
        typer.echo(f"            {GOALS[level.goal.value]}{band}{NBSP}: {level.value} ({proof})")


GOALS = {
    "envies": "cas d'envie justifiée", "total": "enfants placés", "children": "droits servis",
    "wishes": "pas au-dessous des premiers vœux", "hours": "minutes d'accueil",
}  # fmt: skip


def _shown(outcome: Outcome, best: Proven | None) -> dict[str, Any] | None:
    if best is None or outcome.certificate is None:
        return None
    false = [{"unit": unit, "structure": structure} for unit, structure in best.false]
    return {"written": len(outcome.certificate.proofs), "best": best.best, "open": best.open, "false": false}


def _tell_persons(asked: Round) -> None:
    """What persons decided beside the list: decisions, and no violations."""
    for hold in asked.holds:
        if hold.forced is not None:
            typer.echo(f"          Décision de personnes{NBSP}: la demande {hold.forced} est placée en {hold.section}.")
        elif hold.by_person:
            typer.echo(f"          Décision de personnes{NBSP}: {hold.section}, {hold.units} tenue, {hold.reason}.")


def _decided_by_persons(asked: Round) -> list[dict[str, Any]]:
    names = {"id", "section", "units", "forced", "reason"}
    return [hold.model_dump(mode="json", include=names) for hold in asked.holds if hold.by_person]


def _tell_seed(asked: Round) -> None:
    if asked.policy.seed_commitment:
        typer.echo("oui       La graine du tirage est celle dont l'empreinte a été publiée avant.")
    else:
        typer.echo("          Aucune empreinte de la graine n'a été publiée avant le tirage.")


def _tell_same(same: bool | None) -> None:
    if same is not None:
        typer.echo(f"{'oui' if same else 'NON'}       Refait, le calcul donne la même décision, à l'empreinte près.")


def _checked(asked: Round, found: Iterable[Violation], same: bool | None) -> dict[str, Any]:
    return {
        "violations": [violation.model_dump(mode="json") for violation in found],
        "seed_was_committed": bool(asked.policy.seed_commitment),
        "draw": _draw(asked),
        "decided_by_persons": _decided_by_persons(asked),
        "recomputed_the_same": same,
    }


def _draw(asked: Round) -> list[dict[str, str]]:
    """The tickets of the published draw, the lowest first: who goes before whom at equal points and seniority."""
    from services.matcher.solver.claims import draw

    tickets = {request.id: draw(asked.policy.seed, request.id).hex() for request in asked.requests}
    return [{"request": id_, "ticket": tickets[id_]} for id_ in sorted(tickets, key=tickets.__getitem__)]


def enough(
    round_file: RoundFile, outcome_file: OutcomeFile, request: RequestId, as_json: AsJson = False
) -> None:  # fmt: skip
    """Dire quel plus petit changement aurait suffi à une demande sans place : refait et vrai."""
    from services.matcher.solver.enough import enough as enough_of

    asked, outcome = _both(round_file, outcome_file)
    _check_known(request, (row.id for row in asked.requests), "La décision ne parle pas de la demande")
    found = enough_of(asked, outcome, request, placed_only)
    if as_json:
        typer.echo(json.dumps([row.model_dump(mode="json") for row in found], indent=2, ensure_ascii=False))
    elif any(row.request == request for row in outcome.placed):
        typer.echo("Cette demande reçoit une proposition.")
    else:
        typer.echo("\n".join(map(_sentence, found)) or "Aucun petit changement n'aurait suffi.")


def _sentence(change: Enough) -> str:
    from services.calendar import date_in_full
    from services.matcher.solver.enough import Kind

    place = change.placed
    said = {
        Kind.FEWER_DAYS: f"Sans {_days(change.lost)}, elle aurait eu une place",
        Kind.OTHER_DAY: f"Avec {_days(place.slots)} au lieu de {_days(change.lost)}, elle aurait eu une place",
        Kind.LATER_START: f"À partir du {date_in_full(place.period.start, with_year=True)}, elle aurait eu une place",
        Kind.OTHER_STRUCTURE: "Avec une structure de plus, elle aurait eu une place",
    }
    other = f" et à {change.shared.structure}, qui se partageraient la semaine" if change.shared else ""
    return f"{said[change.kind]} à {place.structure}{other}."


def _days(slots: Iterable[Slot]) -> str:
    """ "lundi, mardi et jeudi"; single days as dates in full."""
    from services.calendar import date_in_full

    named = [date_in_full(slot.day) if isinstance(slot.day, date) else slot.day.label for slot in slots]
    days = list(dict.fromkeys(named))
    return " et ".join([", ".join(days[:-1]), days[-1]] if len(days) > 1 else days)


def force(
    round_file: RoundFile,
    outcome_file: OutcomeFile,
    request: RequestId,
    section: Annotated[str, typer.Argument(metavar="SECTION", help="La section où placer l'enfant.")],
    pattern: Annotated[int, typer.Option(min=0, help="La semaine acceptée, à partir de 0.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Montrer qui serait touché si une personne plaçait cet enfant ici. Rien n'est décidé."""
    from services.matcher.solver import what_if

    asked, outcome = _both(round_file, outcome_file)
    _check_known(request, (row.id for row in asked.requests), "La décision ne parle pas de la demande")
    _check_known(section, (row.id for row in asked.sections), "L'attribution ne connaît pas la section")
    try:
        result = what_if.forced(asked, outcome, request, section, pattern, placed_only)
    except IndexError as error:
        remedy = "Donnez le numéro d'une semaine acceptée, à partir de 0."
        raise CommandFailed(f"La demande {request} n'a pas de semaine {pattern}.", remedy, SEE) from error
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        _tell_forced(result)


def _check_known(name: str, known: Iterable[str], cause: str) -> None:
    if name not in set(known):
        raise CommandFailed(f"{cause} {name}.", "Vérifiez l'identifiant.", SEE)


def _tell_forced(result: Forced) -> None:
    if result.beyond_capacity:
        typer.echo("Cette place n'est pas libre : l'enfant serait au-delà de la capacité.".replace(" :", f"{NBSP}:"))
    _tell_differences(result.touched)


def compare(
    before_file: Annotated[Path, typer.Argument(metavar="AVANT.json", help="Une décision.")],
    after_file: Annotated[Path, typer.Argument(metavar="APRÈS.json", help="L'autre décision, des mêmes demandes.")],
    round_file: Annotated[
        Path | None, typer.Option("--round", help="L'attribution : donne les différences par profil de famille.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Comparer deux décisions des mêmes demandes, sous une autre grille ou un autre mode."""
    from services.cli import rounds
    from services.matcher.solver.schema import Outcome, Round
    from services.matcher.solver.what_if import differences

    before, after = rounds.read(before_file, Outcome), rounds.read(after_file, Outcome)
    found = differences(before, after)
    asked = rounds.read(round_file, Round) if round_file else None
    profiles = _profiles(asked, found) if asked else {}
    if as_json:
        facts = [row.model_dump(mode="json") for row in found]
        typer.echo(json.dumps({"differences": facts, "profiles": profiles}, indent=2, ensure_ascii=False))
        return
    typer.echo(f"Enfants placés{NBSP}: {_children(before)} avant, {_children(after)} après.")
    _tell_differences(found)
    for profile, counts in profiles.items():
        typer.echo(f"  {profile}{NBSP}: {_numbers(counts)}")


def _children(outcome: Outcome) -> int:
    """How many have a place: a week that two structures share is one child's."""
    return len({row.request for row in outcome.placed})


def _profiles(asked: Round, found: Iterable[Difference]) -> dict[str, dict[str, int]]:
    """How many families of each kind gain or lose, by priority and by the lines of the grid that counted."""
    requests = {request.id: request for request in asked.requests}
    counts: dict[str, Counter[str]] = {}
    for row in found:
        request = requests.get(row.request)
        for profile in [f"priorité {request.tier}", *(line.label for line in request.reasons)] if request else ():
            counts.setdefault(profile, Counter())[row.effect.value] += 1
    return {profile: dict(counts[profile]) for profile in sorted(counts)}


EFFECTS = {
    "loses": "perdrait sa place", "gains": "aurait une place", "worse": "aurait un moins bon vœu",
    "better": "aurait un meilleur vœu", "moves": "changerait de place, aussi bonne",
}  # fmt: skip


def _numbers(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[effect]} {said}" for effect, said in EFFECTS.items() if effect in counts)


def _tell_differences(found: tuple[Difference, ...]) -> None:
    if not found:
        typer.echo("Personne d'autre n'est touché.")
    for row in found:
        typer.echo(f"{row.request} {EFFECTS[row.effect.value]}{NBSP}: {_at(row.before)} → {_at(row.after)}")


def _at(place: Placed | None) -> str:
    return f"{place.structure} (vœu {place.wish_rank})" if place else "en attente"
