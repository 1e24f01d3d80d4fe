"""Frames of instruments that nobody learnt, by the file that is played: 16 latents, beside PCA.

As notes are stored, which is what an instrument plays, and by the encoder alone, as a live input
would have to be heard.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from engine.bench import Report
from engine.morph.decode import Coder, decoder_state, encoder_state
from engine.morph.grid import Array, to_unit
from engine.morph.model import MorphModel
from models.bench.morph.sources import all_deployed, recorded, rendered
from models.bench.morph.telling import say
from models.morph.live.material import Frames, Readable, decibels_of, frames_of
from models.morph.live.nearest import ROUNDS, nearest
from models.morph.live.scoring import Coder as Scored
from models.morph.live.scoring import scored
from models.morph.measures.baselines import Pca

EACH = 48
"""Frames of a note."""
LEARNT = 3
"""Of so many notes one is enough for principal components."""
MOST_DB, MOST_CONVERGENCE_DB = 6.0, -12.0
HOW = {"as notes are stored": ROUNDS, "by the encoder alone": 0}
TARGETS = ("morph",)
"""Models that promise this: others are of a coarser grid."""


def run(report: Report, seconds: float) -> None:
    """Add rows of RMSE and convergence, of rendered and of recorded notes."""
    notes, real = rendered(), recorded()
    sets: dict[str, list[Readable]] = {"unseen": list(notes.of("test"))}
    if real is not None:
        sets["recorded"] = list(real)
    for found in all_deployed():
        learnt = list(notes.of("train"))[::LEARNT]
        say(f"frames: {found.name}, {sum(map(len, sets.values()))} notes")
        measured(report, found.name, found.model, learnt, sets)


def measured(
    report: Report, name: str, model: MorphModel, learnt: Iterable[Readable],
    sets: dict[str, list[Readable]],
) -> None:  # fmt: skip
    """Rows of one model on each of ``sets``, beside as many principal components."""
    before = frames_of(list(learnt), model.grid, EACH)
    pca = Pca.fit(np.maximum(decibels_of(before.levels), -80.0), model.latents)
    for kind, notes in sets.items():
        frames = frames_of(notes, model.grid, EACH)
        linear = scored("PCA", model.latents, _linear(pca), frames)
        promised = kind == "unseen" and name in TARGETS
        for how, rounds in HOW.items():
            start = f"{name}, {kind}, {model.latents} latents a frame, {how}"
            ours = scored(name, model.latents, coder_of(model, frames, rounds), frames)
            for row, value, most in (
                (f"{start}: RMSE", ours.rmse_db, MOST_DB),
                (f"{start}: convergence", ours.convergence_db, MOST_CONVERGENCE_DB),
            ):
                target = f"at most {most:g} dB" if promised else ""
                report.add(row, value, "dB", target, value <= most if promised else None)
        report.add(f"{name}, {kind}, PCA {model.latents}: RMSE", linear.rmse_db, "dB")
        report.add(f"{name}, {kind}, PCA {model.latents}: convergence", linear.convergence_db, "dB")


def coder_of(model: MorphModel, frames: Frames, rounds: int = ROUNDS) -> Scored:
    """The model's own networks, ``rounds`` towards what decodes nearest, and the bytes that it
    keeps of latents, as a coder."""
    encode, decode = Coder(encoder_state(model)), Coder(decoder_state(model))
    told = frames.conditions(model.conditions)

    def code(part: Array, owner: NDArray[np.int32]) -> Array:
        given, conditions = to_unit(part), told[owner]
        latents = encode(np.concatenate([given, conditions], axis=1))
        latents = nearest(model.decoder, given, conditions, latents, rounds)
        bytes_of = np.rint(latents * 255.0) / np.float32(255.0)
        return decode(np.concatenate([bytes_of, conditions], axis=1))

    return code


def _linear(pca: Pca) -> Scored:
    def code(part: Array, owner: NDArray[np.int32]) -> Array:
        return np.asarray(pca.decode(pca.encode(part)), np.float32)

    return code


__all__ = ["coder_of", "measured", "run"]
