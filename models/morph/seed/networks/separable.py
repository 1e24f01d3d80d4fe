"""Our autoencoder: components of time and of frequency, and networks for what is left.

Whole spectrograms have far more values than there are notes, so their principal components fit
the notes that were learnt and not others. Components of the frames, and for each of those
components of the rows, are found from all rows and all frames: so many times the examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from models.morph.seed.networks.autoencoder import Activation, Autoencoder

TIMES = 24  # components of time; what they lose is under 0.1 dB of the error
KEPT = 6  # numbers are heard and made for each number of the code
HIDDEN = 512
DROPPED = 0.3  # of what is heard, while learning: notes are few
KEYS = 128
Batches = Callable[[], Iterator[tuple[Tensor, Tensor]]]


class Separable(Autoencoder):
    """The strongest components are the code; networks correct it, and make the weaker ones of it.

    Both begin at zero, so that training begins at the best linear coder. They are told the pitch
    where ``pitched``.
    """

    mean: Tensor
    times: Tensor
    rows: Tensor
    column: Tensor
    size: Tensor

    def __init__(
        self, bins: int, frames: int, code: int, kind: str = "leaky", width: float = 1.0,
        pitched: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(bins, frames, code)
        times, self.pitched = min(TIMES, frames), pitched
        self.kept = min(KEPT * code, bins * times)
        hidden = max(8, round(width * HIDDEN))
        self.register_buffer("mean", torch.zeros(bins, frames))
        self.register_buffer("times", torch.zeros(frames, times))
        self.register_buffer("rows", torch.zeros(self.kept, bins))
        self.register_buffer("column", torch.zeros(self.kept, dtype=torch.long))
        self.register_buffer("size", torch.ones(self.kept))
        self.corrected = Correction(self.kept, code, hidden, kind)
        self.added = Correction(code, self.kept, hidden, kind)

    def fit(self, batches: Batches) -> None:
        """Find the components of notes; ``batches`` can be gone through again."""
        count, total = 0, torch.zeros(self.bins, self.frames)
        for values, _ in batches():
            total += values.sum(0)
            count += len(values)
        self.mean.copy_(total / max(count, 1))
        over_time = torch.zeros(self.frames, self.frames)
        for values, _ in batches():
            off = (values - self.mean).flatten(0, 1)
            over_time += off.T @ off
        self.times.copy_(largest(over_time)[1][:, : self.times.shape[1]])
        squares = torch.zeros(self.times.shape[1], self.bins, self.bins)
        for values, _ in batches():
            parts = ((values - self.mean) @ self.times).permute(2, 0, 1)
            squares += parts.transpose(1, 2) @ parts
        self._choose(squares / max(count, 1))

    def _choose(self, squares: Tensor) -> None:
        """Keep the components of the rows, of any component of time, that vary most."""
        found = [largest(one) for one in squares]
        sizes = torch.stack([sizes for sizes, _ in found])
        order = sizes.flatten().argsort(descending=True)[: self.kept]
        self.column.copy_(order // self.bins)
        place = order % self.bins
        self.rows.copy_(
            torch.stack([found[c][1][:, p] for c, p in zip(self.column, place, strict=True)])
        )
        self.size.copy_(sizes.flatten()[order].clamp(min=1e-8).sqrt())

    def encode(self, values: Tensor, pitches: Tensor) -> Tensor:
        """The codes (n, code)."""
        parts = (values - self.mean) @ self.times  # (n, bins, times)
        made = [parts[:, :, k] @ self._of(k).T for k in range(parts.shape[2])]
        heard = torch.cat(made, 1)[:, self._back] / self.size
        return heard[:, : self.code] + self.corrected(heard, self._keys(pitches))

    def decode(self, codes: Tensor, pitches: Tensor) -> Tensor:
        """The values (n, bins, frames)."""
        more = self.added(codes, self._keys(pitches))
        linear = nn.functional.pad(codes, (0, self.kept - self.code))
        made = (linear + more) * self.size
        parts = [made[:, self.column == k] @ self._of(k) for k in range(self.times.shape[1])]
        return self.mean + torch.stack(parts, 2) @ self.times.T

    def _of(self, column: int) -> Tensor:
        return self.rows[self.column == column]

    @property
    def _back(self) -> Tensor:
        """Where each number lies, where they are sorted by column: sorting is stable."""
        return torch.argsort(torch.argsort(self.column, stable=True))

    def _keys(self, pitches: Tensor) -> Tensor:
        """How near each key is (n, 128): between two keys both are told."""
        keys = torch.arange(KEYS, device=pitches.device)
        near = (1.0 - (pitches[:, None] - keys).abs()).clamp(min=0.0)
        return near if self.pitched else torch.zeros_like(near)


class Correction(nn.Module):  # type: ignore[misc]
    """Two layers beside each other's input, ended by zeros: at first it adds nothing."""

    def __init__(self, heard: int, made: int, hidden: int, kind: str) -> None:
        super().__init__()
        self.dropped = nn.Dropout(DROPPED)
        self.first = nn.Linear(heard, hidden)
        self.key = nn.Linear(KEYS, hidden, bias=False)
        self.active, self.normal = Activation(kind), nn.BatchNorm1d(hidden)
        self.second = nn.Linear(hidden, hidden)
        self.again, self.settled = Activation(kind), nn.BatchNorm1d(hidden)
        self.last = nn.Linear(hidden, made)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, heard: Tensor, keys: Tensor) -> Tensor:
        """(n, heard), (n, 128) -> (n, made)."""
        made = self.normal(self.active(self.first(self.dropped(heard)) + self.key(keys)))
        made = made + self.settled(self.again(self.second(made)))
        out: Tensor = self.last(made)
        return out


def largest(square: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, largest first, and their vectors as columns."""
    sizes, vectors = torch.linalg.eigh(square.double())
    return sizes.flip(0).float(), vectors.flip(1).float()


__all__ = ["Separable", "largest"]
