"""The guarantees of a round, checked on the outcome alone, without the solver.

Each `check_...` yields the `Violation`s that it finds; its guarantee is a sentence that a committee can read.
When to modify: when the territory is promised something more, or something else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from contracts.vocabulary import Audience, Id, VacancyKind
from services.matcher.solver.books import LEVELS, Book, Cell, Cut
from services.matcher.solver.canonical import canonical
from services.matcher.solver.choices import share_a_week
from services.matcher.solver.counts import Counts, counts_of, may_be_counted
from services.matcher.solver.edited import CHECKS_OF_A_FILE, check_whoever_is_held_back_is_so_with_cause
from services.matcher.solver.facts import Facts, care_hours, is_choice
from services.matcher.solver.families import Wanted
from services.matcher.solver.guarantees import GUARANTEES as GUARANTEES
from services.matcher.solver.guarantees import violation
from services.matcher.solver.proven import Proven as Proven
from services.matcher.solver.proven import proven
from services.matcher.solver.schema import (
    ENGINE,
    FIRST_TIER,
    Goal,
    Mode,
    Outcome,
    Placed,
    Request,
    Round,
    Violation,
    Why,
    WishReason,
)
from services.matcher.solver.voted import (
    as_ranked,
    never_first,
    places_for_first_tier,
    sent_behind_wrongly,
    with_priority,
)


def verify(round: Round, outcome: Outcome) -> tuple[Violation, ...]:
    """Every violation of a guarantee, those first for which the decision itself says that it was withheld in part.

    Empty if all of them hold, and nobody is left without an answer.
    """
    asked = canonical(round)
    facts = Facts(as_ranked(asked, outcome), outcome, asked=asked)
    found = violations(facts)
    return (*outcome.violations, *(found or (row for check in CHECKS_OF_A_FILE for row in check(facts))))


def best_of_all(round: Round, outcome: Outcome) -> Proven:
    """Which requests the proofs beside an outcome show to have the best that the rules allow, and which are open."""
    return proven(Facts(as_ranked(canonical(round), outcome), outcome))


def violations(facts: Facts) -> tuple[Violation, ...]:
    """The same from what was read already."""
    outcome = facts.outcome
    if any(row.request not in facts.requests or row.section not in facts.sections for row in outcome.placed):
        return tuple(check_age_dates_hours_and_wishes(facts))
    return tuple(violation for check in CHECKS for violation in check(facts))


def check_no_cell_overbooked(facts: Facts) -> Iterator[Violation]:
    """G1: in no cell are there more children than free places."""
    for section in facts.look.books(facts.books):
        yield from _overfull("G1", facts, section, LEVELS[-1:], with_holds=True)


def check_one_proposal_for_each(facts: Facts) -> Iterator[Violation]:
    """G2: one proposal at most for a child, covering all of one of its patterns."""
    counts = Counter(row.request for row in facts.outcome.placed)
    for row in facts.outcome.placed:
        request = facts.requests[row.request]
        known = 0 <= row.pattern < len(request.patterns)
        shared = [other for other in facts.outcome.placed if other.request == row.request] if row.split else []
        covers = known and (
            share_a_week(shared, request) if shared else counts[row.request] == 1 and _covers(row, request)
        )
        if not covers:
            yield violation("G2", [row.request], [row.section])


def _covers(row: Placed, request: Request) -> bool:
    """True for the whole pattern from the wanted start, or as little of it, or as late, as the family accepts."""
    whole = care_hours(request, row.pattern)
    left_out = {slot.day for slot in whole} - {slot.day for slot in row.slots}
    kept = tuple(slot for slot in whole if slot.day not in left_out)
    enough = request.accepts_partial and len({slot.day for slot in row.slots}) >= request.min_days
    late = (row.period.start - request.period.start).days
    same_end = row.period.end == request.period.end
    whole_or_enough = (row.partial and enough) if left_out else not row.partial
    return row.slots == kept and same_end and 0 <= late <= request.tolerance_days and whole_or_enough


def check_age_dates_hours_and_wishes(facts: Facts) -> Iterator[Violation]:
    """G3: each placement is a choice of its request, and every cell of it is offered on all its days."""
    for row in facts.outcome.placed:
        whole = [*facts.choices.get(row.request, []), *facts.too_late.get(row.request, [])]
        choices = facts.shares[row.request] if row.split else whole
        if not any(is_choice(row, choice) and facts.books[row.section].is_offered(choice.span) for choice in choices):
            yield violation("G3", [row.request], [row.section])


def check_kept_places_for_their_public(facts: Facts) -> Iterator[Violation]:
    """G4: what is kept for an audience goes to nobody else before its release."""
    for section, book in facts.look.books(facts.books).items():
        yield from _overfull("G4", facts, section, book.binding_levels[:-1], with_holds=True)
        yield from _wrong_on_call(facts, section, book)
    for found in facts.limits.overrun(Why.KEPT_FOR_INSERTION):
        yield violation("G4", sorted(found), [])


def check_no_justified_envy(facts: Facts) -> Iterator[Violation]:
    """G5: nobody could get a preferred place by taking back only places of strictly lower claims there.

    The freer modes promise less, and it is in their levels. Cases listed by the outcome are let through only where
    claims differ from one structure to another.
    """
    listed = {(row.request, row.section, row.pattern) for row in facts.outcome.envies if facts.claims_differ}
    for wanted in _preferred(facts) if facts.round.policy.mode is Mode.STABLE else ():
        named = {(choice.request, choice.section, choice.pattern) for choice in wanted.choices}
        if not named <= listed and facts.could_take_back(wanted):
            yield _at("G5", wanted)


def check_no_place_left_free(facts: Facts) -> Iterator[Violation]:
    """G6: no place stays free that an unplaced child could take; where a person keeps one back, the child reads so."""
    told = set[tuple[Id, Id]]()
    for row in facts.outcome.reasons if any(hold.by_person for hold in facts.round.holds) else ():
        told |= {(row.request, wish.structure) for wish in row.wishes if _is_held(wish)}
    for wanted in _preferred(facts):
        if _is_served(facts, wanted):
            continue
        if facts.could_take(wanted):
            yield _at("G6", wanted)
        elif len(wanted.choices) == 1 == len(facts.families.members[_unit(facts, wanted)]):
            (choice,) = wanted.choices
            held = facts.person_in_the_way(choice)
            if held and (choice.request, choice.structure) not in told:
                yield _at("G6", wanted)


def _is_held(wish: WishReason) -> bool:
    return wish.why in (Why.HELD_BY_PERSON, Why.GIVEN_BY_PERSON)


def check_support_never_refuses(facts: Facts) -> Iterator[Violation]:
    """G7: exactly those beyond what is prepared are marked, the lowest claims first, and none of them is refused."""
    beyond = {name: frozenset(_walk_support(facts, name)) for name in {row.structure for row in facts.outcome.placed}}
    for row in facts.outcome.placed:
        if row.to_prepare is not (row.request in beyond[row.structure]):
            yield violation("G7", [row.request], [row.section])
    for wanted in _preferred(facts):
        needs_support = any(facts.requests[choice.request].needs_support for choice in wanted.choices)
        if needs_support and not _is_served(facts, wanted) and facts.could_take(wanted):
            yield _at("G7", wanted)


def check_same_input_same_outcome(facts: Facts) -> Iterator[Violation]:
    """G8: the outcome names this input and this engine, is sorted, and its hash is what it says."""
    outcome = facts.outcome
    names = [row.request for row in outcome.placed]
    reasons = [row.request for row in outcome.reasons]
    told = (outcome.input_hash, outcome.outcome_hash)
    hashes = told == (facts.spelling.round_hash(facts.asked), facts.spelling.outcome_hash(outcome))
    same = outcome.engine == ENGINE and outcome.policy == facts.round.policy and outcome.round == facts.round.id
    if not (hashes and same and names == sorted(names) and reasons == sorted(reasons)):
        yield violation("G8", sorted(facts.requests), [])


def check_siblings_together(facts: Facts) -> Iterator[Violation]:
    """G9: siblings asked together have places as their family asks, or none of them has, each with its reason."""
    explained = {row.request for row in facts.outcome.reasons if row.wishes}
    for siblings in facts.round.siblings:
        placed = [request for request in siblings.requests if request in facts.placed]
        apart = bool(placed) and facts.worths[siblings.id] is None
        if apart or not explained.issuperset(siblings.requests):
            yield violation("G9", list(siblings.requests), [facts.placed[request].section for request in placed])


def check_each_level_is_proven_or_shows_its_gap(facts: Facts) -> Iterator[Violation]:
    """G10: each level counts what the outcome holds, no bound is passed, and who is left without a proof is named."""
    outcome = facts.outcome
    named = {request for level in outcome.levels for request in level.open}
    sound = all(
        level.value >= level.bound if level.goal is Goal.WISHES else level.value <= level.bound
        for level in outcome.levels
    )
    counted = facts.claims_differ or bool(outcome.withheld) or counts_of(facts) == _counts_told(facts)
    if not (sound and counted and named == set(outcome.unproven)):
        yield violation("G10", sorted(facts.requests), [])


def check_every_request_has_its_reason(facts: Facts) -> Iterator[Violation]:
    """G11: one reason for each request, one line for each wish, which says what the outcome says."""
    reasons = {row.request: row for row in facts.outcome.reasons}
    twice = len(reasons) < len(facts.outcome.reasons)
    counts = Counter(row.request for row in facts.outcome.reasons) if twice else Counter(reasons.keys())
    there: dict[Id, set[Id]] = defaultdict(set)
    for placed in facts.outcome.placed:
        there[placed.request].add(placed.structure)
    for request in facts.requests.values():
        reason, row = reasons.get(request.id), facts.placed.get(request.id)
        if reason is None or counts[request.id] != 1 or reason.placed is not (row is not None):
            yield violation("G11", [request.id], [])
            continue
        offered = sorted([wish.structure for wish in reason.wishes if wish.why is Why.OFFERED])
        named = [wish.structure for wish in reason.wishes] == [wish.structure for wish in request.wishes]
        if not named or offered != sorted(there.get(request.id, ())):
            yield violation("G11", [request.id], [])


def check_nothing_held_is_taken(facts: Facts) -> Iterator[Violation]:
    """G12: a child is never placed on hours that a placement, a live proposal or a person holds."""
    for section, book in facts.look.books(facts.books).items():
        found = facts.overrun(section, book.binding_levels, with_holds=True) if book.holds else set()
        if found and found != facts.overrun(section, book.binding_levels, with_holds=False):
            yield violation("G12", sorted(found), [section])
    for row in facts.outcome.placed:
        if row.replaces != facts.requests[row.request].current:
            yield violation("G12", [row.request], [row.section])


def check_first_tier_within_its_share(facts: Facts) -> Iterator[Violation]:
    """G14: no more children than the voted share go first, nobody is sent behind without cause, all of it is said."""
    asked, outcome = facts.asked, facts.outcome
    yield from _beyond_the_share(asked, outcome)
    ordinary = {row.id for row in facts.round.requests if row.tier > FIRST_TIER and not row.sent_behind}
    untrue = set(outcome.displaced or ()) - (ordinary - facts.placed.keys())
    told = {row.request for row in outcome.reasons if row.sent_behind}
    untrue |= told ^ {row.id for row in facts.round.requests if row.sent_behind}
    untrue |= never_first(asked, outcome)
    if facts.round.policy.mode is Mode.STABLE and not outcome.withheld:
        untrue |= sent_behind_wrongly(asked, outcome)
    yield from (violation("G14", [name], []) for name in sorted(untrue))


def share_over_all_parts(round: Round, outcomes: Sequence[Outcome]) -> tuple[Violation, ...]:
    """G14 over a canonical round that was decided part by part: no part alone knows the share of the whole."""
    if round.policy.first_tier_percent is None or not outcomes:
        return ()
    reasons = {row.request: row for outcome in outcomes for row in outcome.reasons}
    whole = outcomes[0].model_copy(
        update={
            "placed": tuple(row for outcome in outcomes for row in outcome.placed),
            "behind": tuple(sorted(name for name, row in reasons.items() if row.sent_behind)),
        }
    )
    found = [*_beyond_the_share(round, whole)]
    complete = (
        not any(outcome.withheld for outcome in outcomes) and {row.id for row in round.requests} == reasons.keys()
    )
    if round.policy.mode is Mode.STABLE and complete:
        found += (violation("G14", [name], []) for name in sorted(sent_behind_wrongly(round, whole)))
    return tuple(found)


def _beyond_the_share(round: Round, outcome: Outcome) -> Iterator[Violation]:
    """One violation for the children who went first, if they are more than the voted share."""
    if round.policy.first_tier_percent is None:
        return
    first = with_priority(round, outcome)
    if len(first) > places_for_first_tier(round):
        yield violation("G14", sorted(first), [])


def check_starts_are_spread_over_the_weeks(facts: Facts) -> Iterator[Violation]:
    """G15: in no week do more children begin in a section than it can help to adapt."""
    for found in facts.limits.overrun(Why.TOO_MANY_STARTS):
        yield violation("G15", sorted(found), sorted({facts.placed[name].section for name in found}))


def check_no_place_waits_too_long(facts: Facts) -> Iterator[Violation]:
    """G16: no place is promised to a start for which it would wait more weeks than was voted."""
    for row in facts.outcome.placed:
        if any(is_choice(row, choice) for choice in facts.too_late.get(row.request, ())):
            yield violation("G16", [row.request], [row.section])


def check_each_proof_adds_up(facts: Facts) -> Iterator[Violation]:
    """G17: what the certificate says is refused is refused by the sums that it names."""
    for unit, _ in proven(facts).false if facts.outcome.certificate is not None else ():
        yield violation("G17", list(facts.families.members.get(unit, (unit,))), [])


CHECKS: tuple[Callable[[Facts], Iterator[Violation]], ...] = (
    check_no_cell_overbooked,
    check_one_proposal_for_each,
    check_age_dates_hours_and_wishes,
    check_kept_places_for_their_public,
    check_no_justified_envy,
    check_no_place_left_free,
    check_support_never_refuses,
    check_same_input_same_outcome,
    check_siblings_together,
    check_each_level_is_proven_or_shows_its_gap,
    check_every_request_has_its_reason,
    check_whoever_is_held_back_is_so_with_cause,
    check_nothing_held_is_taken,
    check_first_tier_within_its_share,
    check_starts_are_spread_over_the_weeks,
    check_no_place_waits_too_long,
    check_each_proof_adds_up,
)


def _overfull(
    guarantee: str, facts: Facts, section: Id, levels: tuple[int, ...], *, with_holds: bool
) -> Iterator[Violation]:
    """One violation for the children in cells where, up to some audience level, there are more users than places."""
    found = facts.overrun(section, levels, with_holds=with_holds)
    if found:
        yield violation(guarantee, sorted(found), [section])


def _wrong_on_call(facts: Facts, section: Id, book: Book) -> Iterator[Violation]:
    """Placements said to be on call for a request that may not, or on hours without enough on-call places."""
    marked = [row for row in book.placed if row.on_call]
    users = Counter(cell for row in marked for cell in book.cells(row.slots, row.period))
    places: Counter[Cell] = Counter()
    for vacancy in book.vacancies:
        if vacancy.kind is VacancyKind.ON_CALL and vacancy.audience_at(book.instant) is not Audience.EVERYBODY:
            places.update(dict.fromkeys(book.cells(vacancy.slots, vacancy.period), vacancy.places))
    for row in marked:
        entitled = facts.level_in(row.request, section) == Audience.URGENT_INSERTION.level
        if not entitled or any(users[cell] > places[cell] for cell in book.cells(row.slots, row.period)):
            yield violation("G4", [row.request], [section])


def _at(guarantee: str, wanted: Wanted) -> Violation:
    return violation(
        guarantee, [choice.request for choice in wanted.choices], [choice.section for choice in wanted.choices]
    )


def _preferred(facts: Facts) -> Iterator[Wanted]:
    """What each family would rather have than what it was offered, unless its answer is withheld."""
    withheld = set(facts.outcome.withheld)
    families = facts.families.members
    if facts.looks_again:  # nobody is asked for together then
        families = {name: (name,) for name in facts.look.structures}
    for unit, members in families.items():
        if not withheld.intersection(members):
            yield from facts.preferred_to_check(unit)


def _is_served(facts: Facts, wanted: Wanted) -> bool:
    return any(request in facts.placed for request in facts.families.members[_unit(facts, wanted)])


def _unit(facts: Facts, wanted: Wanted) -> Id:
    return facts.families.unit[wanted.choices[0].request]


def _counts_told(facts: Facts) -> Counts:
    told = {(level.goal, level.tier, level.points): level.value for level in facts.outcome.levels}
    return {key: value for key, value in told.items() if value and may_be_counted(facts, key[0])}


def _walk_support(facts: Facts, structure: Id) -> Iterator[Id]:
    """Down the claims, the children who find as many prepared for as the structure can, at some hour."""
    limit = next((row.children for row in facts.round.support if row.structure == structure), None)
    here = [row for row in facts.outcome.placed if row.structure == structure]
    needing = [row for row in here if facts.requests[row.request].needs_support]
    cut = Cut((row.slots, row.period) for row in needing)
    used: Counter[Cell] = Counter()
    for row in sorted(needing, key=facts.standing_of):
        cells = cut.cells(row.slots, row.period)
        if limit is None or all(used[cell] < limit for cell in cells):
            used.update(cells)
        else:
            yield row.request
