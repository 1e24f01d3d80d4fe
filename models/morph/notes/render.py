"""An NSynth-format dataset out of a SoundFont: stopped, it goes on; never half a dataset.

The notes go to OUT/audio one by one, each file whole; examples.json is written last and makes it
a dataset. Until then OUT/rendering.json tells what was asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.morph.errors import MorphError
from engine.whole import whole, write_whole
from models.morph.notes.font import check_font, together
from models.morph.notes.instruments import STANDARD, TEST, VALID, Instrument, instruments_of
from models.morph.notes.note import FAMILIES, RATE, SECONDS, SOURCES, SPLITS, Sound, Split
from models.morph.notes.reading import AUDIO, EXAMPLES, ORDER
from models.morph.notes.splits import by_instrument
from models.morph.notes.synth import Synth

HELD = 0.75  # of a note's time, as in NSynth
STEP = 2.0**-19
"""Sounds are rounded to 20 of the file's 24 bits: at velocity 25 a note may peak at -60 dB and
needs a floor of 80 dB below; the other four would be noise, and a quarter of the file."""
SILENT = 1e-4  # of full scale
LONGEST_S = 60.0

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Order:
    """What to render; raises MorphError where it cannot be."""

    font: Path
    instruments: tuple[Instrument, ...] = instruments_of("standard")
    pitches: tuple[int, ...] = tuple(range(36, 85, 2))
    velocities: tuple[int, ...] = (25, 75, 127)
    seconds: float = SECONDS

    def __post_init__(self) -> None:
        if not self.font.is_file():
            told = "is no file" if self.font.exists() else "there is no such SoundFont"
            raise MorphError(f"{self.font}: {told}; Debian's is fluid-soundfont-gm, a .sf2")
        if not 0.1 <= self.seconds <= LONGEST_S:
            raise MorphError(f"seconds = {self.seconds:g} is outside 0.1 to {LONGEST_S:g}")
        if not (self.instruments and self.pitches and self.velocities):
            raise MorphError("instruments, pitches and velocities: at least one of each is needed")
        check_font(self.font)

    def splits(self) -> dict[int, Split]:
        """Where each program goes: TEST and VALID as named, others by chance of their names.

        Never are two programs apart that the font makes of the same recordings.
        """
        programs = [each.program for each in self.instruments]
        tied = together(self.font, programs)
        named: dict[int, Split] = {p: _named(p) for p in programs}
        if set(STANDARD) <= set(programs) and not _parted(named, tied):
            return named
        names = {each.program: each.name for each in self.instruments}
        found = by_instrument(
            {each.name: each.family for each in self.instruments},
            [frozenset(names[p] for p in pair) for pair in tied],
        )
        return {program: found[name] for program, name in names.items()}

    def as_json(self) -> dict[str, Any]:
        """What two orders are compared by: all of it, the font by its content."""
        with self.font.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "font": self.font.name, "sha256": digest,
            "programs": [each.program for each in self.instruments],
            "pitches": list(self.pitches), "velocities": list(self.velocities),
            "seconds": self.seconds, "rate": RATE,
        }  # fmt: skip


@dataclass(frozen=True)
class Rendered:
    """What was done. ``silent`` notes and ``absent`` programs are not in the font."""

    notes: int
    rendered: int
    kept: int
    silent: int
    absent: tuple[int, ...]
    splits: Mapping[Split, int]
    seconds: float


def _named(program: int) -> Split:
    return "test" if program in TEST else "valid" if program in VALID else "train"


def _parted(splits: Mapping[int, Split], tied: list[frozenset[int]]) -> bool:
    return any(len({splits[program] for program in pair}) > 1 for pair in tied)


def render(out: Path, order: Order, jobs: int | None = None, told: Told | None = None) -> Rendered:
    """Render what is not there yet and complete the dataset at ``out``; raises MorphError.

    Ctrl-C ends it within a note of each job; the same order goes on from there.
    """
    began = time.monotonic()
    splits = order.splits()
    with Synth(order.font):  # one that cannot be read leaves no folder
        pass
    with _writing(out):
        _begin(out, order)
        there = {path.stem for path in (out / AUDIO).glob("*.flac")}
        done = _Work(out / AUDIO, order, there, told).run(jobs or os.cpu_count() or 1)
        rows = _examples(out / AUDIO, order, splits)
        if not rows:
            raise MorphError(f"{order.font}: has no sound for any note of this order")
        write_whole(out / EXAMPLES, json.dumps(rows, indent=1).encode())
    counts = dict.fromkeys(SPLITS, 0)
    for row in rows.values():
        counts[row["split"]] += 1
    return Rendered(
        len(rows), done.rendered, done.kept, done.silent, tuple(sorted(done.absent)), counts,
        time.monotonic() - began,
    )  # fmt: skip


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """What the system refuses is told in one line."""
    from soundfile import LibsndfileError

    try:
        yield
    except OSError as error:
        raise MorphError(f"{error.filename or out}: {error.strerror or error}") from None
    except LibsndfileError as error:
        raise MorphError(f"{out}: cannot be written: {error.error_string.strip()}") from None


def _begin(out: Path, order: Order) -> None:
    """Make the folder, or make sure that what is in it is of this order."""
    wanted = order.as_json()
    if (out / ORDER).exists():
        try:
            found = json.loads((out / ORDER).read_text())
        except ValueError:
            found = {}
        other = [name for name, value in wanted.items() if found.get(name) != value]
        if other:
            raise MorphError(
                f"{out}: holds notes of another order ({', '.join(other)}); "
                "give the same one to go on, or another folder"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MorphError(f"{out}: is there and is no dataset that was begun; give a new folder")
    (out / AUDIO).mkdir(parents=True, exist_ok=True)
    write_whole(out / ORDER, json.dumps(wanted).encode())


class _Work:
    """The notes still to be rendered, an instrument at a time, in threads."""

    def __init__(self, folder: Path, order: Order, there: set[str], told: Told | None) -> None:
        self.folder, self.order, self.there, self.told = folder, order, there, told
        self.rendered = self.kept = self.silent = 0
        self.absent: set[int] = set()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._count = len(order.instruments) * len(order.pitches) * len(order.velocities)

    def run(self, jobs: int) -> _Work:
        """All of it, in so many threads; Ctrl-C and errors stop every thread."""
        wanted = [each for each in self.order.instruments if self._lacks(each)]
        self._tell()
        with ThreadPoolExecutor(max(1, jobs)) as pool:
            try:
                self._wait([pool.submit(self._instrument, each) for each in wanted])
            finally:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
        return self

    def _wait(self, futures: list[Future[None]]) -> None:
        left = set(futures)
        while left:  # a wait without an end would not hear Ctrl-C on every system
            done, left = wait(left, timeout=0.2, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()

    def _lacks(self, instrument: Instrument) -> bool:
        names = [name for name, _, _ in _names(self.order, instrument)]
        lacks = any(name not in self.there for name in names)
        if not lacks:
            self.kept += len(names)
        return lacks

    def _tell(self) -> None:
        if self.told:
            self.told(self.rendered + self.kept + self.silent, self._count)

    def _instrument(self, instrument: Instrument) -> None:
        """Play all notes of it, also those that are there: each depends a little on the last."""
        if self._stop.is_set():
            return
        with Synth(self.order.font) as synth:
            if not synth.choose(instrument.program):
                self.absent.add(instrument.program)
                return
            for name, pitch, velocity in _names(self.order, instrument):
                if self._stop.is_set():
                    return
                self._note(synth, name, pitch, velocity)

    def _note(self, synth: Synth, name: str, pitch: int, velocity: int) -> None:
        sound = synth.note(pitch, velocity, self.order.seconds, HELD * self.order.seconds)
        kept, heard = name in self.there, bool(np.abs(sound).max() >= SILENT)
        if heard and not kept:
            _write(self.folder / f"{name}.flac", sound)
        with self._lock:
            self.kept += kept
            self.rendered += heard and not kept
            self.silent += not heard and not kept
            self._tell()


def _write(path: Path, sound: Sound) -> None:
    import soundfile

    peak = float(np.abs(sound).max())
    fits = sound / max(1.0, peak / (1.0 - STEP))
    rounded = np.round(fits / STEP) * STEP
    with whole(path, sync=False) as part:
        soundfile.write(part, rounded, RATE, "PCM_24", format="FLAC")


def _names(order: Order, instrument: Instrument) -> Iterator[tuple[str, int, int]]:
    for pitch in order.pitches:
        for velocity in order.velocities:
            yield f"{instrument.name}-{pitch:03}-{velocity:03}", pitch, velocity


def _examples(folder: Path, order: Order, splits: Mapping[int, Split]) -> dict[str, dict[str, Any]]:
    """The rows of examples.json, NSynth's keys and ``gm_program``, ``title`` and ``split``."""
    there = {path.stem for path in folder.glob("*.flac")}
    rows: dict[str, dict[str, Any]] = {}
    for number, each in enumerate(order.instruments):
        for name, pitch, velocity in _names(order, each):
            if name in there:
                rows[name] = {
                    "note": len(rows), "note_str": name,
                    "instrument": number, "instrument_str": each.name,
                    "instrument_family": FAMILIES.index(each.family),
                    "instrument_family_str": each.family,
                    "instrument_source": SOURCES.index(each.source),
                    "instrument_source_str": each.source,
                    "pitch": pitch, "velocity": velocity, "sample_rate": RATE,
                    "qualities": [0] * 10, "qualities_str": [],
                    "gm_program": each.program, "title": each.title,
                    "split": splits[each.program],
                }  # fmt: skip
    return rows


__all__ = ["Order", "Rendered", "Told", "render"]
