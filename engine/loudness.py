"""How loud a model is and how much it compresses, where its file does not say.

Both as Neural Amp Modeler's trainer measures them, on an input of our own: the trainer's is one
second of pink noise at -14.968 dB, and so is this one. Of five files that state what the
trainer measured, the four WaveNets come out within 0.12 dB and 0.03 of it; a toy LSTM of three
units is 0.4 dB and 0.11 off, and 0.2 dB and 0.10 on the trainer's own input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.modelfiles import Knob, ModelFile
from engine.neural.compiled import Compiled, compile_network
from engine.neural.network import Array

INPUT_DB = -14.968
SEED = 50  # the nearest of 64, which differ by 0.03 dB for an amplifier, 0.1 dB for the worst
STEPS = 11
SILENT_DB = -120.0
LOUDEST_DB = 60.0


@dataclass(frozen=True)
class Measured:
    """RMS of the output in dB, and 0 (clean) to 1 (as loud whatever goes in).

    None for a model whose output is silence, or grows beyond 60 dB: nothing can be made of it.
    """

    loudness_db: float | None
    gain: float | None


def measure(model: ModelFile, tanh: str = "exact") -> Measured:
    """Play the noise through a model at its highest quality, its knobs at their defaults.

    A tenth of a second for a standard model, and the time to compile it if it never was.
    """
    knobs = knob_values(model.knobs)
    compiled = compile_network(model.network, tanh)
    compiled.settle(model.sample_rate, knobs)
    return measure_compiled(compiled, model.sample_rate, knobs)


def measure_compiled(compiled: Compiled, sample_rate: int, knobs: Sequence[float]) -> Measured:
    """Play the noise through a settled network; ``knobs`` as the network hears them."""
    sound = np.empty((1 + len(knobs), sample_rate), np.float32)
    sound[1:] = np.reshape(np.asarray(knobs, np.float32), (-1, 1))
    noise, levels = pink_noise(sample_rate), []
    for step in range(STEPS):
        sound[0] = noise * (step / (STEPS - 1))
        compiled.reset()
        levels.append(_rms(compiled.play(sound)))
    compiled.reset()
    return _measured(np.array(levels))


def loudness_of(compiled: Compiled, sample_rate: int, knobs: Sequence[float]) -> float | None:
    """Only the loudness of a settled network, a tenth of the work; None as in ``Measured``."""
    sound = np.empty((1 + len(knobs), sample_rate), np.float32)
    sound[0] = pink_noise(sample_rate)
    sound[1:] = np.reshape(np.asarray(knobs, np.float32), (-1, 1))
    compiled.reset()
    level = _in_db(_rms(compiled.play(sound)))
    compiled.reset()
    return round(level, 3) if SILENT_DB < level <= LOUDEST_DB else None


def _measured(levels: npt.NDArray[Any]) -> Measured:
    """Return the loudness, and where the curve lies between a triangle and a square."""
    loudest = float(levels[-1])
    if not (np.isfinite(levels).all() and _in_db(loudest) > SILENT_DB):
        return Measured(None, None)
    if _in_db(loudest) > LOUDEST_DB:
        return Measured(None, None)
    gain = 2.0 * float(levels.sum()) / (STEPS * loudest) - 1.0
    return Measured(round(_in_db(loudest), 3), round(min(max(gain, 0.0), 1.0), 4))


def _rms(sound: npt.NDArray[Any]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _in_db(level: float) -> float:
    return 20.0 * math.log10(max(level, 1e-30))


def knob_values(knobs: Sequence[Knob]) -> list[float]:
    """Return the defaults of some knobs, as the network hears them."""
    return [
        knob.low + (knob.high - knob.low) * (knob.default - knob.minimum) / span
        if (span := knob.maximum - knob.minimum)
        else knob.low
        for knob in knobs
    ]


def pink_noise(sample_rate: int) -> Array:
    """One second of noise, as strong in every octave from 1 Hz up: the same at every rate.

    Its amplitudes are exact and only its phases are drawn, one for each hertz.
    """
    hertz = np.arange(1, sample_rate // 2 + 1)
    phases = np.random.default_rng(SEED).uniform(0.0, 2.0 * np.pi, len(hertz))
    spectrum = np.zeros(sample_rate // 2 + 1, np.complex128)
    spectrum[1:] = np.exp(1j * phases) / np.sqrt(hertz)
    noise = np.fft.irfft(spectrum, sample_rate)
    level = 10.0 ** (INPUT_DB / 20.0) / _rms(noise)
    return np.asarray(noise * level, np.float32)


__all__ = [
    "Measured",
    "knob_values",
    "loudness_of",
    "measure",
    "measure_compiled",
    "pink_noise",
]
