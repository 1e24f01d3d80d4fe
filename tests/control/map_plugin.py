"""Plugins with a pad and a map of their own, as simple as can be; also for an audio process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.kernel import Audio, kernel
from engine.params import Param, final
from engine.plugin import Place, Plugin, PluginError

FAMILIES = ("bowed", "blown", "struck")
GONE = "gone"


def _lands() -> tuple[Place, ...]:
    """Twelve: a family a row, from the left to the right."""
    return tuple(
        Place(f"{family}_{k}", family, k / 3.0, row / 2.0)
        for row, family in enumerate(FAMILIES)
        for k in range(4)
    )


LANDS = _lands()


class Lands(Plugin):
    """Pass the sound on; two knobs for a finger, four that name a place, one that adds to x."""

    x = Param(0.0, smooth_ms=0.0)
    y = Param(0.0, smooth_ms=0.0)
    a, b, c, d = (Param(float(k), 0.0, 127.0, smooth_ms=0.0) for k in (0, 3, 8, 11))
    wheel = Param(0.0, smooth_ms=0.0)

    xy = ("x", "y")
    ends = ("a", "b", "c", "d")
    readouts = ("x", "y")

    @classmethod
    def places(cls, settings: Mapping[str, str | int], folder: Path) -> tuple[Place, ...]:
        return LANDS

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        state.readout[0] = final(knobs.x) + final(knobs.wheel)
        state.readout[1] = final(knobs.y)


class Aims(Plugin):
    """One knob that names a place; its file has gone after ``GONE`` was written into the folder."""

    target = Param(-1.0, -1.0, 127.0, smooth_ms=0.0)
    ends = ("target",)

    @classmethod
    def places(cls, settings: Mapping[str, str | int], folder: Path) -> tuple[Place, ...]:
        if (folder / GONE).exists():
            raise PluginError("the file has gone")
        return LANDS

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        pass
