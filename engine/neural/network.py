"""A neural network as the audio thread will run it: signals and the operations between them.

A reader of a file format builds a ``Network``; ``engine.neural.compiled`` makes machine code
of it. Weights are data, shapes are code: two networks with the same ``shape_key`` share one
kernel. Everything here is causal and runs at the network's own sample rate.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from engine.neural.checks import check_widths, describe
from engine.neural.ops import (
    ACTIVATIONS,
    Activate,
    Array,
    Blend,
    Conv,
    Film,
    Gate,
    Gru,
    Lstm,
    Maker,
    NetworkError,
    Op,
    Prelu,
    Signal,
    Softmax,
    Ssm,
    Stage,
    Step,
    Term,
    arrays,
    reads,
    writes,
)

__all__ = [
    "ACTIVATIONS", "Activate", "Array", "Blend", "Conv", "Film", "Gate", "Gru", "Lstm", "Maker",
    "Network", "NetworkError", "Op", "Prelu", "Signal", "Softmax", "Ssm", "Stage", "Step", "Term",
    "arrays", "reads", "writes",
]  # fmt: skip


@dataclass(eq=False)
class Network:
    """Operations in the order they run, from ``input`` to ``output``.

    Channel 0 of ``input`` is the sound; the others are knobs, constant within a cell.
    """

    input: Signal
    output: Signal
    ops: list[Op] = field(default_factory=list)

    @property
    def knobs(self) -> int:
        """How many knobs go in beside the sound."""
        return self.input.channels - 1

    def check(self) -> None:
        """Raise NetworkError if a width does not fit or a signal is read before it is made.

        Only convolutions may write a signal again, and only what convolutions have made.
        """
        made, fixed = {self.input}, {self.input}
        for number, op in enumerate(self.ops):
            where = f"operation {number}"
            for signal in reads(op):
                if signal not in made:
                    raise NetworkError(f"{where} reads a signal that nothing made")
            check_widths(op, where)
            if any(signal in (fixed if isinstance(op, Conv) else made) for signal in writes(op)):
                raise NetworkError(f"{where} writes a signal that is already made")
            made.update(writes(op))
            fixed.update(() if isinstance(op, Conv) else writes(op))
            for array in arrays(op):
                if not np.isfinite(array).all():
                    raise NetworkError(f"{where} has a weight that is not finite")
        if self.output not in made:
            raise NetworkError("nothing makes the output")

    def without_dead_work(self) -> Network:
        """The same network without operations that never reach its output."""
        wanted, kept = {self.output}, []
        for op in reversed(self.ops):
            if not wanted.intersection(writes(op)):
                continue
            if isinstance(op, Conv) and op.target not in wanted:
                op = Conv(None, op.terms, op.bias, op.adds, op.steps, op.total)
            wanted.update(reads(op))
            kept.append(op)
        return Network(self.input, self.output, kept[::-1])

    @property
    def receptive_field(self) -> int:
        """Samples of input that one sample of output can depend on; recurrence not counted.

        Of a box, what it says that it needs to come to rest.
        """
        return 1 + self._longest(_memory)

    @property
    def fading_frames(self) -> int:
        """Frames of silence after which nothing of the past is heard, states that fade counted.

        LSTMs and GRUs do not tell.
        """
        return 1 + self._longest(lambda op: _fading(op) if isinstance(op, Ssm) else _memory(op))

    @property
    def ringing_frames(self) -> int:
        """Frames for which its boxes ring on when nothing comes in."""
        return self._longest(lambda op: _memory(op) if isinstance(op, Stage) else 0)

    @property
    def latency_samples(self) -> int:
        """How late the sound itself comes out: the latest of all ways through boxes."""
        return self._longest(lambda op: op.box.latency_samples if isinstance(op, Stage) else 0)

    def _longest(self, length: Callable[[Op], int]) -> int:
        """The longest way from input to output; a convolution counts for each term alone."""
        reach = {self.input: 0}
        for op in self.ops:
            if isinstance(op, Conv):
                depth = [reach[signal] for signal in reads(op)]
                depth += [reach[t.signal] + length(Conv(None, (t,))) for t in op.terms]
            else:
                depth = [reach[signal] + length(op) for signal in reads(op)]
            for signal in writes(op):
                reach[signal] = max([reach.get(signal, 0), *depth])
        return reach[self.output]

    @property
    def is_recurrent(self) -> bool:
        """Whether some state fades instead of ending."""
        return any(isinstance(op, (Lstm, Gru, Ssm, Stage)) for op in self.ops)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one sample, those of convolutions and matrices only."""
        total = 0
        for op in self.ops:
            if isinstance(op, Conv):
                total += sum(term.weights.size for term in op.terms)
            elif isinstance(op, (Lstm, Gru)):
                total += op.w_in.size + op.w_state.size
            elif isinstance(op, Ssm):
                total += 3 * op.a.size + op.d.size
        return total

    @property
    def weights(self) -> int:
        """How many numbers it has learnt."""
        numbers = [v for op in self.ops if isinstance(op, Stage) for v in op.box.numbers().values()]
        learnt = sum(array.size for op in self.ops for array in arrays(op))
        return learnt + sum(np.size(value) for value in numbers if not isinstance(value, str))

    @property
    def shape_key(self) -> str:
        """A digest of all but the weights' values: networks that share it share a kernel."""
        numbers: dict[Signal, int] = {self.input: 0}
        text = [f"in {self.input.channels}"]
        for op in self.ops:
            for signal in (*reads(op), *writes(op)):
                numbers.setdefault(signal, len(numbers))
            text.append(describe(op, numbers))
        text.append(f"out {numbers.get(self.output)}")
        return hashlib.sha256("\n".join(text).encode()).hexdigest()


FADED = 1e-6
LONGEST_FADE = 1 << 20  # samples; a pole that takes longer is as good as an integrator


def _memory(op: Op) -> int:
    """Samples of the past an operation hears, where there is an end to it."""
    if isinstance(op, Conv):
        return max((term.lookback for term in op.terms), default=0)
    if isinstance(op, Stage):
        return max(0, op.box.settle_frames(op.sample_rate) - 1)
    return 0


def _fading(op: Ssm) -> int:
    """Samples until the slowest state has lost all but a millionth."""
    size = float(np.hypot(op.a[..., 0], op.a[..., 1], dtype=np.float64).max())
    if size <= FADED:
        return 1
    return min(LONGEST_FADE, math.ceil(math.log(FADED) / math.log(min(size, 1.0 - 1e-9))))
