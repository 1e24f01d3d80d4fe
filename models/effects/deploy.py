"""Writes a candidate as a model that plays live by its name: network, card and golden take."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.artefact import JSON, NAM, Artefact, ArtefactError, ModelKnob
from engine.loudness import knob_values
from engine.modelfiles.model import Knob
from engine.modelfiles.taraf import taraf_bytes
from engine.neural.compiled import compile_network
from engine.performance import guitar
from models.effects.candidate import Candidate
from models.export import Description, Value, check_free, export_file

Audio = NDArray[np.float32]

GOLDEN_FROM_S = 2.0  # past the palm-mutes: loud and soft, low and high
TOLERANCE = 1e-5
NAME_LENGTH = 80


def deploy(candidate: Candidate, folder: Path, about: str, trained: dict[str, Value]) -> Artefact:
    """Write ``folder`` whole, or raise ArtefactError and leave what was there.

    What ``.nam`` can hold is written as that, so that other players open it too.
    """
    name = checked_name(folder)
    knobs = named(candidate.knobs)
    take, loudness_db = _heard(candidate)
    card = Description(
        name=name,
        about=one_line(about),
        architecture=candidate.architecture,
        sample_rate=candidate.sample_rate,
        trained={**trained, **candidate.said},
        loudness_db=loudness_db,
        latency_samples=candidate.latency_samples,
        tolerance=TOLERANCE,
        knobs=tuple(ModelKnob(k.name, k.minimum, k.maximum, k.default, "") for k in knobs),
    )
    if candidate.nam is not None:
        return export_file(NAM, candidate.nam, card, take, folder)
    data = taraf_bytes(candidate.network, candidate.sample_rate, name, knobs)
    return export_file(JSON, data, card, take, folder)


def make_sure(folder: Path) -> None:
    """Raise what ``deploy`` would after a long training: ArtefactError or OSError."""
    checked_name(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent):
        check_free(folder)


def checked_name(folder: Path) -> str:
    """The name of a model that lies in ``folder``; ArtefactError if it cannot be one."""
    if not re.fullmatch(rf"[a-z0-9][a-z0-9._-]{{0,{NAME_LENGTH - 1}}}", folder.name):
        told = f"small letters, digits, dots and dashes, {NAME_LENGTH} at most"
        raise ArtefactError(f"{one_line(folder.name)}: a model's name has {told}")
    return folder.name


def plain_name(name: str) -> str:
    """A model's name out of any text: small letters, digits, dots and dashes."""
    plain = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")
    return plain[:NAME_LENGTH].rstrip("-.") or "model"


def one_line(text: str) -> str:
    """A text as a card may have it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def named(knobs: tuple[Knob, ...]) -> tuple[Knob, ...]:
    """Knobs with names as a card may have them, no two alike."""
    made: list[str] = []
    for knob in knobs:
        name = plain(knob.name)
        made.append(f"{name}_{len(made) + 1}" if name in made else name)
    return tuple(replace(knob, name=name) for knob, name in zip(knobs, made, strict=True))


def plain(name: str) -> str:
    """A knob's name as a card may have it: small letters, digits and underscores."""
    made = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return made if made and made[0].isalpha() else f"knob_{made}"


def _heard(candidate: Candidate) -> tuple[dict[str, Audio], float]:
    """The golden take, a second of guitar, and the RMS of the whole performance in dB."""
    player, rate = compile_network(candidate.network), candidate.sample_rate
    dry = guitar(rate)
    whole = player.play(_with(candidate.knobs, dry))
    player.reset()
    first = round(GOLDEN_FROM_S * rate)
    part = np.asarray(np.round(dry[first : first + rate] * 32768.0) / 32768.0, np.float32)
    take = {"audio": part, "audio_out": player.play(_with(candidate.knobs, part))}
    if candidate.knobs:
        take["knobs"] = np.array([[knob.default for knob in candidate.knobs]], np.float32)
    power = float(np.mean(np.square(whole, dtype=np.float64)))
    return take, 10.0 * float(np.log10(power + 1e-20))


def _with(knobs: tuple[Knob, ...], dry: Audio) -> Audio:
    held = [np.full(len(dry), value, np.float32) for value in knob_values(knobs)]
    return np.stack([dry, *held])
