"""Writes a recurrent network of torch in the JSON of GuitarML, which our own kernels play."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float32]


def guitarml(
    core: nn.LSTM | nn.GRU, dense: nn.Linear, skip: bool, input_gain: float,
    sample_rate: int, name: str,
) -> bytes:  # fmt: skip
    """Return the document of ``dense(core(input_gain * audio))``, plus audio with ``skip``.

    The gain is multiplied into the weights it meets. Numbers have the digits that single
    precision needs, so they are read back bit for bit.
    """
    model = {
        "model": "SimpleRNN",
        "input_size": core.input_size,
        "output_size": dense.out_features,
        "unit_type": type(core).__name__,
        "num_layers": core.num_layers,
        "hidden_size": core.hidden_size,
        "bias_fl": True,
        "skip": int(skip),
    }
    head = {
        "sample_rate": sample_rate,
        "metadata": {"name": name},
        "model_data": model,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    state = {f"rec.{key}": value.numpy(force=True) for key, value in core.state_dict().items()}
    state |= {f"lin.{key}": value.numpy(force=True) for key, value in dense.state_dict().items()}
    first = "rec.weight_ih_l0"
    state[first] = (state[first].astype(np.float64) * input_gain).astype(np.float32)
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
