"""What glibc keeps of the memory that a process gave back, in a process that lives for months.

By default each large piece that is given back raises the size up to which the next ones are cut out of the heap (`man
mallopt`, "dynamic mmap threshold"), where small things that stay come to lie between them. At twenty acts a second a
matcher in which 37 MB were in use held 7 MB more every half minute, all of it holes (tests/journey/test_soak.py). With
the size held at its first value the large pieces go back to the system at once. When to modify: when another C library
than glibc is to be looked after.
"""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3
"""malloc.h."""

LARGE = 128 * 1024
"""Bytes: glibc's own first value. To name any stops it from moving."""


def give_large_pieces_back() -> bool:
    """Hold the size where it is, once at the start of a process; False where the C library knows of no such thing."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    return set_option is not None and bool(set_option(M_MMAP_THRESHOLD, LARGE))
