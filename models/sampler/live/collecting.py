"""What a performer plays, silence left out, as one growing recording at a network's rate."""

from __future__ import annotations

import math
import threading
from collections import deque

import numpy as np

from engine.dsp.resample import resample
from models.sampler.sound import Sound

FRAME_S = 0.01
HOLD_S = 0.3
"""What is softer for so long is a pause; until then notes may die away."""
KNOCK_S = 0.06
"""What sounds no longer is a knock or a click, and not kept."""
BEFORE_S = 0.02
"""Kept of what came before a beginning: its attack."""
FADE_S = 0.005
PIECE_S = 0.5
"""Turned into the network's rate at once."""
MARGIN = 80
"""Frames of the lower rate on either side of a piece, so that pieces meet without a seam."""


class Gate:
    """Leaves out silence: gives what is to be kept, its ends faded."""

    def __init__(self, rate: int, threshold_db: float) -> None:
        self._size = max(1, round(FRAME_S * rate))
        self._least = 10.0 ** (threshold_db / 20.0)
        self._frames = {s: round(s / FRAME_S) for s in (HOLD_S, KNOCK_S)}
        ramp = (np.arange(max(1, round(FADE_S * rate))) + 0.5) / max(1, round(FADE_S * rate))
        self._fade = np.asarray(np.square(np.sin(0.5 * np.pi * ramp)), np.float32)
        self._rest = np.zeros(0, np.float32)
        self._before: deque[Sound] = deque(maxlen=max(1, round(BEFORE_S / FRAME_S)))
        self._open: list[Sound] = []
        """Frames of a beginning that may yet be a knock, or none."""
        self._sounding = self._quiet = 0
        self._begun = False

    def push(self, sound: Sound) -> Sound:
        """Hear (n,) more; returns what of it, and of what came before, is to be kept."""
        whole = np.concatenate([self._rest, sound])
        count = len(whole) // self._size
        self._rest = whole[count * self._size :].copy()
        kept: list[Sound] = []
        for frame in whole[: count * self._size].reshape(count, self._size):
            self._hear(frame, kept)
        return np.concatenate(kept) if kept else whole[:0]

    def cut(self) -> Sound:
        """Something is missing here: end what sounds; returns its end."""
        kept: list[Sound] = []
        self._end(kept)
        self._before.clear()
        self._rest = self._rest[:0]
        return np.concatenate(kept) if kept else self._rest

    def _hear(self, frame: Sound, kept: list[Sound]) -> None:
        loud = float(np.max(np.abs(frame))) >= self._least
        if not self._open and not self._begun and not loud:
            self._before.append(frame)
            return
        self._sounding += loud
        self._quiet = 0 if loud else self._quiet + 1
        if not self._open and not self._begun:
            self._open = [*self._before]
            self._before.clear()
        self._open.append(frame)
        if self._quiet >= self._frames[HOLD_S]:
            self._end(kept)
        elif self._sounding >= self._frames[KNOCK_S]:
            self._flush(kept)

    def _flush(self, kept: list[Sound]) -> None:
        """Keep what is open but its last frame, whose end may have to be faded."""
        part = np.concatenate(self._open[:-1]) if len(self._open) > 1 else self._open[0][:0]
        if not self._begun and len(part) >= len(self._fade):
            part[: len(self._fade)] *= self._fade
            self._begun = True
        elif not self._begun:
            return
        kept.append(part)
        self._open = self._open[-1:]

    def _end(self, kept: list[Sound]) -> None:
        if self._begun and self._open:
            part = np.concatenate(self._open)
            count = min(len(part), len(self._fade))
            part[len(part) - count :] *= self._fade[::-1][len(self._fade) - count :]
            kept.append(part)
        self._open, self._begun = [], False
        self._sounding = self._quiet = 0


class Converter:
    """Another sample rate for a sound that comes in pieces; equal to that of the whole."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        common = math.gcd(from_rate, to_rate)
        self._rates, self._down, self._up = (from_rate, to_rate), from_rate // common, 0
        self._up = to_rate // common
        lower = min(1.0, self._up / self._down)
        self._margin = -(-math.ceil(MARGIN / lower) // self._down) * self._down
        self._line = np.zeros(self._margin, np.float32)
        self._least = round(PIECE_S * from_rate)

    def push(self, sound: Sound) -> Sound:
        """Hear (n,) more; returns what can be made now, at the other rate."""
        if self._up == self._down:
            return sound
        self._line = np.concatenate([self._line, sound])
        count = (len(self._line) - 2 * self._margin) // self._down
        if count * self._down < self._least:
            return sound[:0]
        made = resample(self._line[:, None], *self._rates)[:, 0]
        first = self._margin // self._down * self._up
        self._line = self._line[count * self._down :].copy()
        return np.asarray(made[first : first + count * self._up], np.float32)


class Collected:
    """The last ``most_s`` seconds that sounded, at ``rate``; any thread may ask."""

    def __init__(self, rate: int, most_s: float, threshold_db: float) -> None:
        self.rate, self._most, self._threshold = rate, round(most_s * rate), threshold_db
        self._pieces: deque[Sound] = deque()
        self._kept = self.count = 0
        """Samples that are there, and that were ever heard."""
        self._chain: tuple[int, Gate, Converter] | None = None
        self._lock = threading.Lock()

    def begin_with(self, sound: Sound) -> None:
        """Go on from what was kept before, at the network's rate."""
        self._add(np.asarray(sound, np.float32))

    def hear(self, sound: Sound, rate: int) -> None:
        """A performer's sound (n,) at ``rate``; what is no number is silence."""
        if self._chain is None or self._chain[0] != rate:
            self._chain = rate, Gate(rate, self._threshold), Converter(rate, self.rate)
        _, gate, converter = self._chain
        clean = np.where(np.isfinite(sound), sound, np.float32(0.0)).astype(np.float32)
        self._add(converter.push(gate.push(clean)))

    def cut(self) -> None:
        """Something that he played is missing here."""
        if self._chain is not None:
            self._add(self._chain[2].push(self._chain[1].cut()))

    @property
    def seconds(self) -> float:
        """How much there is."""
        return self._kept / self.rate

    def sound(self) -> Sound:
        """All that there is, (n,), without its mean."""
        with self._lock:
            whole = np.concatenate([np.zeros(0, np.float32), *self._pieces])
        return whole - np.float32(whole.mean(dtype=np.float64)) if len(whole) else whole

    def _add(self, part: Sound) -> None:
        if not len(part):
            return
        with self._lock:
            self._pieces.append(part)
            self._kept += len(part)
            self.count += len(part)
            while self._kept > self._most:
                first = self._pieces.popleft()
                left = first[min(len(first), self._kept - self._most) :]
                self._kept -= len(first) - len(left)
                if len(left):
                    self._pieces.appendleft(left)


__all__ = ["Collected", "Converter", "Gate"]
