"""The loss of samples: the knobs' weighted terms, its gradient, and its parts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.style import terms
from models.style.errors import StyleError
from models.style.frames import Ear, Layer, Views
from models.style.settings import Knobs
from models.style.terms import Style, Term


def wanted(
    knobs: Knobs, style: Style, content: Views | None, *, content_bands: int = 0,
    rhythm_bands: int = terms.RHYTHM_BANDS, rhythm_frames: int = terms.RHYTHM_FRAMES,
    harmony_frames: int = terms.HARMONY_FRAMES,
) -> list[tuple[float, Term]]:  # fmt: skip
    """The terms whose knob is above 0, with their weights; no content: only the style's."""
    made: list[tuple[float, Term]] = []
    if knobs.harmony:
        made.append((knobs.harmony, terms.harmony(style, content, harmony_frames)))
    if knobs.timbre:
        made.append((knobs.timbre, terms.timbre(style, content)))
    if knobs.rhythm:
        rhythm = terms.rhythm(style, content, rhythm_bands, rhythm_frames)
        made.append((knobs.rhythm, rhythm))
    if content is None:
        return made
    if knobs.content:
        by_filters = style.engine != "closed"
        made.append((
            knobs.content,
            terms.FilteredContent(style, content, content_bands) if by_filters
            else terms.Content(content, content_bands),
        ))  # fmt: skip
    if knobs.pitch:
        made.append((knobs.pitch, terms.Pitch(content)))
    if knobs.onsets:
        made.append((knobs.onsets, terms.Onsets(content)))
    return made


class Objective:
    """A vector of samples, all channels one after the other -> loss and gradient."""

    def __init__(
        self, ear: Ear, weighed: Sequence[tuple[float, Term]], channels: int, samples: int,
    ) -> None:  # fmt: skip
        if not weighed:
            raise StyleError("nothing is wanted of the result: every knob that applies is 0")
        self.ear, self.weighed = ear, weighed
        self.shape = (channels, samples)
        self.layer = Layer(ear.analysis, channels, samples, ear.device, ear.dtype)
        weights = [weight for weight, _ in weighed]
        self.weights = torch.tensor(weights, device=ear.device, dtype=ear.dtype)
        self.last: dict[str, float] = {}
        """The terms of the last evaluation, unweighed."""

    def __call__(self, samples: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient (channels * n,)."""
        sound = samples.detach().view(self.shape).requires_grad_(True)
        loss = self.of(Views(self.ear, self.layer(sound)))
        (slope,) = torch.autograd.grad(loss, sound)
        return float(loss.detach()), slope.reshape(-1)

    def parts(self, samples: Tensor) -> dict[str, float]:
        """Each term, unweighed."""
        with torch.no_grad():
            self.of(Views(self.ear, self.layer(samples.view(self.shape))))
        return self.last

    def of(self, heard: Views) -> Tensor:
        """The loss of what is heard, differentiable."""
        values = torch.stack([term(heard) for _, term in self.weighed])
        names = [term.name for _, term in self.weighed]
        self.last = dict(zip(names, values.detach().tolist(), strict=True))
        return values @ self.weights


__all__ = ["Knobs", "Objective", "wanted"]
