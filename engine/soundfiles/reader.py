"""Reads what libsndfile does: wav, flac, ogg, mp3, aiff, caf, au; checks what it leaves unsaid."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from engine.soundfiles.formats import (
    MAX_CHANNELS,
    MAX_RATE,
    PIECE,
    Sound,
    SoundError,
    named,
    reason,
)

MAX_SAMPLES = 1 << 28  # what `read` may hold in memory: 1 GiB, 46 minutes of stereo at 48 kHz
_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b"caff", b".snd", b"ID3")
_UNKNOWN_LENGTHS = {0, 0x7FFFFFFF, 0xFFFFFFFF}  # what a recorder writes that cannot go back
_READABLE = "read are wav, flac, ogg, mp3, aiff, caf and au"


class SoundReader:
    """An open sound file. ``warnings`` grows while it is read.

    A file that breaks off before what its header promises is refused, as is a sample that is
    not finite. An mp3 may promise only an estimate, so there a short file is a warning.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        head = _head(path)
        mp3 = path.suffix.lower() == ".mp3" or head[:3] == b"ID3" or _mpeg(head)
        if not mp3 and not head.startswith(_MAGIC):
            raise SoundError(f"{path}: is not audio; {_READABLE}")
        self._quiet = _quiet if mp3 else nullcontext
        self._file = self._open()
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        try:
            self._check(head)
        except SoundError:
            self.close()
            raise

    def _open(self) -> Any:
        import soundfile

        try:
            with self._quiet():
                return soundfile.SoundFile(named(self.path))
        except soundfile.LibsndfileError as error:
            raise SoundError(f"{self.path}: {reason(error)}; {_READABLE}") from None
        except TypeError:  # soundfile takes the suffix .raw for a promise that there is no header
            raise SoundError(f"{self.path}: has no header; {_READABLE}") from None

    def _check(self, head: bytes) -> None:
        if not 1 <= self.rate <= MAX_RATE:
            raise SoundError(f"{self.path}: {self.rate} Hz is outside 1 to {MAX_RATE} Hz")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise SoundError(f"{self.path}: {self.channels} channels, not 1 to {MAX_CHANNELS}")
        promised = _promised_bytes(self.path) if head[:4] == b"RIFF" else None
        if promised is not None and promised[0] > promised[1]:
            raise SoundError(
                f"{self.path}: breaks off: its header promises {promised[0]} bytes of sound, "
                f"there are {promised[1]}"
            )
        if self.frames <= 0:
            raise SoundError(f"{self.path}: holds no sound (0 frames)")

    @property
    def seconds(self) -> float:
        """How long the file says it is."""
        return self.frames / self.rate

    def pieces(self, frames: int = PIECE) -> Iterator[Sound]:
        """The sound in order, (up to ``frames``, channels) at a time; raises SoundError."""
        at = 0
        while at < self.frames:
            with self._quiet():
                piece, fault = self._next(frames)
            if fault:
                why = f"{self.path}: breaks off after frame {at} of {self.frames}: {fault}"
                raise SoundError(why)
            if not len(piece):
                break
            self._check_finite(piece, at)
            at += len(piece)
            yield piece
        if at < self.frames:
            self._short(at)

    def _next(self, frames: int) -> tuple[Sound, str]:
        """The next frames and what libsndfile says against them.

        soundfile's own read seeks after each call, and after a seek an mp3 decodes otherwise.
        """
        from soundfile import LibsndfileError, _ffi, _snd

        piece = np.empty((frames, self.channels), np.float32)
        place = _ffi.cast("float *", piece.ctypes.data)
        count = _snd.sf_readf_float(self._file._file, place, frames)
        code = _snd.sf_error(self._file._file)
        return piece[: max(count, 0)], reason(LibsndfileError(code)) if code else ""

    def _check_finite(self, piece: Sound, at: int) -> None:
        if np.isfinite(piece).all():
            return
        frame, channel = np.argwhere(~np.isfinite(piece))[0]
        value = float(piece[frame, channel])
        raise SoundError(
            f"{self.path}: frame {at + frame} ({(at + frame) / self.rate:.3f} s), channel "
            f"{channel + 1} is {value:g}; every sample must be a finite number"
        )

    def _short(self, frames: int) -> None:
        message = f"{self.path}: breaks off after frame {frames} of {self.frames}"
        if self._file.format != "MP3":
            raise SoundError(message)
        self.warnings.append(message)

    def close(self) -> None:
        """Let go of the file."""
        with self._quiet():
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def read(path: Path, rate: int | None = None) -> Sound:
    """A whole file, (frames, channels) float32, at ``rate`` or at its own; raises SoundError."""
    with SoundReader(path) as reader:
        if reader.frames * reader.channels > MAX_SAMPLES:
            raise SoundError(
                f"{path}: {reader.frames} frames of {reader.channels} channels are too long to be "
                f"held in memory; allowed are {MAX_SAMPLES // reader.channels} frames"
            )
        pieces = list(reader.pieces())
        own_rate = reader.rate
    if not pieces:
        raise SoundError(f"{path}: holds no sound (0 frames)")
    sound = np.concatenate(pieces)
    if rate is None or rate == own_rate:
        return sound
    from engine.dsp.resample import resample

    return np.ascontiguousarray(resample(sound, own_rate, rate), np.float32)


def _head(path: Path) -> bytes:
    """The first bytes of a regular file that is not empty; raises SoundError."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SoundError(f"{path}: is a folder; a sound file is wanted")
        if not stat.S_ISREG(mode):
            raise SoundError(f"{path}: is not a regular file; a sound file is wanted")
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise SoundError(f"{path}: there is no such file") from None
    except OSError as error:
        raise SoundError(f"{path}: {error.strerror or error}") from None
    except SoundError:
        raise
    except ValueError as error:  # a zero byte in the name
        raise SoundError(f"{str(path)!r}: {error}") from None
    if not head:
        raise SoundError(f"{path}: is empty (0 bytes); a sound file is wanted")
    return head


def _mpeg(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def _promised_bytes(path: Path) -> tuple[int, int] | None:
    """Bytes of sound a wav's header promises and those there are; None if it makes no promise.

    libsndfile reads what is there and does not mention that the rest is missing.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 12
        for _ in range(1000):
            file.seek(at)
            chunk = file.read(8)
            if len(chunk) < 8:
                return None
            length = int.from_bytes(chunk[4:], "little")
            at += 8
            if chunk[:4] == b"data":
                return None if length in _UNKNOWN_LENGTHS else (length, size - at)
            at += length + length % 2
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep libmpg123 from writing its doubts to the terminal: it does so past ``sys.stderr``."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        with suppress(OSError):
            os.dup2(kept, 2)
        os.close(kept)
