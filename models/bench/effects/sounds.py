"""Sound that no training has heard: a real guitar and music where they are, or our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

import models
from engine.dsp.resample import resample
from models.effects.families import SAMPLE_RATE
from models.pairs.signals import bars, notes
from models.pairs.wav import wav_bytes, write_whole

Audio = NDArray[np.float32]

DATA = Path(models.__file__).resolve().parents[2] / "shared" / "data"
SECONDS = 16.0
UNHEARD = 20_261_121  # a seed that no training has
PEAK = 0.5


def data(name: str) -> Path | None:
    """A folder or file of the shared data; None where this machine has none."""
    path = DATA / name
    return path if path.exists() else None


def held_out(folder: Path) -> Path:
    """Write guitar.wav and music.wav, 16 s each, to ``folder``."""
    guitar = data("guitar/guitar_di_48k.wav")
    music = data("music/librosa-data/Kevin_MacLeod_-_Vibe_Ace.hq.ogg")
    sounds = {
        "guitar": _read(guitar) if guitar else _made("guitar"),
        "music": _read(music) if music else _made("notes"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, sound in sounds.items():
        write_whole(folder / f"{name}.wav", wav_bytes(sound, SAMPLE_RATE))
    return folder


def _read(path: Path) -> Audio:
    """Some seconds of a file as one channel at our rate."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = sound.mean(axis=1, keepdims=True)[: round((SECONDS + 8.0) * rate)]
    mono = mono[-round(SECONDS * rate) :] if len(mono) > SECONDS * rate else mono
    made = resample(mono, rate, SAMPLE_RATE)[:, 0] if rate != SAMPLE_RATE else mono[:, 0]
    return np.asarray(made * min(1.0, PEAK / float(np.abs(made).max())), np.float32)


def _made(kind: str) -> Audio:
    """Our own sound as no training has it: bars at another speed, or notes of another seed."""
    rng = np.random.default_rng(UNHEARD)
    if kind == "guitar":
        return np.asarray(bars(SAMPLE_RATE, 6, 8, 1.07), np.float32)
    return np.asarray(notes(SAMPLE_RATE, rng, SECONDS), np.float32)
