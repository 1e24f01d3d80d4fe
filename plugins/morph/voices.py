"""Which voice plays what: keys, pedal, wheels, and who gives way when all voices sound."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.layout import NOTES
from engine.morph.phase import silence
from plugins.morph.state import (
    AT,
    BEND,
    CHANNEL,
    COUNT,
    END,
    EXPRESSION,
    FALL,
    FILLED,
    FORCE,
    FRACTION,
    HELD,
    IDLE,
    KEY,
    PEDAL,
    PRESSURE,
    RELEASED,
    RINGING,
    SINCE,
    SOUNDING,
    STAGE,
    TOLD,
    WAITING,
    WHEEL,
)

AGAIN_DB_S = 600.0
"""What sounded of a key that is struck again falls as fast."""
MARGIN = 1024
"""Of a line: what a part may advance by where the host's rate is low."""
NOTE_OFF, NOTE_ON, CONTROLLER, CHANNEL_PRESSURE, PITCH_BEND = 0x80, 0x90, 0xB0, 0xD0, 0xE0
MODULATION, EXPRESSES, SUSTAIN, SOUND_OFF, RESET, NOTES_OFF = 1, 11, 64, 120, 121, 123


@kernel
def take_notes(state: Any, now: int) -> None:
    """Act on the messages that are due."""
    noted = state.noted
    while noted[1] < noted[0] and state.notes[noted[1] % NOTES, 0] <= now:
        message = state.notes[noted[1] % NOTES, 1]
        noted[1] += 1
        act(state, message & 0xF0, message & 15, (message >> 8) & 127, (message >> 16) & 127)


@kernel
def until_next(state: Any, now: int, most: int) -> int:
    """Frames until the next message, at most so many."""
    noted = state.noted
    if noted[1] < noted[0]:
        return max(1, min(most, state.notes[noted[1] % NOTES, 0] - now))
    return most


@kernel
def act(state: Any, kind: int, channel: int, first: int, second: int) -> None:
    """One message."""
    own = state.channel[channel]
    if kind == NOTE_ON and second > 0:
        begin(state, channel, first, second)
    elif kind in (NOTE_ON, NOTE_OFF):
        for v in range(state.voice.shape[0]):
            voice = state.voice[v]
            if voice[KEY] == first and voice[CHANNEL] == channel:
                voice[HELD] = 0
    elif kind == PITCH_BEND:
        bent = first + 128 * second - 8192
        own[BEND] = bent / 8191.0 if bent > 0 else bent / 8192.0
    elif kind == CHANNEL_PRESSURE:
        own[PRESSURE] = first / 127.0
    elif kind == CONTROLLER:
        control(state, channel, first, second)


@kernel
def control(state: Any, channel: int, number: int, value: int) -> None:
    """One controller."""
    own = state.channel[channel]
    if number == MODULATION:
        own[WHEEL] = value / 127.0
    elif number == EXPRESSES:
        own[EXPRESSION] = value / 127.0
    elif number == SUSTAIN:
        own[PEDAL] = 1.0 if value >= 64 else 0.0
    elif number == RESET:
        own[BEND], own[WHEEL], own[PRESSURE], own[PEDAL] = 0.0, 0.0, 0.0, 0.0
        own[EXPRESSION] = 1.0
    elif number == SOUND_OFF:
        for v in range(state.voice.shape[0]):
            if state.voice[v, CHANNEL] == channel:
                ring_out(state, v)
    elif number >= NOTES_OFF:
        for v in range(state.voice.shape[0]):
            if state.voice[v, CHANNEL] == channel:
                state.voice[v, HELD] = 0


@kernel
def begin(state: Any, channel: int, key: int, force: int) -> None:
    """A key goes down: a voice waits for its turn to begin, at once if there is room."""
    for v in range(state.voice.shape[0]):
        voice = state.voice[v]
        if voice[STAGE] == SOUNDING and voice[KEY] == key and voice[CHANNEL] == channel:
            let_go(state, v)
            state.clock[v, FALL] = AGAIN_DB_S / state.second
    v = free(state)
    ring_out(state, v)
    voice = state.voice[v]
    if voice[STAGE] == RINGING:  # until its turn what rings out keeps its own pitch
        voice[TOLD] += key - voice[KEY]
    state.turn[COUNT] += 1
    voice[STAGE], voice[KEY], voice[CHANNEL], voice[HELD] = WAITING, key, channel, 1
    voice[SINCE] = state.turn[COUNT]
    state.clock[v, FORCE] = float(force)


@kernel
def free(state: Any) -> int:
    """The voice that a new note takes: a silent one, one that rings out, the one that was let go
    first, the oldest."""
    best, chosen = np.int64(1) << 62, 0
    for v in range(state.voice.shape[0]):
        stage = state.voice[v, STAGE]
        rank = 0 if stage == IDLE else (1 if stage == RINGING else (2 if stage == RELEASED else 3))
        place = (np.int64(rank) << 56) + (0 if rank < 2 else state.voice[v, SINCE])
        if place < best:
            best, chosen = place, v
    return chosen


@kernel
def pitch_told(key: int, reach: Any) -> int:
    """The pitch that a decoder is told for a key: within what its notes reach, up to an octave off.

    What is beyond that was never learnt. The rest of the way is speed, as in any sampler.
    """
    if key > reach[1]:
        return max(reach[1], key - 12)
    return min(reach[0], key + 12) if key < reach[0] else key


@kernel
def let_go(state: Any, v: int) -> None:
    """A voice is released, from the next frame on."""
    state.turn[COUNT] += 1
    state.voice[v, STAGE], state.voice[v, SINCE] = RELEASED, state.turn[COUNT]


@kernel
def ring_out(state: Any, v: int) -> None:
    """Let the windows of a voice's last frames run down, and make no more."""
    voice = state.voice[v]
    stage = voice[STAGE]
    if stage == WAITING:
        voice[STAGE] = RINGING
    if stage not in (SOUNDING, RELEASED):
        return
    room(state, v)
    whole, rest, line = state.phase_whole, state.phase_line[v], state.line[v]
    hop, end = whole.shape[0], voice[END]
    for i in range(rest.shape[0] - hop):
        line[end + i] += rest[i] * whole[i % hop]
    voice[FILLED] = max(voice[FILLED], end + rest.shape[0] - hop)
    voice[STAGE] = RINGING
    silence(state.phase_table, v)


@kernel
def room(state: Any, v: int) -> None:
    """Move what is still to be heard to the line's beginning, if there is little room after it."""
    voice, line = state.voice[v], state.line[v]
    if max(voice[END], voice[AT]) + 2 * state.phase_line.shape[1] + MARGIN <= line.shape[0]:
        return
    shift = voice[AT] - state.half
    filled = min(voice[FILLED], line.shape[0])
    for i in range(max(0, filled - shift)):
        line[i] = line[i + shift]
    for i in range(max(0, filled - shift), filled):
        line[i] = np.float32(0.0)
    voice[AT] -= shift
    voice[END] -= shift
    voice[FILLED] = max(0, voice[FILLED] - shift)


@kernel
def rest(state: Any, v: int) -> None:
    """Nothing of a voice is heard any more."""
    voice, line = state.voice[v], state.line[v]
    for i in range(min(voice[FILLED], line.shape[0])):
        line[i] = np.float32(0.0)
    voice[STAGE] = IDLE
    voice[AT], voice[END], voice[FILLED], voice[FRACTION] = state.half, 2 * state.half, 0, 0


__all__ = ["let_go", "pitch_told", "rest", "ring_out", "room", "take_notes", "until_next"]
