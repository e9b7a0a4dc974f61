"""The map of the public page: the numbers of the list, drawn; without outlines there is none."""

from __future__ import annotations

import re

import pytest

from contracts.territories import Commune, TravelTime
from services.ingest.declare.territories import MOST_POINTS, publish_territory
from services.ingest.pages.maps import HEIGHT, WIDTH, Shape, ground
from services.ingest.problems import Refused
from services.territory.territory import communes
from tests.ingest.pages.reading import read
from tests.ingest.pages.town import COORDINATOR, Town, act
from tests.ingest.people import square, territory_body

QUERIES = (
    "",
    "type=regular",
    "type=occasional",
    "commune=03098",
    "age=4",
    "jour=tue&type=regular",
    "commune=03098&age=30",
)


def marks(html: str) -> dict[str, int]:
    """The number that stands in each commune of the map."""
    found = re.findall(r'<a href="[^"]*" aria-label="([^&"\u00a0]+)(?:&nbsp;|\u00a0): (\d+)', html)
    return {name: int(number) for name, number in found}


def listed(html: str) -> dict[str, int]:
    """The cards under each commune's heading in the list."""
    parts = html.partition('id="liste"')[2].partition('id="carte"')[0].split("<section>")[1:]
    return {re.findall(r"<h2>([^<,]+),", part)[0]: part.count('<li class="card">') for part in parts}


@pytest.mark.parametrize("query", QUERIES)
async def test_every_mark_is_the_number_of_cards_that_the_list_has_for_that_commune(town: Town, query: str) -> None:
    page = (await town.client.get(f"/?{query}")).text
    assert listed(page), "a search that finds something"
    assert marks(page) == listed(page)
    assert re.findall(r"<text[^>]*>(\d+)</text>", page) == [str(number) for number in marks(page).values()]


async def test_a_mark_leads_to_the_same_search_in_its_commune_alone(town: Town) -> None:
    page = (await town.client.get("/?type=occasional&age=30")).text
    (target,) = [target for target in read(page).targets if "commune=03185" in target]
    assert target == "/?commune=03185&age=30&type=occasional#liste"
    there = (await town.client.get(target)).text
    assert set(listed(there)) == {"Montluçon"}
    assert 'aria-current="true"' in there
    assert "/?age=30&type=occasional#liste" in read(there).targets, "and back to all communes"


async def test_the_map_names_its_source_and_brings_no_script_no_style_and_no_other_host(town: Town) -> None:
    page = await town.client.get("/")
    assert "Contours des communes&nbsp;: essai, 2026." in page.text
    assert not {"script", "style", "image", "foreignobject"} & set(read(page.text).tags)
    assert "style=" not in page.text
    assert "http" not in page.text.partition("<svg viewBox")[2]


async def test_the_list_comes_before_the_map(town: Town) -> None:
    page = (await town.client.get("/")).text
    assert page.index('id="liste"') < page.index('id="carte"')
    assert 'href="#carte"' in page


async def test_nothing_found_draws_nothing(town: Town) -> None:
    page = (await town.client.get("/?commune=99999")).text
    assert "<svg viewBox" not in page.partition("<main")[2]


async def test_a_territory_without_outlines_has_its_list_and_no_map(town: Town) -> None:
    plain = tuple(commune.model_copy(update={"outline": ()}) for commune in territory_body().communes)
    await town.write(publish_territory, act(COORDINATOR), territory_body(communes=plain))
    page = (await town.client.get("/")).text
    assert listed(page)
    assert "carte" not in page.partition("<main")[2]


def test_one_commune_without_its_outline_leaves_no_map_that_would_hide_its_places() -> None:
    drawn = {"code": "03185", "name": "Montluçon", "outline": [square(2.58, 46.32)]}
    assert ground([drawn]) is not None
    assert ground([drawn, {"code": "03098", "name": "Désertines"}]) is None
    assert ground([]) is None


def test_every_number_stands_inside_its_own_commune_and_inside_the_drawing() -> None:
    drawn = ground([commune.model_dump() for commune in communes()])
    assert drawn is not None
    assert (drawn.width, drawn.height) <= (WIDTH, HEIGHT)
    for shape in drawn.shapes:
        homes = [other.name for other in drawn.shapes if _contains(other, shape.at)]
        assert homes == [shape.name]


def test_a_number_stands_inside_a_commune_of_two_parts_and_of_a_bent_shape() -> None:
    bent = [[0, 0], [9, 0], [9, 9], [0, 9], [0, 8], [8, 8], [8, 1], [0, 1], [0, 0]]
    islands = [square(0, 0, 1), square(4, 0, 3)]
    for outline in ([bent], islands):
        drawn = ground([{"code": "1", "name": "A", "outline": outline}])
        assert drawn is not None
        assert _contains(drawn.shapes[0], drawn.shapes[0].at)


def test_neighbours_share_every_point_of_their_border_so_that_no_gap_opens() -> None:
    both = [{"code": str(n), "name": str(n), "outline": [square(2.58 + 0.04 * n, 46.32)]} for n in range(2)]
    drawn = ground(both)
    assert drawn is not None
    west, east = (set(_points(shape)) for shape in drawn.shapes)
    assert len(west & east) == 2


TRIP = TravelTime(one="03185", other="03098", minutes=8)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outlines_source": ""}, "source_wanted"),
        (
            {
                "communes": (
                    Commune(code="1" * 5, name="A", population=1, outline=(((0.0, 0.0),) * (MOST_POINTS + 1),)),
                )
            },
            "too_many_points",
        ),
        ({"travel": (TRIP,)}, "source_wanted"),
        ({"travel": (TRIP, TRIP.model_copy(update={"minutes": 9})), "travel_source": "essai"}, "travel_twice"),
        ({"travel": (TRIP.model_copy(update={"other": "75056"}),), "travel_source": "essai"}, "unknown_commune"),
    ],
)
async def test_outlines_and_travel_times_that_are_wrong_or_have_no_source_are_refused(
    town: Town, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await town.write(publish_territory, act(COORDINATOR), territory_body(**changes))
    assert [problem.code for problem in refused.value.problems] == [code]


def _points(shape: Shape) -> list[tuple[int, int]]:
    """The corners that a path goes through, ring after ring."""
    corners = []
    for ring in shape.path.split("M")[1:]:
        start, steps = ring.rstrip("z").split("l")
        x, y = map(int, start.split(","))
        corners.append((x, y))
        for step in steps.split(" "):
            dx, dy = map(int, step.split(","))
            x, y = x + dx, y + dy
            corners.append((x, y))
    return corners


def _contains(shape: Shape, at: tuple[int, int]) -> bool:
    """Whether a ray from the point to the right crosses the outline an odd number of times (for the tests alone)."""
    inside = False
    for ring in shape.path.split("M")[1:]:
        corners = _points(Shape("", "", f"M{ring}", (0, 0)))
        for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if (y0 <= at[1]) != (y1 <= at[1]) and at[0] < x0 + (at[1] - y0) / (y1 - y0) * (x1 - x0):
                inside = not inside
    return inside
