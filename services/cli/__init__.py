"""The command `berceau`: everything that a technician or a demonstration starts from a terminal."""

from __future__ import annotations


def main() -> None:
    """Run `berceau` with the arguments of this process, and end it with the exit code."""
    import sys

    from services.cli.main import run

    sys.exit(run(sys.argv[1:]))
