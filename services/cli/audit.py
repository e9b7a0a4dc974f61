"""`berceau audit`: who did what, who read what is sensitive, and whether anybody has meddled with the trail since."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, Exit

if TYPE_CHECKING:
    from services.bus.audit import Kept
    from services.bus.audit_chain import Broken, Checked
    from services.bus.settings import Settings

SEE = "docs/exploitation.md"
SERVICES = ("ingest", "matcher", "notifier")


def audit(
    person: Annotated[str | None, typer.Option(help="Ce qu'une personne, ou une clé, a fait et lu.")] = None,
    file: Annotated[str | None, typer.Option(help="Qui a agi sur un dossier (R-…), ou l'a lu.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Combien au plus, les derniers.")] = 50,
    check: Annotated[bool, typer.Option("--check", help="Vérifier que rien n'a été modifié ni retiré.")] = False,
    end: Annotated[
        list[str] | None, typer.Option(help="Avec --check : une fin notée auparavant (SERVICE:LIGNE:SCEAU).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="En JSON.")] = False,
) -> None:
    """Qui a fait quoi, et qui a lu un contact ou un besoin de santé ; des identifiants, jamais un nom."""
    if check:
        _check(installation.settings(), end or [], as_json)
    else:
        _list(installation.settings(), person, file, limit, as_json)


def _list(found: Settings, person: str | None, file: str | None, limit: int, as_json: bool) -> None:
    rows = installation.run(_entries(found, person, file, limit))
    if as_json:
        typer.echo(json.dumps([_facts(service, row) for service, row in rows], indent=2, ensure_ascii=False))
        return
    for service, row in rows:
        typer.echo(_line(service, row))
    if not rows:
        typer.echo("Rien n'est noté.")


async def _entries(found: Settings, person: str | None, file: str | None, limit: int) -> list[tuple[str, Kept]]:
    from services.bus.audit import entries

    rows: list[tuple[str, Kept]] = []
    async with installation.opened(found, *SERVICES) as databases:
        for name, database in databases.items():
            rows += [(name, row) for row in await database.read(entries, who=person, file=file, limit=limit)]
    return sorted(rows, key=lambda found: found[1].at, reverse=True)[:limit]


def _line(service: str, row: Kept) -> str:
    from services.calendar import instant_in_full
    from services.ingest.trail import DID, ROLES

    role = ROLES.get(row.role, row.role)
    about = row.about if service == "ingest" else f"{service} {row.about}"
    of_file = f", dossier {row.file}" if row.file not in (None, row.about) else ""
    return f"{instant_in_full(row.at)}{NBSP}: {row.who} ({role}) {DID.get(row.did, row.did)}, {about}{of_file}"


def _facts(service: str, row: Kept) -> dict[str, Any]:
    names = ("who", "role", "did", "about", "file", "territory", "link")
    return {"service": service, "at": row.at.isoformat(), **{name: getattr(row, name) for name in names}}


def _check(found: Settings, ends: list[str], as_json: bool) -> None:
    noted = [_noted(end) for end in ends]
    checked, unknown = installation.run(_checked(found, noted))
    broken = [(name, wrong) for name, one in checked.items() for wrong in one.broken]
    if as_json:
        typer.echo(json.dumps([_found(name, one) for name, one in checked.items()], indent=2, ensure_ascii=False))
    else:
        _show(checked, broken, unknown)
    raise typer.Exit(Exit.FOUND if broken or unknown else Exit.DONE)


def _noted(end: str) -> tuple[str, int, str]:
    service, _, rest = end.partition(":")
    link, _, seal = rest.partition(":")
    if service not in SERVICES or not link.isdecimal() or len(seal) != 64:
        raise CommandFailed(f"La fin «{NBSP}{end}{NBSP}» ne convient pas.", "Recopiez-la entière.", SEE, Exit.USAGE)
    return service, int(link), seal


async def _checked(
    found: Settings, noted: list[tuple[str, int, str]]
) -> tuple[dict[str, Checked], list[tuple[str, int]]]:
    """The chain of each service, and the noted ends that are in none."""
    from services.bus import audit_chain

    key = audit_chain.chain_key(found.key("link_key"))
    async with installation.opened(found, *SERVICES) as databases:
        checked = {name: await databases[name].read(audit_chain.check, key) for name in SERVICES}
        unknown = []
        for name, link, seal in noted:
            is_dropped = link < checked[name].chain.first
            if not is_dropped and await databases[name].read(audit_chain.seal_at, link) != seal:
                unknown.append((name, link))
    return checked, unknown


def _show(checked: dict[str, Checked], broken: list[tuple[str, Broken]], unknown: list[tuple[str, int]]) -> None:
    from services.calendar import counted
    from services.ingest.trail import WRONG

    for name, one in checked.items():
        sealed = counted(one.sealed, "ligne scellée", "lignes scellées")
        waiting = f", {counted(one.unsealed, 'ligne')} à sceller" if one.unsealed else ""
        typer.echo(f"{name}{NBSP}: {sealed}{waiting}. Fin{NBSP}: {_end(name, one)}")
    for name, wrong in broken:
        typer.echo(f"ANOMALIE, {name}{NBSP}: {WRONG[wrong.kind].format(link=wrong.link)}.")
    for name, link in unknown:
        typer.echo(f"ANOMALIE, {name}{NBSP}: la fin notée (ligne {link}) n'est plus dans la chaîne.")
    if not broken and not unknown:
        typer.echo("Rien n'a été modifié ni retiré. Notez les fins ailleurs : elles prouvent la suite.")


def _end(name: str, one: Checked) -> str:
    return f"{name}:{one.chain.last}:{one.chain.last_seal}"


def _found(name: str, one: Checked) -> dict[str, Any]:
    broken = [{"kind": wrong.kind, "link": wrong.link} for wrong in one.broken]
    return {"service": name, "sealed": one.sealed, "unsealed": one.unsealed, "end": _end(name, one), "broken": broken}
