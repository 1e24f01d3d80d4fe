"""Scenes to what the network is trained on: features, and what they should have told it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import fft

from engine.pulse.bands import HOPS_A_SECOND
from engine.pulse.follower import (
    BEAT,
    FIRST,
    STROKES,
    TEMPO,
    TEMPO_BINS,
    TEMPO_HIGHEST,
    TEMPO_LOWEST,
)
from engine.pulse.offline import features_of
from engine.pulse.states import LATE_HOPS, PLACE_BINS
from models.pulse.follower.patterns import Part
from models.pulse.follower.scenes import SECONDS, Scene, scene
from models.pulse.rendering import DEFAULT_FONT, DRUM_CHANNEL, Piece, render
from models.pulse.takes import FAMILIES, Take, Trio

RATE = 44_100
HOPS = int(SECONDS * HOPS_A_SECOND)
LATE = int(LATE_HOPS)  # by then it has heard the whole attack
PHASE_BINS = PLACE_BINS
"""Rows of the targets: beat, a bar's first, a stroke of each family, tempo in bpm or 0."""
TARGETS = TEMPO + 1
BATCH = 24  # scenes that are rendered at once


@dataclass(frozen=True)
class Heard:
    """Features (scenes, hops, FEATURES) and targets (scenes, hops, TARGETS), float16."""

    features: npt.NDArray[np.float16]
    targets: npt.NDArray[np.float16]


@dataclass(frozen=True)
class Kit:
    """A sound font and the channel on which it has its drums."""

    font: Path
    channel: int = DRUM_CHANNEL


def hear(
    takes: Sequence[Take], trios: Sequence[Trio], count: int, seed: int,
    kits: Sequence[Kit] = (Kit(DEFAULT_FONT),), told: Callable[[int], None] = lambda done: None,
    real: bool = False, grooves: Sequence[Part] = (),
) -> Heard:  # fmt: skip
    """``count`` random scenes, rendered, made worse as microphones and rooms do, and heard.

    Where ``real`` none of their drummers is made up; else some play one of ``grooves``.
    """
    features, targets = [], []
    for first in range(0, count, BATCH):
        rng = np.random.default_rng([seed, first])
        scenes = [
            scene(takes, trios, rng, real=real, grooves=grooves)
            for _ in range(min(BATCH, count - first))
        ]
        kit = kits[int(rng.integers(len(kits)))]
        pieces = [_on(kit.channel, made.piece) for made in scenes]
        room = float(rng.choice([0.0, 0.0, 0.3, 0.8]))
        for made, sound in zip(scenes, render(pieces, kit.font, RATE, room), strict=True):
            features.append(features_of(worsened(sound, rng), RATE)[:HOPS].astype(np.float16))
            targets.append(targets_of(made))
        told(len(features))
    return Heard(np.array(features), np.array(targets))


def _on(channel: int, piece: Piece) -> Piece:
    """The same with its drums on ``channel``; one that plays a band keeps the drums' own."""
    if channel == DRUM_CHANNEL:
        return piece
    drums = piece.strokes[piece.strokes["channel"] == DRUM_CHANNEL].copy()
    drums["channel"] = channel
    return Piece(drums, piece.seconds, ((channel, 0),))


def targets_of(made: Scene) -> npt.NDArray[np.float16]:
    """What should be told at each hop, ``LATE`` hops after it happened."""
    rows = np.zeros((HOPS, TARGETS), np.float32)
    _mark(rows, made.beats, BEAT)
    _mark(rows, made.beats[made.first], FIRST)
    for family in range(len(FAMILIES)):
        _mark(rows, made.strokes[made.strokes[:, 1] == family, 0], STROKES + family, 0.0)
    if len(made.beats) > 2:
        time = np.arange(HOPS) / HOPS_A_SECOND
        tempo = 60.0 / np.diff(made.beats)
        local = np.interp(time, 0.5 * (made.beats[1:] + made.beats[:-1]), tempo)
        rows[:, TEMPO] = np.where((time > made.beats[0]) & (time < made.beats[-1]), local, 0.0)
    return rows.astype(np.float16)


def _mark(
    rows: npt.NDArray[np.float32], seconds: npt.NDArray[np.float64], row: int, near: float = 0.5
) -> None:
    at = np.round(seconds * HOPS_A_SECOND).astype(int) + LATE - 1  # hop k ends at (k + 1) / 100
    for step, value in ((-1, near), (1, near), (0, 1.0)):
        inside = at + step
        inside = inside[(inside >= 0) & (inside < HOPS)]
        rows[inside, row] = np.maximum(rows[inside, row], value)


def worsened(sound: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """The sound through a random microphone: level, tone, a room, noise, clipping."""
    made = sound / max(float(np.abs(sound).max()), 1e-6) * 10 ** (rng.uniform(-30, 0) / 20)
    if rng.random() < 0.6:
        made = _toned(made, rng)
    if rng.random() < 0.3:
        made = _in_a_room(made, rng)
    if rng.random() < 0.5:
        loud = float(np.sqrt(np.mean(made**2))) * 10 ** (-rng.uniform(12, 50) / 20)
        noise = rng.standard_normal(len(made), np.float32)
        made = made + loud * _toned(noise, rng)
    if rng.random() < 0.15:
        limit = float(np.abs(made).max()) * rng.uniform(0.1, 0.6)
        made = np.clip(made, -limit, limit)
    return made.astype(np.float32)


def _toned(sound: npt.NDArray[np.floating], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A smooth random tone, up to 12 dB from octave to octave; now and then the highs are cut."""
    knots = np.log([20, 60, 200, 600, 2000, 6000, 20_000.0])
    db, hz = rng.normal(0, 5, len(knots)), np.geomspace(20, RATE / 2, 200)
    curve = np.interp(np.log(hz), knots, db)
    if rng.random() < 0.15:
        curve = curve - 60 * np.clip(np.log2(hz / rng.uniform(2500, 9000)), 0, 1)
    size = fft.next_fast_len(len(sound), real=True)
    gains = np.interp(fft.rfftfreq(size, 1 / RATE), hz, 10 ** (curve / 20))
    made = fft.irfft(fft.rfft(sound.astype(np.float32), size) * gains, size)
    return np.asarray(made[: len(sound)], np.float64)


def _in_a_room(
    sound: npt.NDArray[np.floating], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """A made-up room: noise that dies away within 0.1 to 0.7 s, under the direct sound."""
    length = int(RATE * rng.uniform(0.1, 0.7))
    tail = rng.normal(0, 1, length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.7) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    size = fft.next_fast_len(len(sound) + length, real=True)
    dry, wet = (fft.rfft(part.astype(np.float32), size) for part in (sound, tail))
    return np.asarray(fft.irfft(dry * wet, size)[: len(sound)], np.float64)


__all__ = ["BEAT", "FIRST", "HOPS", "LATE", "PHASE_BINS", "STROKES", "TARGETS", "TEMPO",
           "TEMPO_BINS", "TEMPO_HIGHEST", "TEMPO_LOWEST", "Heard", "Kit", "hear", "targets_of",
           "worsened"]  # fmt: skip
