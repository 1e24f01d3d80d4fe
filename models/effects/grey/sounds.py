"""Pairs as the finders of moving effects hear them: from each file's beginning, with controls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.boxes import Box
from models.effects.grey.descent import Sound, heard_by
from models.effects.grey.tracking import SIZES
from models.pairs import Pair, Pairs


def listen(pairs: Pairs, seconds: float) -> list[Sound]:
    """Training sound from several files, about ``seconds`` of it, each from its beginning.

    A file that is too long is cut: an LFO's phase is known only from the beginning on.
    """
    chosen = pairs.split("train") or pairs.pairs
    count = max(1, min(len(chosen), 4))
    spread = [chosen[round(k * (len(chosen) - 1) / max(1, count - 1))] for k in range(count)]
    each = round(seconds * pairs.sample_rate / count)
    return [_sound(pair, each) for pair in spread]


def _sound(pair: Pair, most: int) -> Sound:
    frames = min(pair.start + pair.frames, pair.start + most)
    whole = replace(pair, start=0, frames=frames)
    dry, wet = whole.load()
    rows = np.concatenate([dry[None], whole.control]).astype(np.float32)
    return Sound(np.ascontiguousarray(rows), wet.astype(np.float64), pair.start)


def silent(sounds: list[Sound]) -> bool:
    """Whether there is too little to learn from."""
    loud = [np.any(s.rows[0]) and np.any(s.wet) for s in sounds if len(s.wet) >= 8 * SIZES[0]]
    return not any(loud)


def held_error(box: Box, pairs: Pairs, seconds: float = 120.0) -> float:
    """Error-to-signal ratio over the held-out pairs, each played from its file's beginning."""
    chosen = pairs.split("validation") or pairs.split("test") or pairs.split("train")
    apart = whole = used = 0.0
    for pair in chosen:
        if used > seconds * pairs.sample_rate:
            break
        sound = _sound(pair, pair.frames)
        made = heard_by(box, sound, pairs.sample_rate)
        apart += float(np.sum((sound.wet - made)[sound.first :] ** 2))
        whole += float(np.sum(sound.wet[sound.first :] ** 2))
        used += pair.frames
    return apart / whole if whole > 0.0 else float("inf")
