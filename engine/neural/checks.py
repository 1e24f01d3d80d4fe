"""Whether an operation fits together, and one line that says all of it but its weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.neural.ops import (
    Blend,
    Conv,
    Film,
    Gate,
    Lstm,
    NetworkError,
    Op,
    Prelu,
    Signal,
    Softmax,
    Ssm,
    Stage,
    Step,
)


def check_widths(op: Op, where: str) -> None:
    """Raise NetworkError if arrays and signals of ``op`` do not fit each other."""
    if isinstance(op, Softmax):
        expected = [("target", op.target.channels, op.source.channels)]
    elif isinstance(op, Conv):
        expected = _conv_widths(op)
    elif isinstance(op, Ssm):
        expected = _ssm_widths(op, where)
    elif isinstance(op, Stage):
        if not op.sources:
            raise NetworkError(f"{where}: a box that hears nothing")
        heard = 1 + op.box.controls
        expected = [("target", op.target.channels, 1), (f"{op.box.kind} rows", op.rows, heard)]
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


def _ssm_widths(op: Ssm, where: str) -> list[tuple[str, int, int]]:
    channels = op.source.channels
    if op.a.ndim != 3 or op.a.shape[2] != 2 or op.c.shape != op.a.shape or op.a.shape[1] < 1:
        raise NetworkError(
            f"{where}: a {op.a.shape} and c {op.c.shape} must both be (channels, states, 2)"
        )
    if not (np.hypot(*np.moveaxis(op.a.astype(np.float64), 2, 0)) < 1.0).all():
        raise NetworkError(f"{where}: a pole outside the unit circle")
    return [
        ("a", len(op.a), channels),
        ("d", op.d.size, channels),
        ("target", op.target.channels, channels),
    ]


def describe(op: Op, numbers: dict[Signal, int]) -> str:
    """One line that says all of an operation but its weights."""

    def name(signal: Signal | None) -> str:
        return "-" if signal is None else f"{numbers[signal]}:{signal.channels}"

    if isinstance(op, Stage):  # its code and its memory are found through the network's memory
        return f"Stage {[name(signal) for signal in op.sources]} {name(op.target)}"
    if isinstance(op, Ssm):
        return f"Ssm {name(op.source)} {name(op.target)} {op.states}"
    if not isinstance(op, Conv):
        return f"{type(op).__name__} {name(op.source)} {name(op.target)}"
    terms = [f"{name(t.signal)} {t.weights.shape} {t.dilation} {t.groups}" for t in op.terms]
    steps = [_describe_step(step, name) for step in op.steps]
    parts: Sequence[object] = (
        name(op.target), name(op.total), terms, op.bias is not None,
        [name(signal) for signal in op.adds], steps,
    )  # fmt: skip
    return f"Conv {parts}"


def _describe_step(step: Step, name: Callable[[Signal | None], str]) -> str:
    if isinstance(step, Film):
        return f"Film {name(step.scale)} {name(step.shift)}"
    return "Prelu" if isinstance(step, Prelu) else repr(step)
