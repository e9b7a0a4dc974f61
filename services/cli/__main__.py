"""`python -m services.cli` is `berceau`."""

from __future__ import annotations

from services.cli import main

main()
