"""What a content in another key costs: a tune in the style's notes, six semitones away or not."""

from __future__ import annotations

import numpy as np
import torch

from engine.bench import Report
from models.bench.style.sources import RATE, transferred
from models.bench.style.telling import say
from models.style.frames import Analysis
from models.style.phase import distance_db
from models.style.settings import Knobs, Settings
from models.style.sound import Recording, recording

MOST_DB = 1.0
SEMITONES, SECONDS, NOTE_S = 6, 5.0, 0.25
SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
BRIGHT, DULL = (1.0, 0.8, 0.7, 0.5, 0.4, 0.3), (1.0, 0.2, 0.05)
"""Amplitudes of the partials of the style, and of the content."""


def run(report: Report) -> None:
    """Add how much further from the ideal a content six semitones away ends than one in key."""
    say("key")
    wanted = tune(1, BRIGHT)
    style = tune(2, BRIGHT)
    for name, bands in (("16 mel bands", 16), ("all bins", 0)):
        near, far = (
            _missed(tune(1, DULL, moved), style, wanted, bands) for moved in (0, SEMITONES)
        )
        report.add(f"content in {name}, in key: off the tune in the style's notes", near, "dB")
        cost, held = far - near, bands > 0
        report.add(f"content in {name}, {SEMITONES} semitones away: further by", cost, "dB",
                   f"less than {MOST_DB:g}" if held else "",
                   cost < MOST_DB if held else None)  # fmt: skip


def _missed(content: Recording, style: Recording, wanted: Recording, bands: int) -> float:
    """Log-spectral distance of a transfer, begun with noise, to the tune that is wanted."""
    knobs = Knobs(harmony=1.0, timbre=1.0, content=1.0, pitch=0.0, onsets=0.0)
    asked = Settings(knobs=knobs, content_bands=bands, start="noise", device="cpu")
    made = transferred(content, style, asked).sound
    analysis = Analysis.at(RATE)
    ideal = analysis.magnitudes(torch.from_numpy(wanted.samples))
    scale = float(np.linalg.norm(wanted.samples) / np.linalg.norm(made.samples))
    return distance_db(torch.from_numpy(made.samples[0] * np.float32(scale)), ideal, analysis)


def tune(seed: int, partials: tuple[float, ...], semitones: int = 0) -> Recording:
    """Notes of a scale in an order by chance, of these partials."""
    made = np.random.default_rng(seed)
    time = np.arange(round(NOTE_S * RATE)) / RATE
    notes = []
    for _ in range(round(SECONDS / NOTE_S)):
        hertz = 220.0 * 2.0 ** ((made.choice(SCALE) + semitones) / 12.0)
        waves = [a * np.sin(2 * np.pi * hertz * k * time) for k, a in enumerate(partials, 1)]
        notes.append(np.sum(waves, axis=0) * np.exp(-time / 0.15) * np.minimum(time / 0.005, 1.0))
    sound = 0.2 * np.concatenate(notes) + 1e-4 * made.standard_normal(len(notes) * len(time))
    return recording(sound, RATE, "tune")


__all__ = ["run", "tune"]
