"""How far one sound is from another, and whether a model is nearer to an effect than clean is.

    figures = compare(dry, wet, made, 48_000)
    figures.esr.model, figures.esr.better_db

All sounds are (frames,) at one rate. JudgeError, in one line, for lengths that differ, for
channels, for NaN and for a silent target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.judging.aliasing import alias_level, alias_levels
from models.judging.errors import JudgeError
from models.judging.sounds import alike, shift_between, two_sounds
from models.judging.spectra import mel_filters, spectra

Array = NDArray[Any]

PRE_EMPHASIS = 0.85  # Wright, Damskagg and Valimaki 2019, equation 9: 1 - 0.85 / z
RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""FFT size, hop and window in samples: Yamamoto et al. 2020 (arXiv 1910.11480), table 1."""
POWER_FLOOR = 1e-8  # under the logarithm of a spectrum, as auraloss has it
MEL_BANDS, MEL_SIZE, MEL_HOP, MEL_RATE = 128, 2048, 512, 48_000
MEL_RANGE_DB = 80.0
MOST_DB = 120.0
"""Nearer by more than this is told as this: a model that is the effect has no distance at all."""


def esr(target: Array, output: Array, pre_emphasis: float = 0.0) -> float:
    """Error-to-signal ratio: energy of the difference over the energy of the target.

    0 is equal, 1 is silence, 4 is the target inverted. ``pre_emphasis`` p filters both by
    1 - p / z first. Source: Wright, Damskagg and Valimaki 2019, equation 8.
    """
    wanted, made = two_sounds(target, output)
    error = _emphasised(wanted - made, pre_emphasis)
    return float(_energy(error) / _energy(_emphasised(wanted, pre_emphasis)))


def mae(target: Array, output: Array) -> float:
    """Mean absolute error, where full scale is 1."""
    wanted, made = two_sounds(target, output)
    return float(np.mean(np.abs(wanted - made)))


def dc(target: Array, output: Array) -> float:
    """Error of the mean: its square over the target's mean square.

    Source: Wright, Damskagg and Valimaki 2019, equation 10.
    """
    wanted, made = two_sounds(target, output)
    return float(np.mean(wanted - made) ** 2 / np.mean(np.square(wanted)))


def dc_offset(sound: Array) -> float:
    """The mean of a sound, where full scale is 1."""
    return float(np.mean(alike("the sound", sound)))


def mrstft(target: Array, output: Array) -> float:
    """Multi-resolution STFT distance: spectral convergence + log magnitude, mean of three sizes.

    Hears no phase, so none of polarity either. Equal to auraloss's MultiResolutionSTFTLoss at
    its defaults. Source: Yamamoto et al. 2020 (arXiv 1910.11480), equations 4 to 7.
    """
    wanted, made = _long_enough(target, output, max(size for size, _, _ in RESOLUTIONS))
    return float(np.mean([_stft_distance(wanted, made, *sizes) for sizes in RESOLUTIONS]))


def mel_distance(target: Array, output: Array, sample_rate: int) -> float:
    """Mean absolute difference of two mel spectrograms, in dB.

    128 bands of Slaney's scale from 0 to Nyquist, Hann windows of 2048 samples every 512 (at
    48 kHz; about as many milliseconds at others), power in dB. In both sounds what lies more
    than 80 dB below the loudest of the target counts as just that: silence differs from
    silence by nothing.
    """
    scale = max(round(math.log2(sample_rate / MEL_RATE)), -3)
    size, hop = round(MEL_SIZE * 2.0**scale), round(MEL_HOP * 2.0**scale)
    wanted, made = _long_enough(target, output, size)
    filters = mel_filters(sample_rate, size, MEL_BANDS).T
    rows = [_mel_power(sound, size, hop, filters) for sound in (wanted, made)]
    floor = max(float(rows[0].max()) * 10.0 ** (-MEL_RANGE_DB / 10.0), 1e-30)
    in_db = [10.0 * np.log10(np.maximum(power, floor)) for power in rows]
    return float(np.mean(np.abs(in_db[0] - in_db[1])))


@dataclass(frozen=True)
class Figure:
    """One distance to the effect: the model's, the clean sound's, and how much nearer it is."""

    model: float
    clean: float
    better_db: float  # above 0: the model is nearer to the effect than the clean sound is


@dataclass(frozen=True)
class Figures:
    """Every distance to the effect, of a model and of the clean sound."""

    esr: Figure
    esr_emphasised: Figure
    mae: Figure
    dc: Figure
    mrstft: Figure
    mel_db: Figure
    frames: int  # of the effect, and its energy, plain and pre-emphasised: what they weigh
    energy: float
    emphasised_energy: float

    def as_json(self) -> dict[str, dict[str, float]]:
        """``{"esr": {"model": .., "clean": .., "better_db": ..}, ..}``, all finite."""
        return {name: dict(vars(figure)) for name, figure in self.items()}

    def items(self) -> list[tuple[str, Figure]]:
        """Names and figures in the order they are told."""
        found = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [(name, figure) for name, figure in found if isinstance(figure, Figure)]


def compare(dry: Array, wet: Array, made: Array, sample_rate: int) -> Figures:
    """Measure ``made`` (a model's) and ``dry`` against ``wet`` (the effect's), (frames,) each.

    Better by 20 log10 clean / model for amplitudes, 10 log10 for ratios of energy.
    """
    return Figures(
        esr=_figure(esr(wet, made), esr(wet, dry), 10.0),
        esr_emphasised=_figure(esr(wet, made, PRE_EMPHASIS), esr(wet, dry, PRE_EMPHASIS), 10.0),
        mae=_figure(mae(wet, made), mae(wet, dry), 20.0),
        dc=_figure(dc(wet, made), dc(wet, dry), 10.0),
        mrstft=_figure(mrstft(wet, made), mrstft(wet, dry), 20.0),
        mel_db=_figure(
            mel_distance(wet, made, sample_rate), mel_distance(wet, dry, sample_rate), 20.0
        ),
        frames=len(wet),
        energy=_energy(np.asarray(wet, np.float64)),
        emphasised_energy=_energy(_emphasised(np.asarray(wet, np.float64), PRE_EMPHASIS)),
    )


def together(many: Sequence[Figures]) -> Figures:
    """The figures of several sounds as of one: ratios of energy by energy, others by length."""

    def mean(name: str, weights: list[float], factor: float) -> Figure:
        found = [getattr(one, name) for one in many]
        model = float(np.average([figure.model for figure in found], weights=weights))
        clean = float(np.average([figure.clean for figure in found], weights=weights))
        return _figure(model, clean, factor)

    frames = [float(one.frames) for one in many]
    energies, emphasised = [one.energy for one in many], [one.emphasised_energy for one in many]
    return Figures(
        esr=mean("esr", energies, 10.0),
        esr_emphasised=mean("esr_emphasised", emphasised, 10.0),
        mae=mean("mae", frames, 20.0),
        dc=mean("dc", frames, 10.0),
        mrstft=mean("mrstft", frames, 20.0),
        mel_db=mean("mel_db", frames, 20.0),
        frames=sum(one.frames for one in many),
        energy=sum(energies),
        emphasised_energy=sum(emphasised),
    )


def _figure(model: float, clean: float, factor: float) -> Figure:
    tiny = 1e-30
    ratio = factor * math.log10(max(clean, tiny) / max(model, tiny))
    return Figure(model, clean, min(max(ratio, -MOST_DB), MOST_DB))


def _long_enough(target: Array, output: Array, size: int) -> tuple[Array, Array]:
    wanted, made = two_sounds(target, output)
    if len(wanted) <= size // 2:
        raise JudgeError(f"{len(wanted)} frames are too short; more than {size // 2} are needed")
    return wanted, made


def _emphasised(sound: Array, pre_emphasis: float) -> Array:
    return np.append(sound[:1], sound[1:] - pre_emphasis * sound[:-1])


def _energy(sound: Array) -> float:
    return float(np.dot(sound, sound))


def _stft_distance(wanted: Array, made: Array, size: int, hop: int, length: int) -> float:
    """Spectral convergence + mean difference of log magnitudes, at one resolution."""
    apart, whole, logs, count = 0.0, 0.0, 0.0, 0
    pairs = zip(spectra(wanted, size, hop, length), spectra(made, size, hop, length), strict=True)
    for first, second in pairs:
        a, b = _floored_power(first), _floored_power(second)
        logs += 0.5 * float(np.abs(np.log(a / b)).sum(dtype=np.float64))
        apart += float(np.square(np.sqrt(a) - np.sqrt(b)).sum(dtype=np.float64))
        whole, count = whole + float(a.sum(dtype=np.float64)), count + a.size
    return math.sqrt(apart / whole) + logs / count


def _floored_power(spectrum: Array) -> Array:
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.asarray(np.maximum(power, POWER_FLOOR))


def _mel_power(sound: Array, size: int, hop: int, filters: Array) -> Array:
    pieces = (np.square(np.abs(rows)) @ filters for rows in spectra(sound, size, hop, size))
    return np.concatenate(list(pieces))


__all__ = [
    "MOST_DB",
    "PRE_EMPHASIS",
    "RESOLUTIONS",
    "Figure",
    "Figures",
    "JudgeError",
    "alias_level",
    "alias_levels",
    "compare",
    "dc",
    "dc_offset",
    "esr",
    "mae",
    "mel_distance",
    "mrstft",
    "shift_between",
    "together",
]
