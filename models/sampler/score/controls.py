"""Sounds whose grades are known beforehand, made of a source: what a score must tell apart.

for control in controls(source, rate, other):
    assert control.holds(score(control.sound, Source(control.source, rate)))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.sampler.score.scored import Scored

Sound = NDArray[Any]

NOISE_DB = -20.0
"""The noise of "source + noise" against the source, both RMS."""
CLICK = 0.3
"""Of the source's peak: one sample, either sign."""
FADE_S = 0.02
"""Crossfade of the mosaics that have one."""


@dataclass(frozen=True)
class Control:
    """``sound`` (n,) against ``source`` (m,), and what must come out: a criterion and grades."""

    name: str
    sound: Sound
    source: Sound
    criterion: str
    """"C1" to "C4", or "all" for the worst of them."""
    wanted: tuple[str, ...]

    def holds(self, scored: Scored) -> bool:
        """Whether the grade is one of those wanted."""
        return self.grade(scored) in self.wanted

    def grade(self, scored: Scored) -> str:
        """What the criterion of this control was graded."""
        return scored.grade if self.criterion == "all" else scored.grades[self.criterion]


LOW, LOST, NOT_HIGH = ("Low",), ("Medium", "Low"), ("Medium", "Low")
PASS = ("High", "Medium")


def controls(source: Sound, rate: int, other: Sound, seed: int = 0) -> Iterator[Control]:
    """Thirteen controls of ``source`` (m,) at ``rate``; ``other`` is another instrument.

    ``source`` should last ten seconds at least; ``seed`` draws noise, grains and clicks.
    """
    rng = np.random.default_rng(seed)
    half = len(source) // 2

    def against(name: str, sound: Sound, criterion: str, wanted: tuple[str, ...]) -> Control:
        return Control(name, sound, source, criterion, wanted)

    yield against("source", source, "C3", LOW)
    yield against("source, EQ", equalised(source, rate), "C3", LOW)
    yield against("source + noise", source + noise(source, rng, 0.0, NOISE_DB), "C3", LOW)
    yield against("white noise", noise(source, rng, 0.0, 0.0), "C2", LOW)
    yield against("pink noise", noise(source, rng, 0.5, 0.0), "C2", LOW)
    yield against("sine", sine(source, rate), "C2", LOW)
    yield against("mosaic 250 ms", mosaic(source, rate, rng, 0.25, FADE_S), "all", PASS)
    yield against("mosaic 4 s", mosaic(source, rate, rng, 4.0, FADE_S), "C3", LOW)
    yield against("hard cuts 100 ms", mosaic(source, rate, rng, 0.1, 0.0), "C1", LOST)
    yield against("20 clicks/s", clicked(source, rate, rng, 20.0), "C1", LOW)
    yield against("1 s loop", looped(source, rate), "C4", LOW)
    yield against("other instrument", other, "C2", NOT_HIGH)
    yield Control("second half", source[half:], source[:half], "all", PASS)


def equalised(source: Sound, rate: int) -> Sound:
    """A low shelf of +9 dB at 250 Hz and a high shelf of -9 dB at 2 kHz, first order each."""
    import scipy.signal

    made = source
    for hertz, gain_db, high in ((250.0, 9.0, False), (2000.0, -9.0, True)):
        w, gain = 2 * np.pi * hertz, 10 ** (gain_db / 20)
        # (s + w g) / (s + w) lifts the lows by g, (g s + w) / (s + w) the highs
        above = [gain, w] if high else [1.0, w * gain]
        made = scipy.signal.lfilter(*scipy.signal.bilinear(above, [1.0, w], rate), made)
    return made


def noise(source: Sound, rng: np.random.Generator, slope: float, level_db: float) -> Sound:
    """Gaussian noise as long as the source, amplitude as f^-slope, level against its RMS."""
    spectrum = np.fft.rfft(rng.standard_normal(len(source)))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** slope
    spectrum[0] = 0.0
    made = np.fft.irfft(spectrum, len(source))
    return made * (_rms(source) / _rms(made) * 10 ** (level_db / 20))


def sine(source: Sound, rate: int, hertz: float = 440.0) -> Sound:
    """A sine as long and as loud as the source."""
    turns = hertz / rate * np.arange(len(source))
    return np.asarray(np.sqrt(2.0) * _rms(source) * np.sin(2 * np.pi * turns))


def mosaic(
    source: Sound, rate: int, rng: np.random.Generator, grain_s: float, fade_s: float
) -> Sound:
    """Grains from random places one after the other, as long as the source.

    With a fade they overlap and are crossfaded at equal power; without one they are cut hard.
    """
    grain, fade = round(grain_s * rate), round(fade_s * rate)
    ramp = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / max(fade, 1))
    made = np.zeros(len(source) + grain + fade)
    for at in range(0, len(source), grain):
        first = int(rng.integers(0, max(len(source) - grain - fade, 1)))
        piece = source[first : first + grain + fade].astype(np.float64)
        if fade:
            piece[:fade] *= ramp
            piece[-fade:] *= ramp[::-1]
        made[at : at + len(piece)] += piece
    return made[: len(source)]


def clicked(source: Sound, rate: int, rng: np.random.Generator, per_s: float) -> Sound:
    """The source with clicks of one sample at random times."""
    made = source.astype(np.float64)
    places = rng.choice(len(made), round(per_s * len(made) / rate), replace=False)
    made[places] += CLICK * np.abs(source).max() * rng.choice((-1.0, 1.0), len(places))
    return made


def looped(source: Sound, rate: int) -> Sound:
    """The loudest second, over and over, faded at the ends by 5 ms against clicks."""
    count = len(source) // rate
    first = int(
        np.argmax([np.sum(np.square(source[i * rate : (i + 1) * rate])) for i in range(count)])
    )
    piece = source[first * rate : (first + 1) * rate].astype(np.float64)
    fade = np.minimum(1.0, np.arange(1, rate + 1) / (0.005 * rate))
    piece *= fade * fade[::-1]
    return np.tile(piece, -(-len(source) // rate))[: len(source)]


def _rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) or 1.0


__all__ = ["Control", "controls"]
