"""Spectra of a sound and back, in buffers made once: fresh ones cost more than the transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from models.style.frames import Analysis


class Transform:
    """The STFT of sounds of one shape, (channels, samples), and its adjoint.

    What a method returns is overwritten by its next call.
    """

    def __init__(
        self, analysis: Analysis, channels: int, samples: int,
        device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
        scale: float = 1.0,
    ) -> None:  # fmt: skip
        self.analysis, self.samples = analysis, samples
        self.count = analysis.frames(samples)
        size, hop = analysis.size, analysis.hop
        new: dict[str, Any] = {"device": device, "dtype": dtype}
        kind = torch.complex128 if dtype == torch.float64 else torch.complex64
        self.window = torch.hann_window(size, **new) * scale
        self.padded = torch.zeros(channels, (self.count - 1) * hop + size, **new)
        self.windows = torch.zeros(channels, self.count, size, **new)
        self.spectra = torch.zeros(channels, self.count, analysis.bins, device=device, dtype=kind)
        self.middle = slice(size // 2, size // 2 + samples)

    def analyse(self, sound: Tensor) -> Tensor:
        """(channels, samples) -> spectra (channels, frames, bins)."""
        size, hop = self.analysis.size, self.analysis.hop
        self.padded[:, self.middle] = sound
        torch.mul(self.padded.unfold(1, size, hop), self.window, out=self.windows)
        torch.fft.rfft(self.windows, out=self.spectra)
        return self.spectra

    def gather(self, spectra: Tensor, norm: str) -> Tensor:
        """Windowed inverse transforms, added up where they lie; a fresh (channels, samples).

        ``norm`` is torch.fft.irfft's: "forward" divides by nothing, "backward" by the size.
        """
        size, hop = self.analysis.size, self.analysis.hop
        torch.fft.irfft(spectra, n=size, norm=norm, out=self.windows)
        self.windows.mul_(self.window)
        gathered = torch.zeros_like(self.padded)
        rows = gathered.view(len(gathered), -1, hop)
        parts = size // hop
        pieces = self.windows.view(len(gathered), self.count, parts, hop)
        for part in range(parts):
            rows[:, part : part + self.count] += pieces[:, :, part]
        return gathered[:, self.middle]

    def density(self) -> Tensor:
        """(samples,): what the squared windows add up to; never 0."""
        size, hop = self.analysis.size, self.analysis.hop
        total = torch.zeros_like(self.padded[0])
        for frame in range(self.count):
            total[frame * hop : frame * hop + size] += self.window**2
        return total[self.middle].clamp_min(1e-8)


__all__ = ["Transform"]
