"""The two networks: a stacked LSTM and a clockwork RNN. One frame in, odds of the next one out.

Both run over whole sequences with a state that is given and returned, so that the same weights
serve windows (from rest) and streams (state carried).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.pulse.errors import PulseError


class Network(nn.Module):  # type: ignore[misc]
    """What the trainer needs: ``run`` and how many symbols there are."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def run(self, values: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """From values (batch, frames) 0 to 1: logits (batch, frames, classes), and the state."""
        raise NotImplementedError

    def following(self, windows: Tensor) -> Tensor:
        """Logits (batch, classes) of the frame after each window (batch, frames), from rest."""
        return self.run(windows)[0][:, -1]


class StackedLSTM(Network):
    """LSTM layers of 50 and 100 units with dropout behind each (Hochreiter, Schmidhuber 1997)."""

    def __init__(
        self, classes: int, units: tuple[int, int] = (50, 100), dropout: float = 0.2
    ) -> None:
        super().__init__(classes)
        self.first = nn.LSTM(1, units[0], batch_first=True)
        self.second = nn.LSTM(units[0], units[1], batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(units[1], classes)

    def run(self, values: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """State: (hidden, cell) of each layer."""
        first, second = state or (None, None)
        hidden, first = self.first(values[..., None], first)
        hidden, second = self.second(self.dropout(hidden), second)
        return self.head(self.dropout(hidden)), (first, second)


class ClockworkRNN(Network):
    """Groups of units with clocks: group i is computed every 2 ** i frames and stands between.

    A group hears itself and all slower ones. Groups lie from fast to slow, so those that are
    due at a frame are always the first rows of the matrix. Source: Koutnik, Greff, Gomez,
    Schmidhuber, A Clockwork RNN, ICML 2014, equations 1 to 3.
    """

    mask: Tensor

    def __init__(self, classes: int, units: int = 128, groups: int = 9) -> None:
        super().__init__(classes)
        if not 1 <= groups <= units:
            raise PulseError(f"groups = {groups} is outside 1 to {units}, the number of units")
        self.sizes = group_sizes(units, groups)
        self.inward = nn.Linear(1, units)
        self.recurrent = nn.Parameter(torch.empty(units, units))
        self.head = nn.Linear(units, classes)
        self.register_buffer("mask", clockwork_mask(self.sizes), persistent=False)
        nn.init.uniform_(self.recurrent, -(units**-0.5), units**-0.5)

    @property
    def longest(self) -> int:
        """The period of the slowest group, in frames."""
        return 1 << (len(self.sizes) - 1)

    def due(self, frame: int) -> int:
        """How many units are computed at ``frame``, counted from where the state began."""
        groups = sum(frame % (1 << i) == 0 for i in range(len(self.sizes)))
        return sum(self.sizes[:groups])

    def run(self, values: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """State: (hidden (batch, units), frames that have passed)."""
        hidden, clock = state or (values.new_zeros(len(values), len(self.recurrent)), 0)
        inward = self.inward(values[..., None]).unbind(1)
        weights = (self.recurrent * self.mask).T
        rows: list[Tensor] = []
        for step, heard in enumerate(inward):
            due = self.due(clock + step)
            fresh = torch.tanh(torch.addmm(heard[:, :due], hidden, weights[:, :due]))
            hidden = torch.cat([fresh, hidden[:, due:]], 1)
            rows.append(hidden)
        return self.head(torch.stack(rows, 1)), (hidden, clock + len(inward))


def group_sizes(units: int, groups: int) -> tuple[int, ...]:
    """``units`` shared out to ``groups`` as evenly as can be; the first ones get what is over."""
    each, over = divmod(units, groups)
    return tuple(each + (i < over) for i in range(groups))


def clockwork_mask(sizes: tuple[int, ...]) -> Tensor:
    """Ones (units, units) where the row's group is no slower than the column's."""
    group = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return (group[:, None] <= group[None, :]).float()


def detached(state: Any) -> Any:
    """``state`` without what led to it: where backpropagation through time is truncated."""
    if isinstance(state, Tensor):
        return state.detach()
    return tuple(map(detached, state)) if isinstance(state, tuple) else state


__all__ = ["ClockworkRNN", "Network", "StackedLSTM", "clockwork_mask", "detached", "group_sizes"]
