"""Writes what we have trained as ``.nam``, for every player of Neural Amp Modeler."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.modelfiles import open_model
from engine.modelfiles.model import ModelFile
from engine.modelfiles.nam import read_nam
from engine.modelfiles.reading import Node, read_json, refuse
from engine.modelfiles.whole import write_whole

VERSION = "0.5.4"  # the oldest that has the levels: every player knows it
WAVENET_VERSION = "0.7.0"
OLD_KEYS = frozenset(
    (
        "input_size", "condition_size", "channels", "kernel_size", "dilations", "activation",
        "gated", "head_size", "head_bias",
    )
)  # fmt: skip
Numbers = npt.ArrayLike


def lstm_nam(
    w_in: Sequence[Numbers], w_state: Sequence[Numbers], bias: Sequence[Numbers],
    h0: Sequence[Numbers], c0: Sequence[Numbers], head_w: Numbers, head_b: Numbers,
    sample_rate: int, metadata: Mapping[str, Any] | None = None,
) -> bytes:  # fmt: skip
    """Return an LSTM as ``.nam``.

    One array for each layer: ``w_in`` (4 H, in), ``w_state`` (4 H, H), ``bias`` (4 H,), the
    state to start from ``h0`` and ``c0`` (H,); gates in the order i, f, g, o. ``head_w`` has H
    numbers, ``head_b`` one. ValueError if the arrays do not fit.
    """
    flat = []
    for into, state, *rest in zip(w_in, w_state, bias, h0, c0, strict=True):
        flat += [np.concatenate([_floats(into), _floats(state)], axis=1), *map(_floats, rest)]
    hidden, inputs = _floats(w_state[0]).shape[1], _floats(w_in[0]).shape[1]
    config = {"input_size": inputs, "hidden_size": hidden, "num_layers": len(w_in)}
    arrays = [*flat, _floats(head_w), _floats(head_b)]
    weights = np.concatenate([array.ravel() for array in arrays])
    return nam_bytes("LSTM", config, weights, sample_rate, metadata)


def wavenet_nam(
    config: Mapping[str, Any], weights: Numbers, head_scale: float,
    sample_rate: int, metadata: Mapping[str, Any] | None = None,
) -> bytes:  # fmt: skip
    """Return a WaveNet as ``.nam``.

    ``config`` as in the file but for ``head_scale``; ``weights`` (n,) in the order of the file
    (see ``ArrayPlan.all_shapes``), without the scale at the end.
    """
    whole = {"head": None, **config, "head_scale": float(head_scale)}
    flat = np.append(_floats(weights).ravel(), np.float32(head_scale))
    old = all(set(layer) <= OLD_KEYS for layer in config["layers"]) and not whole["head"]
    version = VERSION if old and "condition_dsp" not in config else WAVENET_VERSION
    return nam_bytes("WaveNet", whole, flat, sample_rate, metadata, version)


def nam_bytes(
    architecture: str, config: Mapping[str, Any], weights: Numbers, sample_rate: int,
    metadata: Mapping[str, Any] | None = None, version: str = VERSION,
) -> bytes:  # fmt: skip
    """Return a ``.nam`` document, read back to be sure that it opens; ModelFileError if not.

    ``metadata`` under NAM's own names (``name``, ``gear_type``, ``loudness``,
    ``input_level_dbu`` ...); what is None is left out.
    """
    document = {
        "version": version,
        "architecture": architecture,
        "config": dict(config),
        "weights": _floats(weights).ravel().tolist(),
        "sample_rate": sample_rate,
        "metadata": {key: v for key, v in (metadata or {}).items() if v is not None},
    }
    place = Path("what is to be written")
    read_nam(Node(place, document), "")
    try:
        return json.dumps(document, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        refuse(place, f"metadata: {error}")


def write_nam(path: str | os.PathLike[str], data: bytes) -> ModelFile:
    """Write a document whole or not at all, in place of what was there; return it as opened.

    ModelFileError if it does not open or cannot be written: then nothing has changed.
    """
    path = Path(path)
    read_nam(read_json(path, data), "")
    write_whole(path, data)
    return open_model(path)


def _floats(values: Numbers) -> npt.NDArray[np.float32]:
    return np.asarray(values, np.float32)
