"""Dry and wet to disk while playing; a crash loses at most the last second.

The audio thread fills a ring; a thread of the front empties it twenty times a second. The
frames that the rack's latency adds are left out of the wet file, so that both files line up; after
a switch to a preset with another latency they are apart by the difference.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.host import Host
from engine.soundfiles.formats import make_room, named, reason, unwritten

FORMATS = {"wav": "FLOAT", "flac": "PCM_24"}
_CONTAINERS = {"wav": "RF64", "flac": "FLAC"}
_UPDATE_HEADER = 0x1060  # libsndfile's SFC_UPDATE_HEADER_NOW
_WAV_UNTIL_4_GIB = 0x1210  # its SFC_RF64_AUTO_DOWNGRADE: 3 hours of stereo at 48 kHz


class RecorderError(ValueError):
    """A recording that cannot be made; the message names the file and why."""


class _Track:
    """One file that is complete on disk up to the last second."""

    def __init__(self, path: Path, rate: int, channels: int) -> None:
        import soundfile

        self.path = path
        self.frames = 0
        try:
            make_room(path)
            kind = path.suffix[1:]
            self._file = soundfile.SoundFile(
                named(path), "w", rate, channels, FORMATS[kind], format=_CONTAINERS[kind]
            )
        except (soundfile.LibsndfileError, OSError) as error:
            why = unwritten(error, None)
            raise RecorderError(f"{path}: cannot be written: {why}") from None
        self.fault = ""
        self._error = soundfile.LibsndfileError
        self._library: Any = soundfile._snd
        self._null: Any = soundfile._ffi.NULL
        if kind == "wav":
            self._library.sf_command(self._file._file, _WAV_UNTIL_4_GIB, self._null, 1)
        self._saved = time.monotonic()

    def write(self, sound: npt.NDArray[np.float32]) -> None:
        """Add frames; after a fault (a full disk) no more is written, and ``fault`` says why."""
        self.frames += len(sound)
        if self.fault:
            return
        try:
            self._file.write(sound)
            if time.monotonic() - self._saved > 0.5:
                self.save()
        except (self._error, OSError, AssertionError) as error:  # the last: a short write
            self.fault = f"{self.path}: {unwritten(error, self._file)}"

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
        """Complete the file; a second time does nothing."""
        try:
            self._file.close()
        except (self._error, OSError) as error:
            self.fault = self.fault or f"{self.path}: {reason(error)}"


class Recorder:
    """Records a host: dry, wet, and every tap of its rack; from its first block on if ``armed``.

    An earlier take in the folder is kept: the next one is dry-2, wet-2 and so on.
    """

    def __init__(self, host: Host, folder: Path, kind: str = "wav") -> None:
        if kind not in FORMATS:
            raise RecorderError(f"{kind!r} is not one of {', '.join(FORMATS)}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecorderError(f"{folder}: {error.strerror}") from None
        self._host = host
        control, rate = host.shared.control[0], host.order.device.rate
        take = _free_take(folder, kind)
        self._mono = int(control["inputs"]) == 1
        self.dry = _Track(folder / f"dry{take}.{kind}", rate, 1 if self._mono else 2)
        self.wet = _Track(folder / f"wet{take}.{kind}", rate, 2)
        self._taps = {
            index: _Track(folder / f"tap-{name}{take}.{kind}", rate, 2)
            for name, index in host.rack.taps().items()
        }
        self._dropped = 0
        self._restarted = threading.Event()
        self._stopping = threading.Event()
        self._arms = not host.order.armed  # or the audio process has done so before its start
        self._take_rings()
        self._skip = int(host.report()["latency_frames"])
        host.on_restart(self._restarted.set)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def _take_rings(self) -> None:
        self._ring = self._host.shared.ring()
        self._tap_rings = {index: self._host.shared.tap(index) for index in self._taps}
        if self._arms:
            self._dropped -= self._ring.dropped  # by earlier takes
            self._arm(True)

    def _arm(self, on: bool) -> None:
        for ring in (self._ring, *self._tap_rings.values()):
            ring.arm(on)

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            self._drain()

    def _drain(self) -> None:
        if self._restarted.is_set():  # the old rings still hold what was played last
            self._restarted.clear()
            self._empty()
            self.wet.write(np.zeros((self.dry.frames - self.wet.frames, 2), np.float32))
            self._dropped += self._ring.dropped
            self._take_rings()
            self._skip = int(self._host.report()["latency_frames"])
        self._empty()

    def _empty(self) -> None:
        frames = self._ring.read()
        self.dry.write(frames[:, 0] if self._mono else frames[:, :2])
        skip = min(self._skip, len(frames))
        self._skip -= skip
        self.wet.write(frames[skip:, 2:])
        for index, track in self._taps.items():
            track.write(self._tap_rings[index].read())

    def stop(self) -> dict[str, Any]:
        """Write what is left and close; returns what was recorded."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._thread.join()
            self._drain()
            if self._arms:
                self._arm(False)
        tracks = (self.dry, self.wet, *self._taps.values())
        for track in tracks:
            track.close()
        return {
            "dry": str(self.dry.path),
            "wet": str(self.wet.path),
            "taps": [str(track.path) for track in self._taps.values()],
            "frames": self.dry.frames,
            "dropped": self._dropped + self._ring.dropped,
            "faults": [track.fault for track in tracks if track.fault],
        }


def _free_take(folder: Path, kind: str) -> str:
    """What to put behind the names so that no earlier take is lost."""
    if not (folder / f"dry.{kind}").exists() and not (folder / f"wet.{kind}").exists():
        return ""
    number = 2
    while any((folder / f"{name}-{number}.{kind}").exists() for name in ("dry", "wet")):
        number += 1
    return f"-{number}"
