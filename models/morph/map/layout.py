"""Where points and names of a map stand on paper: no name over another or over a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.morph.map import Map

WIDTH, HEIGHT = 1100, 760
EDGE = 60
LETTER, LINE, DOT, GAP = 6.4, 14.0, 6.0, 9.0
"""Pixels: a letter's width at 12, a line's height, a point's radius, from a point to its name."""
COLOURS = (
    "#4fd1c5", "#ffb454", "#ff7d75", "#8ab4ff", "#8fe08f", "#d59bff", "#f3e45c", "#ff9ecb",
    "#cfa57c", "#7fe3ff", "#c4ea7d", "#c2c8ce",
)  # fmt: skip

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """A name on the map; ``anchor`` is which of its ends is at ``x``, ``y`` its middle."""

    x: float
    y: float
    anchor: str  # start, middle, end


def spots(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Places from 0 to 1 in pixels from the upper left."""
    return [
        (EDGE + x * (WIDTH - 2 * EDGE), HEIGHT - EDGE - y * (HEIGHT - 2 * EDGE)) for x, y in points
    ]


def colours(families: Sequence[str]) -> dict[str, str]:
    """A colour for each family, in the order of their names."""
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(sorted(set(families)))}


def labels(places: Sequence[tuple[float, float]], names: Sequence[str]) -> list[Label | None]:
    """A label for each point, or none where there is no room: the first come first."""
    taken: list[Box] = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in places]
    found: list[Label | None] = []
    for number, ((x, y), name) in enumerate(zip(places, names, strict=True)):
        label = None
        for box, candidate in _candidates(x, y, LETTER * len(name)):
            others = (one for k, one in enumerate(taken) if k != number)
            if _inside(box) and not any(_overlap(box, one) for one in others):
                taken.append(box)
                label = candidate
                break
        found.append(label)
    return found


def plain(name: str) -> str:
    """A sound's name to read."""
    return name.replace("_", " ")


def names_of(found: Map) -> list[str]:
    """Number and name of each sound, as the map has them."""
    return [f"{k} {plain(sound.name)}" for k, sound in enumerate(found.sounds)]


def _candidates(x: float, y: float, wide: float) -> list[tuple[Box, Label]]:
    high = LINE / 2
    return [
        ((x + GAP, y - high, x + GAP + wide, y + high), Label(x + GAP, y, "start")),
        ((x - GAP - wide, y - high, x - GAP, y + high), Label(x - GAP, y, "end")),
        ((x - wide / 2, y - 3 * high, x + wide / 2, y - high), Label(x, y - 2 * high, "middle")),
        ((x - wide / 2, y + high, x + wide / 2, y + 3 * high), Label(x, y + 2 * high, "middle")),
    ]


def _inside(box: Box) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= WIDTH and box[3] <= HEIGHT


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


__all__ = ["HEIGHT", "WIDTH", "Label", "colours", "labels", "names_of", "plain", "spots"]
