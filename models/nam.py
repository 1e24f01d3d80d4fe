"""Writes a recurrent network of ours as ``.nam``, for every player of Neural Amp Modeler.

``.nam`` knows LSTM layers and a linear output, but no skip: a network that adds the sound
itself is given one more unit in each layer that passes it on, see ``through_a_unit``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.loudness import measure
from engine.modelfiles import ModelFile
from engine.modelfiles.write import lstm_nam
from engine.neural.network import (
    Array,
    Conv,
    Gru,
    Lstm,
    Network,
    Op,
    Softmax,
    Ssm,
    Stage,
)

FAINT = 2.0**-12  # a power of two: no rounding
OPEN = 16.0  # the sigmoid of this is 1 but for 1.1e-7
GATES = 4  # i, f, g, o
_I, _F, _G, _O = range(GATES)
KINDS: dict[type, str] = {
    Conv: "convolutions",
    Lstm: "LSTM",
    Gru: "GRU",
    Ssm: "state spaces",
    Softmax: "a softmax",
}


@dataclass(frozen=True, eq=False)
class Stack:
    """Layers of LSTM and a linear output ``head`` (H,), ``bias``, to which ``skip`` x is added."""

    layers: tuple[Lstm, ...]
    head: NDArray[np.float64]
    bias: float
    skip: float = 0.0


def lstm_bytes(network: Network, sample_rate: int, said: Mapping[str, Any]) -> bytes:
    """Return a network of LSTM layers as ``.nam``, with the metadata ``said`` of it.

    ValueError if it is anything else, or has knobs, which players of ``.nam`` lack.
    """
    stack = through_a_unit(stack_of(network))
    names = ("w_in", "w_state", "bias", "h0", "c0")
    w_in, w_state, bias, h0, c0 = ([getattr(x, name) for x in stack.layers] for name in names)
    head = stack.head, [stack.bias]
    return lstm_nam(w_in, w_state, bias, h0, c0, *head, sample_rate, said)


def said_of(model: ModelFile) -> dict[str, Any]:
    """Return metadata for any model, under NAM's names: its name, the date and its levels."""
    now, heard = datetime.now(UTC), measure(model)
    parts = ("year", "month", "day", "hour", "minute", "second")
    date = {part: getattr(now, part) for part in parts}
    return {
        "name": model.name,
        "date": date,
        "loudness": heard.loudness_db,
        "gain": heard.gain,
    }


def stack_of(network: Network) -> Stack:
    """Return the layers of a network; ValueError if they are not all LSTM, or it has knobs."""
    if network.knobs:
        raise ValueError(f"has {network.knobs} knobs; players of .nam have none")
    layers = tuple(op for op in network.ops[:-1] if isinstance(op, Lstm))
    heard = [network.input, *(layer.target for layer in layers)]
    if not layers or [*layers, network.ops[-1]] != network.ops:
        wanted = "is not made of layers of LSTM and a linear output"
        raise ValueError(f"{wanted}, but has {', '.join(_parts(network))}")
    if any(layer.source is not below for layer, below in zip(layers, heard, strict=False)):
        raise ValueError("has layers that hear something else than the layer below")
    return _with_head(layers, network, network.ops[-1])


def _parts(network: Network) -> list[str]:
    """Return what a network is made of, each kind once."""
    kinds = (
        f"a box ({op.box.kind})" if isinstance(op, Stage) else KINDS.get(type(op), "something else")
        for op in network.ops
    )
    return list(dict.fromkeys(kinds))


def _with_head(layers: tuple[Lstm, ...], network: Network, head: Op) -> Stack:
    """Return layers with the output ``head``; ValueError if it does more than .nam can say."""
    sources = [layers[-1].target, network.input]
    terms = head.terms if isinstance(head, Conv) else ()
    if not isinstance(head, Conv) or head.adds or head.steps or head.total or not terms:
        raise ValueError("does not end in a linear output")
    if [term.signal for term in terms] != sources[: len(terms)] or any(t.lookback for t in terms):
        raise ValueError("hears more at its output than the last layer and the sound")
    weights, *skip = (term.weights.reshape(-1).astype(np.float64) for term in terms)
    bias = 0.0 if head.bias is None else float(head.bias[0])
    return Stack(layers, weights, bias, float(skip[0][0]) if skip else 0.0)


# -- the skip as a unit -------------------------------------------------------------------


def through_a_unit(stack: Stack) -> Stack:
    """Return the same without a skip: one more unit in each layer passes the sound.

    The unit's input and output gates are held open by their biases and its forget gate shut,
    so it is tanh(tanh(FAINT x)), and the head takes it 1 / FAINT times. What differs from x
    is 2/3 (FAINT x)^2 of it in each layer, 4e-8 at full scale, and the 1.1e-7 of the sample
    before that leak through the forget gate: about as much as rounding. It needs a tanh whose
    error is relative, as those of C, numpy and our kernels are. The fast tanh of NAM's plugin is
    0.4 % too steep around zero, so there the skip is 0.9 % too loud.
    """
    if stack.skip == 0.0:
        return stack
    layers = tuple(_with_unit(layer, first=layer is stack.layers[0]) for layer in stack.layers)
    opened = (1.0 + math.exp(-OPEN)) ** (2 * len(layers))
    return Stack(layers, np.append(stack.head, stack.skip * opened / FAINT), stack.bias)


def _with_unit(layer: Lstm, first: bool) -> Lstm:
    """Return a layer with a last unit that hears only the sound, or the unit below."""
    below = 0 if first else 1
    w_in = _grown(layer.w_in, below)
    w_in[_G, -1, 0 if first else -1] = FAINT if first else 1.0
    bias = _grown(layer.bias[:, None], 0)
    bias[[_I, _F, _O], -1, 0] = OPEN, -OPEN, OPEN
    return replace(
        layer,
        w_in=_flat(w_in),
        w_state=_flat(_grown(layer.w_state, 1)),
        bias=_flat(bias)[:, 0],
        h0=np.append(layer.h0, np.float32(0.0)),
        c0=np.append(layer.c0, np.float32(0.0)),
    )


def _grown(weights: Array, columns: int) -> Array:
    """Return (4 H, n) as (4, H + 1, n + columns), zeros where it has grown."""
    return np.pad(weights.reshape(GATES, -1, weights.shape[1]), ((0, 0), (0, 1), (0, columns)))


def _flat(weights: Array) -> Array:
    return weights.reshape(-1, weights.shape[2])
