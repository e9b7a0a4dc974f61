"""`berceau`: its commands by name, each loaded only when it is called, so that `berceau --help` answers at once.

When to modify: a new command is one line of `COMMANDS`: its name, its module, the function (or the `typer.Typer` of
a group) in it, and one French line of help.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError
from typer.core import TyperCommand

from services.cli.failures import NBSP, CommandFailed, Exit, tell
from services.cli.french import FrenchCommand, FrenchGroup, as_failure, speak_french

EPILOG = (
    f"Codes de sortie{NBSP}: 0 fait, 1 fait avec des anomalies trouvées, 2 commande mal écrite, 3 réglages manquants "
    f"ou faux, 4 base ou courtier injoignable, 5 entrée refusée. Voir docs/commande.md."
)


class Named(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    name: str
    module: str
    attribute: str
    help: str


COMMANDS = (
    Named("demo", "services.cli.demo_command", "demo", "Voir vivre un territoire inventé."),
    Named("serve", "services.cli.serve_command", "serve", "Tout Berceau dans un seul processus."),
    Named("worker", "services.cli.serve_command", "worker", "Un service, sur Apache Kafka et sa base."),
    Named("import", "services.cli.importing", "import_", "Publier le territoire, importer les fichiers d'une mairie."),
    Named("example-files", "services.cli.example_files", "example_files", "Écrire des fichiers d'exemple à importer."),
    Named("match", "services.cli.matching", "match", "Décider une attribution sans serveur."),
    Named("explain", "services.cli.matching", "explain", "Dire pourquoi une demande a, ou n'a pas, sa place."),
    Named("verify", "services.cli.reviewing", "verify", "Contrôler une décision, sans le solveur."),
    Named("enough", "services.cli.reviewing", "enough", "Le plus petit changement qui aurait suffi à une demande."),
    Named("force", "services.cli.reviewing", "force", "Qui serait touché si un enfant était placé par une personne."),
    Named("compare", "services.cli.reviewing", "compare", "Comparer deux décisions des mêmes demandes."),
    Named("campaign", "services.cli.campaign", "app", "La campagne d'une rentrée, que la commission examine."),
    Named("rounds", "services.cli.past_rounds", "rounds", "Les attributions passées ; --check les décide de nouveau."),
    Named("bench", "services.cli.bench", "app", "Mesurer l'attribution, à côté d'autres programmes."),
    Named("policy-check", "services.cli.policy_check", "policy_check", "Mesurer si cacher ses vœux rapporterait."),
    Named("simulate", "services.cli.simulate", "simulate", "Vivre une année inventée sous deux règles."),
    Named("doctor", "services.cli.doctor", "doctor", "Vérifier l'installation, avec un remède pour chaque défaut."),
    Named("topics", "services.cli.topics", "topics", "Les sujets du courtier ; --create crée ceux qui manquent."),
    Named("lag", "services.cli.topics", "lag", "Ce que chaque service n'a pas encore lu."),
    Named("publish-again", "services.cli.publishing", "publish_again", "Publier de nouveau ce qu'un courtier a perdu."),
    Named("backup", "services.cli.backup", "backup", "Sauvegarder les bases, sans arrêter Berceau."),
    Named(
        "restore", "services.cli.backup", "restore", "Remettre une sauvegarde, et vérifier qu'elle rend le même état."
    ),
    Named("replay", "services.cli.replay", "replay", "Rejouer un territoire depuis ses événements, et comparer."),
    Named("dead-letters", "services.cli.dead_letters", "app", "Les messages qu'une personne doit regarder."),
    Named("audit", "services.cli.audit", "audit", "Qui a fait quoi et lu quoi ; --check vérifie la trace."),
    Named(
        "partner-rejects", "services.cli.partner_rejects", "partner_rejects", "Ce que les partenaires ont à corriger."
    ),
    Named("key", "services.cli.keys", "app", "Créer les secrets de l'installation."),
    Named("link", "services.cli.access", "link", "Donner un premier accès à une personne."),
    Named("api-key", "services.cli.access", "api_key", "Donner un accès à un logiciel."),
)
INTERRUPTED = 130
"""As a shell says it of a program that Ctrl-C ended."""

BY_NAME = {command.name: command for command in COMMANDS}


class Lazily(FrenchGroup):
    """Lists every command from the table and loads the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(BY_NAME)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in with the name and the help: enough to list."""
        named = BY_NAME.get(cmd_name)
        return TyperCommand(named.name, help=named.help, rich_markup_mode="rich") if named else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, loaded."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, load(BY_NAME[name]) if name and stand_in else stand_in, rest


def load(named: Named) -> Any:
    """The command behind a line of the table."""
    found = getattr(_loaded(named.module), named.attribute)
    if isinstance(found, typer.Typer):
        command = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
        alone.command(named.name, cls=FrenchCommand)(found)
        command = typer.main.get_command(alone)  # type: ignore[assignment]
    command.name = named.name
    return command


def _loaded(module: str) -> ModuleType:
    """The module, with all that it needs. What a program is made of stays as long as it runs: looking meanwhile and
    afterwards for what of it could go would cost a tenth of the start, and finds nothing."""
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()


app = typer.Typer(
    name="berceau",
    cls=Lazily,
    help="Des places d'accueil aux familles, et à chacun le pourquoi.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback()
def berceau() -> None:
    """Des places d'accueil aux familles, et à chacun le pourquoi."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. What went wrong is said on the error stream."""
    speak_french()
    try:
        result = typer.main.get_command(app).main(list(arguments), prog_name="berceau", standalone_mode=False)
    except CommandFailed as failure:
        return _failed(failure, arguments)
    except NoArgsIsHelpError:  # typer has shown the help already
        return int(Exit.USAGE)
    except UsageError as error:
        return _failed(as_failure(error), arguments)
    except typer.Abort:
        return INTERRUPTED
    return int(result or Exit.DONE)


def _failed(failure: CommandFailed, arguments: Sequence[str]) -> int:
    tell(failure, as_json="--json" in arguments)
    return int(failure.code)
