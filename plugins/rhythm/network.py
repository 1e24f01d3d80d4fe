"""The network of a learnt drummer, one step in small slices, so that no block has all the work.

The equations are in models.pulse.rhythm.reference. A matrix is kept as a row an input: what is 0
in ``seen``, and most of it is, costs nothing.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.rhythm import RhythmModel

COLUMNS = 48  # inputs of the GRU in a slice: 23 thousand products, about 5 microseconds
ANSWER_COLUMNS = 96

Net = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Net",
    "gates_in gates_bias gates hidden seen answer_in answer_bias answer gate_slices answer_slices",
)


def network(model: RhythmModel) -> dict[str, Any]:
    """State of ``advance``: the matrices, and room for a step."""
    w = model.arrays
    into = np.concatenate([w["Wi"].T, w["Wh"].T])
    answer = np.concatenate([np.stack([w["Ah"], w["Qh"]]), np.stack([w["Ax"], w["Qx"]])], axis=2)
    size = 2 * model.chain
    return {
        "gates_in": np.ascontiguousarray(into),  # (X + H, 3H)
        "gates_bias": np.stack([w["bi"], w["bh"]]),
        "gates": np.zeros((2, 3 * model.hidden), np.float32),
        "hidden": np.zeros(model.hidden, np.float32),
        "seen": np.zeros(model.inputs, np.float32),
        "answer_in": np.ascontiguousarray(answer.reshape(size, -1).T),  # (H + X, 2E)
        "answer_bias": np.concatenate([w["a"], w["qa"]]),
        "answer": np.zeros(size, np.float32),  # E numbers for hits, E for how they are played
        "gate_slices": -(-(model.inputs + model.hidden) // COLUMNS),
        "answer_slices": -(-(model.inputs + model.hidden) // ANSWER_COLUMNS),
    }


@kernel
def advance(net: Any, slice: int) -> bool:
    """Do slice 0, 1, 2 ... of a step whose ``seen`` is filled; True once ``answer`` is there."""
    if slice < net.gate_slices:
        gather(net, slice * COLUMNS)
        return False
    if slice == net.gate_slices:
        renew(net)
        return False
    slice -= net.gate_slices + 1
    add_answers(net, slice * ANSWER_COLUMNS)
    return slice + 1 >= net.answer_slices


@kernel
def gather(net: Any, first: int) -> None:
    """Add what some inputs do to the gates: what is seen to row 0, what was hidden to row 1."""
    gates, seen, hidden = net.gates, net.seen, net.hidden
    if first == 0:
        for i in range(gates.shape[1]):
            gates[0, i] = net.gates_bias[0, i]
            gates[1, i] = net.gates_bias[1, i]
    count = seen.shape[0]
    for j in range(first, min(first + COLUMNS, count + hidden.shape[0])):
        if j < count:
            add_row(net.gates_in[j], seen[j], gates[0])
        else:
            add_row(net.gates_in[j], hidden[j - count], gates[1])


@kernel
def add_row(row: Any, factor: float, total: Any) -> None:
    if factor == np.float32(0.0):
        return
    for i in range(total.shape[0]):
        total[i] += factor * row[i]


@kernel
def renew(net: Any) -> None:
    """The GRU's new hidden state; gates are reset, update, new, as torch has them."""
    gates, hidden = net.gates, net.hidden
    size, one = hidden.shape[0], np.float32(1.0)
    for i in range(size):
        reset = sigmoid(gates[0, i] + gates[1, i])
        update = sigmoid(gates[0, size + i] + gates[1, size + i])
        new = np.float32(math.tanh(gates[0, 2 * size + i] + reset * gates[1, 2 * size + i]))
        hidden[i] = (one - update) * new + update * hidden[i]


@kernel
def sigmoid(x: float) -> float:
    return np.float32(1.0) / (np.float32(1.0) + np.float32(math.exp(-x)))


@kernel
def add_answers(net: Any, first: int) -> None:
    """Add what some of the hidden and seen numbers do to both chains' beginnings."""
    answer, seen, hidden = net.answer, net.seen, net.hidden
    if first == 0:
        for i in range(answer.shape[0]):
            answer[i] = net.answer_bias[i]
    count = hidden.shape[0]
    for j in range(first, min(first + ANSWER_COLUMNS, count + seen.shape[0])):
        add_row(net.answer_in[j], hidden[j] if j < count else seen[j - count], answer)


__all__ = ["advance", "network", "sigmoid"]
