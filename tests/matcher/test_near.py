"""Families who would go anywhere within some minutes, round by round. People are invented."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.requests import RequestRegistered, WishedStructure
from contracts.territories import TerritoryPublished, TravelTime
from contracts.vocabulary import AwardMode
from services.matcher.near import Near
from tests.matcher.test_rounds import meanwhile
from tests.matcher.world import COMMUNE, CRECHE, SECTION, TERRITORY, World, need, now_at

NEXT, FAR = "03190", "03236"
TRAVEL = (TravelTime(one=NEXT, other=COMMUNE, minutes=12), TravelTime(one=COMMUNE, other=FAR, minutes=35))
TOWN: dict[str, Any] = {"name": "M", "guichet_name": "G", "guichet_phone": "04 65 71 00 00", "communes": ()}


def town(*travel: TravelTime) -> World:
    """A crèche at home, another one twelve minutes away and one thirty-five minutes away; none has a place yet."""
    world = World().begin(travel=travel)
    world.publish("creche-B", "s-b", commune=NEXT)
    world.publish("creche-loin", "s-loin", commune=FAR)
    return world


def free(world: World, structure: str, section: str) -> None:
    world.open_place(f"v-{section}", structure=structure, section=section)


def offered(world: World) -> list[tuple[str, str]]:
    return [(said.request, said.structure) for said in world.events("proposal.made")]


@pytest.mark.parametrize(("within", "goes"), [(None, []), (11, []), (12, [("r-1", "creche-B")])])
def test_a_place_that_nobody_named_goes_to_who_would_go_that_far(
    within: int | None, goes: list[tuple[str, str]]
) -> None:
    world = town(*TRAVEL)
    world.ask("r-1", within_minutes=within)
    free(world, "creche-B", "s-b")
    free(world, "creche-loin", "s-loin")
    world.tick()
    assert offered(world) == goes


def test_a_wish_comes_before_what_is_only_near() -> None:
    world = town(*TRAVEL)
    world.ask("r-1", within_minutes=120)
    free(world, "creche-B", "s-b")
    free(world, CRECHE, SECTION)
    world.tick()
    assert offered(world) == [("r-1", CRECHE)]


def test_new_travel_times_count_in_the_next_round() -> None:
    world = town()
    world.ask("r-1", within_minutes=12)
    free(world, "creche-B", "s-b")
    world.tick()
    assert offered(world) == []
    world.hear(TerritoryPublished, TERRITORY, policy="montlucon-modele", travel=TRAVEL, **TOWN)
    world.tick()
    assert offered(world) == [("r-1", "creche-B")]


def test_travel_times_that_are_taken_back_count_no_more() -> None:
    world = town(*TRAVEL)
    world.ask("r-1", within_minutes=12)
    world.tick()
    world.hear(TerritoryPublished, TERRITORY, policy="montlucon-modele", **TOWN)
    free(world, "creche-B", "s-b")
    world.tick()
    assert offered(world) == []


@pytest.mark.parametrize(("travel", "made", "dropped"), [((), [], 1), (TRAVEL, [("r-1", "creche-B")], 0)])
def test_a_round_that_is_computed_while_other_travel_times_are_published_is_dropped(
    travel: tuple[TravelTime, ...], made: list[tuple[str, str]], dropped: int
) -> None:
    world = town(*TRAVEL)
    world.ask("r-1", within_minutes=12)
    free(world, "creche-B", "s-b")
    anew: dict[str, Any] = {"policy": "montlucon-modele", "travel": travel, **TOWN}
    meanwhile(world, lambda: world.hear(TerritoryPublished, TERRITORY, **anew))
    world.round()
    assert (offered(world), world.last("round.decided").dropped) == (made, dropped)
    world.now += timedelta(seconds=1)
    world.tick()
    assert offered(world) == made


def test_a_structure_that_opens_later_is_near_without_another_word_of_the_family() -> None:
    world = town(*TRAVEL)
    world.ask("r-1", within_minutes=12)
    world.tick()
    world.publish("creche-neuve", "s-neuve", commune=NEXT)
    free(world, "creche-neuve", "s-neuve")
    world.tick()
    assert offered(world) == [("r-1", "creche-neuve")]


def test_a_structure_whose_places_are_not_awarded_is_near_to_nobody() -> None:
    world = town(*TRAVEL)
    world.publish("creche-B", "s-b", commune=NEXT, award_mode=AwardMode.EMPLOYER_RESERVED)
    world.ask("r-1", within_minutes=12)
    free(world, "creche-B", "s-b")
    world.tick()
    assert offered(world) == []
    (explained,) = world.events("request.explained", "r-1")[-1:]
    assert [wish["structure"] for wish in explained.model_dump(mode="json")["reason"]["wishes"]] == [CRECHE]


def test_a_live_offer_is_withdrawn_once_the_family_would_not_go_that_far_any_more() -> None:
    world = town(*TRAVEL)
    world.ask("r-1", within_minutes=12)
    free(world, "creche-B", "s-b")
    world.tick()
    proposal = world.live("r-1")
    world.amend("r-1", within_minutes=12, tolerance_days=3)
    assert world.state(proposal).is_live
    world.amend("r-1", within_minutes=11)
    assert not world.state(proposal).is_live


def test_the_reasons_name_what_is_near_behind_the_wishes() -> None:
    world = town(*TRAVEL)
    world.ask("r-1", within_minutes=40)
    world.tick()
    (explained,) = world.events("request.explained", "r-1")[-1:]
    assert [wish["structure"] for wish in explained.model_dump(mode="json")["reason"]["wishes"]] == [
        CRECHE,
        "creche-B",
        "creche-loin",
    ]


def test_another_structure_of_the_same_commune_is_no_way_off() -> None:
    world = town(*TRAVEL)
    world.publish("creche-ici", "s-ici")
    world.ask("r-1", within_minutes=1)
    free(world, "creche-ici", "s-ici")
    world.tick()
    assert offered(world) == [("r-1", "creche-ici")]


def test_what_is_only_near_is_the_choice_behind_the_last_that_was_named() -> None:
    near = Near({"a": COMMUNE, "b": COMMUNE, "c": NEXT, "d": FAR}, {(COMMUNE, NEXT): 10})
    facts = need("r-1", wishes=(), within_minutes=10) | {"wishes": (WishedStructure(structure="b", rank=2),)}
    asked = RequestRegistered.say("r-1", source="ingest", territory=TERRITORY, time=now_at(8), **facts)
    assert [(wish.structure, wish.rank) for wish in near.wishes(asked)] == [("b", 2), ("a", 3), ("c", 3)]
