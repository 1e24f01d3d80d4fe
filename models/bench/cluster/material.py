"""Dry sounds and effects that the parts render, and how two folders of pairs are compared."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from engine.performance import guitar
from models.pairs import spec
from models.pairs.effect import Effect
from models.pairs.wav import wav_bytes, write_whole

RATE = 48_000
CHAIN = "pedalboard:Distortion|pedalboard:Reverb"


def dry(folder: Path, files: int, seconds: float) -> Path:
    """``files`` pieces of the guitar that exists only as numbers, each of ``seconds``."""
    played = guitar(RATE)
    frames = round(seconds * RATE)
    for number in range(files):
        first = (number * RATE) % max(1, len(played) - frames)
        piece = np.asarray(played[first : first + frames], np.float32)
        write_whole(folder / f"{number:02d}.wav", wav_bytes(piece, RATE))
    return folder


def effect(settings: int, chain: str = CHAIN) -> Effect:
    """A chain at so many settings of its drive."""
    grid = spec.parse_grid([f"drive_db=0:30:{settings}"])
    return Effect(spec.parse_chain(chain), grid=grid)


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder and the hash of what is in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


__all__ = ["CHAIN", "RATE", "contents", "dry", "effect"]
