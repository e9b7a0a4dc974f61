"""The files of a town hall: structures, free places and requests as CSV, row by row, as `docs/fichiers.md` says.

A good row is declared like anything else; a bad one comes back with its reason and its remedy. What was imported once
is known by its identifier and is not declared again until the row changes.
"""

from __future__ import annotations

from services.ingest.files.importing import Progress, import_file
from services.ingest.files.kinds import KINDS
from services.ingest.files.rejects import Rejected, Summary, rejects_csv

__all__ = ["KINDS", "Progress", "Rejected", "Summary", "import_file", "rejects_csv"]
