"""A neural network as the audio thread will run it: signals and the operations between them.

A reader of a file format builds a ``Network``; ``engine.neural.compiled`` makes machine code
of it. Weights are data, shapes are code: two networks with the same ``shape_key`` share one
kernel. Everything here is causal and runs at the network's own sample rate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

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


Op = Conv | Lstm | Gru | Softmax


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
        """Raise NetworkError if a width does not fit or a signal is read before it is made."""
        made = {self.input}
        for number, op in enumerate(self.ops):
            where = f"operation {number}"
            for signal in reads(op):
                if signal not in made:
                    raise NetworkError(f"{where} reads a signal that nothing made")
            _check_widths(op, where)
            made.update(writes(op))
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
        """Samples of input that one sample of output can depend on; recurrence not counted."""
        reach = {self.input: 0}
        for op in self.ops:
            depth = [reach[signal] for signal in reads(op)]
            if isinstance(op, Conv):
                depth += [reach[term.signal] + term.lookback for term in op.terms]
            for signal in writes(op):
                reach[signal] = max([reach.get(signal, 0), *depth])
        return 1 + reach[self.output]

    @property
    def is_recurrent(self) -> bool:
        """Whether some state fades instead of ending."""
        return any(isinstance(op, (Lstm, Gru)) for op in self.ops)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one sample, those of convolutions and matrices only."""
        total = 0
        for op in self.ops:
            if isinstance(op, Conv):
                total += sum(term.weights.size for term in op.terms)
            elif isinstance(op, (Lstm, Gru)):
                total += op.w_in.size + op.w_state.size
        return total

    @property
    def weights(self) -> int:
        """How many numbers it has learnt."""
        return sum(array.size for op in self.ops for array in arrays(op))

    @property
    def shape_key(self) -> str:
        """A digest of all but the weights' values: networks that share it share a kernel."""
        numbers: dict[Signal, int] = {self.input: 0}
        text = [f"in {self.input.channels}"]
        for op in self.ops:
            for signal in (*reads(op), *writes(op)):
                numbers.setdefault(signal, len(numbers))
            text.append(_describe(op, numbers))
        text.append(f"out {numbers.get(self.output)}")
        return hashlib.sha256("\n".join(text).encode()).hexdigest()


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


def _check_widths(op: Op, where: str) -> None:
    if isinstance(op, Softmax):
        expected = [("target", op.target.channels, op.source.channels)]
    elif isinstance(op, Conv):
        expected = _conv_widths(op)
    else:
        gates = 4 if isinstance(op, Lstm) else 3
        hidden = op.target.channels
        expected = [
            ("w_in rows", op.w_in.shape[0], gates * hidden),
            ("w_in columns", op.w_in.shape[1], op.source.channels),
            ("w_state rows", op.w_state.shape[0], gates * hidden),
            ("w_state columns", op.w_state.shape[1], hidden),
            ("h0", len(op.h0), hidden),
        ]
        rows = (op.bias,) if isinstance(op, Lstm) else (op.b_in, op.b_state)
        expected += [("bias", len(bias), gates * hidden) for bias in rows]
        expected += [("c0", len(op.c0), hidden)] if isinstance(op, Lstm) else []
    for name, given, wanted in expected:
        if given != wanted:
            raise NetworkError(f"{where}: {name} has {given}, must have {wanted}")


def _conv_widths(op: Conv) -> list[tuple[str, int, int]]:
    if not op.terms and not op.adds:
        raise NetworkError("an operation on nothing")
    expected = [("weights", term.weights.shape[0], op.width) for term in op.terms]
    expected += [("added signal", signal.channels, op.width) for signal in op.adds]
    if op.bias is not None:
        expected.append(("bias", len(op.bias), op.width))
    width = op.width
    if sum(isinstance(step, (Gate, Blend)) for step in op.steps) > 1:
        raise NetworkError("an operation with two gates")
    for step in op.steps:
        if isinstance(step, (Gate, Blend)):
            expected.append(("gated channels", width % 2, 0))
            width //= 2
        elif isinstance(step, Prelu):
            expected.append(("slopes", len(step.slopes), width))
        elif isinstance(step, Film):
            expected += [("film", s.channels, width) for s in (step.scale, step.shift) if s]
    expected += [("target", s.channels, width) for s in (op.target, op.total) if s]
    return expected


def _describe(op: Op, numbers: dict[Signal, int]) -> str:
    """One line that says all of an operation but its weights."""

    def name(signal: Signal | None) -> str:
        return "-" if signal is None else f"{numbers[signal]}:{signal.channels}"

    if not isinstance(op, Conv):
        return f"{type(op).__name__} {name(op.source)} {name(op.target)}"
    terms = [f"{name(t.signal)} {t.weights.shape} {t.dilation} {t.groups}" for t in op.terms]
    steps = [_describe_step(step, name) for step in op.steps]
    parts: Sequence[object] = (
        name(op.target), name(op.total), terms, op.bias is not None,
        [name(signal) for signal in op.adds], steps,
    )  # fmt: skip
    return f"Conv {parts}"


def _describe_step(step: Step, name: object) -> str:
    assert callable(name)
    if isinstance(step, Film):
        return f"Film {name(step.scale)} {name(step.shift)}"
    return "Prelu" if isinstance(step, Prelu) else repr(step)
