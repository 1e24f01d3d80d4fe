"""A click on every beat, beside the recording: hear where the follower thought they were."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from engine.soundfiles import Sound
from models.pulse.following.hearing import Heard

LENGTH_SECONDS = 0.06
DECAY_SECONDS = 0.009
PITCH_HZ, FIRST_PITCH = 1100.0, 1.5  # the first of a bar is a fifth higher
LEVEL, SOFTER = 0.5, 0.5  # of the recording's peak; and of all but the first
FULL = 0.98


def clicked(heard: Heard) -> Sound:
    """The recording, (frames, channels), with a click where each beat would have clicked live.

    That is when the beat falls, or when it was announced where that was later. The whole is
    turned down where it would clip.
    """
    made = heard.sound.copy()
    peak = float(np.abs(made).max()) or 1.0
    followed = heard.followed
    times = np.maximum(followed.beats, followed.emitted)
    for second, first in zip(times.tolist(), followed.first.tolist(), strict=True):
        begin = math.ceil(second * heard.rate)
        click = peak * LEVEL * _click(heard.rate, first)
        part = made[begin : begin + len(click)]
        part += click[: len(part), None]
    loudest = float(np.abs(made).max())
    return made * np.float32(FULL / loudest) if loudest > 1.0 >= peak else made


def _click(rate: int, first: bool) -> npt.NDArray[np.float32]:
    seconds = np.arange(round(LENGTH_SECONDS * rate)) / rate
    pitch = min(PITCH_HZ * (FIRST_PITCH if first else 1.0), 0.4 * rate)
    shape = np.exp(-seconds / DECAY_SECONDS) * np.sin(2.0 * math.pi * pitch * seconds)
    return (shape if first else SOFTER * shape).astype(np.float32)


__all__ = ["clicked"]
