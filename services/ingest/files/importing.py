"""An import: in batches, contacts first, each row under a savepoint of its own, so that a bad one takes nothing along.

When to modify: never for a new column or kind; see `columns.py` and `kinds.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from services.ingest.actors import Act
from services.ingest.duplicates import Newcomer, known_before
from services.ingest.files import imported
from services.ingest.files.grouping import Group, Grouping
from services.ingest.files.kinds import KINDS, Check, Kind
from services.ingest.files.reading import Sheet, read_sheet
from services.ingest.files.rejects import Rejected, Summary, Warned
from services.ingest.files.row import Row
from services.ingest.guichet import Guichet
from services.ingest.problems import Problem, Refused
from services.ingest.wording import problems_of
from services.vault import ChildName, Keyring, named_by_number, put_first_names, put_many_contacts

Progress = Callable[[int, int], None]
"""Told (rows done, rows in all) after each batch."""

BATCH = 200
"""Rows in one transaction: few enough that a page never waits long for the writer, many enough to be fast."""


@dataclass(frozen=True)
class Entry:
    """The rows of one identifier, read: `body` is what will be declared."""

    rows: tuple[Row, ...]
    key: str
    fingerprint: str
    body: Any


Outcome = tuple[Entry, Refused | None]


async def import_file(
    guichet: Guichet, act: Act, kind: str, source: Path | bytes, *, dry_run: bool = False,
    progress: Progress | None = None,
) -> Summary:  # fmt: skip
    """Import a file of `kind` (a key of `KINDS`) as `act.actor`. A dry run checks everything and writes nothing.

    Raises Refused where the file can not be read as a whole.
    """
    data = source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
    sheet = read_sheet(data, KINDS[kind].columns)
    grouping = Grouping(KINDS[kind], sheet)
    run = Import(guichet, act, KINDS[kind], sheet, dry_run, rejected=grouping.rejected)
    groups, total = iter(grouping), len(sheet.lines)
    while batch := list(islice(groups, BATCH)):
        await run.take(batch)
        if progress is not None:
            progress(run.done, total)
    return run.summary()


@dataclass
class Import:
    """One file on its way in."""

    guichet: Guichet
    act: Act
    kind: Kind
    sheet: Sheet
    dry_run: bool
    rejected: list[Rejected]
    taken: int = 0
    known: int = 0
    warned: list[Warned] = field(default_factory=list)
    _seen: dict[tuple[str, date], list[Newcomer]] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return self.taken + self.known + len(self.rejected)

    async def take(self, groups: Sequence[Group]) -> None:
        """Declare these groups, or say why not."""
        entries = [entry for group in await self._fresh(groups) if (entry := self._read(*group)) is not None]
        if self.kind.check is not None:
            entries = self._settled(await self.guichet.database.read(self._check_all, self.kind.check, entries))
        twice = await self._known_already(entries)
        if self.kind.check is not None and not self.dry_run:
            await self.guichet.vault.write(keep_all, self.guichet.keyring, entries, self.act.today)
        declared = self._settled(await self._declare(entries))
        self.taken += sum(len(entry.rows) for entry in declared)
        self.warned += [Warned(one.rows[0].line.number, twice[one.key]) for one in declared if twice.get(one.key)]

    async def _known_already(self, entries: Sequence[Entry]) -> dict[str, tuple[str, ...]]:
        """Requests that look like each of these: open ones, and rows of this very file."""
        if self.kind.newcomer is None:
            return {}
        asked = [self.kind.newcomer(entry.key, entry.body) for entry in entries]
        before = await known_before(self.guichet, self.act.actor, asked)
        return {
            one.request: tuple(dict.fromkeys([*found, *self._in_this_file(one)]))
            for one, found in zip(asked, before, strict=True)
        }

    def _in_this_file(self, one: Newcomer) -> list[str]:
        """Rows above this one whose child has its number and birth date, and is another."""
        alike = [other for phone in one.phones for other in self._seen.get((phone, one.born), ())]
        for phone in one.phones:
            self._seen.setdefault((phone, one.born), []).append(one)
        others = (other for other in alike if not one.is_twin_of(other.family, other.child, other.first_name))
        return [other.request for other in others if one.may_be(other.request, other.child or "")]

    async def _fresh(self, groups: Sequence[Group]) -> list[tuple[Group, str]]:
        """The groups that were never taken as they are, with their fingerprints; the others are counted."""
        prints = [(group, self._fingerprint(group)) for group in groups]
        keys = [group.key for group in groups]
        before = await self.guichet.database.read(imported.known, self.act.territory, self.kind.name, keys)
        fresh = [(group, found) for group, found in prints if before.get(group.key) != found]
        self.known += sum(len(group.lines) for group, found in prints if before.get(group.key) == found)
        return fresh

    def _fingerprint(self, group: Group) -> str:
        """Of what is read of these rows; an empty cell and a missing column say the same."""
        columns = self.kind.columns.read
        said = [(column, cell) for line in group.lines for column in columns if (cell := self.sheet.cell(line, column))]
        return imported.fingerprint(self.guichet.link_key, said)

    def _read(self, group: Group, fingerprint: str) -> Entry | None:
        rows = tuple(Row(self.sheet, line) for line in group.lines)
        try:
            body = self.kind.read(list(rows), self.act)
        except Refused as refused:
            self._reject_unread(rows, refused.problems)
        except ValidationError as error:
            self._reject(Entry(rows, group.key, fingerprint, None), problems_of(error.errors()))
        else:
            return Entry(rows, group.key, fingerprint, body)
        return None

    async def _declare(self, entries: Sequence[Entry]) -> list[Outcome]:
        if not self.dry_run:
            return await self.guichet.database.write(self._declare_all, entries)
        try:
            return await self.guichet.database.write(self._declare_and_undo, entries)
        except _Undone as undone:
            return undone.outcomes

    def _declare_and_undo(self, tx: sa.Connection, entries: Sequence[Entry]) -> list[Outcome]:
        raise _Undone(self._declare_all(tx, entries))

    def _declare_all(self, tx: sa.Connection, entries: Sequence[Entry]) -> list[Outcome]:
        outcomes = [(entry, self._declare_one(tx, entry)) for entry in entries]
        taken = [imported.Taken(entry.key, entry.fingerprint) for entry, refused in outcomes if refused is None]
        imported.remember(tx, self.act.territory, self.kind.name, taken, self.act.actor.id, self.act.now)
        return outcomes

    def _declare_one(self, tx: sa.Connection, entry: Entry) -> Refused | None:
        try:
            with tx.begin_nested():
                self.kind.take(tx, self._act_of(entry), entry.key, entry.body)
        except Refused as refused:
            return refused
        return None

    def _check_all(self, tx: sa.Connection, check: Check, entries: Sequence[Entry]) -> list[Outcome]:
        refusals = check(tx, self.act, {entry.key: entry.body for entry in entries})
        return [(entry, refusals.get(entry.key)) for entry in entries]

    def _act_of(self, entry: Entry) -> Act:
        """The same rows at the same instant say the same events."""
        return replace(self.act, cause=f"import/{self.kind.name}/{entry.fingerprint}/{self.act.now.isoformat()}")

    def _settled(self, outcomes: Sequence[Outcome]) -> list[Entry]:
        """The entries that were not refused; the others go to the rejects."""
        for entry, refused in outcomes:
            if refused is not None:
                self._reject(entry, refused.problems)
        return [entry for entry, refused in outcomes if refused is None]

    def _reject(self, entry: Entry, problems: Sequence[Problem]) -> None:
        """Problems by the path of the body become problems by row and column."""
        found: dict[int, list[Problem]] = {}
        for problem in problems:
            column = self.kind.column_of(entry.body, problem.field)
            at = self.kind.row_of(problem.field) or 0
            found.setdefault(at, []).append(replace(problem, field=column))
        self._give_back(entry.rows, found)

    def _reject_unread(self, rows: Sequence[Row], problems: Sequence[Problem]) -> None:
        """Problems that are by column already; each row has its own."""
        found = {n: list(row.problems) for n, row in enumerate(rows) if row.problems}
        self._give_back(rows, found or {0: list(problems)})

    def _give_back(self, rows: Sequence[Row], found: dict[int, list[Problem]]) -> None:
        """The rows with their problems, and those that go back with them because they belong together."""
        wrong = ", ".join(str(rows[n].line.number) for n in sorted(found))
        rule = f"Une autre ligne de la même structure est à corriger (ligne {wrong})."
        beside = Problem("ligne", "belongs_together", rule, "Corrigez l'autre ligne, et importez-les ensemble.")
        for n, row in enumerate(rows):
            problems = [row.line.fault] if row.line.fault else found.get(n, [beside])
            self.rejected.append(Rejected(row.line, tuple(problems)))

    def summary(self) -> Summary:
        sheet = self.sheet
        return Summary(
            kind=self.kind.name, dry_run=self.dry_run, read=len(sheet.lines), taken=self.taken, known=self.known,
            rejected=tuple(sorted(self.rejected, key=lambda rejected: rejected.line.number)), header=sheet.header,
            unread=sheet.unread, encoding=sheet.encoding, separator=sheet.separator,
            warned=tuple(sorted(self.warned, key=lambda row: row.line)),
        )  # fmt: skip


class _Undone(Exception):
    """Ends a dry run's transaction, so that nothing of it stays."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes
        super().__init__("dry run")


def keep_all(tx: sa.Connection, keyring: Keyring, entries: Sequence[Entry], today: date) -> None:
    """In the vault's transaction: contacts and first names of all these requests. Of two rows of one family the later
    one's contacts stay."""
    asked = [(entry.key, entry.body) for entry in entries]
    contacts = {body.family: body.contacts for _, body in asked}
    put_many_contacts(tx, keyring, named_by_number(tx, keyring, contacts), today)
    named = [ChildName(body.family, request, body.first_name) for request, body in asked if body.first_name]
    put_first_names(tx, keyring, named, today)
