"""What moves by itself: levels, load, readouts, read from memory that the audio thread writes.

Reading it costs the audio thread nothing; nobody is asked anything.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np

from engine.audio_process import statistics
from engine.control.desk import Desk
from engine.layout import HISTOGRAM
from engine.rack import Rack

HISTORY_SECONDS, HISTORY_HZ = 120, 4
HEAD = 19  # numbers of a frame before the readouts
FRAMES = 1 << 20  # a float32 counts so far and further
COUNTED = ("late", "xruns", "worker_misses", "mutes")


class History:
    """Load and what went wrong over the last two minutes, four times a second.

    A row is [seconds, load p99 %, load worst %, late, xruns, worker misses, mutes]; loads are of
    that quarter of a second, the rest are counts since the sound began.
    """

    def __init__(self) -> None:
        self.rows: deque[list[float]] = deque(maxlen=HISTORY_SECONDS * HISTORY_HZ)
        self._counts = np.zeros(HISTOGRAM, np.int64)
        self._began = time.monotonic()

    def look(self, control: Any) -> list[float]:
        """Add a row for now."""
        counts = control[0]["histogram"].copy()
        fresh = counts - self._counts
        if fresh.min() < 0:  # the audio process was started again
            fresh = counts
        self._counts = counts
        found = statistics(control)
        row = [round(time.monotonic() - self._began, 2), *_loads(fresh)]
        self.rows.append([*row, *(found[name] for name in COUNTED)])
        return self.rows[-1]


def _loads(counts: Any) -> tuple[float, float]:
    """The 99th percentile and the worst of a histogram of loads, in percent."""
    total = np.cumsum(counts)
    if not total[-1]:
        return 0.0, 0.0
    share = 100.0 / (HISTOGRAM // 2)
    p99 = int(np.searchsorted(total, 0.99 * total[-1]))
    return round((p99 + 0.5) * share, 1), round((int(np.flatnonzero(counts)[-1]) + 0.5) * share, 1)


class Meters:
    """Frames of float32 for every page: HEAD numbers, then the rack's readouts in their order.

    0 frame's number        5 load p99 %       8 worker misses     11 tempo, bpm
    1, 2 input peaks        6 late blocks      9 mutes             12 seconds recorded
    3, 4 output peaks       7 xruns           10 beat, modulo 64
    of a plugin that leads the beat; 0 without one:
    13 1: it hears, 2: it leads       15 beat in its bar, from 0    17 onsets, modulo 4096
    14 confidence, 0 to 1             16 beats a bar                18 strength of the last
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._number = 0
        self._places: list[tuple[int, int]] = []
        self.load = 0.0
        self.recording_since: float | None = None

    def frame(self) -> bytes:
        """One frame, for now."""
        desk, places = self._desk, self._places
        row = desk.host.shared.control[0]  # another one after each restart
        values = np.zeros(HEAD + len(places), np.float32)
        self._number = (self._number + 1) % FRAMES
        since = self.recording_since
        values[0] = self._number
        values[1:5] = row["meters"]
        values[5:13] = (
            self.load,
            row["late"],
            row["xruns"],
            row["misses"],
            row["mutes"],
            desk.clock.beat() % 64.0,
            desk.clock.tempo_bpm,
            time.monotonic() - since if since is not None else 0.0,
        )
        pulse = desk.pulse
        if pulse is not None:
            values[13:HEAD] = (
                2.0 if pulse.leads else 1.0,
                pulse.confidence,
                pulse.place(time.monotonic_ns()),
                pulse.bar,
                pulse.onsets % 4096,
                pulse.strength,
            )
        readouts = row["readouts"]
        for k, place in enumerate(places, HEAD):
            values[k] = readouts[place]
        return values.astype("<f4").tobytes()

    def follow(self, rack: Rack) -> None:
        """From now on the readouts are those of ``rack``: the one that pages have been sent."""
        self._places = list(rack.readouts().values())


__all__ = ["HISTORY_HZ", "History", "Meters"]
