"""Makes a plug-in's blocks whole: 64 frames for 64, always equally late."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.kernel import Audio
from plugins.vst.loading import HOP


class Aligned:
    """A plug-in that takes blocks of 64 frames and returns as many, ``latency`` frames late.

    pedalboard takes a plug-in's latency back by dropping what comes out first, so that blocks
    may be short or empty (and may not: a plug-in just loaded has been fed already). What is
    short is filled at its front, which puts the latency back as the plug-in made it. One that
    says ``latency`` less than was reckoned with waits for the rest.
    """

    def __init__(self, plugin: Any, sample_rate: float, channels: int, latency: int) -> None:
        self._plugin, self._rate = plugin, float(sample_rate)
        own = int(plugin.reported_latency_samples)
        self._waiting = np.zeros((channels, max(0, latency - own)), np.float32)

    def process(self, audio: Audio) -> None:
        """Rewrite ``audio``, (channels, 64)."""
        made = self._plugin.process(audio, self._rate, buffer_size=HOP, reset=False)
        audio[:] = self._next(made)

    def play(self, notes: list[tuple[bytes, float]], channels: int) -> Audio:
        """64 frames of an instrument; ``notes`` are MIDI messages and their time in seconds."""
        seconds = (HOP + 0.01) / self._rate  # it counts whole frames, rounded down
        made = self._plugin.process(
            notes, seconds, self._rate, num_channels=channels, buffer_size=HOP, reset=False
        )
        return self._next(made)

    def _next(self, made: Audio) -> Audio:
        missing = HOP - made.shape[1]
        if missing > 0:
            made = np.concatenate([np.zeros((made.shape[0], missing), np.float32), made], axis=1)
        if not self._waiting.shape[1]:
            return made
        line = np.concatenate([self._waiting, made], axis=1)
        self._waiting = line[:, HOP:]
        return line[:, :HOP]


__all__ = ["Aligned"]
