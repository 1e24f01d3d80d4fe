"""Writes a model for other players: as .nam for Neural Amp Modeler, or as GuitarML's JSON.

A file of the same format is copied with its weights as they are. Anything else must be an LSTM,
with or without a skip. What is written must sound as its source does, or nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.artefact import NETWORKS
from engine.modelfiles import ModelFile, ModelFileError, open_model
from engine.modelfiles.guitarml import read_guitarml
from engine.modelfiles.nam import read_nam
from engine.modelfiles.reading import read_bytes, read_json
from engine.modelfiles.whole import write_whole
from engine.modelfiles.write import write_nam
from engine.neural.compiled import compile_network
from models.guitarml import document
from models.nam import lstm_bytes, said_of, stack_of, through_a_unit
from models.named import Named

Said = Mapping[str, Any]

SUFFIXES = (".nam", ".json")
NOISE_S, NOISE_RMS = 0.5, 0.25
TOLERANCE = 1e-5
"""Largest difference on noise, of the peak or of full scale; the unit for a skip makes 2e-6."""


class ExchangeError(ValueError):
    """A model that a format cannot hold, or a place where it cannot be written; in one line."""


@dataclass(frozen=True)
class Written:
    """A model as another player will open it; ``error`` is its largest difference on noise."""

    model: ModelFile
    error: float


def write(source: Named, out: Path, said: Said | None = None) -> Written:
    """Write ``out`` whole or not at all; ExchangeError or ModelFileError in one line if not.

    ``said`` is metadata under NAM's own names, beside the date, loudness and gain.
    """
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise ExchangeError(f"{out}: does not end in {' or '.join(SUFFIXES)}")
    if source.file is None:
        assert source.artefact is not None
        path = source.artefact.network_path
        raise ExchangeError(f"{path}: is ONNX, which no {suffix} can hold; only LSTM goes there")
    _check_place(source, source.file, out)
    data = (_nam if suffix == ".nam" else _guitarml)(source.file, said or {})
    root = read_json(out, data)
    made = read_nam(root, "") if suffix == ".nam" else read_guitarml(root, "")
    error = difference(source.file, made)
    if not error <= TOLERANCE:
        path = source.file.path
        raise ExchangeError(f"{path}: sounds {error:.2g} otherwise as {suffix}; it is not written")
    return Written(write_nam(out, data) if suffix == ".nam" else _put(out, data), error)


def difference(one: ModelFile, other: ModelFile) -> float:
    """Return how far two models are apart on noise, at most; of the peak if above full scale."""
    frames = round(NOISE_S * one.sample_rate)
    noise = NOISE_RMS * np.random.default_rng(0).standard_normal(frames)
    first, second = (compile_network(model.network).play(noise) for model in (one, other))
    return float(np.abs(first - second).max() / max(1.0, float(np.abs(first).max())))


def _check_place(source: Named, file: ModelFile, out: Path) -> None:
    if out.resolve() == file.path.resolve():
        raise ExchangeError(f"{out}: is the model itself")
    folder = source.artefact.path if source.artefact else None
    if folder and out.name in NETWORKS and out.resolve().parent == folder.resolve():
        raise ExchangeError(f"{out}: is where a network of the model itself would lie")


def _put(out: Path, data: bytes) -> ModelFile:
    write_whole(out, data)
    return open_model(out)


# -- formats ------------------------------------------------------------------------------


def _nam(model: ModelFile, said: Said) -> bytes:
    known = said_of(model)
    if model.format == "nam":
        return _retold(model, known, said)
    try:
        return lstm_bytes(model.network, model.sample_rate, {**known, **said})
    except ModelFileError:
        raise
    except ValueError as error:
        raise ExchangeError(f"{model.path}: {error}; .nam cannot hold it") from None


def _retold(model: ModelFile, known: Said, said: Said) -> bytes:
    """Return a .nam with its weights as they are and ``said`` of it.

    What is ``known`` is added where the file tells nothing: NAM's trainer measures on a sound
    of its own.
    """
    whole = json.loads(read_bytes(model.path).decode("utf-8-sig"))
    own = whole.get("metadata")
    told = {key: v for key, v in (own if isinstance(own, dict) else {}).items() if v is not None}
    whole["metadata"] = {**known, **told, **said}
    whole["sample_rate"] = model.sample_rate
    return json.dumps(whole).encode()


def _guitarml(model: ModelFile, said: Said) -> bytes:
    if model.format == "guitarml":
        return read_bytes(model.path)
    name = str(said.get("name", model.name))
    try:
        return document(_tensors(model), "LSTM", _skips(model), model.sample_rate, name)
    except ValueError as error:
        raise ExchangeError(f"{model.path}: {error}; GuitarML's JSON cannot hold it") from None


def _skips(model: ModelFile) -> bool:
    return abs(stack_of(model.network).skip - 1.0) < 1e-6


def _tensors(model: ModelFile) -> dict[str, NDArray[np.float32]]:
    """Return the weights by the names that torch gives them; ValueError if it is no LSTM.

    A skip that is neither 0 nor 1 becomes a unit more, as in .nam.
    """
    stack = stack_of(model.network)
    if not _skips(model):
        stack = through_a_unit(stack)
    state = {}
    for number, layer in enumerate(stack.layers):
        if layer.h0.any() or layer.c0.any():
            raise ValueError("does not start from silence")
        parts = (layer.w_in, layer.w_state, layer.bias, np.zeros_like(layer.bias))
        for name, part in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), parts, strict=True):
            state[f"rec.{name}_l{number}"] = part
    state["lin.weight"] = stack.head[None].astype(np.float32)
    state["lin.bias"] = np.array([stack.bias], np.float32)
    return state


__all__ = ["ExchangeError", "Written", "difference", "write"]
