"""Sound files to score: any format and rate that is read, mixed to one channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.sampler.errors import SamplerError
from engine.soundfiles import SoundReader
from models.sampler.score.scored import Scored
from models.sampler.score.source import SHORTEST_S, Source, score

Array = NDArray[Any]


def score_file(out: Path, source: Path) -> Scored:
    """Score a file against another; SoundError or SamplerError in one line that names the file."""
    sound, rate = mixed(out)
    recording, source_rate = mixed(source)
    try:
        known = Source(recording, source_rate)
    except SamplerError as error:
        raise SamplerError(f"{source}: {error}") from None
    return score(sound, known, rate)


def mixed(path: Path) -> tuple[Array, int]:
    """A whole file as (n,) float32, the mean of its channels, and its rate."""
    with SoundReader(path) as reader:
        pieces = [piece.mean(axis=1) for piece in reader.pieces()]
        rate = reader.rate
    sound = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if len(sound) < SHORTEST_S * rate:
        seconds = len(sound) / rate
        raise SamplerError(f"{path}: lasts {seconds:.2f} s; at least {SHORTEST_S} s are needed")
    return sound, rate


__all__ = ["mixed", "score_file"]
