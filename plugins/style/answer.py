"""The performer's last seconds made into the style, time after time, each from the last result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.dsp.resample import resample
from plugins.style.descent import Descent
from plugins.style.hearing import EQ_BANDS, HOP, SIZE, Frames, hann, hertz_of, mel_of
from plugins.style.wanted import Loss, Target

Array = npt.NDArray[np.float32]

NEAR_HZ = 24_000.0
LEVEL = 0.1
"""RMS of what sounds, at which magnitudes are compared: their logarithm is not blind to levels."""
SILENT = 1e-4  # RMS: -80 dB
MOMENT, QUIET_DB = 1024, 40.0
GAINS = 0.03, 30.0
JOIN = SIZE // 2  # samples at a window's end that frames have heard only half
ENVELOPE_LEAST = 0.01
MATCH = 2.0
"""An answer is as loud as what was played, if it takes no more than 6 dB."""
LOUDEST = 8.0


def division(rate: int) -> int:
    """By how much a stream's rate is divided: the nearest to 24 kHz, 22.05 of 44.1."""
    return max(1, round(rate / NEAR_HZ))


@dataclass(frozen=True)
class Made:
    """An answer as long as what was heard, and how it was found.

    ``style`` is what is left of the way to the style: 1 is what was played, 0 the style.
    """

    sound: Array
    iterations: int
    style: float


class Answerer:
    """Makes answers of windows (frames,) at a stream's rate, one after another.

    ``later`` in ``answer`` is by how many frames this window ends after the last one.
    """

    def __init__(self, target: Target, parts: int, frames: int) -> None:
        self.target, self.parts = target, parts
        samples = -(-frames // parts)
        self._frames, self._size = Frames(samples), frames
        self.forget()

    def forget(self) -> None:
        """Begin anew: what is heard next follows on nothing."""
        self._last: Array | None = None
        self._reach = 0.0

    def answer(
        self, heard: Array, later: int, iterations: int, knobs: Mapping[str, float],
        enough: Callable[[], bool] = lambda: False,
    ) -> Made:  # fmt: skip
        """Of ``heard``, at most so many iterations; ``enough`` is asked after each."""
        content = self._down(heard)
        level = loudness(content)
        if level < SILENT:
            self.forget()
            return Made(np.zeros(self._size, np.float32), 0, 1.0)
        content *= np.float32(LEVEL / level)
        start = self._start(content, later, np.float32(LEVEL / level))
        envelope = envelope_of(content)
        loss = Loss(self.target, content, self._frames, knobs)

        def scaled(place: Array) -> tuple[float, Array]:
            value, slope = loss(place * envelope)
            return value, slope * envelope

        descent = Descent(scaled, start / envelope, self._reach)
        done, style = 0, loss.style
        while done < iterations and not enough() and descent.step():
            done, style = done + 1, loss.style
        self._reach = descent.reach
        best = descent.place * envelope * np.float32(level / LEVEL)
        if not np.isfinite(best).all():
            self.forget()
            return Made(np.zeros(self._size, np.float32), 0, 1.0)
        self._last = best
        match = np.clip(level / max(loudness(best), SILENT), 1.0 / MATCH, MATCH)
        return Made(self._up(best * np.float32(match)), done, style)

    def _start(self, content: Array, later: int, gain: np.float32) -> Array:
        """The last result, later, and what has come since through a filter to the style."""
        fresh = equalised(content, self.target, self._frames)
        shift = later // self.parts
        if self._last is None or shift + JOIN + HOP >= len(content):
            return fresh
        kept = len(content) - shift - JOIN  # of the last result this is known
        rise = np.sin(np.linspace(0.0, np.pi / 2.0, HOP, dtype=np.float32)) ** 2
        made = fresh.copy()
        made[: kept - HOP] = gain * self._last[shift : shift + kept - HOP]
        seam = slice(kept - HOP, kept)
        made[seam] += (1.0 - rise) * (gain * self._last[shift:][seam] - made[seam])
        return made

    def _down(self, heard: Array) -> Array:
        sound = resample(heard[:, None], self.parts, 1)[:, 0] if self.parts > 1 else heard
        return np.clip(sound, -LOUDEST, LOUDEST).astype(np.float32)

    def _up(self, made: Array) -> Array:
        sound = resample(made[:, None], 1, self.parts)[:, 0] if self.parts > 1 else made
        return np.clip(sound[: self._size], -LOUDEST, LOUDEST).astype(np.float32)


def loudness(sound: Array) -> float:
    """RMS of the moments that are no rests."""
    moments = sound[: len(sound) // MOMENT * MOMENT].reshape(-1, MOMENT)
    power = np.square(moments, dtype=np.float64).mean(1)
    loud = power[power >= np.percentile(power, 95) * 10.0 ** (-QUIET_DB / 10.0)]
    return float(np.sqrt(loud.mean()))


def envelope_of(content: Array) -> Array:
    """How loud it is about each sample, 1 on average, at least ENVELOPE_LEAST.

    What is optimised is the sound divided by this: soft moments matter to pitch and onsets as
    loud ones do, so their samples move less. Ten iterations come as far as fifty without.
    """
    pieces = -(-len(content) // HOP)
    padded = np.zeros(pieces * HOP, np.float32)
    padded[: len(content)] = content
    power = np.square(padded).reshape(-1, HOP).mean(1)
    rough = np.sqrt(np.convolve(power, np.full(5, 0.2), "same")) / LEVEL
    places = HOP * np.arange(pieces) + HOP // 2
    smooth = np.interp(np.arange(len(content)), places, np.maximum(rough, ENVELOPE_LEAST))
    return np.asarray(smooth, np.float32)


def equalised(content: Array, target: Target, frames: Frames) -> Array:
    """``content`` through the filter that gives it the style's long-term spectrum, as loud.

    It brings the style loss to about an eighth before the first iteration.
    """
    ear = target.ear
    spectra = frames.spectra(content)
    power = np.square(spectra.real) + np.square(spectra.imag)
    own = power.mean(0) @ ear.equaliser
    gains = np.log(np.clip(np.sqrt((target.power + 1e-6) / (own + 1e-6)), *GAINS))
    centres = hertz_of(np.linspace(0.0, float(mel_of(np.array(ear.rate / 2.0))), EQ_BANDS + 2))
    hertz = np.arange(spectra.shape[1]) * ear.rate / SIZE
    spectra *= np.exp(np.interp(hertz, centres[1:-1], gains)).astype(np.float32)
    density = np.square(hann()).reshape(-1, HOP).sum(0)
    made = frames.gather(spectra) / np.resize(np.float32(SIZE) * density, len(content))
    scale = float(np.linalg.norm(content)) / max(float(np.linalg.norm(made)), 1e-20)
    return np.asarray(made * np.float32(scale), np.float32)


__all__ = ["LEVEL", "Answerer", "Made", "division", "loudness"]
