"""The recording that is learnt: any format and length, mono, at the network's rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.sampler.errors import SamplerError

if TYPE_CHECKING:
    from models.sampler.job import Job

Sound = npt.NDArray[np.float32]
SILENT = 1e-5
"""RMS (-100 dB) below which there is nothing to learn."""


def mono(path: Path, rate: int) -> Sound:
    """A sound file as (samples,) at ``rate``: the mean of its channels; raises SoundError."""
    from engine.dsp.resample import resample
    from engine.soundfiles import SoundReader

    with SoundReader(path) as reader:
        pieces = [piece.mean(axis=1, dtype=np.float32) for piece in reader.pieces()]
        own_rate = reader.rate
    sound = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if own_rate == rate or not len(sound):
        return sound
    return np.ascontiguousarray(resample(sound[:, None], own_rate, rate)[:, 0], np.float32)


def to_learn(path: Path, job: Job) -> Sound:
    """The job's recording, without its mean; SamplerError if it is too short or silent."""
    sound = mono(path, job.rate)
    if len(sound) < job.needs:
        has, needs = len(sound) / job.rate, job.needs / job.rate
        raise SamplerError(
            f"{path}: {has:.2f} s at {job.rate} Hz are too short for {job.approach} with "
            f"seg_len = {job.seg_len}; it needs at least {needs:.2f} s"
        )
    sound = sound - np.float32(sound.mean(dtype=np.float64))
    check_heard(path, sound)
    return sound


def source_of(job: Job) -> Sound:
    """What the job's source is, as `to_learn`; SamplerError where none is given."""
    if not job.source:
        raise SamplerError("source: no recording is given; a sound file is wanted")
    return to_learn(Path(job.source), job)


def check_heard(path: Path, sound: Sound) -> None:
    """SamplerError if there is nothing to hear."""
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if len(sound) else 0.0
    if level < SILENT:
        told = f"{20 * np.log10(level):.0f} dB" if level > 0 else "0 everywhere"
        raise SamplerError(f"{path}: is silent ({told}); at least -100 dB is wanted")


__all__ = ["SILENT", "Sound", "check_heard", "mono", "source_of", "to_learn"]
