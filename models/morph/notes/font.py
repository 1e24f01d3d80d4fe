"""Which instruments of a SoundFont are made of the same recordings: they must not be split.

Source: SoundFont Technical Specification 2.04, sections 5 (RIFF) and 7 (the pdta list).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.morph.errors import MorphError

INSTRUMENT, SAMPLE = 41, 53  # generators that name what is played
_PRESET, _INSTRUMENT, _BAG, _GENERATOR = "<20sHHHIII", "<20sH", "<HH", "<HH"


def check_font(font: Path) -> None:
    """Raise MorphError if a file is no SoundFont: FluidSynth would take it for another kind."""
    try:
        with font.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise MorphError(f"{font}: {error.strerror}") from None
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise MorphError(f"{font}: is no SoundFont (.sf2, .sf3)")


def samples_of(font: Path) -> dict[int, frozenset[int]]:
    """The numbers of the samples of each program of bank 0; empty if the file is none we know."""
    try:
        with font.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _samples(_Tables(data))
    except (ValueError, KeyError, IndexError, struct.error):
        return {}


def together(font: Path, programs: Iterable[int]) -> list[frozenset[int]]:
    """Those of ``programs`` that share a sample with one another, in pairs."""
    found = samples_of(font)
    there = [program for program in programs if program in found]
    return [
        frozenset((a, b))
        for i, a in enumerate(there)
        for b in there[i + 1 :]
        if found[a] & found[b]
    ]


class _Tables:
    """The records of the pdta list, by the names of its chunks."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        lists = {data[at : at + 4]: (at + 4, end) for _, at, end in _chunks(data, 12, len(data))}
        self._places = {name: (at, end) for name, at, end in _chunks(data, *lists[b"pdta"])}

    def read(self, name: bytes, form: str) -> list[tuple[Any, ...]]:
        at, end = self._places[name]
        size = struct.calcsize(form)
        return [struct.unpack_from(form, self._data, i) for i in range(at, end - size + 1, size)]


def _chunks(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        (size,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], at + 8, at + 8 + size
        at += 8 + size + size % 2


def _samples(tables: _Tables) -> dict[int, frozenset[int]]:
    of_instrument = _named(
        tables, (b"inst", _INSTRUMENT, 1), (b"ibag", b"igen"), SAMPLE
    )  # sample numbers of each instrument
    presets = tables.read(b"phdr", _PRESET)
    of_preset = _named(tables, (b"phdr", _PRESET, 3), (b"pbag", b"pgen"), INSTRUMENT)
    return {
        int(preset[1]): frozenset().union(*(of_instrument[i] for i in named))
        for preset, named in zip(presets, of_preset, strict=False)
        if preset[2] == 0
    }


def _named(
    tables: _Tables, heads: tuple[bytes, str, int], below: tuple[bytes, bytes], generator: int
) -> list[frozenset[int]]:
    """What the zones of each head name; heads and bags point at where theirs begin."""
    name, form, column = heads
    bags = [int(bag[0]) for bag in tables.read(below[0], _BAG)]
    generators = tables.read(below[1], _GENERATOR)
    starts = [bags[int(head[column])] for head in tables.read(name, form)]
    return [
        frozenset(int(g[1]) for g in generators[first:last] if g[0] == generator)
        for first, last in pairwise(starts)
    ]


__all__ = ["check_font", "samples_of", "together"]
