"""An excerpt: beats that are known, and the sound that a tracker is given, made once and kept."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from models.pairs.wav import write_whole
from models.pulse.judging.announced import Sound, Times
from models.pulse.judging.looping import Looped
from models.pulse.rendering import FONTS, Piece

RATE = 44100
SECONDS = 45.0
PEAK = 0.5
OTHER_FONT = FONTS / "TimGM6mb.sf2"
"""A sound font that no network was trained with; half of the files have it where it is there."""
VERSION = 1
"""Counted up when what is made from the same strokes changes: what is kept is made anew."""


@dataclass(frozen=True)
class Excerpt:
    """``beats`` (n,) in seconds; ``span`` is when something happens, and when it is over."""

    set: str
    name: str
    beats: Times
    made_of: Piece | Looped
    font: Path | None = None
    room: float = 0.0
    span: tuple[float, float] | None = None

    @property
    def file(self) -> Path:
        """Where its sound is kept: named after all that it is made of."""
        key = hashlib.sha256(f"{VERSION} {RATE} {SECONDS}".encode())
        if isinstance(self.made_of, Looped):
            key.update(self.made_of.identity())
        else:
            assert self.font is not None
            size = self.font.stat().st_size if self.font.is_file() else 0
            key.update(f"{self.font.name} {size} {self.room} {self.made_of.programs}".encode())
            key.update(self.made_of.strokes.tobytes())
        return folder() / f"{key.hexdigest()[:32]}.flac"

    @property
    def sound(self) -> Sound:
        """Mono (n,) at RATE, its peak at PEAK; is made if it is not there yet."""
        import soundfile

        make((self,))
        found: Sound = soundfile.read(self.file, dtype="float32")[0]
        return found


def folder() -> Path:
    """Where sounds are kept; the environment variable TARAF_EXCERPTS moves it."""
    given = os.environ.get("TARAF_EXCERPTS")
    return Path(given) if given else Path(platformdirs.user_cache_dir("taraf")) / "excerpts"


def make(excerpts: Iterable[Excerpt]) -> None:
    """Make the sounds that are not kept yet; those of one font are rendered in one go."""
    from models.pulse.rendering import render

    wanted: dict[tuple[Path, float], list[Excerpt]] = {}
    for excerpt in excerpts:
        if excerpt.file.is_file():
            continue
        if isinstance(excerpt.made_of, Looped):
            _keep(excerpt, excerpt.made_of.sound(RATE))
        else:
            assert excerpt.font is not None
            wanted.setdefault((excerpt.font, excerpt.room), []).append(excerpt)
    for (font, room), those in wanted.items():
        pieces: Sequence[Piece] = [one.made_of for one in those if isinstance(one.made_of, Piece)]
        for excerpt, sound in zip(those, render(pieces, font, RATE, room), strict=True):
            _keep(excerpt, sound)


def _keep(excerpt: Excerpt, sound: Sound) -> None:
    import soundfile

    loudest = float(abs(sound).max())
    scaled = sound * (PEAK / loudest) if loudest > 0 else sound
    data = io.BytesIO()
    soundfile.write(data, scaled, RATE, format="FLAC", subtype="PCM_16")
    excerpt.file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(excerpt.file, data.getvalue())


__all__ = ["OTHER_FONT", "PEAK", "RATE", "SECONDS", "Excerpt", "folder", "make"]
