"""A sound as the losses see it: magnitudes of its frames, mel bands, pitch classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from models.style.errors import StyleError
from models.style.transform import Transform

REFERENCE_SIZE = 2048
"""Magnitudes of every size are scaled to what a partial has at this one: the logarithm of
1 + magnitude, which is the paper's, is not blind to levels."""
SIZES = {32_000: 2048, 64_000: 4096}
"""Up to which rate a window has how many samples: 93 ms at 22.05, 44.1 and (85) at 48 kHz."""
LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000
TINY = 1e-12
PIECE = 512  # frames


@dataclass(frozen=True)
class Analysis:
    """Hann windows of ``size`` samples every ``hop``, centred, zeros beyond the ends."""

    rate: int = 22_050
    size: int = 2048
    hop: int = 512

    def __post_init__(self) -> None:
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            told = f"{LOWEST_RATE} to {HIGHEST_RATE} Hz are allowed"
            raise StyleError(f"rate = {self.rate} Hz: {told}")
        if self.hop < 1 or self.size % (2 * self.hop):
            raise StyleError(f"size = {self.size}, hop = {self.hop}: hop must divide half of size")

    @classmethod
    def at(cls, rate: int) -> Analysis:
        """The paper's frames (2048 and 512 at 22.05 kHz), at any rate as long in seconds."""
        size = next((size for most, size in SIZES.items() if rate <= most), 4096)
        return cls(rate, size, size // 4)

    @property
    def bins(self) -> int:
        """Bins of a spectrum."""
        return self.size // 2 + 1

    def frames(self, samples: int) -> int:
        """Frames of a sound of so many samples: every sample lies in size / hop of them."""
        return -(-samples // self.hop) + 1

    def magnitudes(self, sound: Tensor) -> Tensor:
        """(channels, n) or (n,) -> (frames, bins), differentiable; keeps nothing."""
        rows = sound if sound.dim() == 2 else sound[None]
        layer = Layer(self, rows.shape[0], rows.shape[1], rows.device, rows.dtype)
        return layer(rows)

    def mel(self, bands: int) -> Tensor:
        """(bins, bands): means over the triangles of Slaney's mel scale, none of them empty."""
        from models.judging.spectra import hertz_of, mel_filters, mel_of

        filters = mel_filters(self.rate, self.size, bands)
        centres = hertz_of(np.linspace(0.0, float(mel_of(self.rate / 2.0)), bands + 2))[1:-1]
        for band in np.flatnonzero(filters.sum(1) == 0.0):  # lies between two bins: its share
            place = float(centres[band]) * self.size / self.rate
            low = min(int(place), self.bins - 2)
            filters[band, low], filters[band, low + 1] = 1.0 - (place - low), place - low
        filters = filters / filters.sum(1, keepdims=True)
        return torch.tensor(np.ascontiguousarray(filters.T), dtype=torch.float32)

    def chroma(self) -> Tensor:
        """(bins, 12): what each bin gives to each pitch class, A = 440 Hz; sums of powers.

        Gaussian bumps over the logarithm of frequency, as wide as a bin or a semitone: Ellis,
        Chroma feature analysis and synthesis, 2007; librosa's filters, without its octave weight.
        """
        hertz = np.arange(1, self.size) * self.rate / self.size
        semitones = 12.0 * np.log2(hertz / 27.5)
        semitones = np.concatenate([[semitones[0] - 18.0], semitones])
        width = np.concatenate([np.maximum(np.diff(semitones), 1.0), [1.0]])
        apart = np.remainder(semitones[:, None] - np.arange(12) + 6.0, 12.0) - 6.0
        bumps = np.exp(-0.5 * (2.0 * apart / width[:, None]) ** 2)
        bumps = np.roll(bumps, -3, axis=1)[: self.bins]  # from A to C
        return torch.tensor(np.ascontiguousarray(bumps), dtype=torch.float32)


class Layer:
    """The differentiable STFT of sounds of one shape: root of the mean power of the channels.

    All channels are thus optimised together and keep their image. Buffers are made once: what a
    call returns is overwritten by the next, and a call can be differentiated once.
    """

    def __init__(
        self, analysis: Analysis, channels: int, samples: int,
        device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        scale = REFERENCE_SIZE / analysis.size / channels**0.5
        self.transform = Transform(analysis, channels, samples, device, dtype, scale)
        shape = (self.transform.count, analysis.bins)
        self.heard = torch.zeros(shape, device=device, dtype=dtype)

    def __call__(self, sound: Tensor) -> Tensor:
        """(channels, samples) -> (frames, bins)."""
        found: Tensor = _Magnitudes.apply(sound, self)
        return found

    def forward(self, sound: Tensor) -> Tensor:
        """Magnitudes; the spectra stay for `backward`."""
        spectra = self.transform.analyse(sound)
        heard = self.heard
        real, imaginary = spectra.real, spectra.imag
        torch.mul(real[0], real[0], out=heard)
        heard.addcmul_(imaginary[0], imaginary[0])
        for other in range(1, len(real)):
            heard.addcmul_(real[other], real[other]).addcmul_(imaginary[other], imaginary[other])
        heard.add_(TINY).sqrt_()
        return heard.detach()

    def backward(self, slope: Tensor) -> Tensor:
        """The gradient for the samples, given that for the magnitudes; uses the spectra up."""
        share = slope / self.heard
        share[:, 1:-1] *= 0.5  # the inverse transform counts these bins twice
        spectra = self.transform.spectra
        return self.transform.gather(spectra.mul_(share), "forward")


class _Magnitudes(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, sound: Tensor, layer: Layer) -> Tensor:
        ctx.layer = layer
        return layer.forward(sound)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        layer: Layer = ctx.layer
        return layer.backward(slope), None


class Views:
    """What the terms of a loss share of one moment's magnitudes, each made once."""

    def __init__(self, ear: Ear, magnitudes: Tensor) -> None:
        self.ear, self.magnitudes = ear, magnitudes
        self._bands: dict[int, Tensor] = {}

    @cached_property
    def logarithm(self) -> Tensor:
        """(frames, bins): log(1 + magnitude)."""
        return torch.log1p(self.magnitudes)

    @cached_property
    def chroma(self) -> Tensor:
        """(frames, 12) of norm 1: the pitch classes' powers; near 0 in silence."""
        power = (self.magnitudes * self.magnitudes) @ self.ear.chroma
        return power / (power.norm(dim=1, keepdim=True) + 1e-3)

    def mel(self, bands: int) -> Tensor:
        """(frames, bands): mean magnitudes."""
        if bands not in self._bands:
            self._bands[bands] = self.magnitudes @ self.ear.mel(bands)
        return self._bands[bands]


class Ear:
    """An analysis with its filters on a device; `hear` makes views of magnitudes."""

    def __init__(
        self, analysis: Analysis, device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        self.analysis, self.device, self.dtype = analysis, torch.device(device), dtype
        self._mel: dict[int, Tensor] = {}

    @cached_property
    def chroma(self) -> Tensor:
        """`Analysis.chroma`, here."""
        return self.analysis.chroma().to(self.device, self.dtype)

    def mel(self, bands: int) -> Tensor:
        """`Analysis.mel`, here."""
        if bands not in self._mel:
            self._mel[bands] = self.analysis.mel(bands).to(self.device, self.dtype)
        return self._mel[bands]

    def hear(self, sound: Tensor) -> Views:
        """Views of a sound (channels, n) that stay as they are, without gradients."""
        return Views(self, torch.cat([(power + TINY).sqrt_() for power in self._powers(sound)]))

    def mean_power(self, sound: Tensor) -> Tensor:
        """(bins,): the mean over the frames of squared magnitudes; needs no memory for them."""
        total = torch.stack([power.sum(0) for power in self._powers(sound)]).sum(0)
        return total / self.analysis.frames(sound.shape[-1])

    def _powers(self, sound: Tensor) -> Iterator[Tensor]:
        """Squared magnitudes (up to PIECE frames, bins) of a sound (channels, n), in order."""
        analysis = self.analysis
        size, hop, samples = analysis.size, analysis.hop, sound.shape[-1]
        window = torch.hann_window(size, device=self.device, dtype=self.dtype)
        count = analysis.frames(samples)
        for first in range(0, count, PIECE):
            last = min(first + PIECE, count)
            begin, end = first * hop - size // 2, (last - 1) * hop + size // 2
            with torch.no_grad():
                part = sound[:, max(begin, 0) : end].to(self.device, self.dtype)
                part = pad(part, (max(-begin, 0), max(end - samples, 0)))
                spectra = torch.fft.rfft(part.unfold(1, size, hop) * window)
                power = torch.view_as_real(spectra).square().sum(-1).mean(0)
                yield power * (REFERENCE_SIZE / size) ** 2


__all__ = ["Analysis", "Ear", "Layer", "Views"]
