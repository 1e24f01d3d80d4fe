"""A texture: noise that is optimised until its patches are distributed as a recording's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.style.errors import StyleError
from models.style.material import Material
from models.style.settings import Knobs, Settings
from models.style.sound import LEVEL, Recording, loudness
from models.style.transfer import Result, Stop, Told, Transfer, never

SHORTEST_S, LONGEST_S = 1.5, 60.0
KNOBS = Knobs(harmony=1.0, timbre=1.0, rhythm=1.0, pitch=0.0, onsets=0.0)


def texture(
    styles: Sequence[Recording], seconds: float, settings: Settings | None = None,
    shares: Sequence[float] | None = None, told: Told | None = None, stop: Stop = never,
) -> Result:  # fmt: skip
    """So many seconds like the styles: `texture_of`, run."""
    return texture_of(styles, seconds, settings, shares).run(told=told, stop=stop)


def texture_of(
    styles: Sequence[Recording], seconds: float, settings: Settings | None = None,
    shares: Sequence[float] | None = None,
) -> Transfer:  # fmt: skip
    """A texture that has not begun, at the first style's rate and loudness, mono or stereo as it.

    Knobs that hold a content (content, pitch, onsets) say nothing here. Raises StyleError.
    """
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise StyleError(f"seconds = {seconds:g} is outside {SHORTEST_S:g} to {LONGEST_S:g}")
    if not styles:
        raise StyleError("no style is given; at least one recording is wanted")
    settings = settings or Settings(knobs=KNOBS)
    knobs = replace(settings.knobs, content=0.0, pitch=0.0, onsets=0.0)
    settings = replace(settings, knobs=knobs, start="noise", match_tempo=False, match_key=False)
    return Transfer(material_of(styles, seconds, settings, shares))


def material_of(
    styles: Sequence[Recording], seconds: float, settings: Settings,
    shares: Sequence[float] | None = None,
) -> Material:  # fmt: skip
    """A material whose content is noise that stands for nothing."""
    first = styles[0]
    made = np.random.default_rng(settings.seed)
    noise = made.standard_normal((first.channels, round(seconds * first.rate)))
    content = Recording((LEVEL * noise).astype(np.float32), first.rate, first.name)
    material = Material(content, styles, settings, shares)
    material.gain = loudness(first.samples, first.rate) / LEVEL
    return material


__all__ = ["KNOBS", "LONGEST_S", "SHORTEST_S", "material_of", "texture", "texture_of"]
