"""Writes wav (32 bit float), flac (24 bit), ogg (Vorbis), mp3: whole files, or none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.soundfiles.formats import (
    PIECE,
    Sound,
    SoundError,
    format_of,
    make_room,
    named,
    unwritten,
)

_NO_PEAK_CHUNK = 0x1050  # SFC_SET_ADD_PEAK_CHUNK: it holds the time of day
_MAX_WAV_BYTES = (1 << 32) - 4096


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
            make_room(self._part)
            self._file: Any = soundfile.SoundFile(
                named(self._part), "w", rate, channels, self._kind.encoding, format=container
            )
        except (soundfile.LibsndfileError, OSError) as error:
            self._part.unlink(missing_ok=True)
            raise SoundError(f"{path}: cannot be written: {unwritten(error, None)}") from None
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
            why = unwritten(error, self._file)
            raise SoundError(f"{self.path}: cannot be written: {why}") from None

    def __enter__(self) -> Self:
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
                found = soundfile.info(named(self._part)).frames
                if found != self.frames:
                    raise SoundError(f"{self.path}: cannot be written: the disk is full")
            os.replace(self._part, self._target)
        except (soundfile.LibsndfileError, OSError) as fault:
            why = unwritten(fault, None)
            raise SoundError(f"{self.path}: cannot be written: {why}") from None


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
