"""The share of the places up to which the first tier goes first, and whom its priority keeps out.

A child counts for one, whatever its days; the places are those free in each section at its fullest hour. Down the
list of the first tier, those served go first until the share is reached; from the next one on they rank with the
others, by their points. So the ceiling moves nobody out and leaves no place empty.

When to modify: when a deliberation counts the share otherwise. `verify` counts it in its own way (`voted.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable

from contracts.vocabulary import Id
from services.matcher.solver.cells import Span, atoms, grid_of
from services.matcher.solver.claims import Claim, shared_claim
from services.matcher.solver.schema import FIRST_TIER, ORDINARY_TIER, Policy, Request, Round

Settled = tuple[Round, tuple[Id, ...]]
"""A round to decide, and who of the first tier ranks with the others in it."""


def settled(round: Round, served: Callable[[Round], Collection[Id]]) -> Settled:
    """A canonical round without its ceiling, and those beyond the share. `served` says whom a round places."""
    steps = settling(round)
    try:
        alone = next(steps)
        while True:
            alone = steps.send(served(alone))
    except StopIteration as done:
        found: Settled = done.value
        return found


def settling(round: Round) -> Generator[Round, Collection[Id], Settled]:
    """The same step by step: it yields rounds of the first tier alone and is sent whom each of them places."""
    behind: set[Id] = set()
    most = first_tier_places(round)
    while most is not None:
        placed = yield _alone(round, behind)
        more = _beyond(round, behind, most, placed)
        if not more:
            break
        behind |= more
    return lowered(round, behind), tuple(sorted(behind))


def lowered(round: Round, behind: Collection[Id]) -> Round:
    """The round to decide: no ceiling, and the first tier's priority taken from those who are beyond the share."""
    if round.policy.first_tier_percent is None:
        return round
    requests = tuple(_sent_behind(row) if row.id in behind else row for row in round.requests)
    return round.model_copy(update={"requests": requests, "policy": _without_ceiling(round)})


def first_tier_places(round: Round) -> int | None:
    """How many children the first tier's priority may place, rounded up; None where no ceiling was voted."""
    percent = round.policy.first_tier_percent
    return None if percent is None else -(-percent * free_places(round) // 100)


def free_places(round: Round) -> int:
    """The free places of a round: of each section, as many as at its fullest hour."""
    by_section: defaultdict[Id, list[tuple[Span, int]]] = defaultdict(list)
    for vacancy in round.vacancies:
        by_section[vacancy.section].append(((vacancy.slots, vacancy.period), vacancy.places))
    for hold in round.holds:
        by_section[hold.section].append(((hold.slots, hold.period), -hold.units))
    return sum(map(_most_at_once, by_section.values()))


def _most_at_once(amounts: list[tuple[Span, int]]) -> int:
    """What these amounts sum up to in the fullest of their cells, 0 at least."""
    grid = grid_of(span for span, _ in amounts)
    masks = [(grid.mask(*span), amount) for span, amount in amounts]
    parts = atoms(mask for mask, _ in masks)
    return max((sum(amount for mask, amount in masks if mask & part) for part in (0, *parts)), default=0)


def _without_ceiling(round: Round) -> Policy:
    return round.policy.model_copy(update={"first_tier_percent": None})


def _sent_behind(request: Request) -> Request:
    tier = ORDINARY_TIER if request.tier == FIRST_TIER else request.tier
    return request.model_copy(update={"tier": tier, "sent_behind": True})


def _alone(round: Round, behind: Collection[Id]) -> Round:
    """Those who still go first, and the children who may move: what is below them changes nothing for them."""
    first = {request for _, members in _units(round) for request in members if request not in behind}
    requests = tuple(row for row in round.requests if row.id in first or row.current is not None)
    siblings = tuple(row for row in round.siblings if first.issuperset(row.requests))
    return round.model_copy(update={"requests": requests, "siblings": siblings, "policy": _without_ceiling(round)})


def _beyond(round: Round, behind: Collection[Id], most: int, placed: Collection[Id]) -> set[Id]:
    """From the first family on that would exceed the share, the whole first tier; nobody if it is respected."""
    waiting = {row.id for row in round.requests if row.current is None}
    count = 0
    going_first = [members for _, members in _units(round) if not set(members) & set(behind)]
    for number, members in enumerate(going_first):
        count += sum(request in placed and request in waiting for request in members)
        if count > most:
            return {request for later in going_first[number:] for request in later}
    return set()


def _units(round: Round) -> Iterable[tuple[Claim, tuple[Id, ...]]]:
    """The families whose claim is of the first tier, the highest first."""
    requests = {row.id: row for row in round.requests}
    families = [row.requests for row in round.siblings]
    alone = requests.keys() - {request for members in families for request in members}
    units = [*families, *((name,) for name in alone)]
    claims = [(shared_claim([requests[name] for name in members], None, round.policy), members) for members in units]
    return sorted((claim, members) for claim, members in claims if claim[0] == FIRST_TIER)
