"""Finds the pairs in a folder that has no manifest, by the names of its files.

A name is cut at ``_``, ``-`` and spaces. One word may say what the file is (``input``,
``target``...); words may say how knobs stood (``gain25``, ``tone=0.3``, ``drive-high``); the
rest is the take, which a dry file and its wet files have in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from models.pairs.errors import PairsError

SOUNDS = (".wav", ".flac", ".aif", ".aiff", ".ogg")
DRY = {"input", "in", "dry", "clean", "di"}
WET = {"output", "out", "wet", "target", "ref", "processed"}
LEVELS = {"min": 0.0, "low": 0.0, "mid": 0.5, "noon": 0.5, "high": 1.0, "max": 1.0}
KNOB = re.compile(r"([A-Za-z]+)[-=]?(-?\d+(?:\.\d+)?|" + "|".join(LEVELS) + ")")
WAYS = (
    "pairs.jsonl, dry/X.wav with wet/X.wav, input.wav with output.wav, "
    "or X-input.wav with X-target.wav"
)


@dataclass(frozen=True)
class Found:
    """A dry and a wet file that belong together, and what the name says of the knobs."""

    name: str
    dry: Path
    wet: Path
    knobs: dict[str, float]


def find(folder: Path) -> tuple[list[Found], list[Path]]:
    """The pairs of a folder, in order of their names, and the sound files that are in none."""
    if (folder / "dry").is_dir() and (folder / "wet").is_dir():
        dry, wet = sounds(folder / "dry"), sounds(folder / "wet")
        pairs = _match({path: words(path.stem) for path in dry}, wet, alike=True)
    else:
        wet = sounds(folder)
        dry = [path for path in wet if DRY & {word.lower() for word in words(path.stem)}]
        wet = [path for path in wet if path not in dry]
        pairs = _match({path: _take(words(path.stem), DRY) for path in dry}, wet, alike=False)
    if not pairs:
        raise PairsError(f"{folder}: no pairs of dry and wet sound in it; looked for {WAYS}")
    used = {pair.dry for pair in pairs} | {pair.wet for pair in pairs}
    return _knobs(folder, pairs), sorted({*dry, *wet} - used)


def sounds(folder: Path) -> list[Path]:
    """The sound files of a folder; 2 comes before 10."""
    files = [p for p in folder.iterdir() if p.suffix.lower() in SOUNDS and p.name[0] != "."]
    return sorted(files, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.stem.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def words(stem: str) -> list[str]:
    """The words of a name; what says how a knob stands stays whole."""
    found: list[str] = []
    for part in re.split(r"[_\s]+", stem):
        found += [part] if KNOB.fullmatch(part) else part.split("-")
    return [word for word in found if word]


def _take(name: list[str], role: set[str]) -> list[str]:
    """``name`` without its first word that is in ``role``."""
    at = next(place for place, word in enumerate(name) if word.lower() in role)
    return name[:at] + name[at + 1 :]


def _match(takes: dict[Path, list[str]], wet: list[Path], alike: bool) -> list[Found]:
    """Each wet file with the dry file that shares most words with it, if the rest is known."""
    pairs = []
    for path in wet:
        rests = [
            (len(take), dry, rest)
            for dry, take in takes.items()
            if (rest := _rest(take, words(path.stem))) is not None
            and (rest or alike)
            and all(word.lower() in WET or KNOB.fullmatch(word) for word in rest)
        ]
        if rests:
            _, dry, rest = max(rests, key=lambda found: found[0])
            knobs = [m for word in rest if word.lower() not in WET and (m := KNOB.fullmatch(word))]
            values = {m[1].lower(): LEVELS.get(m[2].lower(), m[2]) for m in knobs}
            pairs.append(Found(path.stem, dry, path, {k: float(v) for k, v in values.items()}))
    return pairs


def _rest(take: list[str], name: list[str]) -> list[str] | None:
    """``name`` without the words of ``take``; None if one is not there, in order."""
    rest, wanted = [], list(take)
    for word in name:
        if wanted and word == wanted[0]:
            wanted.pop(0)
        else:
            rest.append(word)
    return None if wanted else rest


def _knobs(folder: Path, pairs: list[Found]) -> list[Found]:
    """The pairs with those knobs only that are turned; whole numbers up to 100 are percent."""
    names = sorted({name for pair in pairs for name in pair.knobs})
    for pair in pairs:
        if missing := [name for name in names if name not in pair.knobs]:
            raise PairsError(
                f"{folder / pair.wet.name}: the name does not say how the knob {missing[0]} "
                "stands, and others' do"
            )
    scale = {name: _scale(pair.knobs[name] for pair in pairs) for name in names}
    return [
        replace(pair, knobs={n: v * scale[n] for n, v in pair.knobs.items() if scale[n]})
        for pair in pairs
    ]


def _scale(values: Iterable[float]) -> float:
    """0 for a knob that is never turned, 0.01 for percent, else 1."""
    found = set(values)
    if len(found) == 1:
        return 0.0
    percent = max(found) == 100.0 and min(found) >= 0.0 and all(v == int(v) for v in found)
    return 0.01 if percent else 1.0
