"""What is studied: recordings as envelopes, pulses and symbols, and how they are divided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.pulse.errors import PulseError
from models.pulse.paper.beats import Frames, beats
from models.pulse.paper.envelope import FRAMES_A_SECOND, RATE, Array, onset_envelope
from models.pulse.paper.feel import Feel, deviations, smoothed
from models.pulse.paper.symbols import (
    Representation,
    Symbols,
    beat_vector,
    onset_frames,
    onset_places,
)
from models.pulse.paper.tempo import peak_offset, tempo
from models.pulse.takes import DRUM_OF, FAMILIES, FAMILY_OF, Take

Told = Callable[[int, int], None]
SHORTEST_S = 10.0
GROUP_S = 600.0  # rendered in one go: 106 MB of sound


@dataclass(frozen=True)
class Recording:
    """A recording as its envelope; the pulse is found when it is asked for.

    ``feels`` is the feel of each family of drums beside the click, where the source tells it.
    """

    name: str
    player: str
    envelope: Array
    feels: Mapping[str, Feel] = field(default_factory=dict)

    @cached_property
    def tempo_bpm(self) -> float:
        """Its global tempo."""
        return tempo(self.envelope)

    @cached_property
    def beats(self) -> Frames:
        """The frames of its pulse."""
        return beats(self.envelope, self.tempo_bpm)

    @property
    def beat_seconds(self) -> Array:
        """The times of its pulse, finer than a frame and smoothed; PulseError below two beats.

        It begins and ends on onsets: beats that the search laid before and after are left out.
        """
        played = onset_frames(self.envelope)[:, None] + np.arange(-2, 3)
        on = np.flatnonzero(np.isin(self.beats, played))
        found = self.beats[on[0] : on[-1] + 1] if len(on) > 1 else self.beats
        places = [at + peak_offset(self.envelope, int(at)) for at in found]
        return smoothed(np.array(places) / FRAMES_A_SECOND)

    @property
    def onset_seconds(self) -> Array:
        """The times of its onsets, finer than a frame."""
        return np.asarray(onset_places(self.envelope) / FRAMES_A_SECOND)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.envelope) / FRAMES_A_SECOND

    def symbols(self, kind: Representation) -> Symbols:
        """Its beat vector."""
        return beat_vector(self.envelope, self.beats, kind)


@dataclass(frozen=True)
class Material:
    """Recordings to learn from, and of players that nothing is learnt from (or none)."""

    learnt: tuple[Recording, ...]
    unheard: tuple[Recording, ...] = ()

    @property
    def judged_on(self) -> str:
        """Who is the test; not every style has a take of somebody who is held out."""
        players = sorted({recording.player for recording in self.unheard})
        if players:
            return f"{', '.join(players)}, who were not learnt from"
        return "the last tenth of each recording, whose players were learnt from"


@dataclass(frozen=True)
class Split:
    """Symbols to learn from, to choose by, and to be judged on: one sequence a recording."""

    train: list[Symbols]
    validation: list[Symbols]
    test: list[Symbols]

    @property
    def by_name(self) -> dict[str, list[Symbols]]:
        """The parts by their names."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def split(material: Material, kind: Representation, held_out: float = 0.1) -> Split:
    """Hold out the last tenth of every recording to choose by; unheard players are the test.

    Where there are none, the test is the last tenth and the one before it is chosen by.
    """
    vectors = [recording.symbols(kind) for recording in material.learnt]
    test = [recording.symbols(kind) for recording in material.unheard]
    if not test:
        ends = [round(len(v) * (1.0 - held_out)) for v in vectors]
        test = [v[end:] for v, end in zip(vectors, ends, strict=True)]
        vectors = [v[:end] for v, end in zip(vectors, ends, strict=True)]
    ends = [round(len(v) * (1.0 - held_out)) for v in vectors]
    train = [v[:end] for v, end in zip(vectors, ends, strict=True)]
    return Split(train, [v[end:] for v, end in zip(vectors, ends, strict=True)], test)


def from_takes(
    takes: Sequence[Take], seconds: float = float("inf"), told: Told | None = None
) -> Material:
    """``takes`` played by FluidSynth, at most ``seconds`` of sound in all; raises PulseError.

    Where not all fit, every take is cut to the same share of itself.
    """
    usable = [take for take in takes if take.seconds >= SHORTEST_S]
    if not any(not take.held_out for take in usable):
        raise PulseError(f"of {len(takes)} takes none of {SHORTEST_S:g} s or more is to learn from")
    share = min(1.0, seconds / sum(take.seconds for take in usable))
    made: list[Recording] = []
    for group in _groups(usable, share):
        made += _rendered(group, share)
        if told:
            told(len(made), len(usable))
    heard = tuple(r for r, take in zip(made, usable, strict=True) if not take.held_out)
    return Material(heard, tuple(r for r, take in zip(made, usable, strict=True) if take.held_out))


def _groups(takes: Sequence[Take], share: float) -> Iterator[list[Take]]:
    group: list[Take] = []
    for take in takes:
        if group and share * sum(t.seconds for t in [*group, take]) > GROUP_S:
            yield group
            group = []
        group.append(take)
    yield group


def _rendered(takes: Sequence[Take], share: float) -> list[Recording]:
    from models.pulse.rendering import Piece, drum_strokes, render

    pieces = []
    for take in takes:
        notes = take.notes
        strokes = drum_strokes(
            notes["beat"] * 60.0 / take.tempo_bpm, notes["pitch"], notes["velocity"]
        )
        pieces.append(Piece(strokes, max(SHORTEST_S, share * take.seconds)))
    sounds = render(pieces, rate=RATE)
    return [
        replace(
            recording(f"{take.drummer}/{take.file.stem}", take.drummer, sound, RATE),
            feels=feels(take, piece.seconds),
        )
        for take, piece, sound in zip(takes, pieces, sounds, strict=True)
    ]


def feels(take: Take, seconds: float = float("inf")) -> dict[str, Feel]:
    """The feel of each family of drums in the first ``seconds`` of a take, beside its click."""
    beat_s, notes = 60.0 / take.tempo_bpm, take.notes
    notes = notes[notes["beat"] * beat_s < seconds]
    families = np.array([FAMILY_OF[DRUM_OF[p]] if p in DRUM_OF else -1 for p in notes["pitch"]])
    click = beat_s * np.arange(2)  # goes on in even steps
    parts = {name: notes["beat"][families == k] * beat_s for k, name in enumerate(FAMILIES)}
    return {name: deviations(times, click) for name, times in parts.items() if len(times)}


def from_files(paths: Sequence[Path], told: Told | None = None) -> Material:
    """Recordings of one's own, files or folders of them; raises PulseError or SoundError."""
    from engine.soundfiles import read

    files = [file for path in paths for file in _sounds(path)]
    made = []
    for number, file in enumerate(files):
        sound = read(file, RATE)
        if len(sound) < SHORTEST_S * RATE:
            lasts = f"{len(sound) / RATE:.1f} s"
            raise PulseError(f"{file}: lasts {lasts}; {SHORTEST_S:g} s or more are needed")
        made.append(recording(file.stem, "", sound.mean(axis=1), RATE))
        if told:
            told(number + 1, len(files))
    return Material(tuple(made))


def _sounds(path: Path) -> list[Path]:
    """``path`` itself, or the sound files in it by name."""
    if not path.exists():
        raise PulseError(f"{path}: no such file or folder")
    if not path.is_dir():
        return [path]
    known = {".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".caf", ".au"}
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in known)
    if not found:
        raise PulseError(f"{path}: holds no recording; read are wav, flac, ogg, mp3, aiff, caf, au")
    return found


def recording(name: str, player: str, sound: NDArray[Any], rate: int) -> Recording:
    """A recording of ``sound`` (frames,)."""
    return Recording(name, player, onset_envelope(sound, rate))


__all__ = [
    "SHORTEST_S", "Material", "Recording", "Split",
    "feels", "from_files", "from_takes", "recording", "split",
]  # fmt: skip
