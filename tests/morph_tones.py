"""A morph of tones that is made rather than learnt: what it plays is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.morph.file import write_morph
from engine.morph.grid import GRIDS, Grid, magnitudes, to_db, to_unit
from engine.morph.model import CONDITIONS, Dense, MorphModel, Note

LATENTS = 4
BRIGHT, LOUD = range(2)
"""What the first two latents are: how bright, and how far above 60 dB of silence."""


def comb(pitch: int, grid: Grid) -> Any:
    """A frame (bins,), 0 to 1, of a tone of eight harmonics, all equally loud."""
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
    time = np.arange(2 * grid.size) / grid.rate
    parts = [np.sin(2.0 * np.pi * k * hertz * time + k * k) for k in range(1, 9)
             if k * hertz < 0.45 * grid.rate]  # fmt: skip
    found = magnitudes(np.sum(parts or [0.0 * time], axis=0), grid)
    return to_unit(to_db(found)[0])[grid.overlap + 2]


def tones(grid: str = "live") -> MorphModel:
    """Sounds, by number: 0 and 1 flutes, dark and bright, held in a loop; 2 a mallet that decays;
    3 an organ that is at once there, with a release, of two pitches."""
    own, more = GRIDS[grid], CONDITIONS["notes"]
    kernel = np.zeros((own.bins, LATENTS + more), np.float32)
    kernel[:, BRIGHT] = 0.5 * np.arange(own.bins) / own.bins
    kernel[:, LOUD] = 0.75
    for pitch in range(36, 97):
        kernel[:, LATENTS + pitch] = comb(pitch, own)
    bias = np.full(own.bins, -0.75, np.float32) - 0.5 * np.arange(own.bins) / own.bins
    decoder = (Dense(kernel, bias.astype(np.float32)),)
    encoder = (
        Dense(np.zeros((LATENTS, own.bins + more), np.float32), np.zeros(LATENTS, np.float32)),
    )
    second = own.rate // own.hop
    rise = np.minimum(1.0, np.arange(3 * second // 2) / (second // 10))
    fall = 10.0 ** (-np.arange(second) / second)
    there = np.ones(second)
    goes = np.concatenate([there, 1.0 - np.arange(second // 4) / (second // 4)])
    tenth, half, flute = second // 10, second // 2, (second // 2, second)
    early = (second // 4, half)
    notes = [
        note("flute_acoustic_000-060-100", "flute", 60, rise, 0.2, tenth, flute),
        note("flute_acoustic_001-060-100", "flute", 60, rise, 1.0, tenth, flute),
        note("mallet_acoustic_000-060-100", "mallet", 60, fall, 0.6, 1, (0, 0)),
        note("organ_electronic_000-048-100", "organ", 48, goes, 0.3, 1, early, second),
        note("organ_electronic_000-072-100", "organ", 72, goes, 0.9, 1, early, second),
    ]  # fmt: skip
    return MorphModel(own, LATENTS, "notes", encoder, decoder, tuple(notes), job={})


def note(
    name: str, family: str, pitch: int, loud: Any, bright: float, attack: int,
    loop: tuple[int, int], release: int = 0,
) -> Note:  # fmt: skip
    """A note whose level goes along ``loud``, at -26 dB."""
    path = np.full((len(loud), LATENTS), 0.5)
    path[:, BRIGHT], path[:, LOUD] = bright, loud
    places = (loop[0] or attack, loop[1] or attack, release or len(loud))
    return Note(
        name, family, pitch, 100, np.round(255 * path).astype(np.uint8),
        np.full(len(loud), -26.0, np.float16), attack, *places,
    )  # fmt: skip


def tones_file(folder: Path, grid: str = "live") -> Path:
    """The same in a file."""
    path = folder / f"tones-{grid}.npz"
    write_morph(path, tones(grid))
    return path
