"""The history of each service's tables, run from code: `await upgrade(database, "matcher")`.

`services/<name>/migrations/__init__.py` names the metadata of a service, `versions/` holds its steps; everything else
is here once. On PostgreSQL a history lives in its service's own schema, its version table included; processes that
start together wait for each other.

When a table changes, before anything is released: `python -m services.bus.migrations --rewrite-initial`. Afterwards:
`python -m services.bus.migrations --add "what changes" matcher`, and read what it wrote.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import rev_id
from sqlalchemy.ext.asyncio import create_async_engine

from services.bus.database import Database, sqlite_engine
from services.bus.tables import Instant

SERVICES = ("ingest", "matcher", "notifier", "vault")
VERSION_TABLE = "migrations"

_STEP = '''"""{message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''


async def upgrade(database: Database, service: str) -> None:
    """Bring the database of `service` to the present: at once and as a whole, or not at all."""
    if database.kind == "postgresql":
        await database.alive(_make_schema(database, service))
    await database.write(upgrade_now, service)


def upgrade_now(tx: sa.Connection, service: str, to: str = "heads") -> None:
    """The same inside the caller's transaction, whose schema exists."""
    if tx.dialect.name == "postgresql":
        _wait_for_others(tx, service)
    script = _script(service)

    def steps(revision: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs(to, revision)

    context = _context(tx, {"fn": steps})
    with Operations.context(context), context.begin_transaction():
        context.run_migrations()


def pending(tx: sa.Connection, service: str) -> bool:
    """True if the database of `service` is not up to date."""
    return set(_context(tx, {}).get_current_heads()) != set(_script(service).get_heads())


def differences(tx: sa.Connection, service: str) -> list[Any]:
    """What the tables in the code say and the database has not, or the other way round; empty where they agree."""
    return list(compare_metadata(_context(tx, {}), metadata_of(service)))


def metadata_of(service: str) -> Any:
    """All the metadata of a service, as Alembic takes them."""
    return list(importlib.import_module(f"services.{service}.migrations").METADATA)


async def _make_schema(database: Database, schema: str) -> None:
    """On a connection of its own: the database's engines already look into the schema that is to be made."""
    engine = create_async_engine(database.writes.url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_wait_for_others, schema)
            await connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    finally:
        await engine.dispose()


def _wait_for_others(tx: sa.Connection, service: str) -> None:
    lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"migrations of {service}", 0))
    tx.execute(sa.select(lock))


def _context(tx: sa.Connection, options: dict[str, Any]) -> MigrationContext:
    ours = {"version_table": VERSION_TABLE, "render_item": _render, "include_name": _is_ours, "compare_type": True}
    return MigrationContext.configure(tx, opts={**ours, **options})


def _is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    return not (kind == "table" and name == VERSION_TABLE)


def _render(kind: str, thing: Any, _context: Any) -> str | Literal[False]:
    """A step does not change with the code, and holds on both databases: our types are written as what they are there,
    and a truth as SQLAlchemy's, which SQLite would spell 1 and PostgreSQL true."""
    if kind == "type" and isinstance(thing, Instant):
        return "sa.DateTime(timezone=True)"
    value = getattr(thing, "arg", None)
    if kind == "server_default" and isinstance(value, (sa.True_, sa.False_)):
        return "sa.true()" if isinstance(value, sa.True_) else "sa.false()"
    return False


def _versions(service: str) -> Path:
    (folder,) = importlib.import_module(f"services.{service}.migrations").__path__
    return Path(folder) / "versions"


def _script(service: str) -> ScriptDirectory:
    folder = _versions(service)
    config = Config()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(folder.parent).replace("%", "%%"))
    config.set_main_option("version_locations", str(folder).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def write_step(service: str, message: str, revision: str, down: str | None) -> Path:
    """Write the step that leads from the history so far to the tables in the code; where it was written."""
    engine = sqlite_engine()
    with engine.begin() as tx:
        if down is not None:
            upgrade_now(tx, service)
        context = _context(tx, {"target_metadata": metadata_of(service), "render_as_batch": down is not None})
        steps = produce_migrations(context, metadata_of(service))
        bodies = [_indented(steps.upgrade_ops, context), _indented(steps.downgrade_ops, context)]
    engine.dispose()
    text = _STEP.format(message=message, revision=revision, down=down, upgrade=bodies[0], downgrade=bodies[1])
    path = _versions(service) / f"{revision}_{message.lower().replace(' ', '_')}.py"
    path.write_text(text)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)  # noqa: S603 - our own path
    return path


def _forget_steps(service: str) -> None:
    """A first step written anew holds what the later ones added."""
    for path in _versions(service).glob("*.py"):
        if path.name != "__init__.py":
            path.unlink()


def _indented(operations: Any, context: MigrationContext) -> str:
    code = render_python_code(operations, render_item=_render, migration_context=context)
    lines = [line for line in code.splitlines() if not line.lstrip().startswith("# ###")]
    return textwrap.indent(textwrap.dedent("\n".join(lines)), "    ").strip()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.bus.migrations", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--rewrite-initial", action="store_true", help="write 0001 anew from the tables in the code")
    what.add_argument("--add", metavar="MESSAGE", help="write one more step")
    parser.add_argument("service", nargs="*", default=SERVICES)
    given = parser.parse_args(arguments)
    for service in given.service:
        if given.rewrite_initial:
            _forget_steps(service)
            written = write_step(service, "Initial", "0001", None)
        else:
            written = write_step(service, given.add, rev_id(), _script(service).get_current_head())
        sys.stdout.write(f"{written}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
