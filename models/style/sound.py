"""Recordings in: any rate, one channel or two, checked, of one loudness, of one tempo and key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.style.errors import StyleError

Array = npt.NDArray[np.float32]

LEVEL = 0.1
"""RMS of what sounds, at which magnitudes are compared: the logarithm of 1 + magnitude hears
levels, and a content turned down loses 92 % of its style loss without getting any nearer."""
SILENT = 1e-5  # RMS: -100 dB
HUGE = 1e3  # of full scale: +60 dB
QUIET_DB = 40.0  # under the loud moments: a rest
MOMENT_S = 0.05
SHORTEST_S, LONGEST_S = 0.5, 1800.0
STRETCH = math.sqrt(2.0)
"""Tempos are matched by at most this factor: beyond it half or double time is nearer."""


@dataclass(frozen=True)
class Recording:
    """``samples`` (1 or 2 channels, n) float32 at ``rate`` Hz; ``name`` is for errors."""

    samples: Array
    rate: int
    name: str = "the recording"

    @property
    def seconds(self) -> float:
        """How long it is."""
        return int(self.samples.shape[1]) / self.rate

    @property
    def channels(self) -> int:
        """1 or 2."""
        return int(self.samples.shape[0])


def read(path: Path) -> Recording:
    """A sound file at its own rate; SoundError or StyleError in one line."""
    from engine.soundfiles import SoundReader
    from engine.soundfiles import read as read_file

    with SoundReader(path) as reader:
        rate = reader.rate
        _check_length(reader.frames, rate, str(path))
    return recording(read_file(path).T, rate, str(path))


def recording(samples: npt.ArrayLike, rate: int, name: str = "the recording") -> Recording:
    """Samples (n,) or (channels, n) as a recording; StyleError if they cannot be used.

    More than two channels are mixed to one; what is constant is taken away.
    """
    sound = np.atleast_2d(np.asarray(samples))
    if sound.ndim != 2 or not np.issubdtype(sound.dtype, np.number) or np.iscomplexobj(sound):
        raise StyleError(
            f"{name}: samples (channels, n) are wanted, not {sound.dtype} {sound.shape}"
        )
    if sound.shape[0] > 64:
        raise StyleError(f"{name}: {sound.shape[0]} channels; are the axes exchanged?")
    _check_length(sound.shape[1], rate, name)
    if not np.isfinite(sound).all():
        place = int(np.argwhere(~np.isfinite(sound))[0, 1])
        raise StyleError(f"{name}: sample {place} ({place / rate:.3f} s) is not a finite number")
    loudest = max(float(sound.max()), -float(sound.min()))
    if loudest > HUGE:
        told = f"{20 * math.log10(HUGE):.0f} dB over full scale at most are allowed"
        raise StyleError(f"{name}: its loudest sample is {loudest:.3g}; {told}")
    kept = np.asarray(sound if sound.shape[0] <= 2 else sound.mean(0, keepdims=True), np.float32)
    kept = kept - kept.mean(1, keepdims=True, dtype=np.float64).astype(np.float32)
    level = math.sqrt(float(np.vdot(kept, kept)) / kept.size)
    if level < SILENT:
        told = f"{20 * math.log10(level):.0f} dB" if level > 0 else "0 everywhere"
        raise StyleError(f"{name}: is silent ({told}); at least -100 dB is wanted")
    return Recording(np.ascontiguousarray(kept, np.float32), rate, name)


def _check_length(samples: int, rate: int, name: str) -> None:
    seconds = samples / max(rate, 1)
    if seconds < SHORTEST_S:
        raise StyleError(
            f"{name}: {seconds:.2f} s are too short; at least {SHORTEST_S:g} s is wanted"
        )
    if seconds > LONGEST_S:
        told = f"at most {LONGEST_S / 60:g} minutes are allowed"
        raise StyleError(f"{name}: {seconds / 60:.1f} minutes are too long; {told}")


def at_rate(sound: Recording, rate: int) -> Recording:
    """At another rate."""
    if sound.rate == rate:
        return sound
    from engine.dsp.resample import resample

    samples = resample(sound.samples.T, sound.rate, rate).T
    return replace(sound, samples=np.ascontiguousarray(samples, np.float32), rate=rate)


def with_channels(sound: Recording, channels: int) -> Recording:
    """Mixed to one, or one in both."""
    if sound.channels == channels:
        return sound
    samples = sound.samples.mean(0, keepdims=True) if channels == 1 else sound.samples
    return replace(sound, samples=np.ascontiguousarray(np.repeat(samples, channels, 0)))


def loudness(samples: npt.NDArray[Any], rate: int) -> float:
    """RMS of the moments that are no rests, over all channels; at least SILENT."""
    size = max(1, round(MOMENT_S * rate))
    count = samples.shape[1] // size
    if not count:
        return max(float(np.sqrt(np.mean(np.square(samples)))), SILENT)
    moments = samples[:, : count * size].reshape(len(samples), count, size)
    power = np.mean(np.square(moments, dtype=np.float64), axis=(0, 2))
    loud = power[power > np.percentile(power, 95) * 10 ** (-QUIET_DB / 10)]
    return max(float(np.sqrt(loud.mean())) if len(loud) else 0.0, SILENT)


def tempo_bpm(sound: Recording) -> float:
    """The likeliest tempo of it all."""
    from models.judging.errors import needed

    with needed("train"):
        from librosa.feature import rhythm
    return float(rhythm.tempo(y=sound.samples.mean(0), sr=sound.rate)[0])


def stretch_between(content: Recording, style: Recording) -> float:
    """By how much the style should be slower to have the content's tempo, or half or twice it."""
    ratio = tempo_bpm(style) / max(tempo_bpm(content), 1e-6)
    while ratio > STRETCH:
        ratio /= 2.0
    while ratio < 1.0 / STRETCH:
        ratio *= 2.0
    return ratio


def at_tempo(style: Recording, stretch: float) -> Recording:
    """``stretch`` times as long, at the same pitch: librosa's phase vocoder."""
    from models.judging.errors import needed

    with needed("train"):
        from librosa.effects import time_stretch
    samples = time_stretch(style.samples, rate=1.0 / stretch)
    return replace(style, samples=np.ascontiguousarray(samples, np.float32))


def semitones_between(content: Recording, style: Recording) -> int:
    """By how many semitones the style is to be moved so that its pitch classes are the content's.

    The rotation of the mean pitch classes with the highest correlation, -6 to 5.
    """
    from models.style.frames import Analysis, Ear

    means = []
    for sound in (content, style):
        import torch

        ear = Ear(Analysis.at(22_050))
        heard = ear.hear(torch.from_numpy(at_rate(with_channels(sound, 1), 22_050).samples))
        means.append(heard.chroma.mean(0).numpy())
    wanted, own = (mean - mean.mean() for mean in means)
    fits = [float(wanted @ np.roll(own, shift)) for shift in range(-6, 6)]
    return int(np.argmax(fits)) - 6


def at_pitch(style: Recording, semitones: float) -> Recording:
    """Moved by semitones, as long as before."""
    if not semitones:
        return style
    from models.judging.errors import needed

    with needed("train"):
        from librosa.effects import pitch_shift
    samples = pitch_shift(style.samples, sr=style.rate, n_steps=semitones)
    return replace(style, samples=np.ascontiguousarray(samples, np.float32))


def matched(
    content: Recording, styles: Sequence[Recording], tempo: bool, key: bool
) -> list[Recording]:
    """The styles in the content's tempo, or key, or both."""
    made = []
    for style in styles:
        if tempo:
            style = at_tempo(style, stretch_between(content, style))
        if key:
            style = at_pitch(style, semitones_between(content, style))
        made.append(style)
    return made


__all__ = [
    "LEVEL",
    "Recording",
    "at_pitch",
    "at_rate",
    "at_tempo",
    "loudness",
    "matched",
    "read",
    "recording",
    "semitones_between",
    "stretch_between",
    "tempo_bpm",
    "with_channels",
]
