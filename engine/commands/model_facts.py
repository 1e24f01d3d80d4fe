"""All that can be said of one model: what its card tells, and what it does on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.artefact import open_artefact
from engine.library import Library, card_of
from engine.loudness import knob_values, measure_compiled
from engine.modelfiles import SUFFIXES, ModelFile, open_model
from engine.neural.compiled import compile_network

BLOCK = 64
DOUBTFUL_DB = 6.0


def examined(name: str) -> dict[str, Any]:
    """Return all facts of a model by name or path, and what it does here if it can be compiled."""
    library, path = Library(), Path(name)
    is_path = len(path.parts) > 1 or name.lower().endswith(SUFFIXES)
    known = library.find(name)
    if known is None and (is_path or path.is_file()):
        model = open_model(path)
        return {**card_of(model, path.name).facts(), "here": _measured(model)}
    card = library.named(name)
    opened = open_model(card.path) if card.origin == "yours" else _from_folder(card.path)
    if opened is None:
        return {**card.facts(), "here": None}
    counts = ("weights", "multiply_adds", "receptive_field")
    facts = {**card.facts(), **{key: getattr(opened.network, key) for key in counts}}
    return {**facts, "here": _measured(opened)}


def _from_folder(folder: Path) -> ModelFile | None:
    """Return the model of an exported folder; None if ONNX Runtime must play it."""
    artefact = open_artefact(folder)
    return None if artefact.is_onnx else artefact.open_network()


def _measured(model: ModelFile) -> dict[str, Any]:
    """Return what a model takes of the time it has on this machine, and how it sounds here."""
    compiled = compile_network(model.network)
    knobs = knob_values(model.knobs)
    compiled.settle(model.sample_rate, knobs)
    heard = measure_compiled(compiled, model.sample_rate, knobs)
    seconds = compiled.seconds(BLOCK)
    doubts = []
    if None not in (model.loudness_db, heard.loudness_db):
        apart = (heard.loudness_db or 0.0) - (model.loudness_db or 0.0)
        if abs(apart) > DOUBTFUL_DB:
            doubts = [f"it is {apart:+.1f} dB from the loudness that its file states"]
    return {
        "block": BLOCK,
        "microseconds": round(1e6 * seconds, 2),
        "deadline_share": round(seconds * model.sample_rate / BLOCK, 5),
        "memory_bytes": compiled.image.nbytes,
        **asdict(heard),
        "warnings": doubts,
    }


__all__ = ["examined"]
