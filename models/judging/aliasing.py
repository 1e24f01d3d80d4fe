"""How much a nonlinear effect folds back at Nyquist: what is heard between the harmonics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal.windows import blackmanharris

from models.judging.errors import JudgeError
from models.judging.sounds import alike

Array = NDArray[Any]
Render = Callable[[Array], Array]

NOTES_HZ = (1318.5, 2637.0, 4186.0)
"""The highest fretted E of a guitar, its octave, and the highest C of a piano."""
SETTLE = 0.5
"""Seconds that are played before it is measured, so that what an effect does at first is over."""
LOBE = 4
"""Half the width, in bins, of a four-term Blackman-Harris window; its sides are at -92 dB."""


def alias_levels(
    render: Render,
    sample_rate: int,
    notes_hz: Sequence[float] = NOTES_HZ,
    level_db: float = -12.0,
) -> dict[float, float]:
    """Energy off the harmonics of each note against that on them, in dB.

    Plays sines that peak at ``level_db`` through ``render`` ((frames,) float32 -> as many).
    Each is moved by less than 20 Hz to a prime number of hertz. A folded harmonic then falls
    on the grid of true ones only by chance: with one second of analysis a bin is one hertz.
    Noise and hum of the effect count as well. JudgeError if nothing comes out.
    """
    return {hertz: _level(render, sample_rate, hertz, level_db) for hertz in notes_hz}


def alias_level(
    render: Render,
    sample_rate: int,
    notes_hz: Sequence[float] = NOTES_HZ,
    level_db: float = -12.0,
) -> float:
    """The worst of ``alias_levels``, in dB."""
    return max(alias_levels(render, sample_rate, notes_hz, level_db).values())


def _level(render: Render, sample_rate: int, hertz: float, level_db: float) -> float:
    if not 100.0 <= hertz < sample_rate / 2.5:
        limit = f"100 to {sample_rate / 2.5:g} Hz"
        raise JudgeError(f"a note of {hertz:g} Hz cannot be judged at {sample_rate} Hz; {limit}")
    note, settle = _prime(round(hertz)), round(SETTLE * sample_rate)
    times = np.arange(settle + sample_rate) / sample_rate
    sine = 10.0 ** (level_db / 20.0) * np.sin(2.0 * np.pi * note * times)
    made = alike("the output", render(np.asarray(sine, np.float32)))
    if len(made) != len(sine):
        raise JudgeError(f"{len(sine)} frames were played and {len(made)} came back")
    spectrum = np.fft.rfft(made[settle:] * blackmanharris(sample_rate, sym=False))
    power = np.square(np.abs(spectrum))
    bins = np.arange(len(power))
    away = np.minimum(bins % note, note - bins % note)
    harmonic, off = (away <= LOBE) & (bins > LOBE), away > LOBE
    if power[harmonic].sum() <= 0.0:
        raise JudgeError(f"the output of a sine of {note} Hz is silent; aliasing has no meaning")
    return float(10.0 * np.log10(max(power[off].sum() / power[harmonic].sum(), 1e-20)))


def _prime(number: int) -> int:
    """The next prime from a number up."""
    while any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        number += 1
    return number


__all__ = ["LOBE", "NOTES_HZ", "Render", "alias_level", "alias_levels"]
