"""The three networks of McCool, Learning Audio Effects, 2018, as small as one core can train.

What the dissertation leaves open, or what a machine of today forces, is assumed here:

- the convolutions hear ``WINDOW`` samples and make the last ``MADE`` of them: with one output
  for each window a second would take 48,000 runs. So they hear up to ``MADE`` - 1 samples that
  are later, which no other network here does;
- the LSTM has one layer, no skip, and learns the mean squared error;
- WaveNet hears the dry sound as it is and gives each of 256 steps of mu-law a probability for
  the wet one; the likeliest is played. It does not hear what it has made itself, so that it
  can run at the speed of sound, and its mistakes do not add up.

None has knobs, and none is told how loud the pairs are.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOW, MADE = 512, 32
CLASSES = 256
MU = CLASSES - 1.0
RECURRENT_PAST = 1024


class ConvolutionNet(nn.Module):  # type: ignore[misc]
    """Six convolutions, each with max pooling, and three linear layers on a window."""

    past = WINDOW - MADE

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 16, 32, 32, 32, 32)
        layers: list[nn.Module] = []
        for into, out in pairwise(widths):
            layers += [nn.Conv1d(into, out, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2)]
        flat = widths[-1] * WINDOW // 2**6
        dense = (nn.Linear(flat, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
        self.body = nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(128, MADE))

    def made(self, dry: Tensor) -> Tensor:
        """Return (rows, frames - past) of ``dry`` (rows, frames), a whole count of ``MADE``."""
        windows = dry.unfold(1, WINDOW, MADE)
        out: Tensor = self.body(windows.reshape(-1, 1, WINDOW))
        return out.reshape(len(dry), -1)

    def loss(self, dry: Tensor, wet: Tensor) -> Tensor:
        """Return the mean squared error."""
        return functional.mse_loss(self.made(dry), wet)


class LstmNet(nn.Module):  # type: ignore[misc]
    """One layer of LSTM and a linear output."""

    past = RECURRENT_PAST

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.core = nn.LSTM(1, hidden)
        self.out = nn.Linear(hidden, 1)

    def made(self, dry: Tensor) -> Tensor:
        """Return (rows, frames - past) of ``dry`` (rows, frames)."""
        seen, _ = self.core(dry.T.unsqueeze(2))
        out: Tensor = self.out(seen[self.past :]).squeeze(2).T
        return out

    def loss(self, dry: Tensor, wet: Tensor) -> Tensor:
        """Return the mean squared error."""
        return functional.mse_loss(self.made(dry), wet)


class MuLawWaveNet(nn.Module):  # type: ignore[misc]
    """Gated dilated convolutions with skips to a probability for each step of mu-law."""

    dilations = tuple(2**n for n in range(9)) * 2
    past = sum(dilations)

    def __init__(self, channels: int = 16, skips: int = 32) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, channels, 1)
        gated = (nn.Conv1d(channels, 2 * channels, 2, dilation=d) for d in self.dilations)
        self.gated = nn.ModuleList(gated)
        self.skips = nn.ModuleList(nn.Conv1d(channels, skips, 1) for _ in self.dilations)
        self.residuals = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in self.dilations)
        hidden = nn.Conv1d(skips, skips, 1)
        self.head = nn.Sequential(nn.ReLU(), hidden, nn.ReLU(), nn.Conv1d(skips, CLASSES, 1))

    def logits(self, dry: Tensor) -> Tensor:
        """Return (rows, CLASSES, frames - past) of ``dry`` (rows, frames)."""
        x, total = self.first(dry.unsqueeze(1)), None
        frames = dry.shape[1] - self.past
        for gated, skip, residual in zip(self.gated, self.skips, self.residuals, strict=True):
            curve, gate = gated(x).chunk(2, 1)
            bent = torch.tanh(curve) * torch.sigmoid(gate)
            given = skip(bent[..., -frames:])
            total = given if total is None else total + given
            x = x[..., -bent.shape[2] :] + residual(bent)
        out: Tensor = self.head(total)
        return out

    def made(self, dry: Tensor) -> Tensor:
        """Return (rows, frames - past): the likeliest step of each sample."""
        return from_steps(self.logits(dry).argmax(1))

    def loss(self, dry: Tensor, wet: Tensor) -> Tensor:
        """Return the cross-entropy of the steps."""
        return functional.cross_entropy(self.logits(dry), to_steps(wet))


def to_steps(sound: Tensor) -> Tensor:
    """Return sound from -1 to 1 as the numbers of 256 steps of mu-law (ITU-T G.711)."""
    bent = (
        torch.sign(sound)
        * torch.log1p(MU * sound.abs().clamp(max=1.0))
        / torch.log1p(torch.tensor(MU))
    )
    return ((bent + 1.0) / 2.0 * MU).round().long()


def from_steps(steps: Tensor) -> Tensor:
    """Return the middle of each step as sound from -1 to 1."""
    bent = 2.0 * steps.float() / MU - 1.0
    return torch.sign(bent) * torch.expm1(bent.abs() * torch.log1p(torch.tensor(MU))) / MU


NETS: dict[str, type[ConvolutionNet | LstmNet | MuLawWaveNet]] = {
    "convolution": ConvolutionNet,
    "lstm": LstmNet,
    "wavenet": MuLawWaveNet,
}
