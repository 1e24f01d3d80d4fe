"""Renders pairs of dry and wet sound to learn a distortion from; the same for a seed."""

import math
from dataclasses import dataclass

import numpy as np
import pedalboard
from numpy.typing import NDArray

from engine.performance import BEATS_A_BAR, TEMPO_BPM, guitar

Audio = NDArray[np.float32]

SAMPLE_RATE = 48_000
HELD_OUT_BARS = 2  # the last two: picked chord and lead line, never trained on
WET_RMS_DB = -18.0
GAINS = (0.1, 1.5)
GAIN_S = 0.25  # the level drifts this fast while training


@dataclass(frozen=True)
class Chain:
    """The effect to learn: high-pass, tanh, low-pass, all by pedalboard, and a level."""

    drive_db: float
    highpass_hz: float = 110.0
    lowpass_hz: float = 5500.0
    makeup_db: float = 0.0

    def render(self, dry: Audio) -> Audio:
        """Return what pedalboard makes of ``dry`` (frames,)."""
        board = pedalboard.Pedalboard(
            [
                pedalboard.HighpassFilter(self.highpass_hz),
                pedalboard.Distortion(self.drive_db),
                pedalboard.LowpassFilter(self.lowpass_hz),
                pedalboard.Gain(self.makeup_db),
            ]
        )
        wet: Audio = board(dry, SAMPLE_RATE).reshape(-1)
        return wet


def levelled(drive_db: float) -> Chain:
    """Return the chain whose make-up brings the performance to -18 dBFS RMS."""
    wet = Chain(drive_db).render(guitar(SAMPLE_RATE))
    return Chain(drive_db, makeup_db=round(WET_RMS_DB - rms_db(wet), 1))


def rms_db(audio: Audio) -> float:
    """Return the level of ``audio`` in dBFS, at least -200."""
    return float(10.0 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-20))


def held_out_frames() -> int:
    """Return how much of the end of the performance is kept for validation."""
    return round(HELD_OUT_BARS * BEATS_A_BAR * 60.0 / TEMPO_BPM * SAMPLE_RATE)


def training_audio() -> Audio:
    """Return what the network hears dry: most of the performance, sweeps, steps, silence."""
    played = guitar(SAMPLE_RATE)[: -held_out_frames()]
    return np.concatenate((played, *(sweep(level) for level in (0.5, 0.1, 0.02)), steps()))


def validation_audio() -> Audio:
    """Return the held-out bars."""
    return guitar(SAMPLE_RATE)[-held_out_frames() :]


def sweep(level: float) -> Audio:
    """Return one second of sine from 20 Hz to 10 kHz, an octave every ninth of a second."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    octaves = np.log2(10_000.0 / 20.0)
    turns = 20.0 * (2.0 ** (octaves * time) - 1.0) / (octaves * np.log(2.0))
    return np.asarray(level * np.sin(2.0 * np.pi * turns), np.float32)


def steps() -> Audio:
    """Return two seconds of 220 Hz stepping down by 6 dB to -60 dB, then silence."""
    frame = np.arange(2 * SAMPLE_RATE)
    place = frame // (SAMPLE_RATE // 6)
    level = np.where(place < 11, 0.7 * 0.5**place, 0.0)
    tone = np.sin(2.0 * np.pi * 220.0 * frame / SAMPLE_RATE)
    return np.asarray(level * tone, np.float32)


def pairs(chain: Chain, dry: Audio, segment: int, rng: np.random.Generator) -> tuple[Audio, Audio]:
    """Return fresh dry and wet segments, each (count, segment), in the order of the sound.

    The level drifts between 0.1 and 1.5 and the sound starts anywhere, so that no epoch
    shows the network the same curve twice.
    """
    points = np.arange(0, len(dry) + GAIN_S * SAMPLE_RATE, GAIN_S * SAMPLE_RATE)
    low_db, high_db = (20.0 * math.log10(gain) for gain in GAINS)
    drift_db = rng.uniform(low_db, high_db, len(points))
    gain = 10.0 ** (np.interp(np.arange(len(dry)), points, drift_db) / 20.0)
    louder = (gain * np.roll(dry, rng.integers(len(dry)))).astype(np.float32)
    whole = len(dry) // segment * segment
    wet = chain.render(louder)
    return louder[:whole].reshape(-1, segment), wet[:whole].reshape(-1, segment)
