"""What is measured for questions 2 to 5: scales, phases, interpolation, activation.

Each answer is plain figures; what can be heard lies in ``place`` as WAV files that they name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from models.morph.measures.baselines import between_db, crossfade
from models.morph.measures.path import STEPS, PathFigures, judge_path, together
from models.morph.seed.griffin import griffin_lim
from models.morph.seed.material import NoteArrays
from models.morph.seed.reconstruction import Reconstructor, with_energy
from models.morph.seed.spectra import Array, Transform

MELS = (64, 128, 256)
PAIRS = 12
SHOWN = 3  # pairs that can be heard
HAND = 6  # sounds that are set by hand
REACHED = 0.25  # of the sliders' way, to each side of the mean, that a hand goes


def scales(notes: NoteArrays, transform: Transform, place: Path) -> dict[str, Any]:
    """What is lost where a note goes through a scale and back, with its own phase; no network."""
    found = {}
    for mels in (0, *(m for m in MELS if m <= transform.n_fft // 2)):
        by = replace(transform, mels=mels)
        values, references = by.values(notes.sounds)
        kept = transform.phases(notes.sounds)
        made = transform.sounds(by.magnitudes(values, references), kept, notes.samples)
        name = f"mel {mels}" if mels else "linear"
        found[name] = {"rows": by.bins, **distances(made, notes.sounds, transform)}
        write_sound(place / f"scale-{mels}.wav", made[0], notes.rate)
    return found


def phases(made: Reconstructor, notes: NoteArrays, place: Path) -> dict[str, Any]:
    """What each way to a phase costs, on exact magnitudes and on decoded ones."""
    transform, samples = made.transform, notes.samples
    linear = replace(transform, mels=0)
    codes = made.encoded(notes.sounds, notes.pitches)
    exact = np.abs(transform.spectra(notes.sounds))
    decoded = np.stack([made.magnitudes(code) for code in codes])
    kept = linear.phases(notes.sounds)
    write_sound(place / "note.wav", notes.sounds[0], notes.rate)
    found: dict[str, Any] = {}
    for name, rounds, momentum in WAYS:
        row = {}
        for kind, wanted in (("exact", exact), ("decoded", decoded)):
            if rounds:
                sounds = griffin_lim(wanted, linear, samples, rounds=rounds, momentum=momentum)
            else:
                sounds = linear.sounds(wanted, kept, samples)
            row[kind] = distances(sounds, notes.sounds, linear, wanted)
            file = f"phase-{kind}-{name.replace(' ', '-')}.wav"
            write_sound(place / file, with_energy(sounds[0], codes[0].energy), notes.rate)
        found[name] = row
    return found


WAYS = (
    ("kept phase", 0, 0.0), ("Griffin-Lim 32", 32, 0.0), ("fast Griffin-Lim 32", 32, 0.99),
    ("fast Griffin-Lim 100", 100, 0.99),
)  # fmt: skip


def interpolation(
    made: Reconstructor, notes: NoteArrays, place: Path, most: int = PAIRS
) -> dict[str, Any]:
    """Figures of the way between notes of one pitch, beside a cross-fade and faded dB spectra."""
    found: dict[str, list[PathFigures]] = {"codes": [], "faded dB": [], "cross-fade": []}
    told = []
    shares = [float(share) for share in np.linspace(0.0, 1.0, STEPS)]
    for k, (a, b) in enumerate(pairs(notes, most)):
        both = notes.at([a, b])
        ends = (both.sounds[0], both.sounds[1])
        one, two = made.encoded(both.sounds, both.pitches)
        way = [made.sound(made.interpolated(one, two, share), kept=False) for share in shares]
        ways = {
            "codes": way,
            "faded dB": faded_in_db(made.transform, both.sounds, shares),
            "cross-fade": [crossfade(*ends, share) for share in shares],
        }
        for name, sounds in ways.items():
            found[name].append(judge_path(sounds, ends, notes.rate, float(both.pitches[0])))
        told.append([both.instruments[0], both.instruments[1], int(both.pitches[0])])
        for step in range(0, STEPS, 2) if k < SHOWN else ():
            write_sound(place / f"path-{k}-{step}.wav", way[step], notes.rate)
    means = {name: _told(together(rows)) for name, rows in found.items() if rows}
    return {"pairs": told, "steps": STEPS, "ways": means}


def faded_in_db(transform: Transform, ends: Array, shares: Sequence[float]) -> list[Array]:
    """Sounds where values in dB, and levels in dB, go along a line between two: no network."""
    (one, other), references = transform.values(ends)
    samples, made = ends.shape[1], []
    for share in shares:
        level = references[0] ** (1.0 - share) * references[1] ** share
        wanted = transform.magnitudes(between_db(one, other, share), level)
        made.append(griffin_lim(wanted, transform, samples)[0])
    return made


def pairs(notes: NoteArrays, most: int) -> list[tuple[int, int]]:
    """Places of notes of one pitch and two instruments, spread over all there are."""
    first: dict[tuple[str, int], int] = {}
    for k, (name, pitch) in enumerate(zip(notes.instruments, notes.pitches, strict=True)):
        first.setdefault((name, int(pitch)), k)
    both = [
        (first[a, pitch], first[b, pitch])
        for a, b in combinations(sorted(set(notes.instruments)), 2)
        for pitch in sorted(set(notes.pitches.tolist()))
        if (a, pitch) in first and (b, pitch) in first
    ]
    some = np.unique(np.linspace(0, len(both) - 1, min(most, len(both))).astype(int))
    return [both[k] for k in some]


def activation(made: Reconstructor, notes: NoteArrays, place: Path) -> dict[str, Any]:
    """Codes set by hand: how far what sounds is from the nearest note that was learnt, in dB.

    Beside it the same for notes themselves, to the nearest of another instrument.
    """
    rng = np.random.default_rng(5)
    some = notes.at(np.linspace(0, len(notes) - 1, min(400, len(notes))).astype(int))
    known = np.maximum(made.transform.values(some.sounds)[0], 0.0)
    away, range_db = [], made.transform.top_db
    for k in range(HAND):
        positions = 0.5 + REACHED * rng.uniform(-1.0, 1.0, made.network.code)
        coded = made.set_by_hand(positions, pitch=48.0 + 4.0 * k)
        away.append(_nearest(made.values(coded), known) * range_db)
        write_sound(place / f"hand-{k}.wav", made.sound(coded), notes.rate)
    names = np.array(some.instruments)
    usual = [
        _nearest(known[k], known[names != names[k]]) * range_db
        for k in range(0, len(some), max(1, len(some) // 40))
        if (names != names[k]).any()
    ]
    return {"hand": HAND, "nearest_db": _rounded(away), "notes_nearest_db": _rounded(usual)}


def distances(
    sounds: Array, wanted: Array, transform: Transform, magnitudes: Array | None = None
) -> dict[str, float]:
    """Log-spectral distance to the notes, and the spectral convergence to ``magnitudes``."""
    linear = replace(transform, mels=0)
    a, b = (np.maximum(linear.values(given)[0], 0.0) for given in (sounds, wanted))
    lsd = float(np.sqrt(np.square(a - b).mean(1)).mean() * transform.top_db)
    target = np.abs(linear.spectra(wanted)) if magnitudes is None else magnitudes
    off = np.linalg.norm(np.abs(linear.spectra(sounds)) - target, axis=(1, 2))
    ratio = off / np.maximum(np.linalg.norm(target, axis=(1, 2)), 1e-30)
    convergence = 20.0 * np.log10(max(float(ratio.mean()), 1e-12))
    return {"lsd_db": round(lsd, 3), "convergence_db": round(float(convergence), 3)}


def write_sound(path: Path, sound: Array, rate: int) -> None:
    """A WAV file of 16 bits, quieter where it would clip."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    peak = max(1.0, float(np.abs(sound).max()) / 0.98)
    soundfile.write(path, np.nan_to_num(sound / peak), rate, subtype="PCM_16")


def _nearest(values: Array, known: Array) -> float:
    return float(min(_roots(values, known)))


def _roots(values: Array, known: Array) -> Iterator[float]:
    for one in known:
        yield float(np.sqrt(np.square(one - values).mean()))


def _told(figures: PathFigures) -> dict[str, float]:
    """Those figures that could be measured."""
    found = {name: float(value) for name, value in asdict(figures).items()}
    return {name: round(value, 4) for name, value in found.items() if np.isfinite(value)}


def _rounded(values: list[float]) -> list[float]:
    return [round(float(value), 2) for value in values]


__all__ = [
    "PAIRS", "STEPS", "activation", "distances", "interpolation", "pairs", "phases", "scales",
    "write_sound",
]  # fmt: skip
