"""An answer beside who plays: what is heard of him, and both at their levels."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.dsp.approx import gain_or_off
from engine.kernel import Audio, kernel
from engine.params import CELL, final

LOUDEST = np.float32(1e4)


@kernel
def hear(audio: Audio, start: int, heard: Any) -> None:
    """Fill ``heard`` with one channel of ``audio`` from ``start`` on; what is no sound is 0."""
    for i in range(heard.shape[0]):
        x = audio[0, start + i]
        if audio.shape[0] == 2:
            x = np.float32(0.5) * (x + audio[1, start + i])
        heard[i] = x if abs(x) < LOUDEST else np.float32(0.0)


@kernel
def mix(audio: Audio, start: int, knobs: Any, answer: Any) -> None:
    """Add ``answer`` to ``audio`` from ``start`` on, at the levels dry_db and answer_db."""
    dry, wet = gain_or_off(knobs.dry_db.start), gain_or_off(knobs.answer_db.start)
    dry_step = (gain_or_off(final(knobs.dry_db)) - dry) / np.float32(CELL)
    wet_step = (gain_or_off(final(knobs.answer_db)) - wet) / np.float32(CELL)
    at = knobs.dry_db.at + 1 + start
    for i in range(answer.shape[0]):
        along_cell = np.float32(at + i)
        own, other = dry + dry_step * along_cell, wet + wet_step * along_cell
        for c in range(audio.shape[0]):
            audio[c, start + i] = own * audio[c, start + i] + other * answer[i]


__all__ = ["LOUDEST", "hear", "mix"]
