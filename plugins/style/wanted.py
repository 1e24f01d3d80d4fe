"""What is wanted of an answer, as one number with its gradient for the samples.

Harmony and timbre are distances to the style, 1 at what was played and 0 at the style; pitch and
onsets are 0 where they are what was played. The terms are those of ``models/style/terms.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from plugins.style.distance import Distance
from plugins.style.hearing import TIMBRE_BANDS, Ear, Frames, magnitudes

Array = npt.NDArray[np.float32]
_Back = Callable[[Array], Array]

WIDTH = 11  # frames of a patch of harmony; of timbre: 1
ONSET_FLOOR = 1e-3  # of the loudest band: -60 dB
REST = 1e-5  # of the loudest frame's power: -50 dB
NAMES = ("harmony", "timbre", "pitch", "onsets")


class Target:
    """A style heard: distances to its patches, and its long-term spectrum in bands."""

    def __init__(self, ear: Ear, sound: Array, most: int) -> None:
        self.ear = ear
        heard = magnitudes(Frames(len(sound)).spectra(sound))
        self.harmony = Distance(np.log1p(heard), WIDTH, most)
        self.timbre = Distance(np.log1p(heard @ ear.mel[:, :TIMBRE_BANDS]), 1, most)
        self.power = np.square(heard).mean(0) @ ear.equaliser


class Loss:
    """Of sounds as long as ``content`` (samples,): call it for the loss and its gradient.

    ``knobs`` are weights by NAMES. ``style`` is harmony and timbre at the last call, weighed.
    """

    def __init__(
        self, target: Target, content: Array, frames: Frames, knobs: Mapping[str, float]
    ) -> None:
        self.target, self.knobs = target, knobs
        self._frames = frames
        heard = magnitudes(frames.spectra(content))
        bands = heard @ target.ear.mel
        power = np.square(heard).sum(1)
        self._sounds = (power > float(power.max()) * REST).astype(np.float32)
        harmony = target.harmony(np.log1p(heard), self._sounds)[0]
        timbre = target.timbre(np.log1p(bands[:, :TIMBRE_BANDS]), self._sounds)[0]
        least = 1e-9  # of a distance: what is its own style already is not divided by nothing
        self._units = (
            max(harmony, least * target.harmony.own), max(timbre, least * target.timbre.own),
        )  # fmt: skip
        self._floor = np.float32(max(float(bands[:, TIMBRE_BANDS:].max()) * ONSET_FLOOR, 1e-9))
        self._chroma = _standard(_classes(np.square(heard) @ target.ear.chroma)[0])[0]
        self._onsets = _standard(_rises(np.log(bands[:, TIMBRE_BANDS:] + self._floor))[0])[0]
        self.style = 1.0

    def __call__(self, sound: Array) -> tuple[float, Array]:
        """The loss of ``sound`` (samples,) and the gradient."""
        spectra = self._frames.spectra(sound)
        heard = magnitudes(spectra)
        bands = heard @ self.target.ear.mel
        total, slope = self._harmony(heard)
        part, band_slope = self._bands(bands)
        slope += band_slope @ self.target.ear.mel.T
        total += part
        if self.knobs["pitch"]:
            part, share = self._pitch(heard)
            total += part
            slope /= heard
            slope += share
        else:
            slope /= heard
        return total, self._frames.slope(spectra, slope)

    def _harmony(self, heard: Array) -> tuple[float, Array]:
        weight = self.knobs["harmony"] / self._units[0]
        if not weight:
            self._reached = 0.0
            return 0.0, np.zeros_like(heard)
        value, slope = self.target.harmony(np.log1p(heard), self._sounds)
        slope *= np.float32(weight)
        slope /= heard + np.float32(1.0)
        self._reached = weight * value
        return weight * value, slope

    def _bands(self, bands: Array) -> tuple[float, Array]:
        """Timbre and onsets, and the gradient for the bands of both."""
        slopes, total = np.zeros_like(bands), 0.0
        timbre, onsets = bands[:, :TIMBRE_BANDS], bands[:, TIMBRE_BANDS:]
        weight = self.knobs["timbre"] / self._units[1]
        if weight:
            value, slope = self.target.timbre(np.log1p(timbre), self._sounds)
            slopes[:, :TIMBRE_BANDS] = np.float32(weight) * slope / (timbre + np.float32(1.0))
            total += weight * value
        weighed = self.knobs["harmony"] + self.knobs["timbre"]
        self.style = (self._reached + total) / weighed if weighed else 1.0
        if self.knobs["onsets"]:
            lifted = onsets + self._floor
            strength, up = _rises(np.log(lifted))
            alike, back = _standard(strength)
            total += self.knobs["onsets"] * (1.0 - float(alike @ self._onsets))
            slope = back(np.float32(-self.knobs["onsets"]) * self._onsets)
            risen = up * (slope / np.float32(up.shape[1]))[:, None]
            into = slopes[:, TIMBRE_BANDS:]
            into[1:] += risen
            into[:-1] -= risen
            into /= lifted
        return total, slopes

    def _pitch(self, heard: Array) -> tuple[float, Array]:
        """The loss and its gradient for the magnitudes, / them."""
        classes, to_power = _classes(np.square(heard) @ self.target.ear.chroma)
        alike, back = _standard(classes)
        weight = self.knobs["pitch"]
        slope = to_power(back(np.float32(-weight) * self._chroma))
        value = weight * (1.0 - float(np.vdot(alike, self._chroma)))
        return value, (slope * np.float32(2.0)) @ self.target.ear.chroma.T


def _classes(power: Array) -> tuple[Array, _Back]:
    """Pitch classes of norm 1, near 0 in silence; and the way of a gradient back."""
    norm = np.sqrt(np.square(power).sum(1, keepdims=True))
    scale = norm + np.float32(1e-3)
    made = power / scale

    def back(slope: Array) -> Array:
        along = (slope * power).sum(1, keepdims=True)
        return slope / scale - power * (along / (scale * scale * np.maximum(norm, 1e-20)))

    return made, back


def _rises(level: Array) -> tuple[Array, Array]:
    """The mean rise of the bands from frame to frame, and where they rise (1 or 0)."""
    rise = np.diff(level, axis=0)
    up = (rise > 0.0).astype(np.float32)
    return (rise * up).mean(1), up


def _standard(values: Array) -> tuple[Array, _Back]:
    """Without its mean and of norm 1, so that products are correlations; and the way back."""
    centred = values - values.mean()
    norm = np.float32(np.sqrt(float(np.vdot(centred, centred))))
    made = centred / (norm + np.float32(1e-9))

    def back(slope: Array) -> Array:
        slope = slope / (norm + np.float32(1e-9)) - made * (
            np.float32(np.vdot(slope, made)) / max(norm, np.float32(1e-9))
        )
        return np.asarray(slope - slope.mean())

    return made, back


__all__ = ["NAMES", "Loss", "Target"]
