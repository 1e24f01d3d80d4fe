"""What is read and written, at which rates, and how libsndfile's complaints are worded."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]

MAX_RATE = 768_000
MAX_CHANNELS = 64
PIECE = 1 << 15  # frames at once; a longer write overflows the stack of libvorbis


class SoundError(ValueError):
    """A sound file that cannot be used; the message names the file and what is allowed."""


@dataclass(frozen=True)
class Format:
    """How a suffix is written: libsndfile's names and the rates the format can hold."""

    container: str
    encoding: str
    rates: range | tuple[int, ...]


FORMATS = {
    "wav": Format("WAV", "FLOAT", range(1, MAX_RATE + 1)),
    "flac": Format("FLAC", "PCM_24", range(1, 655_351)),
    "ogg": Format("OGG", "VORBIS", range(1000, 200_001)),  # above it libvorbis crashes
    "mp3": Format(
        "MP3",
        "MPEG_LAYER_III",
        (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ),
}


def format_of(path: Path, rate: int) -> Format:
    """How a file of this name is written; raises SoundError if it cannot be, at ``rate``."""
    kind = FORMATS.get(path.suffix.lower().removeprefix("."))
    if kind is None:
        raise SoundError(
            f"{path}: {path.suffix or 'no suffix'} cannot be written; allowed are "
            f"{', '.join('.' + name for name in FORMATS)}"
        )
    if rate not in kind.rates:
        allowed = (
            f"{kind.rates[0]} to {kind.rates[-1]}"
            if isinstance(kind.rates, range)
            else ", ".join(map(str, kind.rates))
        )
        raise SoundError(f"{path}: {path.suffix} cannot hold {rate} Hz; allowed are {allowed}")
    return kind


def named(path: Path) -> str | bytes:
    """A path as soundfile takes it whatever bytes its name holds."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def make_room(path: Path) -> None:
    """Begin a file; raises OSError with what libsndfile would not say: that there is no room."""
    path.write_bytes(bytes(4096))


def reason(error: BaseException) -> str:
    """What went wrong, in one line, without the file's name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = getattr(error, "error_string", None) or str(error)
    text = " ".join(text.split()).rstrip(".")
    if text.startswith("File does not exist or is not a regular file"):  # it is there: unreadable
        return "is not audio"
    return text.removeprefix("Error : ")


def unwritten(error: BaseException, file: Any) -> str:
    """Why soundfile's ``file`` takes no more, or could not be begun if it is None; in one line.

    libsndfile has one error for all that the system says, and keeps beside it what that was.
    """
    from soundfile import _ffi, _snd

    text = reason(error)
    if text == "System error":
        said = _snd.sf_strerror(_ffi.NULL if file is None else file._file)
        text = _ffi.string(said).decode(errors="replace").rstrip(".").removeprefix(f"{text} : ")
    short = not text  # soundfile only asserts that all was written
    return "the disk is full" if short or text == os.strerror(errno.ENOSPC) else text
