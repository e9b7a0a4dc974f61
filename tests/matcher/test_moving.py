"""Children who have a place and get another one, and those who follow them. People are invented."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.releases import ReleaseSuspended
from contracts.vacancies import SnapshotDeclared
from contracts.vocabulary import Answer, Audience, Criterion, ProposalState, RefusalReason, RequestKind, Weekday
from services.matcher import moving, store
from services.matcher import tables as t
from services.matcher.rules.capacity import short_holds
from services.matcher.rules.hours import Hours
from services.matcher.solver.schema import Hold, Outcome, Placed
from tests.connected import torture
from tests.matcher.world import CRECHE, FROM_OCTOBER, MORNINGS, SECTION, World, now_at, on_weekday

CRECHE_B, SECTION_B = "creche-B", "creche-B-petits"
TWO_DAYS = on_weekday(Weekday.TUE, Weekday.WED)
JANUARY = FROM_OCTOBER.model_copy(update={"start": date(2027, 1, 4)})
S = ProposalState


def accept(world: World, proposal: str) -> None:
    world.release(proposal)
    world.delivered(proposal)
    world.answer(proposal, Answer.OUI)


def give(world: World, proposal: str) -> None:
    accept(world, proposal)
    world.confirm(proposal)
    world.tick()


def placed(world: World, name: str, **facts: Any) -> str:
    proposal = world.proposed(name, **facts)
    give(world, proposal)
    return proposal


def moves(world: World, name: str, child: str, place: str, **facts: Any) -> None:
    world.ask(name, **{"kind": RequestKind.TRANSFER, "child": f"c-{child}", "current": place, **facts})


def a_follower(world: World) -> tuple[str, str]:
    """One child has the only place and asks for the other crèche; another follows it. Returns both proposals."""
    world.publish(CRECHE_B, SECTION_B)
    world.open_place()
    first = placed(world, "r-first")
    world.ask("r-next")
    moves(world, "r-move", "r-first", first, wishes=(CRECHE_B,), period=JANUARY)
    world.open_place("v-B", structure=CRECHE_B, section=SECTION_B)
    world.amend("r-next", period=JANUARY)
    world.tick()
    return world.live("r-move"), world.live("r-next")


def test_a_child_gets_some_of_its_days_and_stays_listed_for_the_others(world: World) -> None:
    world.open_place()
    proposal = world.proposed("r-1", slots=TWO_DAYS, accepts_partial=True)
    made = world.last("proposal.made")
    assert (made.partial, made.slots) == (True, MORNINGS), "the proposal says only the days that there are"
    give(world, proposal)
    assert world.request("r-1")["state"] == store.WAITING
    assert world.last("placement.confirmed").partial
    world.open_place("v-2", slots=on_weekday(Weekday.WED))
    world.tick()
    made = world.last("proposal.made")
    assert (made.partial, made.slots, made.replaces, made.after) == (False, TWO_DAYS, proposal, ())
    give(world, world.live("r-1"))
    assert world.request("r-1")["state"] == store.PLACED
    assert world.last("placement.ending").last_day == FROM_OCTOBER.start - timedelta(days=1)
    held = [row for row in world.rows(t.holds) if row["ends"] != FROM_OCTOBER.start]
    assert len(held) == 1 and len(held[0]["slots"]) == 2, "one place, and nothing lent any more"


def test_a_snapshot_counts_a_child_once_that_has_said_yes_to_more_days_beside_those_it_has(world: World) -> None:
    world.open_place()
    first = placed(world, "r-1")
    world.open_place("v-2", slots=on_weekday(Weekday.WED))
    moves(world, "r-more", "r-1", first, kind=RequestKind.CHANGE, slots=TWO_DAYS)
    world.tick()
    more = world.live("r-more")
    accept(world, more)
    world.now += timedelta(hours=1)
    facts = {"structure": CRECHE, "section": SECTION, "as_of": world.now, "free": (), "said_by": "director"}
    world.hear(SnapshotDeclared, "snapshot-1", **facts)
    world.confirm(more)
    world.ask("r-other")
    world.tick()
    assert [made.request for made in world.events("proposal.made")] == ["r-1", "r-more"], "no Tuesday is left"
    with world.engine.connect() as tx:
        places, held = store.places_in(tx, SECTION), store.counted(tx, SECTION)
    assert not short_holds(places, held, world.now), "and both of its mornings have their places"


def test_a_child_that_keeps_its_hours_takes_no_second_place_from_who_comes_with_it(world: World) -> None:
    world.open_place(places=2)
    first = placed(world, "r-1")
    world.open_place("v-2", slots=on_weekday(Weekday.WED))
    moves(world, "m-more", "r-1", first, kind=RequestKind.CHANGE, slots=TWO_DAYS)
    world.ask("r-2")
    world.tick()
    assert [made.request for made in world.events("proposal.made")] == ["r-1", "m-more", "r-2"]
    assert [made.after for made in world.events("proposal.made")] == [(), (), ()], (
        "nobody waits for a place that is free"
    )


def test_who_gets_a_place_that_another_leaves_for_a_kept_one_waits_for_it(world: World) -> None:
    """Beside a place that is kept for others there are places enough in all, and still none that it may have."""
    world.publish(CRECHE_B, SECTION_B)
    world.open_place()
    world.open_place("v-kept", audience=Audience.INSERTION)
    first = placed(world, "r-1")
    world.open_place("v-B", structure=CRECHE_B, section=SECTION_B)
    moves(world, "m-1", "r-1", first, wishes=(CRECHE_B,), period=JANUARY)
    world.ask("r-2", period=JANUARY)
    world.tick()
    (made,) = (event for event in world.events("proposal.made") if event.request == "r-2")
    assert made.after == (world.live("m-1"),)


def test_a_family_that_wants_all_of_its_days_is_not_offered_some(world: World) -> None:
    world.open_place()
    world.ask("r-1", slots=TWO_DAYS)
    world.ask("r-2", slots=on_weekday(Weekday.TUE, Weekday.WED, Weekday.THU), accepts_partial=True, min_days=2)
    world.tick()
    assert world.events("proposal.made") == []


def test_a_child_who_leaves_its_part_is_asked_for_the_rest_no_more(world: World) -> None:
    world.open_place()
    place = placed(world, "r-1", slots=TWO_DAYS, accepts_partial=True)
    world.leave(place, FROM_OCTOBER.start + timedelta(days=30))
    assert world.request("r-1")["state"] == store.PLACED
    world.tick()
    assert len(world.events("proposal.made")) == 1


def test_a_better_place_keeps_the_first_one_until_it_is_confirmed_and_then_ends_it_the_day_before(world: World) -> None:
    moved, _ = a_follower(world)
    assert world.proposal(moved).replaces == world.events("placement.confirmed")[0].subject
    accept(world, moved)
    assert world.events("placement.ending") == [], "a OUI alone gives nothing up"
    give(world, moved)
    (ending,) = world.events("placement.ending")
    assert (ending.last_day, ending.reason.value) == (JANUARY.start - timedelta(days=1), "other_place")
    assert len(world.events("place.reopened")) == 1
    world.go_to(now_at(9, day=JANUARY.start))
    assert [event.subject for event in world.events("placement.ended")] == [ending.subject]


def test_it_is_said_whether_the_place_that_a_child_has_goes_on_without_a_oui(world: World) -> None:
    """A place that ends before the new one begins is not kept by saying nothing."""
    moved, follower = a_follower(world)
    made = {row.subject: row.keeps_place for row in world.events("proposal.made")}
    assert (made[moved], made[follower]) == (True, False)
    other = World().begin()
    other.publish(CRECHE_B, SECTION_B)
    other.open_place()
    place = placed(other, "r-first")
    other.leave(place, JANUARY.start - timedelta(days=10))
    moves(other, "r-move", "r-first", place, kind=RequestKind.RENEWAL, wishes=(CRECHE_B,), period=JANUARY)
    other.open_place("v-B", structure=CRECHE_B, section=SECTION_B)
    other.tick()
    made_again = other.last("proposal.made")
    assert (made_again.replaces, made_again.keeps_place) == (place, False)


def test_who_follows_a_child_waits_unsent_until_that_child_has_its_new_place(world: World) -> None:
    moved, follower = a_follower(world)
    assert world.events("proposal.made", follower)[0].after == (moved,)
    world.release(follower)
    assert world.state(follower) is S.PREPARED, "the place is the other child's still"
    accept(world, moved)
    world.tick()
    world.release(follower)
    assert world.state(follower) is S.PREPARED, "the structure may still refuse the first one"
    assert world.tasks("release") == []
    world.confirm(moved)
    world.tick()
    assert world.tasks("release") == ["release"]
    give(world, follower)
    assert world.state(follower) is S.CONFIRMED


def test_what_is_held_back_past_its_day_behind_a_departure_is_back_once_that_is_sure(world: World) -> None:
    """Nobody could release it before, and nothing says that it waits again but the task to release it."""
    moved, follower = a_follower(world)
    until = world.now.date() + timedelta(days=1)
    facts = {"proposal": follower, "reason": "À vérifier", "by": "coordinator", "until": until}
    world.hear(ReleaseSuspended, follower, **facts)
    world.pass_time(timedelta(days=1))
    assert (world.state(follower), world.tasks("release")) == (S.HELD, ["release"]), "of the one that moves"
    give(world, moved)
    world.tick()
    assert (world.state(follower), world.tasks("release")) == (S.PREPARED, ["release"])
    give(world, follower)
    assert world.state(follower) is S.CONFIRMED


def test_what_is_held_back_behind_a_departure_stays_so_until_its_day(world: World) -> None:
    moved, follower = a_follower(world)
    until = world.now.date() + timedelta(days=1)
    facts = {"proposal": follower, "reason": "À vérifier", "by": "coordinator", "until": until}
    world.hear(ReleaseSuspended, follower, **facts)
    give(world, moved)
    world.tick()
    assert (world.state(follower), world.tasks("release")) == (S.HELD, [])
    world.pass_time(timedelta(days=1))
    assert (world.state(follower), world.tasks("release")) == (S.PREPARED, ["release"])


@pytest.mark.parametrize("end", ["no", "refused", "silence"])
def test_when_a_child_stays_who_was_to_follow_it_never_hears_of_it(world: World, end: str) -> None:
    moved, follower = a_follower(world)
    world.release(moved)
    world.delivered(moved)
    if end == "no":
        world.answer(moved, Answer.NON)
        world.pass_time(timedelta(minutes=16))
    elif end == "refused":
        world.answer(moved, Answer.OUI)
        world.refuse(moved, RefusalReason.AGE)
    else:
        world.pass_time(timedelta(days=4))
    world.tick()
    assert world.state(follower) is S.WITHDRAWN
    withdrawn = world.events("proposal.withdrawn", follower)[0]
    assert (withdrawn.reason.value, withdrawn.family_knew) == ("no_departure", False)
    assert world.events("proposal.released", follower) == []
    assert "call_back" not in world.tasks()
    assert world.rows(t.awaited) == [] and all(row["units"] == 1 for row in world.rows(t.holds))


def test_two_children_who_would_exchange_their_places_are_left_to_the_guichet(world: World) -> None:
    world.publish(CRECHE_B, SECTION_B)
    world.open_place()
    world.open_place("v-B", structure=CRECHE_B, section=SECTION_B)
    one, other = placed(world, "r-1"), placed(world, "r-2", wishes=(CRECHE_B,))
    moves(world, "m-1", "r-1", one, wishes=(CRECHE_B,), period=JANUARY)
    moves(world, "m-2", "r-2", other, period=JANUARY)
    world.tick()
    assert len(world.events("proposal.made")) == 2, "nobody is promised what another only gives up for the same promise"
    assert "échange" in world.events("request.explained", "m-2")[-1].phrases[0]


def test_the_guichet_is_told_of_a_place_that_is_not_known_or_that_two_requests_would_give_up(world: World) -> None:
    world.open_place()
    place = placed(world, "r-1")
    moves(world, "m-1", "r-1", "somewhere-else")
    moves(world, "m-2", "r-1", place, slots=on_weekday(Weekday.FRI))
    moves(world, "m-3", "r-1", place, slots=on_weekday(Weekday.THU))
    moves(world, "m-4", "another-child", place)
    world.tick()
    said = {name: world.events("request.explained", name)[-1].phrases[0] for name in ("m-1", "m-2", "m-3", "m-4")}
    assert "pas connue" in said["m-1"] and "pas connue" in said["m-4"]
    assert "Garde sa place actuelle." in said["m-2"]
    assert "autre demande" in said["m-3"]


def test_what_is_no_longer_held_is_no_longer_lent(world: World) -> None:
    moved, follower = a_follower(world)
    place = world.proposal(moved).replaces
    assert place is not None
    world.leave(place, JANUARY.start + timedelta(days=6))
    lent = [row for row in world.rows(t.holds) if row["units"] < 0]
    assert [(row["starts"], row["ends"]) for row in lent] == [(JANUARY.start, JANUARY.start + timedelta(days=7))]
    assert world.state(follower) is S.PREPARED


def test_a_circle_of_moves_is_found_and_a_chain_is_none() -> None:
    def outcome(**after: str) -> Outcome:
        seats = [
            Placed(
                request=name, structure="s", section="a", pattern=0, slots=MORNINGS, period=FROM_OCTOBER,
                wish_rank=1, level=1, replaces=f"h-{name}", after=tuple(names),
            )
            for name, names in after.items()
        ]  # fmt: skip
        return Outcome.model_construct(placed=tuple(seats))

    assert moving.in_a_circle(outcome(a="b", b="c", c="")) is None
    assert moving.in_a_circle(outcome(a="b", b="c", c="a", d="a")) == "c"


def sitting(world: World) -> list[str]:
    """Where more children sit, or have said OUI to, than there are places; a child who moves sits once."""
    with world.engine.connect() as tx:
        faults = []
        for section in tx.scalars(sa.select(t.sections.c.section)):
            accepted = {p.proposal: p.replaces for p in store.live_proposals(tx) if p.state is S.ACCEPTED}
            placements = set(tx.scalars(sa.select(t.placements.c.placement)))
            rows = [h for h in store.holds(tx, t.holds.c.section == section) if h.id in {*accepted, *placements}]
            faults += _over(store.places_in(tx, section), rows, accepted)
        return faults


def _over(places: list[Any], rows: list[Hold], accepted: dict[str, str | None]) -> list[str]:
    hours = Hours([*places, *rows])
    free = Counter({cell: 0 for row in rows for cell in hours.cells(row)})
    for vacancy in places:
        free.update(dict.fromkeys(hours.cells(vacancy), vacancy.places))
    cells = {row.id: hours.cells(row) for row in rows}
    for name, own in cells.items():
        free.subtract(own - cells.get(accepted.get(name) or "", frozenset()))
    return [f"{cell}" for cell, left in free.items() if left < 0]


def someone_acts(world: World, chance: random.Random, names: list[str]) -> None:
    """One gesture of somebody, drawn."""
    with world.engine.connect() as tx:
        live = store.live_proposals(tx)
        held = list(tx.execute(sa.select(t.placements.c.placement, t.placements.c.request)))
    if live and chance.random() < 0.75:
        proposal = chance.choice(live)
        _answer(world, chance, proposal)
    elif held and chance.random() < 0.1:
        world.leave(chance.choice(held).placement, FROM_OCTOBER.start + timedelta(days=chance.randrange(200)))
    elif held and chance.random() < 0.6:
        row = chance.choice(held)
        child = world.request(row.request)["need"]["child"].removeprefix("c-")
        names.append(f"m-{len(names)}")
        wishes = chance.choice([(CRECHE,), (CRECHE_B,), (CRECHE_B,), (CRECHE_B, CRECHE)])
        moves(world, names[-1], child, row.placement, slots=_days(chance), wishes=wishes, period=_from(chance))
    else:
        names.append(f"r-{len(names)}")
        wishes = chance.choice([(CRECHE,), (CRECHE,), (CRECHE, CRECHE_B)])
        first = [Criterion.SINGLE_PARENT] if chance.random() < 0.5 else []
        partly = chance.random() < 0.5
        world.ask(names[-1], *first, slots=_days(chance), wishes=wishes, accepts_partial=partly, period=_from(chance))
    world.tick()


def _days(chance: random.Random) -> Any:
    return on_weekday(*chance.choice([(Weekday.MON,), (Weekday.TUE,), (Weekday.MON, Weekday.TUE)]))


def _from(chance: random.Random) -> Any:
    return FROM_OCTOBER.model_copy(update={"start": FROM_OCTOBER.start + timedelta(days=chance.randrange(90))})


def _answer(world: World, chance: random.Random, proposal: store.Proposal) -> None:
    name = proposal.proposal
    if proposal.state is S.PREPARED:
        world.release(name)
        world.delivered(name)
    elif proposal.state is S.ACCEPTED:
        refusal = lambda: world.refuse(name, RefusalReason.AGE)  # noqa: E731
        confirm = lambda: world.confirm(name)  # noqa: E731
        chance.choice([refusal, confirm, confirm, confirm])()
    elif proposal.state is S.DECLINING:
        world.pass_time(timedelta(minutes=16))
    else:
        world.answer(name, chance.choice([Answer.OUI, Answer.OUI, Answer.OUI, Answer.NON]))


def _a_year_of_moves(seed: int, gestures: int) -> tuple[World, Counter[str]]:
    world, chance, names = World().begin(), random.Random(seed), list[str]()
    world.publish(CRECHE_B, SECTION_B)
    week = on_weekday(Weekday.MON, Weekday.TUE)
    world.open_place(slots=week, places=1 + seed % 2)
    if seed % 3 == 1:
        world.open_place("v-kept", slots=week, audience=Audience.INSERTION)
    world.open_place("v-B", structure=CRECHE_B, section=SECTION_B, slots=week)
    for _ in range(gestures):
        someone_acts(world, chance, names)
        assert sitting(world) == [], f"seed {seed}"
        assert all(row["lent_by"] for row in world.rows(t.holds) if row["units"] < 0)
    for decided in world.events("round.decided"):
        assert (decided.dropped, decided.broken) == (0, ()), f"seed {seed}: what a round finds can be held"
    made = world.events("proposal.made")
    return world, Counter(moved=sum(m.replaces is not None for m in made), followed=sum(bool(m.after) for m in made))


def test_accepted_and_placed_never_exceed_the_places_in_whatever_order_people_answer() -> None:
    seen = Counter[str]()
    for seed in range(4):
        _, counts = _a_year_of_moves(seed, 40)
        seen += counts
    assert seen["moved"] > 5 and seen["followed"] > 2, f"the runs must meet what they are about: {seen}"


@pytest.mark.torture
@pytest.mark.timeout(14400)
def test_accepted_and_placed_never_exceed_the_places_in_a_hundred_runs() -> None:
    begun = time.monotonic()
    seen = sum((_a_year_of_moves(seed, 60)[1] for seed in range(100)), Counter[str]())
    assert seen["followed"] > 50, f"the runs must meet what they are about: {seen}"
    torture.record(
        "Déménagements", f"100 années de 60 gestes : {seen['moved']} enfants qui changent, {seen['followed']} suivis",
        "0 enfant de trop, 0 séance retenue ou écartée", begun=begun, on=torture.sqlite(),
        twin="sans l'attente du départ : deux enfants sur une place (test_moving.py, à chaque `make test`)",
    )  # fmt: skip


def test_the_count_of_who_sits_finds_a_follower_who_did_not_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failing twin: without the wait both children have the one place."""
    monkeypatch.setattr(moving, "awaits", lambda tx, proposal: False)
    _, follower = a_follower(world)
    accept(world, follower)
    assert sitting(world) != []
