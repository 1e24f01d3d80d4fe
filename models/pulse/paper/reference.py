"""Both networks spelt out in NumPy: a loop over time and, for the clockwork, over groups.

Slow and in double precision: what the trained ones are checked against. Nothing is shared with
``networks``; weights come as a dictionary of arrays, named as torch names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = Mapping[str, Array]


def lstm_logits(weights: Weights, values: Array) -> Array:
    """Logits (frames, classes) of the stacked LSTM without dropout, from rest; values (frames,)."""
    rows = values[:, None]
    for layer in ("first", "second"):
        rows = _lstm_layer(weights, layer, rows)
    return np.stack([weights["head.weight"] @ row + weights["head.bias"] for row in rows])


def _lstm_layer(weights: Weights, layer: str, inputs: Array) -> Array:
    """Outputs (frames, units); gates lie in the order input, forget, cell, output."""
    inward, recurrent = weights[f"{layer}.weight_ih_l0"], weights[f"{layer}.weight_hh_l0"]
    bias = weights[f"{layer}.bias_ih_l0"] + weights[f"{layer}.bias_hh_l0"]
    units = recurrent.shape[1]
    hidden, cell, rows = np.zeros(units), np.zeros(units), []
    for x in inputs:
        gates = inward @ x + recurrent @ hidden + bias
        let_in, forget, fresh, out = gates.reshape(4, units)
        cell = _sigmoid(forget) * cell + _sigmoid(let_in) * np.tanh(fresh)
        hidden = _sigmoid(out) * np.tanh(cell)
        rows.append(hidden)
    return np.stack(rows)


def clockwork_logits(weights: Weights, values: Array, sizes: tuple[int, ...]) -> Array:
    """Logits (frames, classes) of the clockwork RNN with groups of ``sizes``, from rest.

    At frame t group i is computed if t is a multiple of 2 ** i, from itself and slower groups.
    """
    edges = np.cumsum([0, *sizes])
    parts = [slice(edges[i], edges[i + 1]) for i in range(len(sizes))]
    inward, bias = weights["inward.weight"][:, 0], weights["inward.bias"]
    hidden, rows = np.zeros(edges[-1]), []
    for t, x in enumerate(values):
        before = hidden.copy()
        for i, rows_of in enumerate(parts):
            if t % 2**i != 0:
                continue
            total = inward[rows_of] * x + bias[rows_of]
            for columns in parts[i:]:
                total = total + weights["recurrent"][rows_of, columns] @ before[columns]
            hidden[rows_of] = np.tanh(total)
        rows.append(weights["head.weight"] @ hidden + weights["head.bias"])
    return np.stack(rows)


def difference(network: Any, values: Array) -> float:
    """The largest difference of a probability between ``network`` (torch) and the reference."""
    import torch

    from models.pulse.paper.networks import ClockworkRNN

    weights = {k: v.detach().numpy().astype(np.float64) for k, v in network.state_dict().items()}
    if isinstance(network, ClockworkRNN):
        expected = clockwork_logits(weights, values, network.sizes)
    else:
        expected = lstm_logits(weights, values)
    network.eval()
    with torch.inference_mode():
        given = torch.tensor(values, dtype=next(network.parameters()).dtype)[None]
        found = network.run(given)[0][0].softmax(-1).numpy()
    return float(np.abs(found - softmax(expected)).max())


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


__all__ = ["clockwork_logits", "difference", "lstm_logits", "softmax"]
