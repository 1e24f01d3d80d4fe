"""Operations as there are kernels for them.

States of a recurrent layer lie row by row in time, all else channel by channel: what reads them is
rewritten. A gate over groups is taken apart, and an input whose past is read is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.neural.network import (
    Array,
    Blend,
    Conv,
    Film,
    Gate,
    Gru,
    Lstm,
    Network,
    Op,
    Signal,
    Softmax,
    Ssm,
    Stage,
    Term,
)  # fmt: skip

PROJECTED = 4
"""Up to so many rows of a product with a state are sums over it; more, and it is transposed."""


class Project:
    """Few rows of a matrix times a recurrent layer's state."""

    def __init__(self, source: Signal, target: Signal, weights: Array) -> None:
        self.source, self.target, self.weights = source, target, weights


class Transpose:
    """A recurrent layer's states as planar sound."""

    def __init__(self, source: Signal, target: Signal) -> None:
        self.source, self.target = source, target


Lowered = Op | Project | Transpose


def lowered(network: Network) -> tuple[list[Lowered], Signal]:
    """Operations as there are kernels for them, and the signal that is written out."""
    ops: list[Lowered] = []
    columns: set[Signal] = set()
    planar: dict[Signal, Signal] = {}

    def as_planar(signal: Signal) -> Signal:
        if signal not in columns:
            return signal
        if signal not in planar:
            planar[signal] = Signal(signal.channels)
            ops.append(Transpose(signal, planar[signal]))
        return planar[signal]

    def without_columns(op: Conv) -> Conv:
        terms: list[Term] = []
        adds = [as_planar(signal) for signal in op.adds]
        for term in op.terms:
            out, _, taps = term.weights.shape
            if term.signal in columns and taps == term.groups == 1 and out <= PROJECTED:
                adds.append(Signal(out))
                ops.append(Project(term.signal, adds[-1], term.weights[:, :, 0]))
            else:
                terms.append(replace(term, signal=as_planar(term.signal)))
        steps = tuple(planar_film(step) if isinstance(step, Film) else step for step in op.steps)
        return Conv(op.target, tuple(terms), op.bias, tuple(adds), steps, op.total)

    def planar_film(step: Film) -> Film:
        return Film(as_planar(step.scale), as_planar(step.shift) if step.shift else None)

    for op in network.ops:
        if isinstance(op, (Lstm, Gru)):
            columns.add(op.target)
            ops.append(op)
        elif isinstance(op, Softmax):
            ops.append(Softmax(as_planar(op.source), op.target))
        elif isinstance(op, Ssm):
            ops.append(replace(op, source=as_planar(op.source)))
        elif isinstance(op, Stage):
            sources = tuple(as_planar(signal) for signal in op.sources)
            ops.append(replace(op, sources=sources))
        else:
            ops += _without_gates_in_groups(without_columns(op))
    read_later = {term.signal for op in ops if isinstance(op, Conv)
                  for term in op.terms if term.lookback}  # fmt: skip
    output = network.output
    if output in columns or output in read_later or output is network.input:
        source = as_planar(output)
        output = Signal(source.channels)
        ops.append(Conv(output, adds=(source,)))
    if network.input in read_later:
        ops = _with_input_kept(ops, network.input)
    return ops, output


def _without_gates_in_groups(op: Conv) -> list[Lowered]:
    """A gate joins channels of different groups: the sums are written down first."""
    gated = any(isinstance(step, (Gate, Blend)) for step in op.steps)
    if not gated or all(term.groups == 1 for term in op.terms):
        return [op]
    sums = Signal(op.width)
    return [
        Conv(sums, op.terms, op.bias, op.adds),
        Conv(op.target, adds=(sums,), steps=op.steps, total=op.total),
    ]


def _with_input_kept(ops: Sequence[Lowered], source: Signal) -> list[Lowered]:
    """Copy the input to a signal of its own, whose past can be kept."""
    kept = Signal(source.channels)

    def moved(op: Lowered) -> Lowered:
        if not isinstance(op, Conv):
            return op
        terms = tuple(
            replace(t, signal=kept) if t.signal is source and t.lookback else t for t in op.terms
        )
        return Conv(op.target, terms, op.bias, op.adds, op.steps, op.total)

    return [Conv(kept, adds=(source,)), *(moved(op) for op in ops)]


def lookbacks(ops: Sequence[Lowered]) -> dict[Signal, int]:
    """How far into the past each signal is read, where it is."""
    found: dict[Signal, int] = {}
    for op in ops:
        for term in op.terms if isinstance(op, Conv) else ():
            if term.lookback:
                found[term.signal] = max(term.lookback, found.get(term.signal, 0))
    return found
