"""Where the communes lie: their real outlines, for the map of the public page."""

from __future__ import annotations

import json
from importlib.resources import files

from contracts.territories import Ring

OUTLINES_SOURCE = "IGN, Geofla, juin 2016"
"""As their licence (Licence Ouverte) asks to be named; the whole way here is in `data/README.md`."""


def outlines() -> dict[str, tuple[Ring, ...]]:
    """The rings of each commune's border, by INSEE code: (longitude, latitude) in degrees."""
    text = files("services.territory").joinpath("data", "outlines.json").read_text(encoding="utf-8")
    found = {
        feature["properties"]["code"]: feature["geometry"]["coordinates"] for feature in json.loads(text)["features"]
    }
    return {code: tuple(tuple((x, y) for x, y in ring) for ring in rings) for code, rings in found.items()}
