"""What a network can do to its signals: the operations and what each reads, writes and has learnt.

Everything here is causal and runs at the network's own sample rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from engine.boxes.box import Box

Array = npt.NDArray[np.float32]

ACTIVATIONS: dict[str, int] = {
    "tanh": 0,
    "sigmoid": 0,
    "relu": 0,
    "silu": 0,  # x sigmoid(x)
    "softsign": 0,  # x / (1 + |x|)
    "hardtanh": 2,  # lowest, highest
    "leaky_relu": 1,  # slope below zero
    "hardswish": 0,  # x clip(x + 3, 0, 6) / 6
    "leaky_hardtanh": 4,  # lowest, highest, slope below, slope above
    "fast_tanh": 0,  # the rational of NAM's players, whatever tanh is asked for
    "softsigmoid": 0,  # (1 + x / (1 + |x|)) / 2
    "elu": 0,  # x above zero, exp(x) - 1 below
}
"""The curves a network may use, and how many constants each takes."""


class NetworkError(ValueError):
    """A network that does not fit together; the message says where."""


class Signal:
    """Some channels of sound inside a network; compared by identity."""

    def __init__(self, channels: int) -> None:
        if channels < 1:
            raise NetworkError(f"a signal of {channels} channels")
        self.channels = channels


@dataclass(frozen=True)
class Activate:
    """Bend every channel with one curve; ``constants`` as ``ACTIVATIONS`` lists them."""

    curve: str
    constants: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if ACTIVATIONS.get(self.curve) != len(self.constants):
            raise NetworkError(f"{self.curve} with {len(self.constants)} constants")
        floats = tuple(float(constant) for constant in self.constants)  # one shape, one text
        object.__setattr__(self, "constants", floats)


@dataclass(frozen=True, eq=False)
class Prelu:
    """Below zero each channel has a slope of its own: ``slopes`` (channels,)."""

    slopes: Array


@dataclass(frozen=True, eq=False)
class Film:
    """Multiply by ``scale`` and add ``shift``, signals with as many channels (Perez 2018)."""

    scale: Signal
    shift: Signal | None


@dataclass(frozen=True)
class Gate:
    """Halve the channels: curve of the first half times gate of the second."""

    curve: Activate
    gate: Activate


@dataclass(frozen=True)
class Blend:
    """Halve the channels: with g = gate(second), g curve(first) + (1 - g) first."""

    curve: Activate
    gate: Activate


Step = Activate | Prelu | Film | Gate | Blend


@dataclass(frozen=True, eq=False)
class Term:
    """A causal convolution of ``signal``: ``weights`` (out, in / groups, taps).

    The last tap is the current sample; tap j looks back (taps - 1 - j) ``dilation`` samples.
    """

    signal: Signal
    weights: Array
    dilation: int = 1
    groups: int = 1

    def __post_init__(self) -> None:
        out, per_group, taps = self.weights.shape
        if per_group * self.groups != self.signal.channels or out % self.groups or taps < 1:
            raise NetworkError(
                f"weights {self.weights.shape} in {self.groups} groups "
                f"on {self.signal.channels} channels"
            )

    @property
    def lookback(self) -> int:
        """Samples of the past this reads."""
        return int(self.weights.shape[2] - 1) * self.dilation


@dataclass(eq=False)
class Conv:
    """Sum of convolutions, a bias (out,) and other signals, then steps.

    The result is written to ``target`` (None: nowhere) and, where there is a ``total``, stored
    there by the first operation that names it and added to it by the later ones. ``adds`` may
    contain ``target``: the result then replaces it in place.
    """

    target: Signal | None
    terms: tuple[Term, ...] = ()
    bias: Array | None = None
    adds: tuple[Signal, ...] = ()
    steps: tuple[Step, ...] = ()
    total: Signal | None = None

    @property
    def width(self) -> int:
        """Channels before the steps."""
        if self.terms:
            return int(self.terms[0].weights.shape[0])
        return self.adds[0].channels

    @property
    def out(self) -> int:
        """Channels after the steps."""
        halves = sum(isinstance(step, (Gate, Blend)) for step in self.steps)
        return self.width >> halves


@dataclass(eq=False)
class Lstm:
    """A layer of LSTM (Hochreiter & Schmidhuber 1997); gate rows in the order i, f, g, o.

    ``w_in`` (4 H, in), ``w_state`` (4 H, H), ``bias`` (4 H,), initial ``h0`` and ``c0`` (H,).
    """

    source: Signal
    target: Signal
    w_in: Array
    w_state: Array
    bias: Array
    h0: Array
    c0: Array


@dataclass(eq=False)
class Gru:
    """A layer of GRU (Cho et al. 2014), reset after the product; rows in the order r, z, n.

    ``w_in`` (3 H, in), ``w_state`` (3 H, H), ``b_in`` and ``b_state`` (3 H,), ``h0`` (H,).
    n = tanh(W_n x + b_in + r (U_n h + b_state)), h becomes (1 - z) n + z h.
    """

    source: Signal
    target: Signal
    w_in: Array
    w_state: Array
    b_in: Array
    b_state: Array
    h0: Array


@dataclass(eq=False)
class Softmax:
    """Exponentials of the channels, divided by their sum, sample by sample."""

    source: Signal
    target: Signal


@dataclass(eq=False)
class Ssm:
    """A diagonal state space: each of H channels has N complex states of its own.

    s_n[t] = a_n s_n[t - 1] + x[t] and y[t] = Re(sum over n of c_n s_n[t]) + d x[t]: S4D of Gu
    et al. 2022, discretised, with B and the factor 2 of conjugate pairs folded into ``c``.
    ``a`` and ``c`` (H, N, 2) hold real and imaginary parts, abs(a) < 1; ``d`` (H,).
    """

    source: Signal
    target: Signal
    a: Array
    c: Array
    d: Array

    @property
    def states(self) -> int:
        """N, the complex states of a channel."""
        return int(self.a.shape[1])


@dataclass(eq=False)
class Stage:
    """A grey box: a piece of DSP whose parameters were learnt, compiled on its own.

    Row 0 of what its kernel hears, and the one it makes, is the sound; further rows are the
    other channels of ``sources`` in order: knobs, an LFO. ``target`` has one channel. The box
    is prepared for ``sample_rate``, that of the network.
    """

    sources: tuple[Signal, ...]
    target: Signal
    box: Box
    sample_rate: int = 48_000

    @property
    def rows(self) -> int:
        """Rows its kernel hears."""
        return sum(signal.channels for signal in self.sources)


Op = Conv | Lstm | Gru | Softmax | Ssm | Stage


class Maker(Protocol):
    """Whatever makes one signal of another."""

    source: Signal
    target: Signal


def reads(op: Op | Maker) -> Iterator[Signal]:
    """Every signal an operation reads; a total that it adds to is not counted."""
    if isinstance(op, Conv):
        yield from (term.signal for term in op.terms)
        yield from op.adds
        for step in op.steps:
            if isinstance(step, Film):
                yield step.scale
                if step.shift is not None:
                    yield step.shift
    elif isinstance(op, Stage):
        yield from op.sources
    else:
        yield op.source


def writes(op: Op | Maker) -> Iterator[Signal]:
    """Every signal an operation writes."""
    if op.target is not None:
        yield op.target
    if isinstance(op, Conv) and op.total is not None:
        yield op.total


def arrays(op: Op) -> Iterator[Array]:
    """Every array of weights of an operation."""
    if isinstance(op, Conv):
        yield from (term.weights for term in op.terms)
        if op.bias is not None:
            yield op.bias
        yield from (step.slopes for step in op.steps if isinstance(step, Prelu))
    elif isinstance(op, Lstm):
        yield from (op.w_in, op.w_state, op.bias, op.h0, op.c0)
    elif isinstance(op, Gru):
        yield from (op.w_in, op.w_state, op.b_in, op.b_state, op.h0)
    elif isinstance(op, Ssm):
        yield from (op.a, op.c, op.d)
