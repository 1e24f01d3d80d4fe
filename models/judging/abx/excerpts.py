"""Excerpts of two sounds that are aligned, as loud as each other, and equal in every byte's place.

What differs by more than the sounds themselves, such as level, would be heard first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.soundfiles import SoundReader, read
from models.judging.errors import JudgeError
from models.judging.judge import choose
from models.judging.player import open_player
from models.judging.sounds import shift_between
from models.pairs import open_pairs

Array = NDArray[Any]

SECONDS = (0.5, 30.0)
MOST = 8  # excerpts of a test
FADE_SECONDS = 0.01  # at both ends, so that a loop does not click
MATCHED_DB = 0.1
QUIET_DB = -30.0  # an excerpt this much under the loudest is not asked about
SILENT = 1e-5
LATEST = 4800  # frames that one file may be late behind the other


@dataclass(frozen=True)
class Excerpt:
    """The same moment of both sounds, (frames, channels) float64 each."""

    a: Array
    b: Array


@dataclass(frozen=True)
class Material:
    """What a test is about."""

    a: str
    b: str
    sample_rate: int
    excerpts: tuple[Excerpt, ...]


def material(a: str, b: str, seconds: float) -> Material:
    """Two sound files; or a model and a folder of pairs, then the model is A, the effect B."""
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        raise JudgeError(f"--seconds {seconds:g} is outside {SECONDS[0]:g} to {SECONDS[1]:g}")
    if Path(b).is_dir():
        return _model(a, b, seconds)
    if not Path(b).exists():
        raise JudgeError(f"{b}: there is no such file or folder")
    return _files(a, b, seconds)


def _files(a: str, b: str, seconds: float) -> Material:
    with SoundReader(Path(a)) as reader:
        rate = reader.rate
    first, second = read(Path(a)), read(Path(b), rate)
    if first.shape[1] != second.shape[1]:
        first, second = _mono(first), _mono(second)
    first, second = _aligned(first, second)
    if np.array_equal(first, second):
        raise JudgeError(f"{a} and {b} are the same sound; there is nothing to tell apart")
    return Material(Path(a).name, Path(b).name, rate, excerpts([(first, second)], rate, seconds))


def _model(model: str, folder: str, seconds: float) -> Material:
    pairs = open_pairs(folder)
    _, chosen = choose(pairs, None)
    player = open_player(model)
    every = -(-len(chosen) // MOST)
    sounds = [
        (player.play_pair(pair)[:, None], pair.load()[1][:, None]) for pair in chosen[::every]
    ]
    cut = excerpts(sounds, pairs.sample_rate, seconds)
    return Material(f"model {player.name}", f"effect of {folder}", pairs.sample_rate, cut)


def excerpts(sounds: list[tuple[Array, Array]], rate: int, seconds: float) -> tuple[Excerpt, ...]:
    """Up to 8 excerpts of pairs of sounds (frames, channels), matched; JudgeError for none."""
    frames = round(seconds * rate)
    shortest = round(SECONDS[0] * rate)
    found: list[tuple[float, Array, Array]] = []
    for a, b in sounds:
        length = min(frames, len(a))
        if length < shortest:
            continue
        for first in range(0, len(a) - length + 1, length):
            piece = slice(first, first + length)
            quieter = min(_rms(a[piece]), _rms(b[piece]))
            if not np.isfinite(_rms(a[piece]) + _rms(b[piece])):
                raise JudgeError(f"a sound is not finite after {first / rate:.1f} s")
            found.append((quieter, a[piece], b[piece]))
    loudest = max((level for level, _, _ in found), default=0.0)
    if loudest < SILENT:
        why = "silent" if found else f"shorter than {SECONDS[0]:g} s"
        raise JudgeError(f"there is nothing to hear: every excerpt is {why}")
    kept = [one for one in found if one[0] >= loudest * 10.0 ** (QUIET_DB / 20.0)]
    spread = np.unique(np.linspace(0, len(kept) - 1, min(MOST, len(kept))).round().astype(int))
    return tuple(matched(kept[i][1], kept[i][2], rate) for i in spread)


def matched(a: Array, b: Array, rate: int) -> Excerpt:
    """An excerpt with the louder sound turned down to the other, faded, and without clipping."""
    levels = [_rms(a), _rms(b)]
    quieter = min(levels)
    pair = [
        np.asarray(sound, np.float64) * (quieter / level)
        for sound, level in zip((a, b), levels, strict=True)
    ]
    peak = max(float(np.abs(sound).max()) for sound in pair)
    fade = np.minimum(1.0, (np.arange(len(a)) + 0.5) / (FADE_SECONDS * rate))
    window = (fade * fade[::-1])[:, None] * min(1.0, 0.98 / peak)
    return Excerpt(pair[0] * window, pair[1] * window)


def as_wav(sound: Array, rate: int, noise: np.random.Generator) -> bytes:
    """A sound (frames, channels) as a 16-bit WAV file, with triangular dither of its own.

    The dither is drawn anew each time: X is then equal to neither A nor B in any byte of
    sound, and all three have as many bytes.
    """
    dither = noise.random(sound.shape) - noise.random(sound.shape)
    whole = np.clip(np.round(sound * 32767.0 + dither), -32768, 32767).astype("<i2").tobytes()
    channels = sound.shape[1]
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * 2 * channels,
                       2 * channels, 16)  # fmt: skip
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(whole)) + whole
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _aligned(a: Array, b: Array) -> tuple[Array, Array]:
    """Both cut to begin together, to a sample, and to be as long."""
    if min(_rms(a), _rms(b)) < SILENT:
        return a, b  # which is refused for having nothing to hear
    length = min(len(a), len(b))
    late = round(shift_between(_mono(a)[:length, 0], _mono(b)[:length, 0], LATEST))
    a, b = a[max(-late, 0) :], b[max(late, 0) :]
    length = min(len(a), len(b))
    return a[:length], b[:length]


def _mono(sound: Array) -> Array:
    return np.asarray(sound.mean(axis=1, keepdims=True))


def _rms(sound: Array) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


__all__ = ["MATCHED_DB", "Excerpt", "Material", "as_wav", "excerpts", "matched", "material"]
