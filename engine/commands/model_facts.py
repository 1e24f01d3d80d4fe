"""All that can be said of one model: what its card tells, and what it does on this machine."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engine.artefact import CARD, open_artefact
from engine.library import Card, Library, LibraryError, card_of, folder_card, unfit
from engine.loudness import knob_values, measure_compiled
from engine.modelfiles import ModelFile, open_model
from engine.neural.compiled import compile_network

BLOCK = 64
DOUBTFUL_DB = 6.0


def examined(name: str) -> dict[str, Any]:
    """Return all facts of a model by name or path, and what it does here if it can be compiled.

    What has a slash in it is a path. Anything else is a name first, then a file that is here,
    then the name of a file that was added.
    """
    path = Path(name)
    is_path = len(path.parts) > 1 or name.endswith(("/", "\\"))
    library = Library()
    known = None if is_path else library.called(name)
    if known is None and (is_path or path.is_file() or (path / CARD).is_file()):
        return _of_path(path)
    card = known or library.named(name)
    if card.origin != "yours":
        return _of_folder(card)
    model = open_model(card.path)
    return {**card.facts(), **_counts(model), "here": _measured(model)}


def _of_path(path: Path) -> dict[str, Any]:
    if path.is_dir() or path.name == CARD or (path.parent / CARD).is_file():
        folder = open_artefact(path).path.resolve()
        card = folder_card(folder, "folder")
        if card is not None:  # or else open_artefact has said what is wrong
            return _of_folder(card)
    if (problem := unfit(path)) and path.is_file():
        raise LibraryError(f"{path}: {problem}")
    model = open_model(path)
    card = replace(card_of(model, path.name), came_from=str(path.absolute()))
    return {**card.facts(), "here": _measured(model)}


def _of_folder(card: Card) -> dict[str, Any]:
    """Return the facts of an exported folder; ``here`` is None if ONNX Runtime must play it."""
    artefact = open_artefact(card.path)
    knobs = {"knobs": [asdict(knob) for knob in artefact.knobs]}
    if artefact.is_onnx:
        return {**card.facts(), **knobs, "here": None}
    model = artefact.open_network()
    return {**card.facts(), **knobs, **_counts(model), "here": _measured(model)}


def _counts(model: ModelFile) -> dict[str, Any]:
    network = model.network
    return {
        "weights": network.weights,
        "multiply_adds": network.multiply_adds,
        "receptive_field": network.receptive_field,
    }


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
