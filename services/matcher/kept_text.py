"""The text of a round, hashed and compressed in runs of rows, of which one round shares nearly all with the next.

A run begins at rows that their names choose, so a row that comes or goes changes its own run only. The runs joined are
the very text that anybody makes of the round, and the compressed ones joined are one zlib stream of it: to pack four
megabytes took 20 ms of every round, to hash them takes 4. What is kept here may be lost at any time.
When to modify: never without `solver/spelling.py`.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from contracts.vocabulary import Frozen
from services.matcher.solver.schema import Round
from services.matcher.solver.spelling import Spelling

FAST = 1
"""The level of compression: a fifth larger than the usual one, in a third of the time."""

ROWS_A_RUN = 64
"""About so many: more of them pack better, fewer are sooner made anew."""

MANY_NAMES = 50_000
"""Of so many rows it is known whether they begin a run: all those of the territories decided last."""

HEADER = b"\x78\x01"
"""How a zlib stream of that level begins (RFC 1950)."""


@dataclass(frozen=True)
class KeptText:
    """The hash of a round's text, and the text compressed."""

    sha256: str
    body: bytes


@dataclass(frozen=True)
class _Run:
    """Some rows, kept here so that the ids of the key stay theirs; their text, and that packed with nothing open."""

    key: tuple[int, ...]
    rows: tuple[Frozen, ...]
    text: bytes
    packed: bytes


class Runs:
    """The runs of a territory's last round, each known by its very rows, and together by the very tuple of them."""

    def __init__(self) -> None:
        self._fields: dict[int, tuple[tuple[Frozen, ...], list[_Run]]] = {}

    def text(self, facts: Round, spelling: Spelling) -> KeptText:
        """The text of a canonical round."""
        known, self._fields = self._fields, {}
        runs = {run.key: run for _, found in known.values() for run in found}
        found, check, body = hashlib.sha256(), 1, [HEADER]
        for before, rows, behind in spelling.fields(facts):
            same, field = known.get(id(rows), ((), []))
            if same is not rows:
                field = [_run(run, runs, spelling) for run in _runs(rows)]
            self._fields[id(rows)] = rows, field
            for text, packed in _pieces(before, field, behind):
                found.update(text)
                check = zlib.adler32(text, check)
                body.append(packed)
        return KeptText(found.hexdigest(), b"".join((*body, _end(), check.to_bytes(4, "big"))))


def _pieces(before: bytes, runs: list[_Run], behind: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The text of a field in pieces, each with the same packed."""
    yield before, _packed(before)
    for n, run in enumerate(runs):
        if n:
            yield COMMA
        yield run.text, run.packed
    if behind:
        yield behind, _packed(behind)


def _run(rows: tuple[Frozen, ...], known: Mapping[tuple[int, ...], _Run], spelling: Spelling) -> _Run:
    key = tuple(map(id, rows))
    if key in known:
        return known[key]
    text = ",".join(map(spelling.row, rows)).encode()
    return _Run(key, rows, text, _packed(text))


def _runs(rows: tuple[Frozen, ...]) -> Iterator[tuple[Frozen, ...]]:
    starts = [n for n, row in enumerate(rows) if n == 0 or _begins(getattr(row, "id", "-"))]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield rows[start:end]


@lru_cache(maxsize=MANY_NAMES)
def _begins(name: str) -> bool:
    """One row in so many, always the same ones, known by their names."""
    return zlib.crc32(name.encode()) % ROWS_A_RUN == 0


def _packed(text: bytes) -> bytes:
    """Some bytes of a deflate stream that stand anywhere in it (RFC 1951): they look at nothing before."""
    packer = zlib.compressobj(FAST, wbits=-zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)


COMMA = b",", _packed(b",")
"""What stands between two runs."""


def _end() -> bytes:
    return zlib.compressobj(FAST, wbits=-zlib.MAX_WBITS).flush()
