"""Where countries lie, by any of their common names, and the outlines of land to draw them on.

Outlines: Natural Earth 1:110m (public domain), simplified to half a degree.
"""

import csv
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

Outline = list[tuple[float, float] | tuple[None, None]]


def place(country: str | None) -> tuple[float, float] | None:
    """Latitude and longitude of a country, in degrees; None where the name is not known.

    Args:
        country: Its name in English or its own language, or its code of two or three letters (ISO 3166), in any case.
    """
    return _places().get(_plain(country or ""))


@cache
def land() -> Outline:
    """Longitude and latitude around each stretch of land, in degrees, with a gap after each."""
    outline: Outline = []
    for line in files("clientage.report").joinpath("land.txt").read_text("utf-8").splitlines():
        ring = [tuple(map(float, point.split())) for point in line.split(",")]
        outline += [(ring[i % len(ring)][0], ring[i % len(ring)][1]) for i in range(len(ring) + 1)]
        outline.append((None, None))
    return outline


@cache
def _places() -> Mapping[str, tuple[float, float]]:
    found = {}
    for row in csv.DictReader(files("clientage.report").joinpath("places.csv").read_text("utf-8").splitlines()):
        for name in (row["iso2"], row["iso3"], *row["names"].split("|")):
            found[_plain(name)] = float(row["latitude"]), float(row["longitude"])
    found.pop("", None)
    return found


def _plain(name: str) -> str:
    """A name without case, accents, article and punctuation; “Korea, Republic of” in its usual order."""
    last, comma, first = name.partition(",")
    name = f"{first} {last}" if comma else name
    letters = unicodedata.normalize("NFKD", name.casefold().replace("&", " and "))
    words = re.findall(r"\w+", "".join(letter for letter in letters if not unicodedata.combining(letter)))
    return "".join("saint" if word == "st" else word for word in words if word != "the")
