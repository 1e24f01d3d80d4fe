"""Content and styles made ready: one rate, one loudness, a start that has the styles' spectrum."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.style.errors import StyleError
from models.style.frames import HIGHEST_RATE, LOWEST_RATE, Analysis, Ear, Views
from models.style.objective import Objective, wanted
from models.style.settings import Settings
from models.style.sound import LEVEL, Recording, at_rate, loudness, matched
from models.style.terms import Style, Term
from models.style.transform import Transform

EQ_BANDS = 24
LEAST_GAIN, MOST_GAIN = 0.03, 30.0


class Material:
    """What a transfer works on: ``content`` (channels, n) at LEVEL, styles heard, an ear.

    ``gain`` brings a result back to the content's loudness.
    """

    def __init__(
        self, content: Recording, styles: Sequence[Recording], settings: Settings,
        shares: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.rate = settings.rate or min(max(content.rate, LOWEST_RATE), HIGHEST_RATE)
        self.ear = Ear(Analysis.at(self.rate), settings.where())
        styles = matched(content, styles, settings.match_tempo, settings.match_key)
        self.style = style_of(self.ear, styles, shares, settings)
        self.name = content.name
        sound = at_rate(content, self.rate).samples
        self.gain = loudness(sound, self.rate) / LEVEL
        self.content = torch.from_numpy(sound / np.float32(self.gain))
        self.start = self._start()
        """(channels, n): where to begin."""

    def terms(self, heard: Views) -> list[tuple[float, Term]]:
        """What is wanted of a result whose content is ``heard``."""
        asked = self.settings
        return wanted(
            asked.knobs, self.style, heard, content_bands=asked.content_bands,
            rhythm_bands=asked.rhythm_bands, rhythm_frames=asked.rhythm_frames,
        )  # fmt: skip

    def objective(self, content: Tensor) -> Objective:
        """The loss of samples that are to be like a stretch of the content (channels, n)."""
        return Objective(self.ear, self.terms(self.ear.hear(content)), *content.shape)

    def _start(self) -> Tensor:
        """As loud as the content; faded at the ends, which filters make clicks of."""
        content = self.content
        if self.settings.start == "content":
            return content
        if self.settings.start == "noise":
            made = torch.Generator().manual_seed(self.settings.seed)
            content = torch.randn(content.shape, generator=made) * content.std()
        power = long_term(self.ear, self.style.views, self.style.shares)
        ends = ramps(content.shape[1], self.ear.analysis.hop // 4)
        return equalised(content, self.ear, power) * ends

    def finished(self, result: Tensor) -> Recording:
        """A result (channels, n) at the content's loudness; never over full scale."""
        samples = result.detach().cpu().numpy() * np.float32(self.gain)
        peak = float(np.abs(samples).max(initial=0.0))
        if peak > 1.0:
            samples = samples / np.float32(peak)
        return Recording(np.ascontiguousarray(samples, np.float32), self.rate, self.name)


def ramps(samples: int, before: int, after: int | None = None) -> Tensor:
    """(1, samples): raised cosines from 0 to 1 and back over so many samples, 1 between."""
    mask = torch.ones(samples)
    for count, flipped in ((before, False), (before if after is None else after, True)):
        if count:
            rise = torch.sin(torch.linspace(0.0, math.pi / 2, count)) ** 2
            mask[samples - count if flipped else 0 :][:count] *= rise.flip(0) if flipped else rise
    return mask[None]


def style_of(
    ear: Ear, styles: Sequence[Recording], shares: Sequence[float] | None, settings: Settings
) -> Style:
    """Recordings heard at one loudness, in these shares; StyleError for bad shares."""
    if not styles:
        raise StyleError("no style is given; at least one recording is wanted")
    shares = [1.0] * len(styles) if shares is None else list(shares)
    if len(shares) != len(styles):
        raise StyleError(f"{len(shares)} shares for {len(styles)} styles; one each is wanted")
    if not all(0.0 < share < float("inf") for share in shares):
        raise StyleError(f"shares {shares}: each must be above 0")
    heard = [heard_at_level(ear, style) for style in styles]
    asked = settings
    return Style(heard, shares, asked.most, asked.engine, asked.filters, asked.seed)


def heard_at_level(ear: Ear, sound: Recording) -> Views:
    """A recording at the ear's rate and at LEVEL, heard."""
    samples = at_rate(sound, ear.analysis.rate).samples
    level = np.float32(LEVEL / loudness(samples, ear.analysis.rate))
    return ear.hear(torch.from_numpy(samples * level))


def long_term(ear: Ear, views: Sequence[Views], shares: Sequence[float]) -> Tensor:
    """(EQ_BANDS,): mean power in mel bands, mixed in these shares."""
    bands = ear.mel(EQ_BANDS)
    powers = [
        share * (each.magnitudes.square().mean(0) @ bands)
        for share, each in zip(shares, views, strict=True)
    ]
    return torch.stack(powers).sum(0) / sum(shares)


def equalised(sound: Tensor, ear: Ear, power: Tensor) -> Tensor:
    """``sound`` (channels, n) through the filter that gives it this long-term spectrum; as loud.

    Gains are interpolated between the centres of the bands, in dB, and limited to 30 dB.
    """
    from models.judging.spectra import hertz_of, mel_of

    analysis = ear.analysis
    own = ear.mean_power(sound) @ ear.mel(EQ_BANDS)
    gains = ((power + 1e-6) / (own + 1e-6)).sqrt().clamp(LEAST_GAIN, MOST_GAIN).log()
    top = float(mel_of(analysis.rate / 2.0))
    centres = hertz_of(np.linspace(0.0, top, EQ_BANDS + 2))[1:-1]
    hertz = np.arange(analysis.bins) * analysis.rate / analysis.size
    curve = np.exp(np.interp(hertz, centres, gains.cpu().numpy()))
    made = filtered(sound, analysis, torch.tensor(curve, dtype=sound.dtype))
    return made * (sound.norm() / made.norm().clamp_min(1e-20))


def filtered(sound: Tensor, analysis: Analysis, curve: Tensor) -> Tensor:
    """``sound`` (channels, n) with the bins' gains, overlapping pieces of six seconds at a time."""
    made = torch.zeros_like(sound)
    piece, margin = 256 * analysis.hop, 4 * analysis.size
    for first in range(0, sound.shape[1], piece):
        begin = max(0, first - margin)
        end = min(first + piece + margin, sound.shape[1])
        transform = Transform(analysis, len(sound), end - begin, sound.device, sound.dtype)
        spectra = transform.analyse(sound[:, begin:end]).mul_(curve)
        part = transform.gather(spectra, "backward") / transform.density()
        keep = min(piece, sound.shape[1] - first)
        made[:, first : first + keep] = part[:, first - begin : first - begin + keep]
    return made


__all__ = ["Material", "equalised", "filtered", "heard_at_level", "long_term", "ramps", "style_of"]
