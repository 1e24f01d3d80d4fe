"""Loops from files: read, brought to the stream's rate, made seamless and equally loud."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.plugin import PluginError
from engine.soundfiles import SoundError, read
from plugins.sympathy.strings import NAME, Loop, strings

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
MOST = 32
SHORTEST_S, LONGEST_S = 0.25, 60.0
SEAM_S = 0.25
LOUD = 0.1
"""RMS that every loop is brought to."""
PITCH_FRAMES = 1 << 17
PITCHES_HZ = 40.0, 4000.0


@dataclass(frozen=True)
class Loops:
    """Loops one behind another in ``sound``; each begins at ``starts`` and is ``lengths`` long.

    They are in the order of ``own_hz``, where each is strongest.
    """

    sound: Loop
    starts: list[int]
    lengths: list[int]
    own_hz: list[float]
    warnings: tuple[str, ...] = ()


def open_loops(name: str, folder: Path, rate: int) -> Loops:
    """The loops that ``name`` means for a preset in ``folder``; raises PluginError."""
    if name == NAME:
        return _in_order([_levelled(loop) for loop in strings(rate)], rate, ())
    if not name.strip():
        raise PluginError(f"loops is empty; it is {NAME!r}, a folder, or files with ; between")
    files, warnings = _files(name, folder)
    return _in_order([_loop(path, rate) for path in files], rate, warnings)


def _files(name: str, folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    given = [folder / os.path.expanduser(part.strip()) for part in name.split(";") if part.strip()]
    if len(given) == 1 and os.path.isdir(given[0]):
        place = given[0]
        given = sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES)
        if not given:
            raise PluginError(f"loops = {str(place)!r} holds no sound ({', '.join(SUFFIXES)})")
    if len(given) <= MOST:
        return given, ()
    return given[:MOST], (f"loops: of {len(given)} files the first {MOST} are played",)


def _loop(path: Path, rate: int) -> Loop:
    """One file, mono, at ``rate``, its end crossfaded into its beginning."""
    try:
        sound = read(path, rate)
    except SoundError as error:
        raise PluginError(f"loops = {error}") from None
    mono = sound.mean(axis=1)[: round(LONGEST_S * rate)]
    if len(mono) < SHORTEST_S * rate:
        raise PluginError(
            f"loops = {str(path)!r} is {len(mono) / rate:.3f} s long; allowed is {SHORTEST_S:g} s "
            f"and more, of which {LONGEST_S:g} s are played"
        )
    seam = min(round(SEAM_S * rate), len(mono) // 4)
    turn = 0.5 * np.pi * (np.arange(seam) + 0.5) / seam
    looped = mono[: len(mono) - seam].copy()
    looped[:seam] = np.sin(turn) * mono[:seam] + np.cos(turn) * mono[-seam:]
    if not np.abs(looped).max() > 1e-6:
        raise PluginError(f"loops = {str(path)!r} is silent")
    return _levelled(looped)


def _levelled(loop: Loop) -> Loop:
    return np.asarray(loop * (LOUD / float(np.sqrt(np.mean(np.square(loop))))), np.float32)


def _in_order(loops: list[Loop], rate: int, warnings: tuple[str, ...]) -> Loops:
    pitched = sorted(((_strongest_hz(loop, rate), k) for k, loop in enumerate(loops)))
    ordered = [loops[k] for _, k in pitched]
    lengths = [len(loop) for loop in ordered]
    starts = [0, *np.cumsum(lengths[:-1]).tolist()]
    return Loops(np.concatenate(ordered), starts, lengths, [hz for hz, _ in pitched], warnings)


def _strongest_hz(loop: Loop, rate: int) -> float:
    part = loop[:PITCH_FRAMES]
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    hz = np.fft.rfftfreq(len(part), 1.0 / rate)
    low, high = PITCHES_HZ
    power[(hz < low) | (hz > min(high, 0.45 * rate))] = 0.0
    return float(max(hz[int(np.argmax(power))], low))


__all__ = ["MOST", "Loops", "open_loops"]
