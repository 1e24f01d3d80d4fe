"""A place in a chain where the recorder listens."""

from typing import Any

import numpy as np

from engine.kernel import Audio, kernel
from engine.native_calls import load_acquire, store_release
from engine.plugin import Plugin, Setup, State

WRITTEN, DROPPED, OWNER, HELD, READ, ARMED = 0, 1, 2, 3, 8, 9  # words of engine.layout.RING
NOBODY = -1  # owns a ring that somebody has written before


class Tap(Plugin):
    """Let the recorder hear the sound at this point of the chain; the sound passes untouched.

    What finds the recorder's ring full is dropped whole and counted. Where another preset comes
    to sound, its tap goes on in the same ring: one fades into the other.
    """

    taps = 1

    def prepare(self, setup: Setup) -> State:
        return {"level": np.full(1, -1, np.int64)}  # frames into its fade-in; -1: it never ran

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames, header, level = audio.shape[1], state.tap_header, state.level
        own, fade = state.tap_rack[0], max(state.tap_fade[0], 1)
        sounds, owner = state.tap_sounding[0] == own, header[OWNER]
        if level[0] < 0:
            level[0] = fade if owner == 0 or owner == own else 0
        if header[ARMED] == 0:
            level[0] = fade if sounds else 0
            header[OWNER] = own if sounds else owner
            return
        if not sounds and level[0] == 0:
            header[OWNER] = NOBODY if owner == own else owner
            return
        write(audio, state, sounds, owner == own, fade)
        level[0] = min(max(level[0] + (frames if sounds else -frames), 0), fade)
        if sounds:
            header[OWNER] = own


@kernel
def write(audio: Audio, state: Any, sounds: bool, owns: bool, fade: int) -> None:
    """Put a chunk into the ring, or add it to what other racks' taps have put there for it.

    Racks that were left run first. What they put there is behind what was written until whoever
    owns the ring, or comes to own it, says that it is.
    """
    channels, frames = audio.shape
    header, ring, level = state.tap_header, state.tap, state.level[0]
    capacity = ring.shape[0]  # a power of two
    stamp = 2 * (state.tap_now[0] + 1)
    held = header[HELD] == stamp or header[HELD] == stamp + 1
    told = header[HELD] == stamp + 1
    tells = (sounds or owns) and not told
    first = header[WRITTEN] - frames if told else header[WRITTEN]
    if first + frames - load_acquire(header.ctypes.data + 8 * READ) > capacity:
        header[DROPPED] += frames if tells else 0
        return
    step = 1 if sounds else -1
    for i in range(frames):
        t = min(max(level + step * (i + 1), 0), fade) / fade
        gain = np.float32(t * t * (3.0 - 2.0 * t))
        k = (first + i) & (capacity - 1)
        if not held:
            ring[k, 0] = ring[k, 1] = np.float32(0.0)
        ring[k, 0] += gain * audio[0, i]
        ring[k, 1] += gain * audio[channels - 1, i]
    header[HELD] = stamp + 1 if told or tells else stamp
    if tells:
        store_release(header.ctypes.data + 8 * WRITTEN, first + frames)
