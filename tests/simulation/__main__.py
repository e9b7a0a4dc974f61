"""`python -m tests.simulation SEED` or `FIRST..LAST`: what is in the package's docstring."""

from __future__ import annotations

import sys
from collections import Counter

from tests.simulation.run import run


def main(arguments: list[str]) -> int:
    """Run the seeds. Returns 1 if a check failed."""
    first, _, last = arguments[0].partition("..")
    seeds = range(int(first), int(last or first) + 1)
    branches: Counter[str] = Counter()
    failed, cpu_s = 0, 0.0
    for seed in seeds:
        told = run(seed)
        cpu_s += told.cpu_s
        branches.update(told.simulation.hostility.seen)
        if len(seeds) == 1:
            print("\n".join(told.simulation.hostility.journal))
        for fault in told.faults:
            print(f"seed {seed}: {fault}")
        failed += bool(told.faults)
    for branch, times in sorted(branches.items()) if "-q" not in arguments else ():
        print(f"{times:8} {branch}")
    print(f"{len(seeds)} seeds, {failed} failed, {cpu_s / len(seeds):.2f} s of CPU each")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
