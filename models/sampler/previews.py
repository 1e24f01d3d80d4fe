"""Dreams while training goes on: made as the live plugin makes them, scored, kept as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.sampler.model import SamplerModel
from models.sampler.folder import PREVIEW_FOLDER, write_whole
from models.sampler.sound import Sound

if TYPE_CHECKING:
    from models.sampler.score import Scored, Source

SEED_S = 4.0


def seed_from(sound: Sound, rate: int, number: int, seconds: float = SEED_S) -> Sound:
    """A piece of a recording from a random place; as much as there is of a short one."""
    length = min(len(sound), round(seconds * rate))
    rng = np.random.default_rng((number, 5))
    start = int(rng.integers(0, len(sound) - length + 1))
    return sound[start : start + length]


def dreamt(
    model: SamplerModel, seed: Sound, seconds: float, number: int, temperature: float = 1.0,
    dropout: bool = True,
) -> Sound:  # fmt: skip
    """What the model makes of a seed (samples,) at its rate."""
    from engine.sampler.dream import dream

    samples = max(1, round(seconds * model.rate))
    made = dream(model, seed, samples, seed_number=number, temperature=temperature, dropout=dropout)
    return np.asarray(made, np.float32)


class Judge:
    """Scores dreams against one recording, analysed once; without librosa it only keeps count."""

    def __init__(self, sound: Sound, rate: int, scored: bool = True) -> None:
        self.rate = rate
        self._source: Source | None = None
        if scored:
            from models.sampler.score import Source

            self._source = Source(sound, rate)

    def judge(self, made: Sound) -> tuple[float, dict[str, Any]]:
        """The merit, 0 to 1, and the whole score; of what cannot be scored 0 and nothing."""
        if self._source is None:
            return 0.0, {}
        from models.sampler.score import score

        if not np.isfinite(made).all():
            return 0.0, {}
        found: Scored = score(made, self._source, self.rate)
        return found.merit, found.as_json()


def keep_few(
    folder: Path, rows: Sequence[dict[str, Any]], best: Mapping[str, Any] | None, most: int
) -> list[dict[str, Any]]:
    """Remove all but the best and the last ``most`` previews of a training's folder.

    Returns the rows of those that are left.
    """
    kept = []
    for row in rows[:-most]:
        if best is not None and row["file"] == best["file"]:
            kept.append(row)
        else:
            (folder / PREVIEW_FOLDER / str(row["file"])).unlink(missing_ok=True)
    return [*kept, *rows[-most:]]


def write_wav(path: Path, sound: Sound, rate: int) -> None:
    """Write a sound file, whole or not at all; what is louder than full scale is turned down."""
    import soundfile

    loudest = float(np.max(np.abs(sound))) if len(sound) else 0.0
    if loudest > 1.0:
        sound = sound / np.float32(loudest)

    def write(part: Path) -> None:
        soundfile.write(part, sound, rate, subtype="FLOAT", format="WAV")

    write_whole(path, write)


__all__ = ["SEED_S", "Judge", "dreamt", "keep_few", "seed_from", "write_wav"]
