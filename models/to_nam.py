"""Writes a model of the zoo as .nam, for NeuralAmpModelerPlugin and every other player of it.

A model.json must be an LSTM, with or without a skip; a model.nam keeps its weights and what it
says of itself, and is told what is said here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.artefact import NAM, NETWORKS, Artefact, open_artefact
from engine.modelfiles import ModelFile, ModelFileError
from engine.modelfiles.write import write_nam
from models.nam import lstm_bytes, said_of

GEAR = ("amp", "pedal", "pedal_amp", "amp_cab", "amp_pedal_cab", "preamp", "studio")
TONES = ("clean", "overdrive", "crunch", "hi_gain", "fuzz")
Said = Mapping[str, Any]


def to_nam(artefact: Artefact, out: Path, said: Said) -> ModelFile:
    """Write ``out`` whole or not at all, and return it opened; ValueError in one line if not.

    ``said`` is metadata under NAM's own names, beside the date, loudness and gain.
    """
    if out.suffix.lower() != ".nam":
        raise ValueError(f"{out}: does not end in .nam")
    if out.name in NETWORKS and out.resolve().parent == artefact.path.resolve():
        raise ValueError(f"{out}: is where a network of the model itself would lie")
    return write_nam(out, document(artefact, said))


def document(artefact: Artefact, said: Said) -> bytes:
    """Return the model as ``.nam``; ValueError if it cannot be one."""
    model = artefact.open_network()
    known = said_of(model)
    if artefact.network == NAM:
        return retold(artefact, known, said)
    try:
        return lstm_bytes(model.network, artefact.sample_rate, {**known, **said})
    except ModelFileError:
        raise
    except ValueError as error:
        raise ValueError(f"{model.path}: {error}") from None


def retold(artefact: Artefact, known: Said, said: Said) -> bytes:
    """Return a model.nam with its weights as they are and ``said`` of it.

    What is ``known`` is added where the file tells nothing: NAM's trainer measures on a sound
    of its own.
    """
    whole = json.loads(artefact.network_path.read_text(encoding="utf-8-sig"))
    own = whole.get("metadata")
    told = {key: v for key, v in (own if isinstance(own, dict) else {}).items() if v is not None}
    whole["metadata"] = {**known, **told, **said}
    whole["sample_rate"] = artefact.sample_rate
    return json.dumps(whole).encode()


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser("python -m models.to_nam", description=__doc__)
    parser.add_argument("folder", type=Path, help="the model: a folder of the zoo")
    parser.add_argument("out", type=Path, help="the file to write, .nam")
    parser.add_argument("--name", help="how players show it [the model's own name]")
    parser.add_argument("--modeled-by", help="who made the model")
    parser.add_argument("--gear-make", help="who made the device")
    parser.add_argument("--gear-model", help="which device it is")
    parser.add_argument("--gear-type", choices=GEAR, help="what kind of device it is")
    parser.add_argument("--tone-type", choices=TONES, help="how it sounds")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Convert one model."""
    given = vars(options(arguments))
    folder, out = given.pop("folder"), given.pop("out")
    try:
        said = {key: value for key, value in given.items() if value is not None}
        model = to_nam(open_artefact(folder), out, said)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    loudness = "" if model.loudness_db is None else f", {model.loudness_db:.1f} dB"
    print(f"{out}: {model.architecture}{loudness}")


if __name__ == "__main__":
    main()
