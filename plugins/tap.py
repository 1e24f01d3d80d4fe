"""A place in a chain where the recorder listens."""

from typing import Any

from engine.kernel import Audio, kernel
from engine.native_calls import load_acquire, store_release
from engine.plugin import Plugin

WRITTEN, DROPPED, READ, ARMED = 0, 1, 8, 9  # words of engine.layout.RING


class Tap(Plugin):
    """Let the recorder hear the sound at this point of the chain; the sound passes untouched.

    What finds the recorder's ring full is dropped whole and counted.
    """

    taps = 1

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        header, ring = state.tap_header, state.tap
        capacity = ring.shape[0]  # a power of two
        if header[ARMED] == 0:
            return
        written = header[WRITTEN]
        if written - load_acquire(header.ctypes.data + 8 * READ) + frames > capacity:
            header[DROPPED] += frames
            return
        for i in range(frames):
            k = (written + i) & (capacity - 1)
            ring[k, 0] = audio[0, i]
            ring[k, 1] = audio[channels - 1, i]
        store_release(header.ctypes.data + 8 * WRITTEN, written + frames)
