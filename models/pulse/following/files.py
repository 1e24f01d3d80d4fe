"""Beats in text files, those that were found and those that somebody wrote down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.pulse.errors import PulseError
from models.pulse.following.hearing import Heard

HEAD = "seconds,beat_of_bar,tempo_bpm,confidence"
LARGEST = 1 << 24  # bytes: 46 hours of beats at 120 bpm, with a word beside each


def table(heard: Heard) -> str:
    """A line for each beat: when it falls, its number in the bar, the tempo, how sure."""
    f = heard.followed
    rows = zip(f.beats, f.place, f.tempo, f.confidence, strict=True)
    lines = [f"{s:.4f},{place},{tempo:.2f},{sure:.3f}" for s, place, tempo, sure in rows]
    return "\n".join([HEAD, *lines, ""])


def annotated(path: Path) -> npt.NDArray[np.float64]:
    """The beats of a text file, in seconds: the first number of each line; raises PulseError.

    What stands behind it, after a space, a tab or a comma, is passed over; so are empty lines,
    comments (#) and a head of one line, so that ``table`` can be read back.
    """
    beats: list[float] = []
    headed = False
    for number, line in enumerate(_lines(path), 1):
        words = line.replace(",", " ").replace(";", " ").split()
        if not words or words[0].startswith("#"):
            continue
        second = _number(words[0])
        if second is None and not beats and not headed:
            headed = True
            continue
        if second is None or not second >= 0.0:
            raise PulseError(f"{path}: line {number}: {words[0][:40]!r} is no time in seconds")
        if beats and second <= beats[-1]:
            raise PulseError(f"{path}: line {number}: {second:g} s is not after {beats[-1]:g} s")
        beats.append(second)
    if len(beats) < 2:
        raise PulseError(f"{path}: has {len(beats)} beats; wanted are at least 2, one a line")
    return np.array(beats)


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > LARGEST:
            raise PulseError(f"{path}: is larger than {LARGEST >> 20} MiB; wanted is a beat a line")
        return path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise PulseError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PulseError(f"{path}: is no text; wanted is a beat a line, in seconds") from None


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def wanted(
    files: Sequence[Path], reference: Path | None, outputs: dict[str, Path | None]
) -> dict[str, Path]:
    """The files that are to be written, by option; a mistake is told before anything is heard."""
    told = {option: path for option, path in outputs.items() if path is not None}
    alone = [*told, *(["--reference"] if reference else [])]
    if len(files) > 1 and alone:
        raise PulseError(f"{alone[0]} is for one recording; {len(files)} were given")
    given = [*files, *([reference] if reference else [])]
    taken: dict[Path, str] = {}
    for option, path in told.items():
        _writable(option, path)
        if any(_same(path, other) for other in given):
            raise PulseError(f"{option} {path}: is an input; it is not overwritten")
        both = taken.setdefault(path.resolve(), option)
        if both != option:
            raise PulseError(f"{option} {path}: would be written for {both}, too")
    return told


def _same(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _writable(option: str, path: Path) -> None:
    if path.is_dir():
        raise PulseError(f"{option} {path}: is a folder; give the name of a file")
    if not path.absolute().parent.is_dir():
        raise PulseError(f"{option} {path}: there is no folder {path.absolute().parent}")


__all__ = ["HEAD", "annotated", "table", "wanted"]
