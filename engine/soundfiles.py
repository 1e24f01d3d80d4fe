"""Sound files in and out, piece by piece: read with one clear error, written whole or not at all.

Reads what libsndfile does: wav, flac, ogg, mp3, aiff, caf, au. Writes wav (32 bit float), flac
(24 bit), ogg (Vorbis) and mp3. A file being written has another name until it is complete.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]

PIECE = 1 << 15  # frames at once; a longer write overflows the stack of libvorbis
MAX_RATE = 768_000
MAX_CHANNELS = 64
MAX_SAMPLES = 1 << 28  # what `read` may hold in memory: 1 GiB, 46 minutes of stereo at 48 kHz
_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b"caff", b".snd", b"ID3")
_UNKNOWN_LENGTHS = {0, 0x7FFFFFFF, 0xFFFFFFFF}  # what a recorder writes that cannot go back
_NO_PEAK_CHUNK = 0x1050  # SFC_SET_ADD_PEAK_CHUNK: it holds the time of day
_MAX_WAV_BYTES = (1 << 32) - 4096


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
                return soundfile.SoundFile(self.path)
        except soundfile.LibsndfileError as error:
            raise SoundError(f"{self.path}: {_reason(error)}; {_READABLE}") from None
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
        import soundfile

        at = 0
        while at < self.frames:
            try:
                with self._quiet():
                    piece: Sound = self._file.read(frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise SoundError(
                    f"{self.path}: breaks off after frame {at} of {self.frames}: {_reason(error)}"
                ) from None
            if not len(piece):
                break
            self._check_finite(piece, at)
            at += len(piece)
            yield piece
        if at < self.frames:
            self._short(at)

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

    def __enter__(self) -> SoundReader:
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


class SoundWriter:
    """Writes a sound file under a temporary name; leaving the ``with`` block renames it.

    An error or Ctrl-C inside the block leaves what was at ``path`` as it was. ``frames`` is the
    expected length: a wav past 4 GiB gets the RF64 header.
    """

    def __init__(self, path: Path, rate: int, channels: int = 2, frames: int = 0) -> None:
        import soundfile

        self.path = path
        self.frames = 0
        self._kind = format_of(path, rate)
        self._channels = channels
        target = _writable(path)
        container = self._kind.container
        if container == "WAV" and 4 * channels * frames > _MAX_WAV_BYTES:
            container = "RF64"
        self._wide = container == "RF64"
        self._target = target
        self._part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
        try:
            self._file: Any = soundfile.SoundFile(
                self._part, "w", rate, channels, self._kind.encoding, format=container
            )
        except (soundfile.LibsndfileError, OSError) as error:
            self._part.unlink(missing_ok=True)
            raise SoundError(f"{path}: cannot be written: {_reason(error)}") from None
        if container in ("WAV", "RF64"):
            soundfile._snd.sf_command(self._file._file, _NO_PEAK_CHUNK, soundfile._ffi.NULL, 0)

    def write(self, sound: Sound) -> None:
        """Append ``sound``, (frames, channels); raises SoundError where the disk is full."""
        import soundfile

        self.frames += len(sound)
        if (
            self._kind.container == "WAV"
            and not self._wide
            and 4 * self._channels * self.frames > _MAX_WAV_BYTES
        ):
            raise SoundError(f"{self.path}: a wav holds at most 4 GiB; write a .flac")
        try:
            for i in range(0, len(sound), PIECE):
                self._file.write(sound[i : i + PIECE])
        except (soundfile.LibsndfileError, AssertionError) as error:  # the second: a short write
            reason = _reason(error) or "the disk is full"
            raise SoundError(f"{self.path}: cannot be written: {reason}") from None

    def __enter__(self) -> SoundWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
            if kind is None:
                self._complete()
        finally:
            self._part.unlink(missing_ok=True)

    def _complete(self) -> None:
        import soundfile

        try:
            # A codec flushes when it is closed, and says nothing if that fails.
            if self.frames and self._kind.container != "MP3":
                found = soundfile.info(str(self._part)).frames
                if found != self.frames:
                    raise SoundError(f"{self.path}: cannot be written: the disk is full")
            os.replace(self._part, self._target)
        except (soundfile.LibsndfileError, OSError) as fault:
            raise SoundError(f"{self.path}: cannot be written: {_reason(fault)}") from None


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


def _writable(path: Path) -> Path:
    """Where ``path`` really lies (a link is followed), if a file may be put there."""
    try:
        target = Path(os.path.realpath(path))
        if not target.parent.is_dir():
            raise SoundError(f"{path}: there is no folder {target.parent}")
        if target.is_dir():
            raise SoundError(f"{path}: is a folder; give the name of a file")
        if target.exists() and not target.is_file():
            raise SoundError(f"{path}: is not a regular file and is left alone")
    except OSError as error:
        raise SoundError(f"{path}: {error.strerror or error}") from None
    return target


_READABLE = "read are wav, flac, ogg, mp3, aiff, caf and au"


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


def _reason(error: BaseException) -> str:
    """What went wrong, in one line, without the file's name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = getattr(error, "error_string", None) or str(error)
    text = " ".join(text.split()).rstrip(".")
    if text.startswith("File does not exist or is not a regular file"):  # it is there: unreadable
        return "is not audio"
    return text.removeprefix("Error : ")


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


__all__ = ["FORMATS", "Sound", "SoundError", "SoundReader", "SoundWriter", "format_of", "read"]
