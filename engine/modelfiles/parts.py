"""What every reader builds networks of: weights in a file's order, and bodies that emit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.modelfiles.reading import refuse
from engine.neural.limits import MULTIPLY_ADDS, check_size
from engine.neural.network import (
    Activate,
    Array,
    Conv,
    Network,
    NetworkError,
    Op,
    Signal,
    Step,
    Term,
)

RECEPTIVE_FIELD = 1 << 22  # samples, 87 s at 48 kHz; the longest model known has 6347
FADING = 1 << 24  # samples of silence that it may need to come to rest: it is played them first
MEMORY = 1 << 20  # numbers a network keeps of its past: moving them must fit into a block
IDENTITY = Activate("leaky_relu", (1.0,))


@dataclass(frozen=True)
class Shape:
    """The sizes of a convolution, as a configuration tells them before any weight is read."""

    out: int
    into: int
    taps: int = 1
    bias: bool = True
    groups: int = 1
    dilation: int = 1

    @property
    def size(self) -> int:
        """How many weights it has in a file: the blocks on the diagonal, and the bias."""
        return self.out * (self.into // self.groups) * self.taps + self.bias * self.out

    @property
    def fits(self) -> bool:
        """Whether the groups divide the channels on both sides."""
        return self.out % self.groups == 0 and self.into % self.groups == 0


@dataclass(frozen=True, eq=False)
class Kernel:
    """A convolution read: ``weights`` (out, in / groups, taps), ``bias`` (out,) or None."""

    weights: Array
    bias: Array | None
    groups: int = 1
    dilation: int = 1

    def term(self, signal: Signal) -> Term:
        """Return it on a signal."""
        return Term(signal, self.weights, self.dilation, self.groups)

    def onto(self, signal: Signal, ops: list[Op], steps: tuple[Step, ...] = ()) -> Signal:
        """Append it and steps after it as one operation; return what that makes."""
        return put(ops, Conv(None, (self.term(signal),), self.bias, steps=steps))

    def scaled(self, factor: float) -> Kernel:
        """Return it with its result multiplied."""
        bias = None if self.bias is None else single(self.bias * np.float64(factor))
        return Kernel(single(self.weights * np.float64(factor)), bias, self.groups, self.dilation)

    def dense(self) -> Array:
        """Return the weights of all inputs, (out, in, taps), zeros between the groups."""
        out, per_group, taps = self.weights.shape
        if self.weights.size * self.groups > MULTIPLY_ADDS:
            raise NetworkError(f"{out} channels in {self.groups} groups are too many to spread out")
        rows, whole = out // self.groups, np.zeros((out, per_group * self.groups, taps), np.float32)
        for g in range(self.groups):
            block = slice(g * rows, (g + 1) * rows)
            whole[block, g * per_group : (g + 1) * per_group] = self.weights[block]
        return whole


class Stream:
    """Flat weights, taken from the front."""

    def __init__(self, weights: Array) -> None:
        self._weights, self._at = weights, 0

    def take(self, *shape: int) -> Array:
        """Return the next weights in this shape, row after row."""
        size = int(np.prod(shape))
        taken = self._weights[self._at : self._at + size].reshape(shape)
        self._at += size
        return taken

    def kernel(self, shape: Shape, keep: Shape | None = None) -> Kernel:
        """Return the next convolution; of a narrower ``keep``, its first rows and columns."""
        keep = keep or shape
        weights = self.take(shape.out, shape.into // shape.groups, shape.taps)
        bias = self.take(shape.out)[: keep.out] if shape.bias else None
        kept = np.ascontiguousarray(weights[: keep.out, : keep.into // keep.groups])
        return Kernel(kept, bias, shape.groups, shape.dilation)


class Body(Protocol):
    """A model read from a file, ready to be appended to any network."""

    @property
    def title(self) -> str:
        """What it is, in a few words: "LSTM 1x24"."""
        ...

    @property
    def outputs(self) -> int:
        """Channels that come out."""
        ...

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append its operations; return the signal they make of ``source``."""
        ...


def single(values: npt.NDArray[np.float64]) -> Array:
    """Return numbers in single precision; what is too large becomes infinite.

    ``Network.check`` refuses it then. Constants are folded in double precision, so that each
    weight is rounded once.
    """
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def put(ops: list[Op], op: Conv) -> Signal:
    """Append an operation that makes a new signal, and return that."""
    op.target = Signal(op.out)
    ops.append(op)
    return op.target


def network_of(path: Path, body: Body, inputs: int = 1, outputs: int = 1) -> Network:
    """Return the network of a body, checked and bounded, nothing dead in it."""
    ops: list[Op] = []
    source = Signal(inputs)
    try:
        output = body.emit(source, ops)
        if output.channels != outputs:
            refuse(
                path, f"{output.channels} channels of sound come out, only {outputs} is supported"
            )
        network = Network(source, output, ops).without_dead_work()
        network.check()
        check_size(network)
    except NetworkError as error:
        refuse(path, f"cannot be played: {error}")
    _check_memory(path, network)
    return network


def _check_memory(path: Path, network: Network) -> None:
    """Refuse a network that would keep more of its past, or longer, than any machine should."""
    depth: dict[Signal, int] = {}
    for op in network.ops:
        for term in op.terms if isinstance(op, Conv) else ():
            depth[term.signal] = max(depth.get(term.signal, 0), term.lookback)
    kept = sum(signal.channels * lookback for signal, lookback in depth.items())
    field = network.receptive_field
    if field > RECEPTIVE_FIELD or kept > MEMORY:
        limits = f"a model may reach {RECEPTIVE_FIELD} and keep {MEMORY}"
        refuse(path, f"reaches {field} samples back and keeps {kept} numbers; {limits}")
    if (fading := network.fading_frames) > FADING:
        refuse(path, f"rings for {fading} samples; a model may ring for {FADING}")
