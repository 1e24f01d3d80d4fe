"""A performer's own recordings as parts on the grid: what a model is fine-tuned on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.pulse.errors import PulseError
from models.pulse.rhythm.grid import Grid, bar_steps, on_grid
from models.pulse.rhythm.hearing import Listener
from models.pulse.takes import DRUM_OF, read_notes

MIDI = (".mid", ".midi", ".smf", ".kar")
SOUND = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".caf", ".au")
LEAST_BARS = 4
LEAST_STROKES = 16

Reader = Callable[[Path], Grid]
"""From a recording to a part, as a ``Listener`` is."""


@dataclass(frozen=True)
class Meter:
    """What a MIDI file says of its time; 120 bpm and 4/4 where it says nothing."""

    tempo_bpm: float = 120.0
    bar: int = 16


def strokes_of(file: Path, style: str = "", sound: Reader | None = None) -> Grid:
    """A recording of a drummer as a part; PulseError or SoundError in one line if it cannot be.

    A MIDI file's own beats are the grid: it was played to its click, or its beats were set
    afterwards. ``sound`` reads audio, where beats and drums have to be found first: a
    ``Listener`` unless given.
    """
    suffix = file.suffix.lower()
    if suffix in SOUND:
        grid = (sound or Listener())(file)
    elif suffix in MIDI:
        grid = _midi(file)
    else:
        told = " ".join((*MIDI, *SOUND))
        raise PulseError(f"{file}: drums are read from MIDI files and sound: {told}")
    _check(file, grid)
    return replace(grid, style=style)


def parted(grid: Grid, share: float = 0.15) -> tuple[Grid, Grid]:
    """The first bars, to learn from, and the last ``share`` of them, at least one, to judge by."""
    bars = -(-grid.steps // grid.bar)
    last = max(1, round(share * bars))
    at = (bars - last) * grid.bar
    return _cut(grid, slice(0, at)), _cut(grid, slice(at, grid.steps))


def _cut(grid: Grid, part: slice) -> Grid:
    rows = (grid.hits[part], grid.velocities[part], grid.offsets[part])
    return replace(grid, hits=rows[0], velocities=rows[1], offsets=rows[2])


def _midi(file: Path) -> Grid:
    notes, meter = read_notes(file), _meter(file)
    on_drums = _channel_ten(file)
    if on_drums is not None:
        notes = on_drums
    first = np.floor(notes["beat"].min() * 4.0 / meter.bar) * meter.bar / 4.0 if len(notes) else 0.0
    shifted = notes.copy()
    shifted["beat"] -= first  # whole bars of silence before the first stroke are left out
    return on_grid(shifted, meter.bar, meter.tempo_bpm)


def _meter(file: Path) -> Meter:
    import mido

    found: dict[str, Any] = {}
    for message in mido.merge_tracks(mido.MidiFile(file).tracks):
        if message.is_meta and message.type in ("set_tempo", "time_signature"):
            found.setdefault(message.type, message)
    meter = Meter()
    if "set_tempo" in found:
        meter = replace(meter, tempo_bpm=60e6 / max(found["set_tempo"].tempo, 1))
    if "time_signature" in found:
        told = found["time_signature"]
        try:
            meter = replace(meter, bar=bar_steps(f"{told.numerator}-{told.denominator}"))
        except PulseError as error:
            raise PulseError(f"{file}: {error}") from None
    return meter


def _channel_ten(file: Path) -> Any:
    """The strokes of General MIDI's drum channel, or None where nothing is on it."""
    import mido

    from models.pulse.takes import NOTE

    midi, rows, at = mido.MidiFile(file), [], 0
    for message in mido.merge_tracks(midi.tracks):
        at += message.time
        if message.type == "note_on" and message.velocity > 0 and message.channel == 9:
            rows.append((at / midi.ticks_per_beat, message.note, message.velocity))
    return np.array(sorted(rows), NOTE) if rows else None


def _check(file: Path, grid: Grid) -> None:
    strokes, bars = int(grid.hits.sum()), grid.steps / grid.bar
    if strokes < LEAST_STROKES or bars < LEAST_BARS - 1:
        told = f"{strokes} strokes of drums in {bars:.1f} bars"
        known = f", as General MIDI drums (notes {min(DRUM_OF)} to {max(DRUM_OF)})"
        raise PulseError(
            f"{file}: {told}; at least {LEAST_STROKES} strokes in {LEAST_BARS} bars are needed"
            f"{known if file.suffix.lower() in MIDI else ''}"
        )


__all__ = ["MIDI", "SOUND", "parted", "strokes_of"]
