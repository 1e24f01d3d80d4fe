"""The follower's network, one hop at a time: a vector is so many channels of a layer.

What plays learnt amps (``engine.neural``) makes a vector of time; of one hop it would use one lane
in sixteen. Weights are 16-bit numbers, with a scale for each channel that they make: what takes
the time is to go through them, a hundred times a second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.approx import exp2
from engine.kernel import kernel
from engine.neural.network import Activate, Conv, Network, NetworkError, Signal

LOG2_E = np.float32(1.4426950408889634)
ELU = Activate("elu")
MOST = 32767  # of a weight, in its channel's scale
WIDTH, BENT, TARGET, FIRST_TERM, TERMS, LEVELS = range(6)
"""Of an operation: channels it makes, whether elu bends them, the signal they go to, its terms,
and where its scales begin, which its biases come after."""
SOURCE, TAPS, DILATION, WEIGHTS = range(4)
"""Of a term: the signal, how many taps (0: it is added as it is), hops between two of them, and
where its weights begin."""
PLACE, CHANNELS, ROWS = range(3)
"""Of a signal: where it begins in the past, and how many channels and hops of it are kept."""


def hopwise(network: Network | None) -> dict[str, Any]:
    """State of ``run_layers`` for a network of convolutions; for none, one of no operations.

    Raises NetworkError for operations that are none of a pulse network.
    """
    made = _Layers()
    if network is not None:
        made.number(network.input)
        for op in layers(network):
            made.append(op)
    return made.state()


def layers(network: Network) -> list[Conv]:
    """Its operations, the last of which makes its output; raises NetworkError for any other."""
    made = [_plain(op, where) for where, op in enumerate(network.ops)]
    if not made or made[-1].target is not network.output:
        raise NetworkError("its last operation does not make its output")
    return made


class _Layers:
    """Operations as rows of numbers, and what they use."""

    def __init__(self) -> None:
        self.ops: list[tuple[int, ...]] = []
        self.terms: list[tuple[int, ...]] = []
        self.levels: list[npt.NDArray[Any]] = []
        self.weights: list[npt.NDArray[np.int16]] = []
        self.kept: dict[Signal, int] = {}  # hops of it; signals in the order of their numbers

    def number(self, signal: Signal, lookback: int = 0) -> int:
        """The signal's number; it is kept for ``lookback`` hops."""
        self.kept[signal] = max(self.kept.get(signal, 1), lookback + 1)
        return list(self.kept).index(signal)

    def append(self, op: Conv) -> None:
        """Add an operation; weights (out, in, taps) go tap by tap, input by input."""
        assert op.target is not None
        largest = np.zeros(op.out)
        for term in op.terms:
            largest = np.maximum(largest, np.abs(term.weights).max((1, 2)))
        scale = np.where(largest > 0.0, largest, 1.0) / MOST
        first, level = len(self.terms), sum(map(len, self.levels))
        for term in op.terms:
            source, taps = self.number(term.signal, term.lookback), term.weights.shape[2]
            self.terms.append((source, taps, term.dilation, sum(map(len, self.weights))))
            whole = np.rint(term.weights.transpose(2, 1, 0) / scale).astype(np.int16)
            self.weights.append(whole.ravel())
        self.terms += [(self.number(signal), 0, 0, 0) for signal in op.adds]
        self.levels += [scale, np.zeros(op.out, np.float32) if op.bias is None else op.bias]
        bent, target, terms = ELU in op.steps, self.number(op.target), len(self.terms) - first
        self.ops.append((op.out, bent, target, first, terms, level))

    def state(self) -> dict[str, Any]:
        """The rows as arrays, and room for the past."""
        widths = np.array([signal.channels for signal in self.kept], np.int64)
        rows = np.array([*self.kept.values()], np.int64)
        ends = np.cumsum(widths * rows)
        return {
            "net_ops": np.array(self.ops, np.int64).reshape(-1, 6),
            "net_terms": np.array(self.terms, np.int64).reshape(-1, 4),
            "net_signals": np.stack([ends - widths * rows, widths, rows], axis=1),
            "net_weights": np.concatenate([np.zeros(0, np.int16), *self.weights]),
            "net_levels": np.concatenate([np.zeros(0), *self.levels]).astype(np.float32),
            "net_past": np.zeros(ends[-1] if len(ends) else 0, np.float32),
            "net_sums": np.zeros(widths.max(initial=0), np.float32),
            "net_hop": np.zeros(1, np.int64),
        }


def _plain(op: Any, where: int) -> Conv:
    """The operation, if it is one that ``run_layers`` knows."""
    if not isinstance(op, Conv):
        raise NetworkError(f"operation {where} is no convolution; a pulse network has no others")
    if op.steps not in ((), (ELU,)) or op.total is not None:
        raise NetworkError(f"operation {where} is bent otherwise than by elu, or added up")
    if any(term.groups > 1 for term in op.terms):
        raise NetworkError(f"operation {where} is in groups; a pulse network has none")
    return op


@kernel
def run_layers(state: Any, heard: Any, told: Any) -> None:
    """What the network makes of a hop: features ``heard`` to ``told``, its last signal."""
    ops, terms, signals = state.net_ops, state.net_terms, state.net_signals
    past, hop = state.net_past, state.net_hop[0]
    put(signals, past, hop, 0, heard)
    for k in range(ops.shape[0]):
        width, first = ops[k, WIDTH], ops[k, FIRST_TERM]
        sums = state.net_sums[:width]
        for i in range(width):
            sums[i] = np.float32(0.0)
        for t in range(first, first + ops[k, TERMS]):
            at, taps = terms[t, WEIGHTS], terms[t, TAPS]
            for j in range(taps):
                back = (taps - 1 - j) * terms[t, DILATION]
                source = row(signals, past, hop - back, terms[t, SOURCE])
                add_products(source, state.net_weights[at:], sums)
                at += source.shape[0] * width
        levels = state.net_levels[ops[k, LEVELS] :]
        for i in range(width):
            sums[i] = sums[i] * levels[i] + levels[width + i]
        for t in range(first, first + ops[k, TERMS]):
            if terms[t, TAPS] == 0:
                source = row(signals, past, hop, terms[t, SOURCE])
                for i in range(width):
                    sums[i] += source[i]
        if ops[k, BENT] == 1:
            bend(sums)
        put(signals, past, hop, ops[k, TARGET], sums)
    last = row(signals, past, hop, ops[ops.shape[0] - 1, TARGET])
    for i in range(told.shape[0]):
        told[i] = last[i]
    state.net_hop[0] += 1


@kernel
def row(signals: Any, past: Any, hop: int, number: int) -> Any:
    """A signal's channels at a hop."""
    channels = signals[number, CHANNELS]
    at = signals[number, PLACE] + hop % signals[number, ROWS] * channels
    return past[at : at + channels]


@kernel
def put(signals: Any, past: Any, hop: int, number: int, values: Any) -> None:
    """Write a signal's channels."""
    made = row(signals, past, hop, number)
    for i in range(made.shape[0]):
        made[i] = values[i]


@kernel
def add_products(source: Any, weights: Any, sums: Any) -> None:
    """Add to each sum each of ``source`` times its weight; four of them at once."""
    width, count = sums.shape[0], source.shape[0]
    four = count - count % 4
    for k in range(0, four, 4):
        a, b, c, d = source[k], source[k + 1], source[k + 2], source[k + 3]
        at = k * width
        first, second = weights[at : at + width], weights[at + width : at + 2 * width]
        at += 2 * width
        third, fourth = weights[at : at + width], weights[at + width : at + 2 * width]
        for i in range(width):
            low = a * np.float32(first[i]) + b * np.float32(second[i])
            sums[i] += low + (c * np.float32(third[i]) + d * np.float32(fourth[i]))
    for k in range(four, count):
        a, first = source[k], weights[k * width : (k + 1) * width]
        for i in range(width):
            sums[i] += a * np.float32(first[i])


@kernel
def bend(sums: Any) -> None:
    """An exponential linear unit."""
    one, zero = np.float32(1.0), np.float32(0.0)
    for i in range(sums.shape[0]):
        x = sums[i]
        sums[i] = max(x, zero) + (exp2(min(x, zero) * LOG2_E) - one)


__all__ = ["hopwise", "layers", "run_layers"]
