"""Plays one sound and records another at once; the driver calls compiled code, never Python.

A block that comes late would be a gap in the pairs, and Python may be late at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import native
from engine.stream import DeviceError, choose, portaudio
from models.pairs.stages import Audio
from models.pairs.take import LEAD_S, Session

BLOCK = 1024  # the round trip is measured, so long blocks cost nothing
STALLED_S = 5.0

SOUND, RETURNED, FRAMES, PLACE, CALM, SEND, OUTPUTS, CHANNEL, INPUTS, LOST, GAPS = range(11)
"""What the callback is told and tells, an int64 each: two addresses, how many frames there are
and how many are done, from which on faults count, which of how many channels, faults so far."""
INPUT_OVERFLOW, OUTPUT_UNDERFLOW = 2, 4  # PaStreamCallbackFlags


def duplex(
    sound: Audio, rate: int, session: Session, told: Callable[[int, int], None] | None
) -> tuple[Audio, list[str]]:
    """Play ``sound`` (frames,) and record as much; the return, and what the driver complained of.

    Raises DeviceError where the device cannot, or stops.
    """
    sounddevice = portaudio()
    source, sink = devices_of(session)
    sound, returned = np.ascontiguousarray(sound), np.zeros(len(sound), np.float32)
    words = np.zeros(11, np.int64)
    words[SOUND], words[RETURNED] = sound.ctypes.data, returned.ctypes.data
    words[FRAMES] = len(sound)
    words[CALM] = round(LEAD_S * rate / 2)  # a start may stumble; nothing is heard yet then
    words[SEND], words[OUTPUTS] = session.send - 1, session.send
    words[CHANNEL], words[INPUTS] = session.channel - 1, session.channel
    ffi = sounddevice._ffi
    try:
        stream = sounddevice._StreamBase(
            kind="duplex",
            samplerate=rate,
            device=(source["index"], sink["index"]),
            channels=(session.channel, session.send),
            dtype="float32",
            blocksize=BLOCK,
            latency="high",
            extra_settings=None,
            callback=ffi.cast("PaStreamCallback *", _code()),
            userdata=ffi.cast("void *", words.ctypes.data),
            clip_off=True,
            dither_off=True,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DeviceError(f"{sink['name']} does not open at {rate} Hz: {reason}") from None
    with stream:  # which is closed, and calls no more, before the arrays go
        _wait(words, rate, sink["name"], told)
    faults = (("input overflow", words[LOST]), ("output underflow", words[GAPS]))
    return returned, [
        f"the driver reports {count} times {name}: record again" for name, count in faults if count
    ]


def devices_of(session: Session) -> tuple[dict[str, Any], dict[str, Any]]:
    """What records and what plays; DeviceError where a device or a channel is not there."""
    if session.device == "virtual":
        raise DeviceError(
            "the virtual device has no output that a pedal could be plugged into; allowed are the "
            "devices that both play and record: see taraf devices"
        )
    source, sink = choose(session.device, virtual=False)
    if source is None:
        raise DeviceError(f"{sink['name']} ({sink['api']}) can play, but not record")
    for name, have, wanted in (
        ("--channel", source["inputs"], session.channel),
        ("--send", sink["outputs"], session.send),
    ):
        if not 1 <= wanted <= have:
            raise DeviceError(f"{name} {wanted} is outside 1 to {have} of {sink['name']}")
    return source, sink


def _wait(
    words: NDArray[np.int64], rate: int, name: str, told: Callable[[int, int], None] | None
) -> None:
    """Until all is played; DeviceError if nothing moves any more."""
    frames, before, since = int(words[FRAMES]), -1, time.monotonic()
    while (place := int(words[PLACE])) < frames:
        if place != before:
            before, since = place, time.monotonic()
        elif time.monotonic() - since > STALLED_S:
            raise DeviceError(f"{name}: it stopped after {place} frames")
        if told:
            told(place // rate, frames // rate)
        time.sleep(0.1)


def _code() -> int:
    """Address of the callback, compiled if it must be."""
    return native.load("duplex", native.digest(Path(__file__)), _build)


def _build() -> bytes:
    from numba import carray, types

    from engine.compiler import compile_function, pointer

    def exchange(heard: int, plays: int, frames: int, _time: int, flags: int, user: int) -> int:
        words = carray(pointer(user), (11,), np.int64)
        frames &= 0xFFFFFFFF  # an unsigned long of 32 bits on some systems
        place, outputs, inputs = words[PLACE], words[OUTPUTS], words[INPUTS]
        sound = carray(pointer(words[SOUND]), (words[FRAMES],), np.float32)
        returned = carray(pointer(words[RETURNED]), (words[FRAMES],), np.float32)
        out = carray(pointer(plays), (frames * outputs,), np.float32)
        given = carray(pointer(heard), (frames * inputs,), np.float32)
        if place > words[CALM]:
            words[LOST] += (flags & INPUT_OVERFLOW) != 0
            words[GAPS] += (flags & OUTPUT_UNDERFLOW) != 0
        for i in range(frames * outputs):
            out[i] = np.float32(0.0)
        count = min(frames, words[FRAMES] - place)
        for i in range(count):
            out[i * outputs + words[SEND]] = sound[place + i]
            if heard != 0:
                returned[place + i] = given[i * inputs + words[CHANNEL]]
        words[PLACE] = place + count
        return 0

    return compile_function(exchange, *[types.intp] * 6, returns=types.int32)
