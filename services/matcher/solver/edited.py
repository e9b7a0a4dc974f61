"""What somebody could have edited in a decision that came as a file, though its print was made anew.

Written without the solver. When to modify: when an outcome says one thing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from services.matcher.solver.counts import gaps_are_true, levels_are_told_once, levels_are_whole
from services.matcher.solver.decided_with import decided_with, wrongly_held_back
from services.matcher.solver.explain import reasons
from services.matcher.solver.facts import Facts
from services.matcher.solver.guarantees import violation
from services.matcher.solver.own_lists import own_lists
from services.matcher.solver.remarks import worse_named, wrongly_on_call, wrongly_waiting
from services.matcher.solver.schema import FIRST_TIER, Violation


def check_whoever_is_held_back_is_so_with_cause(facts: Facts) -> Iterator[Violation]:
    """G11: an answer is held back by a violation in its own part, which is held back whole, and nothing else is."""
    yield from (violation("G11", [name], []) for name in sorted(wrongly_held_back(facts)))


def check_marks_are_read_off_the_placements(facts: Facts) -> Iterator[Violation]:
    """G4, G12, G2: a place is on call, or waits for others to move, as is read again; the best pattern is named."""
    for section, book in facts.books.items():
        yield from (violation("G4", [name], [section]) for name in wrongly_on_call(facts, section, book))
    yield from (violation("G12", [name], []) for name in wrongly_waiting(facts))
    worse = () if facts.claims_differ else worse_named(facts)
    yield from (violation("G2", [row.request], [row.section]) for row in worse)


def check_no_level_is_left_out_or_open_without_cause(facts: Facts) -> Iterator[Violation]:
    """G10: every level of the mode is told once, at 0 too, and those said to have no proof account for its gap."""
    whole = levels_are_told_once(facts.outcome.levels)
    if whole and not facts.claims_differ and not facts.outcome.withheld:
        whole = levels_are_whole(facts) and gaps_are_true(facts)
    if not whole:
        yield violation("G10", sorted(facts.requests), [])


def check_levels_where_lists_contradict(facts: Facts) -> Iterator[Violation]:
    """G10: where no single list orders the claims of all structures, asking again serves nobody otherwise, and the
    levels beside the decision are what it holds."""
    own = own_lists(facts)
    otherwise = sorted(own.served_otherwise) if own is not None else []
    if otherwise:
        yield violation("G10", otherwise, [])
    told = facts.outcome.certificate
    if told is not None and told.levels != (own.levels if own is not None else ()):
        yield violation("G10", sorted(facts.requests), [])


def check_what_is_listed_can_be(facts: Facts) -> Iterator[Violation]:
    """G5, G14: cases are listed only where claims differ; only a first tier that is there keeps anybody out."""
    if facts.outcome.envies and not facts.claims_differ:
        yield violation("G5", sorted({row.request for row in facts.outcome.envies}), [])
    near = decided_with(facts.round) if facts.outcome.displaced else {}
    first = {row.id for row in facts.round.requests if row.tier == FIRST_TIER}
    for name in facts.outcome.displaced or ():
        if first.isdisjoint(near.get(name, ())):
            yield violation("G14", [name], [])


def check_each_reason_is_read_off_the_outcome(facts: Facts) -> Iterator[Violation]:
    """G11: read again, each reason says the same. A round that has just read its own reasons need not do it twice."""
    told = {row.request: row for row in facts.outcome.reasons if row.request not in set(facts.outcome.withheld)}
    untrue = [row.request for row in reasons(facts) if told.get(row.request, row) != row]
    yield from (violation("G11", [name], []) for name in untrue)


CHECKS_OF_A_FILE: tuple[Callable[[Facts], Iterator[Violation]], ...] = (
    check_marks_are_read_off_the_placements,
    check_no_level_is_left_out_or_open_without_cause,
    check_levels_where_lists_contradict,
    check_what_is_listed_can_be,
    check_each_reason_is_read_off_the_outcome,
)
"""What somebody could have edited. A round that has just decided has worked all of it out, and need not do it twice."""
