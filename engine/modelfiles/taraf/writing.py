"""Writes a network as our own model file, and reads it back to be sure."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from engine.modelfiles.model import Knob, ModelFile
from engine.modelfiles.reading import FILE_BYTES, read_json, refuse
from engine.modelfiles.taraf.reading import FORMAT, VERSION, read_taraf
from engine.modelfiles.whole import write_whole
from engine.neural.network import (
    Activate,
    Array,
    Blend,
    Conv,
    Film,
    Gate,
    Gru,
    Lstm,
    Network,
    NetworkError,
    Op,
    Prelu,
    Signal,
    Softmax,
    Ssm,
    Step,
    Term,
    reads,
    writes,
)

PLACE = Path("what is to be written")


def taraf_bytes(
    network: Network,
    sample_rate: int,
    name: str,
    knobs: Sequence[Knob] = (),
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """Return a network as a document that opens; ModelFileError, in one line, if it would not.

    ``knobs`` has one for each input beside the sound, or none: they go from 0 to 1 then. ``tags``
    as in ``ModelFile``: author, make, model, gear, tone. What never reaches the output is left
    out.
    """
    try:
        network.check()
        document = document_of(network.without_dead_work(), sample_rate)
    except NetworkError as error:
        refuse(PLACE, f"cannot be played: {error}")
    told = {"format": FORMAT, "version": VERSION, "sample_rate": sample_rate, "name": name}
    if knobs:
        told["knobs"] = [asdict(knob) for knob in knobs]
    try:
        text = json.dumps({**told, **document, "tags": dict(tags or {})}, allow_nan=False)
    except (TypeError, ValueError) as error:
        refuse(PLACE, f"holds what JSON cannot: {error}")
    data = text.encode()
    if len(data) > FILE_BYTES:
        refuse(PLACE, f"has {len(data)} bytes, a model may have {FILE_BYTES}")
    read = read_taraf(read_json(PLACE, data), "")
    assert read.network.shape_key == network.without_dead_work().shape_key
    return data


def write_taraf(path: str | os.PathLike[str], data: bytes) -> ModelFile:
    """Write a document whole or not at all, in place of what was there; return it as opened.

    ModelFileError if it does not open or cannot be written: then nothing has changed.
    """
    path = Path(path)
    read_taraf(read_json(path, data), "")
    write_whole(path, data)
    from engine.modelfiles import open_model

    return open_model(path)


def document_of(network: Network, sample_rate: int) -> dict[str, Any]:
    """The keys ``input``, ``signals``, ``ops`` and ``output`` of a network's document."""
    numbers: dict[Signal, int] = {network.input: 0}
    for op in network.ops:
        for signal in (*reads(op), *writes(op)):
            numbers.setdefault(signal, len(numbers))
    writer = _Writer(numbers, sample_rate)
    return {
        "input": network.input.channels,
        "signals": [signal.channels for signal in list(numbers)[1:]],
        "ops": [writer.op(op) for op in network.ops],
        "output": numbers[network.output],
    }


def packed(array: Array) -> dict[str, Any]:
    """Numbers as the file holds them."""
    values = np.asarray(array, np.float32)
    return {
        "shape": list(values.shape),
        "f32": base64.b64encode(values.astype("<f4").tobytes()).decode(),
    }


class _Writer:
    def __init__(self, numbers: dict[Signal, int], sample_rate: int) -> None:
        self._numbers, self._rate = numbers, sample_rate

    def op(self, op: Op) -> dict[str, Any]:
        told: dict[str, Any] = {"op": type(op).__name__.lower(), "target": self._number(op.target)}
        if isinstance(op, Conv):
            return told | self._conv(op)
        if isinstance(op, (Lstm, Gru, Softmax, Ssm)):
            arrays = {k: packed(v) for k, v in vars(op).items() if isinstance(v, np.ndarray)}
            return told | {"source": self._number(op.source)} | arrays
        from engine.boxes.documents import document as box_document

        if op.sample_rate != self._rate:
            given = f"a {op.box.kind} for {op.sample_rate} Hz"
            raise NetworkError(f"{given} in a model of {self._rate} Hz")
        return told | {"sources": self._all(op.sources), "box": box_document(op.box)}

    def _conv(self, op: Conv) -> dict[str, Any]:
        return {
            "terms": [self._term(term) for term in op.terms],
            "bias": None if op.bias is None else packed(op.bias),
            "adds": self._all(op.adds),
            "steps": [self._step(step) for step in op.steps],
            "total": self._number(op.total),
        }

    def _term(self, term: Term) -> dict[str, Any]:
        return {
            "signal": self._number(term.signal),
            "weights": packed(term.weights),
            "dilation": int(term.dilation),
            "groups": int(term.groups),
        }

    def _step(self, step: Step) -> dict[str, Any]:
        if isinstance(step, Activate):
            return {"step": "activate", **_curve(step)}
        if isinstance(step, Prelu):
            return {"step": "prelu", "slopes": packed(step.slopes)}
        if isinstance(step, Film):
            signals = {"scale": self._number(step.scale), "shift": self._number(step.shift)}
            return {"step": "film", **signals}
        assert isinstance(step, (Gate, Blend))
        kind = type(step).__name__.lower()
        return {"step": kind, "curve": _curve(step.curve), "gate": _curve(step.gate)}

    def _number(self, signal: Signal | None) -> int | None:
        return None if signal is None else self._numbers[signal]

    def _all(self, signals: Sequence[Signal]) -> list[int]:
        return [self._numbers[signal] for signal in signals]


def _curve(curve: Activate) -> dict[str, Any]:
    return {"curve": curve.curve, "constants": [float(c) for c in curve.constants]}
