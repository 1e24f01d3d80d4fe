"""How large a network may be: what a core can play, and what can be compiled while one waits.

A few hundred kilobytes of file can ask for hours: groups of one channel each, a hundred sizes of
kernel. The largest model known has 20 thousand multiply-adds a sample and 4 kinds of kernel.
"""

from __future__ import annotations

from engine.neural.network import (
    Conv,
    Film,
    Network,
    NetworkError,
    Prelu,
    Softmax,
    Ssm,
    Stage,
    reads,
    writes,
)

MULTIPLY_ADDS = 1_000_000
CALLS = 2_000
KINDS = 100
BOXES = 8
"""Each has memory of its own: 24 MB, where it is the longest line of echoes."""
CHANNELS = 100_000
"""Counted over all operations: what is bent, added and copied costs too."""


def check_size(network: Network) -> None:
    """Raise NetworkError if this network is too large for any machine to play."""
    calls, kinds, channels = 0, set[object](), 0
    for op in network.ops:
        channels += sum(signal.channels for signal in (*reads(op), *writes(op)))
        if isinstance(op, Conv):
            groups = max([term.groups for term in op.terms], default=1)
            calls += groups
            shapes = tuple((term.weights.shape, term.groups) for term in op.terms)
            steps = tuple(type(s) if isinstance(s, (Prelu, Film)) else s for s in op.steps)
            kinds.add((op.width, shapes, steps, len(op.adds)))
        elif isinstance(op, Stage):
            calls += 1
            kinds.add((Stage, tuple(signal.channels for signal in op.sources)))
        else:
            calls += 1
            states = op.states if isinstance(op, Ssm) else 0
            kinds.add((type(op), op.source.channels, op.target.channels, states))
            channels += 4 * op.source.channels if isinstance(op, Softmax) else 0
    for what, count, most in (
        ("multiply-adds a sample", network.multiply_adds, MULTIPLY_ADDS),
        ("groups and operations", calls, CALLS),
        ("kinds of operation", len(kinds), KINDS),
        ("boxes", sum(isinstance(op, Stage) for op in network.ops), BOXES),
        ("channels in all its operations", channels, CHANNELS),
    ):
        if count > most:
            raise NetworkError(f"{count} {what}; at most {most} can be played")
