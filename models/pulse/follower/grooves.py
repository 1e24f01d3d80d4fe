"""Grooves out of MIDI files: a drummer's own, those of a pack, those of an accompanist's library.

Most were programmed rather than played, each the same from bar to bar, so a part that is heard in
a scene is one of them as a drummer might play it: with other percussion, strokes that are left
out, a touch and a feel of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.pulse.errors import PulseError
from models.pulse.follower.accompanist import play_library
from models.pulse.follower.patterns import Part
from models.pulse.rendering import DRUM_CHANNEL
from models.pulse.takes import DRUM_OF, FAMILY_OF, NOTE, midi_of

LOWEST, HIGHEST = 35, 81  # of General MIDI's drums and percussion
LONG = 120  # beats; a groove that is shorter begins again
ON_A_KIT = (42, 42, 51, 37, 45, 48, 56, 46)
"""What a drummer without percussion may play in its place."""
FASTER = 0.33  # natural logarithm, spread: few files have the tempo that they are played at
CROSSED, BARE, ON_KIT = 0.3, 0.5, 0.4  # shares of parts


def gathered(
    folders: Sequence[Path], kept: Path, threads: int = 1,
    told: Callable[[float], None] = lambda share: None,
) -> tuple[Part, ...]:  # fmt: skip
    """The grooves in ``folders``; a library of MMA is played into ``kept`` first.

    ``told`` hears how much of the playing is done, from 0 to 1. Raises PulseError.
    """
    places = []
    for folder in folders:
        if not folder.is_dir():
            told_of = "not a folder; --grooves wants one" if folder.exists() else "no such folder"
            raise PulseError(f"{folder}: {told_of}")
        place = folder
        if next(folder.rglob("*.mma"), None) is not None:
            which = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
            place = kept / f"{folder.resolve().name}-{which}"
            play_library(folder, place, threads, told)
        places.append(place)
    return read_grooves(places)


def read_grooves(folders: Iterable[Path]) -> tuple[Part, ...]:
    """The different grooves of all MIDI files below ``folders``, each as long as a scene needs.

    A groove is what is on the drums' channel (10), in quarters: files in eighths are left out.
    Raises PulseError for a file that is no MIDI file, or where there is none with drums.
    """
    found: dict[bytes, Part] = {}
    for folder in folders:
        before = len(found)
        for file in sorted((*folder.rglob("*.mid"), *folder.rglob("*.midi"))):
            part = _read(file)
            if part is not None:
                begin = part.notes[part.notes["beat"] < 4 * part.beats_a_bar]
                strokes = {(int(note["pitch"]), round(12 * note["beat"])) for note in begin}
                found.setdefault(repr((part.beats_a_bar, sorted(strokes))).encode(), part)
        if len(found) == before:
            raise PulseError(f"{folder}: no MIDI file with a groove on the drums' channel, 10")
    return tuple(found.values())


def _read(file: Path) -> Part | None:
    """A file's groove, or None if it counts in eighths or has few drums; raises PulseError."""
    midi = midi_of(file)
    rows: list[tuple[float, int, int]] = []
    meter, tempo = (4, 4), 0.0
    for track in midi.tracks:  # merging them takes longer than all else
        at = 0
        for message in track:
            at += message.time
            if message.type == "time_signature" and at == 0:
                meter = message.numerator, message.denominator
            elif message.type == "set_tempo" and not tempo:
                tempo = message.tempo
            elif message.type == "note_on" and message.channel == DRUM_CHANNEL:
                rows.append((at / midi.ticks_per_beat, message.note, message.velocity))
    rows = [row for row in rows if LOWEST <= row[1] <= HIGHEST and row[2] > 0]
    notes = np.array(sorted(rows), NOTE)
    quarters = meter[1] == 4 and 2 <= meter[0] <= 7
    if not quarters or not len(notes) or len(notes) < notes["beat"][-1]:
        return None
    length = meter[0] * int(notes["beat"][-1] / meter[0] + 1.0)
    again = [notes.copy() for _ in range(-(-LONG // length))]
    for number, copy in enumerate(again):
        copy["beat"] += number * length
    bpm = 60e6 / tempo if tempo else 120.0
    return Part(np.concatenate(again), bpm, meter[0])


def varied(grooves: Sequence[Part], rng: np.random.Generator) -> Part:
    """One of ``grooves`` as a drummer might play it."""
    chosen = grooves[int(rng.integers(len(grooves)))]
    notes, bar = chosen.notes.copy(), chosen.beats_a_bar
    if rng.random() < CROSSED:
        others = [groove for groove in grooves if groove.beats_a_bar == bar]
        notes = crossed(notes, others[int(rng.integers(len(others)))].notes, rng.random() < 0.5)
    percussion = ~np.isin(notes["pitch"], list(DRUM_OF))
    if percussion.mean() < 0.7 and rng.random() < BARE:
        notes = notes[~percussion]
    elif rng.random() < ON_KIT:
        for pitch in np.unique(notes["pitch"][percussion]):
            notes["pitch"][notes["pitch"] == pitch] = rng.choice(ON_A_KIT)
    tempo = float(np.clip(chosen.tempo_bpm * np.exp(rng.normal(0.0, FASTER)), 55.0, 240.0))
    notes = notes[rng.random(len(notes)) < rng.uniform(0.9, 1.0)]
    if rng.random() < 0.5:
        notes["velocity"] = np.clip(notes["velocity"] * rng.uniform(0.8, 1.3), 5, 127)
    beats_a_second = tempo / 60.0
    for pitch in np.unique(notes["pitch"]):
        notes["beat"][notes["pitch"] == pitch] += rng.normal(-0.006, 0.010) * beats_a_second
    notes["beat"] += rng.normal(-0.004, 0.012) * beats_a_second  # all of him, before or behind
    notes["beat"] += rng.normal(0.0, rng.uniform(0.003, 0.016), len(notes)) * beats_a_second
    notes["beat"] = np.maximum(notes["beat"], 0.0)
    return Part(np.sort(notes, order="beat"), tempo, bar)


def crossed(notes: npt.NDArray[Any], other: npt.NDArray[Any], low: bool) -> npt.NDArray[Any]:
    """Kick and snare of one groove (where ``low``, else the rest of it) with what they lack."""
    mine, theirs = (_low(part["pitch"]) == low for part in (notes, other))
    both = np.concatenate([notes[mine], other[~theirs]])
    both = both[both["beat"] < min(notes["beat"][-1], other["beat"][-1])]
    enough = len(both) > 100 and both["beat"].max() > 60.0
    return np.sort(both, order="beat") if enough else notes


def _low(pitches: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    low = [pitch for pitch, drum in DRUM_OF.items() if FAMILY_OF[drum] < 2]
    return np.isin(pitches, low)


__all__ = ["crossed", "gathered", "read_grooves", "varied"]
