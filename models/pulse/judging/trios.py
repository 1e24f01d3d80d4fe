"""Jazz trios, played from the onsets that people annotated: when is theirs, what is not.

The database has onsets, no pitches and no strengths. Drums are all played on the ride, bass and
piano move in small steps of their own; nothing of it knows where a beat is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.pulse.judging.cast import Cast
from models.pulse.judging.excerpts import SECONDS, Excerpt
from models.pulse.rendering import DRUM_CHANNEL, STROKE, Piece
from models.pulse.takes import Trio

RIDE = 51
BASS, PIANO = 0, 1
PROGRAMS = ((BASS, 32), (PIANO, 0))
"""General MIDI's acoustic bass and grand piano."""


def trio(cast: Cast) -> list[Excerpt]:
    """All trios from their start on; those that end before an excerpt does are left out."""
    return [
        _excerpt(k, one, cast.font(k))
        for k, one in enumerate(cast.trios)
        if one.beats[-1] >= SECONDS
    ]


def _excerpt(k: int, one: Trio, font: Path) -> Excerpt:
    rng = np.random.default_rng(k)
    strokes = np.concatenate([
        _line(one.drums, RIDE + np.zeros(len(one.drums), int), DRUM_CHANNEL, (60, 105), 0.1, rng),
        _line(one.bass, _walk(len(one.bass), 28, 50, rng), BASS, (75, 100), 0.3, rng),
        _line(one.piano, _walk(len(one.piano), 57, 79, rng), PIANO, (60, 100), 0.25, rng),
    ])  # fmt: skip
    beats = one.beats[one.beats < SECONDS]
    kept = strokes[strokes["seconds"] < SECONDS]
    piece = Piece(kept, SECONDS, PROGRAMS)
    return Excerpt("trio", one.name, beats, piece, font, 0.2)


def _walk(count: int, lowest: int, highest: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Pitches in small steps that turn back at the edges of a range."""
    free = rng.integers(lowest, highest) + np.cumsum(rng.integers(-3, 4, count))
    span = highest - lowest
    return np.asarray(lowest + np.abs((free - lowest) % (2 * span) - span))


def _line(
    seconds: npt.NDArray[Any], pitches: npt.NDArray[Any], channel: int, hard: tuple[int, int],
    length: float, rng: np.random.Generator,
) -> npt.NDArray[Any]:  # fmt: skip
    made = np.zeros(len(seconds), STROKE)
    made["seconds"], made["pitch"] = seconds, pitches
    made["velocity"] = rng.integers(*hard, len(seconds))
    made["channel"], made["length"] = channel, length
    return made


__all__ = ["trio"]
