"""Opens a folder of pairs, with a manifest or without, for training and judging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.pairs import folders, manifest
from models.pairs.errors import PairsError

Audio = NDArray[np.float32]

LENGTHS_MAY_DIFFER = 64  # frames: sound cards and sound editors round to blocks
HELD_OUT = 0.2  # of the time is for validation where no split is given
FEW = 5  # dry files; with fewer each is cut, with as many the last ones are held out whole


@dataclass(frozen=True)
class KnobRange:
    """Between which values the pairs turn a knob."""

    name: str
    minimum: float
    maximum: float

    def position(self, value: float) -> float:
        """Where ``value`` lies, 0 at the minimum and 1 at the maximum."""
        return (value - self.minimum) / (self.maximum - self.minimum)


@dataclass(frozen=True)
class Pair:
    """Dry sound and what an effect made of it: ``frames`` frames from frame ``start``.

    ``channel`` is the one that is taken of a wet file. Where a dry file has more channels than
    its wet file and they differ, those after the first were measured beside the sound.
    """

    name: str
    dry: Path
    wet: Path
    split: str
    knobs: Mapping[str, float]
    sample_rate: int
    start: int
    frames: int
    controls: int = 0
    channel: int = 0
    entry: manifest.Entry | None = field(default=None, repr=False)

    def load(self) -> tuple[Audio, Audio]:
        """Dry and wet sound, each (frames,)."""
        return self._read(self.dry)[:, 0].copy(), self._read(self.wet)[:, self.channel].copy()

    @property
    def control(self) -> Audio:
        """What was measured beside the sound, an LFO for example: (controls, frames)."""
        if not self.controls:
            return np.zeros((0, self.frames), np.float32)
        return np.ascontiguousarray(self._read(self.dry)[:, 1 : 1 + self.controls].T)

    @cached_property
    def whole(self) -> Pair:
        """The pair before it was cut in a part to train on and one to validate on."""
        frames = min(_info(self.dry).frames, _info(self.wet).frames)
        return replace(self, start=0, frames=frames)

    def _read(self, path: Path) -> Audio:
        try:
            sound: Audio = soundfile.read(
                path, self.frames, self.start, dtype="float32", always_2d=True
            )[0]
        except (soundfile.SoundFileError, OSError) as error:
            raise PairsError(f"{path}: it cannot be read: {error}") from None
        if len(sound) < self.frames:
            raise PairsError(f"{path}: it ends before frame {self.start + self.frames}")
        return sound


@dataclass(frozen=True)
class Pairs:
    """A folder of pairs. ``knobs`` are those that are turned; ``ignored`` files are in no pair."""

    folder: Path
    sample_rate: int
    pairs: tuple[Pair, ...]
    knobs: tuple[KnobRange, ...]
    effect: Mapping[str, Any]
    ignored: tuple[Path, ...] = ()

    def split(self, name: str) -> tuple[Pair, ...]:
        """The pairs to "train" on, for "validation" while training, or to "test" at the end."""
        return tuple(pair for pair in self.pairs if pair.split == name)

    @property
    def seconds(self) -> float:
        """How long all pairs are together."""
        return sum(pair.frames for pair in self.pairs) / self.sample_rate


def open_pairs(folder: str | Path, channel: int = 0) -> Pairs:
    """Open a folder of pairs; raises PairsError. What the files sound like is not looked at.

    ``channel`` is the one to take of wet files with several.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise PairsError(f"{folder}: {what}; pairs are opened by their folder")
    effect: Mapping[str, Any] = {}
    ignored: list[Path] = []
    if (folder / manifest.NAME).is_file():
        header, entries = manifest.read(folder)
        effect = header.effect
        pairs = [listed(folder, entry, channel) for entry in entries]
        wrong = [pair for pair in pairs if pair.sample_rate != header.sample_rate]
        if wrong:
            raise PairsError(
                f"{wrong[0].dry}: it has {wrong[0].sample_rate} Hz, the manifest says "
                f"{header.sample_rate} Hz"
            )
    else:
        found, ignored = folders.find(folder)
        pairs = [pair_of(f.name, f.dry, f.wet, "", f.knobs, channel) for f in found]
    if not pairs:
        raise PairsError(f"{folder / manifest.NAME}: no pair is listed in it")
    for pair in pairs:
        if pair.sample_rate != pairs[0].sample_rate:
            raise PairsError(
                f"{pair.dry}: it has {pair.sample_rate} Hz, "
                f"{pairs[0].dry.name} has {pairs[0].sample_rate} Hz; one rate for all is needed"
            )
    split = tuple(_split(pairs))
    return Pairs(folder, pairs[0].sample_rate, split, _ranges(pairs), effect, tuple(ignored))


def listed(folder: Path, entry: manifest.Entry, channel: int) -> Pair:
    """The pair that a manifest's line tells; raises PairsError."""
    dry, wet = folder / entry.dry, folder / entry.wet
    pair = pair_of(entry.id, dry, wet, entry.split, entry.knobs, channel)
    return replace(pair, entry=entry)


def pair_of(
    name: str, dry: Path, wet: Path, split: str, knobs: Mapping[str, float], channel: int
) -> Pair:
    """A pair of two files that fit together by their headers; raises PairsError."""
    a, b = _info(dry), _info(wet)
    if a.samplerate != b.samplerate:
        raise PairsError(
            f"{wet}: it has {b.samplerate} Hz, its dry file {dry.name} has {a.samplerate} Hz"
        )
    if abs(a.frames - b.frames) > LENGTHS_MAY_DIFFER:
        raise PairsError(
            f"{wet}: it has {b.frames} frames, its dry file {dry.name} has {a.frames}; "
            f"at most {LENGTHS_MAY_DIFFER} may be between them"
        )
    frames = min(a.frames, b.frames)
    if frames == 0:
        raise PairsError(f"{dry if a.frames == 0 else wet}: there is no sound in it")
    if channel >= b.channels:
        raise PairsError(f"{wet}: channel {channel} is asked for, it has {b.channels}")
    controls = a.channels - 1 if a.channels > b.channels and _differ(dry) else 0
    return Pair(name, dry, wet, split, knobs, a.samplerate, 0, frames, controls, channel)


def _info(path: Path) -> Any:
    if not path.is_file():
        raise PairsError(f"{path}: there is no such file")
    try:
        return soundfile.info(path)
    except soundfile.SoundFileError:
        raise PairsError(f"{path}: it is no sound file that can be read") from None


def _differ(path: Path) -> bool:
    """Whether the channels of a file are more than one sound several times."""
    sound = soundfile.read(path, dtype="float32", always_2d=True)[0]
    return bool(np.any(sound[:, 1:] != sound[:, :1]))


def _ranges(pairs: list[Pair]) -> tuple[KnobRange, ...]:
    values = {name: [pair.knobs[name] for pair in pairs] for name in pairs[0].knobs}
    ranges = (KnobRange(name, min(found), max(found)) for name, found in values.items())
    return tuple(knob for knob in ranges if knob.maximum > knob.minimum)


def _split(pairs: list[Pair]) -> Iterable[Pair]:
    """The pairs with a split: the last fifth of the time validates where none is given.

    All pairs of one dry file are split alike, so that no network is tested on what it heard.
    """
    if any(pair.split for pair in pairs):
        return (replace(pair, split=pair.split or "train") for pair in pairs)
    lengths = {pair.dry: pair.frames for pair in pairs}
    if len(lengths) < FEW:
        return (part for pair in pairs for part in _cut(pair))
    held, wanted = set[Path](), HELD_OUT * sum(lengths.values())
    for dry in reversed(lengths):
        if sum(lengths[path] for path in held) + lengths[dry] / 2 <= wanted:
            held.add(dry)
    return (replace(p, split="validation" if p.dry in held else "train") for p in pairs)


def _cut(pair: Pair) -> Iterable[Pair]:
    at = pair.frames - round(HELD_OUT * pair.frames)
    if not 0 < at < pair.frames:
        return [replace(pair, split="train")]
    last = replace(pair, split="validation", start=pair.start + at, frames=pair.frames - at)
    return [replace(pair, split="train", frames=at), last]


__all__ = ["KnobRange", "Pair", "Pairs", "PairsError", "open_pairs"]
