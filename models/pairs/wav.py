"""Writes 32-bit float WAV files, the same bytes for the same sound, whole or not at all."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import whole
from models.pairs.errors import PairsError

IEEE_FLOAT = 3
MOST_BYTES = (1 << 32) - 100  # a WAV file counts its bytes in 32 bits


def wav_bytes(sound: NDArray[np.float32], rate: int) -> bytes:
    """A WAV file of ``sound`` (frames,) or (frames, channels).

    Not libsndfile's: that writes the time of day into a PEAK chunk, so its hash changes.
    PairsError if it is too long for a WAV file.
    """
    if 4 * sound.size > MOST_BYTES:
        raise PairsError(f"{len(sound) / rate / 3600.0:.1f} hours are too long for one WAV file")
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    data = np.ascontiguousarray(sound, "<f4").tobytes()
    frame = 4 * channels
    form = struct.pack("<HHIIHHH", IEEE_FLOAT, channels, rate, rate * frame, frame, 32, 0)
    chunks = (
        b"fmt " + struct.pack("<I", len(form)) + form,
        b"fact" + struct.pack("<II", 4, len(data) // frame),
        b"data" + struct.pack("<I", len(data)),
    )
    size = 4 + sum(map(len, chunks)) + len(data)
    return b"".join((b"RIFF", struct.pack("<I", size), b"WAVE", *chunks, data))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file and the folders it lies in; whoever is killed leaves no half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.write_whole(path, content, sync=False)  # thousands, that can be made again
