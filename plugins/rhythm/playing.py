"""When the drummer decides, and when what he decided sounds: steps, strokes, bars of rest.

Step t is decided half a step before it, when all of step t - 1 is known, and its strokes sound
where they belong around it. All of it happens at frames that follow from the beat alone.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from engine.dsp.beats import beat_at
from engine.kernel import kernel
from plugins.rhythm.memory import (
    DENSITY,
    DRUMS,
    FAMILIES,
    FOLLOW,
    HIT,
    MOST_STEPS,
    OFFSET,
    PRESENT,
    RING,
    STYLE,
    TEMPO,
    VELOCITY,
    forget_places,
    open_row,
    remember,
    see,
)  # fmt: skip

IDLE = -1  # as a slice: nothing is under way
LONG_AGO = 1 << 30
STEPS_A_BEAT = 4
BACK = 2  # steps: who goes back further has begun elsewhere
FAR = 1.0  # beats: a stroke that is further ahead belongs to a beat that is no more
PRESENT_BARS = 2  # a performer who was silent for so long is not there
NOTE_S = 0.06
NOTES, CHANNEL = np.array([36, 38, 37, 42, 46, 51, 49, 48, 43]), 9  # General MIDI
DRUM_OF = np.array([0, 1, 3, 7])  # of each family, what the performer's stroke becomes
ACCENT = np.array([0.3, 1.6, 0.3, -0.6, 0.0, -0.6, 0.3, 2.0, 2.0])  # of a fill, on each's odds

NOW, STEP, ROW, BAR, SLICE, SOUNDS, CALLS, QUIET, STRUCK, TOLD, JOINED = range(11)
"""Places in ``count``: the node's own time; the step decided last, its row, steps a bar; the slice
under way; whether its strokes sound; whether it listens; steps since the performer's last stroke;
strokes so far, and strokes heard; steps since the performer began."""
(STYLE_KNOB, DENSITY_KNOB, BALANCE_KNOB, FEEL_KNOB, ANSWER_KNOB, STOP_KNOB, FILL_KNOB, MUTE_KNOB,
 BYPASS_KNOB, ENTER_KNOB, WANTED) = range(11)  # fmt: skip
"""Places in ``wanted``: the knobs, as they stand in this part."""

Play = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Play", "beat count wanted styles due_beat due_loud off_due note_frames made made_count"
)


def playing(rate: float) -> dict[str, Any]:
    """State of ``count_anew``, ``begin``, ``take_in`` and ``next_due`` beside the memory's."""
    count = np.zeros(11, np.int64)
    count[STEP], count[SLICE], count[QUIET] = -LONG_AGO, IDLE, LONG_AGO
    return {
        "count": count,
        "wanted": np.zeros(WANTED, np.float32),
        "due_beat": np.full(DRUMS, np.inf),
        "due_loud": np.zeros(DRUMS, np.float32),
        "off_due": np.full(DRUMS, -1, np.int64),
        "expected": np.zeros(1),  # the beat with which the next part should begin
        "note_frames": max(1, round(NOTE_S * rate)),
    }


@kernel
def count_anew(play: Any, expected: float) -> None:
    """Whoever leads may count from elsewhere on: a jump by whole beats is no step to begin.

    What is under way and what is due keep their places in the music, by their new numbers.
    """
    whole = math.floor(beat_at(play.beat, 0) - expected + 0.5)
    if whole != 0:
        play.count[STEP] += STEPS_A_BEAT * whole
        for d in range(DRUMS):
            play.due_beat[d] += whole


@kernel
def begin_if_due(play: Any, memory: Any, bias: Any, i: int) -> None:
    """Begin the next step if frame ``i`` is half a step before it."""
    if play.beat[2] <= 0.0 or play.count[SLICE] != IDLE:
        return
    step = math.floor(STEPS_A_BEAT * beat_at(play.beat, i) + 0.5)
    last = play.count[STEP]
    if step > last or step < last - BACK:
        begin(play, memory, bias, step)


@kernel
def begin(play: Any, memory: Any, bias: Any, step: int) -> None:
    """Count what is over, and let the network see a new step."""
    count, wanted = play.count, play.wanted
    beats = play.beat[4] if play.beat[4] >= 1.0 else 4.0
    bar = min(MOST_STEPS, max(STEPS_A_BEAT, int(STEPS_A_BEAT * beats + 0.5)))
    count[STEP] = step
    count[QUIET] = min(count[QUIET] + 1, LONG_AGO)
    patience = bars_of(wanted, STOP_KNOB) * bar
    if patience > 0 and count[QUIET] > patience:
        count[CALLS] = count[JOINED] = 0
        return
    if count[TOLD] > 0:
        count[JOINED] += 1
    if bar != count[BAR]:
        forget_places(memory)
        count[BAR] = bar
    elif count[ROW] > 1:
        remember(memory, count[ROW] - 1)  # not the last: strokes in it may be told yet
    count[ROW] += 1
    count[CALLS] = 1 if listens(play, step, bar) else 0
    silent = wanted[MUTE_KNOB] > np.float32(0.5) or wanted[BYPASS_KNOB] > np.float32(0.5)
    count[SOUNDS] = 0 if silent or count[CALLS] == 1 else 1
    together = wanted[ANSWER_KNOB] == np.float32(0.0) and wanted[BALANCE_KNOB] > np.float32(0.0)
    tell(play, memory.told, together and count[QUIET] <= PRESENT_BARS * bar)
    for d in range(DRUMS):
        bias[d] = np.float32(ACCENT[d]) * wanted[FILL_KNOB]
    see(memory, count[ROW], step, bar)
    open_row(memory, count[ROW], step % bar)
    count[SLICE] = 0


@kernel
def bars_of(wanted: Any, knob: int) -> int:
    """For how many bars it waits for the performer; for none if it is deaf to him."""
    if wanted[BALANCE_KNOB] == np.float32(0.0):
        return 0
    return int(wanted[knob] + np.float32(0.5))


@kernel
def listens(play: Any, step: int, bar: int) -> bool:
    """Whether it is the performer's turn, or he has begun too lately to be joined."""
    wanted = play.wanted
    learns = bars_of(wanted, ENTER_KNOB) * bar
    if learns > 0 and play.count[JOINED] <= learns:
        return True
    answer = int(wanted[ANSWER_KNOB])  # together, after 1, 2 or 4 bars
    return answer > 0 and (step // (bar << max(answer - 1, 0))) % 2 == 0


@kernel
def tell(play: Any, told: Any, present: bool) -> None:
    """What the knobs mean to the network."""
    told[PRESENT] = np.float32(1.0 if present else 0.0)
    told[FOLLOW] = play.wanted[BALANCE_KNOB]
    told[STYLE] = np.float32(play.styles[int(play.wanted[STYLE_KNOB])])
    density = play.wanted[DENSITY_KNOB] / np.float32(STEPS_A_BEAT)
    told[DENSITY] = density if density > np.float32(0.02) else np.float32(-1.0)
    told[TEMPO] = np.float32(math.log2(min(max(play.beat[0], 20.0), 500.0) / 120.0))


@kernel
def decided(play: Any, memory: Any, drawn: Any) -> None:
    """The strokes of the step under way are drawn: keep them, and when they are due.

    While it listens, what it would have played is left out: the performer's strokes are its own.
    """
    count = play.count
    if count[CALLS] == 1:
        return
    row = memory.played[count[ROW] % RING]
    for d in range(DRUMS):
        for part in range(3):
            row[part, d] = drawn[part, d]
        if drawn[HIT, d] == np.float32(1.0) and count[SOUNDS] == 1:
            late = float(play.wanted[FEEL_KNOB]) * drawn[OFFSET, d]
            play.due_beat[d] = (count[STEP] + min(max(late, -0.5), 0.5)) / STEPS_A_BEAT
            play.due_loud[d] = drawn[VELOCITY, d]


@kernel
def take_in(play: Any, memory: Any, strokes: Any, i: float) -> None:
    """The performer struck some families (4,) at frame ``i`` of this part, which may be past.

    Whatever tells strokes ends here: a detector, a network, MIDI.
    """
    count = play.count
    count[TOLD] += 1
    count[QUIET] = 0
    place = STEPS_A_BEAT * beat_at(play.beat, i)
    step = math.floor(place + 0.5)
    back = count[STEP] - step
    if back < 0 or back > 1 or count[ROW] <= back:
        return
    at = (count[ROW] - back) % RING
    taken = min(np.float32(1.0), np.float32(2.0) * play.wanted[BALANCE_KNOB])
    for f in range(FAMILIES):
        if strokes[f] > np.float32(0.0):
            memory.other[at, f] = np.float32(1.0)
            if count[CALLS] == 1:
                d = DRUM_OF[f]
                memory.played[at, HIT, d] = taken
                memory.played[at, VELOCITY, d] = taken * strokes[f]
                memory.played[at, OFFSET, d] = taken * np.float32(place - step)


@kernel
def next_due(play: Any, i: int, end: int) -> int:
    """The first frame after ``i``, below ``end``, at which a stroke is due; or ``end``.

    What is due at ``i`` has been struck. Due is the first frame whose beat is not before it.
    """
    beat = play.beat
    here = beat_at(beat, i)
    for d in range(DRUMS):
        due = play.due_beat[d]
        if due > here + FAR:
            play.due_beat[d] = np.inf
        elif beat[2] > 0.0:
            k = i + math.ceil(min((due - here) / beat[2], 1e6))
            if beat_at(beat, k - 1) >= due:
                k -= 1
            elif beat_at(beat, k) < due:
                k += 1
            end = min(end, k)
    return end


@kernel
def tell_note(play: Any, drum: int, loud: float) -> None:
    """Write a note on at the present frame; one that still sounds is ended first."""
    end_note(play, drum)
    velocity = min(127, max(1, int(loud * np.float32(127.0) + np.float32(0.5))))
    write(play, 0x90 | CHANNEL | (NOTES[drum] << 8) | (velocity << 16))
    play.off_due[drum] = play.count[NOW] + play.note_frames


@kernel
def end_note(play: Any, drum: int) -> None:
    if play.off_due[drum] >= 0:
        write(play, 0x80 | CHANNEL | (NOTES[drum] << 8))
        play.off_due[drum] = -1


@kernel
def end_notes(play: Any) -> None:
    """End the notes that have lasted long enough."""
    for d in range(DRUMS):
        if 0 <= play.off_due[d] <= play.count[NOW]:
            end_note(play, d)


@kernel
def write(play: Any, message: int) -> None:
    """Put a MIDI message into the host's queue, at the present frame."""
    at = play.made_count[0]
    play.made[at % play.made.shape[0], 0] = play.count[NOW]
    play.made[at % play.made.shape[0], 1] = message
    play.made_count[0] = at + 1


__all__ = ["Play", "begin_if_due", "count_anew", "decided", "end_notes", "next_due", "playing",
           "take_in"]  # fmt: skip
