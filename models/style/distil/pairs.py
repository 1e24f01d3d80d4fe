"""Pairs of a content and what a transfer makes of it, made once and kept in the run's folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.artefact.golden import FOREIGN, PACKED, TORN
from engine.whole import whole
from models.style.distil.contents import content
from models.style.distil.settings import PIECE_S, RATE, Job
from models.style.errors import StyleError
from models.style.folder import fingerprint
from models.style.material import Material
from models.style.settings import Settings
from models.style.sound import LEVEL, Recording, at_rate, loudness, with_channels
from models.style.transfer import Transfer

Array = npt.NDArray[np.float32]
Done = Callable[[float], None]
QUIET = 0.02  # of LEVEL: a piece of the player's that is softer teaches nothing
HELD_SEED = 7919
"""Contents that are held out are of another seed."""


@dataclass(frozen=True)
class Pairs:
    """``dry`` and ``wet`` (pieces, samples) at RATE, both at LEVEL."""

    dry: Array
    wet: Array


def pieces(files: Sequence[Recording]) -> list[Array]:
    """Recordings of the player's in pieces of PIECE_S, those that are nearly silent left out.

    At least two, for one of them is held out; StyleError.
    """
    found = []
    for file in files:
        sound = at_rate(with_channels(file, 1), RATE).samples[0]
        size = round(PIECE_S * RATE)
        parts = [sound[at : at + size] for at in range(0, len(sound) - size + 1, size)]
        if not parts:
            raise StyleError(f"{file.name}: is shorter than {PIECE_S:g} s, of which a piece is")
        loud = [loudness(part[None], RATE) for part in parts]
        most = max(loud)
        found += [part for part, level in zip(parts, loud, strict=True) if level > QUIET * most]
    if len(found) < 2:
        raise StyleError(
            f"{', '.join(file.name for file in files)}: one piece of {PIECE_S:g} s that sounds is "
            f"too few; {2 * PIECE_S:g} s are wanted: a piece to learn from and one to be held out"
        )
    return found


def contents_of(job: Job, given: Sequence[Array]) -> tuple[list[Array], list[Array]]:
    """What is learnt from and what is held out; of what was given, every sixth piece is held."""
    if given:
        learnt = [part for k, part in enumerate(given) if k % 6]
        held = [part for k, part in enumerate(given) if not k % 6]
        return learnt[: math.ceil(job.content_s / PIECE_S)], held[: math.ceil(job.held_s / PIECE_S)]
    learnt = [content(k, job.seed) for k in range(math.ceil(job.content_s / PIECE_S))]
    held = [content(k, job.seed + HELD_SEED) for k in range(math.ceil(job.held_s / PIECE_S))]
    return learnt, held


def make(
    style: Recording, contents: Sequence[Array], job: Job, folder: Path, done: Done,
    stop: Callable[[], bool] = lambda: False,
) -> Pairs:  # fmt: skip
    """Transfer every content; what ``folder`` has already is not made again."""
    settings = Settings(rate=RATE, iterations=job.iterations, device="cpu", seed=job.seed)
    dry, wet, mark = [], [], f"{fingerprint(style)} {job.iterations}"
    for number, sound in enumerate(contents):
        path = folder / f"{number:04d}.npz"
        pair = _kept(path, sound, mark)
        if pair is None:
            if stop():
                raise StyleError(f"stopped; {number} of {len(contents)} pairs are in {folder}")
            pair = _transferred(style, sound, settings)
            folder.mkdir(parents=True, exist_ok=True)
            with whole(path) as part, open(part, "wb") as file:
                np.savez(file, dry=pair[0], wet=pair[1], mark=mark)
        dry.append(pair[0])
        wet.append(pair[1])
        done((number + 1) / len(contents))
    return Pairs(np.stack(dry), np.stack(wet))


def _transferred(style: Recording, sound: Array, settings: Settings) -> tuple[Array, Array]:
    material = Material(Recording(sound[None], RATE), [style], settings)
    transfer = Transfer(material)
    transfer.run()
    return material.content[0].numpy(), transfer.best[0].numpy()


def _kept(path: Path, sound: Array, mark: str) -> tuple[Array, Array] | None:
    """A pair that was made before of this very content, style and number of iterations."""
    try:
        with np.load(path) as file:
            dry, wet, made = file["dry"], file["wet"], str(file["mark"])
    except (*TORN, *FOREIGN, *PACKED, KeyError):
        return None
    level = np.float32(loudness(sound[None], RATE) / LEVEL)
    same = dry.shape == sound.shape and np.allclose(dry * level, sound, atol=1e-5)
    return (dry, wet) if same and made == mark else None


__all__ = ["Pairs", "contents_of", "make", "pieces"]
