"""How far a network's sound is: from the transfer it should be, and from the style itself.

The first is a distance of spectra frame by frame, blind to phases, which a transfer chose as it
liked. The second is the transfer's own loss: what is not reached frame by frame may still be the
style.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.style import terms
from models.style.distil.settings import RATE
from models.style.frames import Analysis, Ear, Views
from models.style.material import heard_at_level
from models.style.sound import Recording
from models.style.terms import Style

SIZES = 2048, 512, 128
FLOOR = 0.02
"""Added to magnitudes of frames before their logarithm: 60 dB under a loud partial."""
HARMONY, TIMBRE = 1.0, 3.0
"""As the live layer weighs them (`plugins/style`)."""
MOST = 256


def spectral(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean distance of log magnitudes, and convergence of linear ones, at three sizes."""
    total = made.new_zeros(())
    for size in SIZES:
        window = torch.hann_window(size, device=made.device)
        one, other = (
            torch.stft(sound, size, size // 4, window=window, return_complex=True).abs()
            * (2048 / size) ** 0.5
            for sound in (made, wanted)
        )
        total = total + (torch.log(one + FLOOR) - torch.log(other + FLOOR)).abs().mean()
        total = total + (one - other).norm() / other.norm().clamp_min(1e-6)
    return total / len(SIZES)


@dataclass(frozen=True)
class Reached:
    """What is left of the way to a style: 1 is the content, 0 the style; and what is kept.

    ``style`` is harmony and timbre as a transfer weighs them; ``onsets`` and ``pitch`` are
    correlations with the content's.
    """

    style: float
    harmony: float
    timbre: float
    onsets: float
    pitch: float


class Goal:
    """A style to be reached, at RATE."""

    def __init__(self, style: Recording, device: str = "cpu") -> None:
        self.ear = Ear(Analysis.at(RATE), device)
        self.recording = style
        self.views = heard_at_level(self.ear, style)
        self.style = Style([self.views], most=MOST)

    def left(self, made: Tensor, dry: Tensor) -> Tensor:
        """Mean over sounds (batch, samples) of the share of the way that is left."""
        found = []
        for sound, content in zip(made, dry, strict=True):
            heard = Views(self.ear, self.ear.analysis.magnitudes(sound))
            with torch.no_grad():
                own = self.ear.hear(content[None])
            harmony, timbre = terms.harmony(self.style, own), terms.timbre(self.style, own)
            found.append((HARMONY * harmony(heard) + TIMBRE * timbre(heard)) / (HARMONY + TIMBRE))
        return torch.stack(found).mean()

    def reached(self, made: Tensor, dry: Tensor) -> Reached:
        """Figures of sounds (batch, samples), medians over them."""
        rows = []
        with torch.no_grad():
            for sound, content in zip(made, dry, strict=True):
                heard, own = self.ear.hear(sound[None]), self.ear.hear(content[None])
                harmony = float(terms.harmony(self.style, own)(heard))
                timbre = float(terms.timbre(self.style, own)(heard))
                kept = (terms.Onsets(own), terms.Pitch(own))
                whole = (HARMONY * harmony + TIMBRE * timbre) / (HARMONY + TIMBRE)
                rows.append([whole, harmony, timbre, *(1.0 - float(term(heard)) for term in kept)])
        return Reached(*torch.tensor(rows).median(0).values.tolist())


__all__ = ["Goal", "Reached", "spectral"]
