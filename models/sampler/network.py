"""The networks: LSTM layers under a head, on one row; what a step hears is the material's.

The dissertation's num_unrollings rows share weights and never talk to each other, and only the
last one's prediction is heard, so one row gives what N give. Where they are mixed (transpose),
row i hears what row i + 1 heard seg_len samples before: N rows are one row and N taps, spaced
seg_len, on what its first head says.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.sampler.job import Job

LEAST_COMPONENT = 1e-3
"""RMS of a component beside the loudest's, -60 dB, that is not made louder any more."""

State = list[tuple[Tensor, Tensor]]
"""A layer's output and memory, (1, batch, units) each."""


class SamplerNetwork(nn.Module):  # type: ignore[misc]
    """Layers and head: (batch, steps, seg_len) to (batch, steps, out), all standardised."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        units, width = job.units, job.components or job.made
        self.made = width
        sizes = [job.components or job.seg_len, *[units] * job.num_layers]
        self.components: Components | None = None
        if job.components:
            self.components = Components(job.seg_len, job.made, job.components)
        self.layers = nn.ModuleList(nn.LSTM(a, b, batch_first=True) for a, b in pairwise(sizes))
        self.means = 2 if job.loss == "spread" else 1
        self.head = nn.Linear(units, width * self.means)
        self.taps: nn.Parameter | None = None
        if job.approach == "transpose":
            self.mixed_bias = nn.Parameter(torch.zeros(1))
            self.taps = nn.Parameter(torch.zeros(job.num_unrollings))
        self.spacing = job.seg_len
        self.residual, self.squash = job.use_residual, job.squash
        self.kept = job.kept
        self._start(job)

    def _start(self, job: Job) -> None:
        """First weights: the head's from the job; memory that at first forgets little."""
        nn.init.trunc_normal_(self.head.weight, 0.0, job.weight_stddev, -2.0, 2.0)
        nn.init.zeros_(self.head.bias)
        for layer in self.layers:
            nn.init.zeros_(layer.bias_hh_l0)
            nn.init.zeros_(layer.bias_ih_l0)
            with torch.no_grad():
                layer.bias_ih_l0[job.units : 2 * job.units] = 1.0  # TensorFlow's forget_bias
        if self.taps is not None:
            with torch.no_grad():
                nn.init.trunc_normal_(self.taps, 0.0, job.weight_stddev, -2.0, 2.0)
                self.taps[-1] += 1.0

    def zero_state(self, batch: int) -> State:
        """Layers that have heard nothing."""
        shapes = [(1, batch, layer.hidden_size) for layer in self.layers]
        like = self.head.weight
        return [(like.new_zeros(shape), like.new_zeros(shape)) for shape in shapes]

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """What the head says to ``x`` (batch, steps, seg_len), before taps and squash."""
        after: State = []
        for layer, (h, c) in zip(self.layers, state, strict=True):
            heard = self._dropped(x, self.kept[0])
            if self.components is not None and not after:
                heard = heard @ self.components.heard
            y, memory = layer(heard, (h, c))
            if self.residual and y.shape[-1] == heard.shape[-1]:
                y = y + heard
            x = self._dropped(y, self.kept[1])
            after.append(memory)
        return self.head(x), after

    def mix(self, said: Tensor, before: Tensor) -> Tensor:
        """The taps over what the head said, (batch, steps, rows) after ``before``.

        ``before`` is what it said in the (N - 1) seg_len steps before these. The last tap weighs
        the newest row.
        """
        assert self.taps is not None
        line = torch.cat([before, said], 1)
        steps = said.shape[1]
        total = said * self.taps[-1]
        for i in range(len(self.taps) - 1):
            total = total + line[:, i * self.spacing : i * self.spacing + steps] * self.taps[i]
        return torch.cat([total[..., :1] + self.mixed_bias, total[..., 1:]], -1)

    def _dropped(self, x: Tensor, kept: float) -> Tensor:
        """Dropout stays on after training: it is what makes dreams differ."""
        return x if kept >= 1.0 else nn.functional.dropout(x, 1.0 - kept, self.training)

    @property
    def history(self) -> int:
        """Steps that the taps look back."""
        return 0 if self.taps is None else (len(self.taps) - 1) * self.spacing

    def squashed(self, y: Tensor) -> Tensor:
        """What follows the head: samples or bins, standardised."""
        if self.components is not None:
            return y @ self.components.made
        return torch.tanh(y) if self.squash == "tanh" else y

    def aimed(self, wanted: Tensor) -> Tensor:
        """What the head, squashed, is to say for ``wanted`` (..., made)."""
        return wanted if self.components is None else wanted @ self.components.wanted

    def cost(self) -> Tensor:
        """Half the sum of squares of the LSTM's weights, a weight: what regularization adds."""
        weights = [w for layer in self.layers for w in (layer.weight_ih_l0, layer.weight_hh_l0)]
        total = torch.stack([w.square().sum() for w in weights]).sum()
        return 0.5 * total / sum(w.numel() for w in weights)


class Components(nn.Module):  # type: ignore[misc]
    """Vectors in principal components of the recording, all as loud (PCA whitening).

    What the network says in them errs in proportion to the sound: as a blend of other moments of
    it. In samples it errs by a hiss. They are matrices that become part of the first layer and of
    the head when the model is exported.
    """

    def __init__(self, length: int, made: int, count: int) -> None:
        super().__init__()
        self.register_buffer("heard", torch.zeros(length, count))
        self.register_buffer("wanted", torch.zeros(made, count))
        self.register_buffer("made", torch.zeros(count, made))

    def find(self, heard: Tensor, wanted: Tensor) -> None:
        """Take those of vectors ``heard`` (n, length) and ``wanted`` (n, made)."""
        axes, sizes = _principal(heard, self.heard.shape[1])
        self.heard.copy_(axes / sizes)
        axes, sizes = _principal(wanted, self.heard.shape[1])
        self.wanted.copy_(axes / sizes)
        self.made.copy_((axes * sizes).T)


def _principal(vectors: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The first principal axes (length, count) of vectors (n, length), and their RMS (count,)."""
    squares = vectors.T.double() @ vectors.double() / len(vectors)
    values, axes = torch.linalg.eigh(squares)
    values, axes = values.flip(0)[:count], axes.flip(1)[:, :count]
    least = LEAST_COMPONENT**2 * values[0]
    return axes.float(), values.clamp(min=float(least)).sqrt().float()


def detached(state: State) -> State:
    """The state without its past: where back-propagation through time ends."""
    return [(h.detach(), c.detach()) for h, c in state]


def rows_of(state: State, rows: Sequence[int] | Tensor) -> State:
    """The state of some rows of a batch."""
    return [(h[:, rows], c[:, rows]) for h, c in state]


__all__ = ["SamplerNetwork", "State", "detached", "rows_of"]
