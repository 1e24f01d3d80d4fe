"""Dry and wet to disk while playing; a crash loses at most the last second.

The audio thread fills a ring; a thread of the front empties it twenty times a second. The
frames that the rack's latency adds are left out of the wet file, so that both files line up.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.host import Host

FORMATS = {"wav": "FLOAT", "flac": "PCM_24"}
_UPDATE_HEADER = 0x1060  # libsndfile's SFC_UPDATE_HEADER_NOW


class RecorderError(ValueError):
    """A recording that cannot be made; the message names the file and why."""


class _Track:
    """One file that is complete on disk up to the last second."""

    def __init__(self, path: Path, rate: int, channels: int) -> None:
        import soundfile

        self.path = path
        self.frames = 0
        try:
            self._file = soundfile.SoundFile(
                path, "w", rate, channels, subtype=FORMATS[path.suffix[1:]]
            )
        except (soundfile.LibsndfileError, OSError) as error:
            raise RecorderError(f"{path}: cannot be written: {error}") from None
        self._library: Any = soundfile._snd
        self._null: Any = soundfile._ffi.NULL
        self._saved = time.monotonic()

    def write(self, sound: npt.NDArray[np.float32]) -> None:
        self._file.write(sound)
        self.frames += len(sound)
        if time.monotonic() - self._saved > 0.5:
            self.save()

    def save(self) -> None:
        """Bring the file on disk up to date, its header included."""
        self._saved = time.monotonic()
        self._file.flush()
        if self.path.suffix == ".wav":
            self._library.sf_command(self._file._file, _UPDATE_HEADER, self._null, 0)
        else:
            self._save_flac_length()

    def _save_flac_length(self) -> None:
        """Write into the header how many frames are on disk; the encoder does so only at the end.

        STREAMINFO begins at byte 8: its first word is the block size, and the low 36 bits of
        the eight bytes at 18 are the length (RFC 9639, 8.2). A block is on disk when the next
        has begun.
        """
        with self.path.open("r+b") as file:
            header = file.read(26)
            block = max(int.from_bytes(header[8:10], "big"), 1)
            length = max(0, self.frames - 1) // block * block
            word = int.from_bytes(header[18:26], "big") >> 36 << 36 | length
            file.seek(18)
            file.write(word.to_bytes(8, "big"))

    def close(self) -> None:
        self._file.close()


class Recorder:
    """Records a host that was ordered with ``armed``: dry, wet, and every tap of its rack."""

    def __init__(self, host: Host, folder: Path, kind: str = "wav") -> None:
        if kind not in FORMATS:
            raise RecorderError(f"{kind!r} is not one of {', '.join(FORMATS)}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecorderError(f"{folder}: {error.strerror}") from None
        self._host = host
        control, rate = host.shared.control[0], host.order.device.rate
        self._mono = int(control["inputs"]) == 1
        self.dry = _Track(folder / f"dry.{kind}", rate, 1 if self._mono else 2)
        self.wet = _Track(folder / f"wet.{kind}", rate, 2)
        self._taps = {
            index: _Track(folder / f"tap-{name}.{kind}", rate, 2)
            for name, index in host.rack.taps().items()
        }
        self.dropped = 0
        self._dropped_before = 0
        self._stopping = threading.Event()
        self._attach()
        host.on_restart(self._attach)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def _attach(self) -> None:
        self._dropped_before += self.dropped
        self._ring = self._host.shared.ring()
        self._tap_rings = {index: self._host.shared.tap(index) for index in self._taps}
        self._skip = int(self._host.report()["latency_frames"])

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            self._drain()

    def _drain(self) -> None:
        try:
            frames = self._ring.read()
            self.dropped = self._ring.dropped
        except (ValueError, IndexError):
            return  # the process has just been restarted: its memory is gone
        self.dry.write(frames[:, 0] if self._mono else frames[:, :2])
        skip = min(self._skip, len(frames))
        self._skip -= skip
        self.wet.write(frames[skip:, 2:])
        for index, track in self._taps.items():
            track.write(self._tap_rings[index].read())

    def stop(self) -> dict[str, Any]:
        """Write what is left and close; returns what was recorded."""
        self._stopping.set()
        self._thread.join()
        self._drain()
        for track in (self.dry, self.wet, *self._taps.values()):
            track.close()
        return {
            "dry": str(self.dry.path),
            "wet": str(self.wet.path),
            "taps": [str(track.path) for track in self._taps.values()],
            "frames": self.dry.frames,
            "dropped": self.dropped + self._dropped_before,
        }
