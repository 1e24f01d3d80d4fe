"""Sound from exact magnitudes: how near it comes, what a frame costs, Griffin-Lim beside it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from engine.bench import Report
from engine.morph.cost import noisy_levels, phase_cost
from engine.morph.grid import GRIDS, Array, Grid, magnitudes
from engine.morph.phase import phased
from models.bench.morph.sources import rendered
from models.bench.morph.telling import say
from models.morph.live.material import Readable
from models.morph.measures.spectra import convergence_db

MOST_DB, MOST_SHARE = -33.0, 2.0
HEARD_S = 2.0
BESIDE = 12
"""Notes for Griffin-Lim, which takes long."""
ROUNDS = 32


def run(report: Report, seconds: float) -> None:
    """Add rows for both grids, on notes of the test instruments."""
    notes = [note for note in rendered().of("test") if note.velocity == 75]
    for name in ("quality", "live"):
        say(f"phase: {name}, {len(notes)} notes")
        measured(report, name, notes, notes[:: max(1, len(notes) // BESIDE)])


def measured(
    report: Report, name: str, notes: Sequence[Readable], beside: Sequence[Readable]
) -> None:
    """Rows of one grid."""
    grid, promised = GRIDS[name], name == "quality"
    start = f"phase, {grid.size}/{grid.hop}"
    value = _ours(_all(notes, grid), grid)
    report.add(f"{start}: convergence on exact magnitudes", value, "dB",
               f"at most {MOST_DB:g} dB" if promised else "",
               value <= MOST_DB if promised else None)  # fmt: skip
    cost = phase_cost(grid, noisy_levels(grid))
    share = 100.0 * cost.share
    report.add(f"{start}: cost of a voice", share, "% of a core", f"at most {MOST_SHARE:g} %",
               share <= MOST_SHARE)  # fmt: skip
    report.add(f"{start}: a frame, median", cost.median_us, "us")
    report.add(f"{start}: a frame, p99", cost.p99_us, "us")
    others, taken, count = [], 0.0, 0
    for frames in _all(beside, grid):
        began = time.process_time()
        sound = _griffin_lim(frames, grid)
        taken, count = taken + time.process_time() - began, count + len(frames)
        others.append(_missed(sound, frames, grid))
    many = f"of {len(beside)} notes"
    report.add(f"{start}: {many}, ours", _ours(_all(beside, grid), grid), "dB")
    report.add(f"{start}: {many}, fast Griffin-Lim {ROUNDS}, which needs the whole note",
               float(np.mean(others)), "dB")  # fmt: skip
    report.add(f"{start}: fast Griffin-Lim {ROUNDS}, a frame, mean", 1e6 * taken / count, "us")


def _ours(all_frames: list[Array], grid: Grid) -> float:
    return float(np.mean([_missed(phased(one, grid), one, grid) for one in all_frames]))


def _all(notes: Sequence[Readable], grid: Grid) -> list[Array]:
    return [magnitudes(note.sound()[: round(HEARD_S * grid.rate)], grid) for note in notes]


def _missed(sound: Array, frames: Array, grid: Grid) -> float:
    """Convergence of the magnitudes that the sound has, where the sound is complete."""
    cut = np.lib.stride_tricks.sliding_window_view(sound, grid.size)[:: grid.hop][: len(frames)]
    made = np.abs(np.fft.rfft(cut * grid.window)) * (4.0 / grid.size)
    return convergence_db(frames[: len(made)], made)


def _griffin_lim(frames: Array, grid: Grid) -> Array:
    """librosa's, of frames that are not padded; it begins with the first one's window."""
    import librosa

    scale = grid.size / 4.0
    made = librosa.griffinlim(
        frames.T * scale, n_iter=ROUNDS, hop_length=grid.hop, win_length=grid.size,
        n_fft=grid.size, center=False, momentum=0.99, random_state=0,
    )  # fmt: skip
    return np.asarray(made, np.float32)


__all__ = ["measured", "run"]
