"""Writes a recurrent network in the JSON of GuitarML, which our own kernels play too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[np.float32]


def guitarml(
    core: nn.LSTM | nn.GRU, dense: nn.Linear, skip: bool, input_gain: float,
    sample_rate: int, name: str,
) -> bytes:  # fmt: skip
    """Return the document of torch's ``dense(core(input_gain * audio))``, plus audio with ``skip``.

    The gain is multiplied into the weights it meets.
    """
    state = {f"rec.{key}": value.numpy(force=True) for key, value in core.state_dict().items()}
    state |= {f"lin.{key}": value.numpy(force=True) for key, value in dense.state_dict().items()}
    first = "rec.weight_ih_l0"
    state[first] = (state[first].astype(np.float64) * input_gain).astype(np.float32)
    return document(state, type(core).__name__, skip, sample_rate, name)


def document(
    state: Mapping[str, Array], unit: str, skip: bool, sample_rate: int, name: str
) -> bytes:
    """Return the document of weights named as torch does, of layers of ``unit``: LSTM or GRU.

    Numbers have the digits that single precision needs, so they are read back bit for bit.
    """
    model = {
        "model": "SimpleRNN",
        "input_size": state["rec.weight_ih_l0"].shape[1],
        "output_size": state["lin.weight"].shape[0],
        "unit_type": unit,
        "num_layers": sum(key.startswith("rec.weight_ih_l") for key in state),
        "hidden_size": state["lin.weight"].shape[1],
        "bias_fl": True,
        "skip": int(skip),
    }
    head = {
        "sample_rate": sample_rate,
        "metadata": {"name": name},
        "model_data": model,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    tensors = ",\n".join(f"{json.dumps(key)}: {_rows(value)}" for key, value in state.items())
    return ("{\n" + ",\n".join([*lines, f'"state_dict": {{\n{tensors}\n}}']) + "\n}\n").encode()


def _rows(tensor: Array) -> str:
    """Return a tensor as nested lists, a line for each row of a matrix."""
    if tensor.ndim == 1:
        return json.dumps(_short(tensor))
    return "[\n" + ",\n".join(json.dumps(_short(row)) for row in tensor) + "\n]"


def _short(row: Array) -> list[Any]:
    """Return numbers that print with no digit more than single precision needs."""
    return [float(str(value)) for value in row]
