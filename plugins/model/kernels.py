"""What the audio thread does for a model: rates, sizes, levels and two models blended."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.dsp.rates import from_model, to_model
from engine.kernel import Audio, kernel
from engine.native_calls import run_network
from engine.params import CELL, final

KNOB_ROWS = 4
ACTIVE, COMING, POSITION, LATE = range(4)
SIDE_WORDS = 4
"""Which size is heard, which comes, since how many frames, place in the delay."""
NONE, UNHEARD = -1, -2
"""No size comes; none was heard yet, so the first is at once the one that is wanted."""
LOG = math.log(10.0) / 20.0


@kernel
def model_process(audio: Audio, knobs: Any, state: Any) -> None:
    """One model, or two side by side, mixed after each has its own level."""
    s = state
    frames = audio.shape[1]
    s.turned[0], s.turned[1] = final(knobs.knob1), final(knobs.knob2)
    s.turned[2], s.turned[3] = final(knobs.knob3), final(knobs.knob4)
    x, a, b = s.mixed[0, :frames], s.mixed[1, :frames], s.mixed[2, :frames]
    for i in range(frames):
        x[i] = audio[0, i]
    through(
        x, a, knobs, s.ceiling[0], s.a_edges, s.a_in_db, s.a_in_interface, s.a_out_db,
        s.a_out_interface, s.a_late, s.a_wait, s.a_words, s.a_rows, s.a_knobs, s.turned,
        s.a_first, s.a_warm, s.a_direct, s.a_fade, s.calls, s.nets, s.heard, s.made, s.a_to_table,
        s.a_to_line, s.a_to_clock, s.a_from_table, s.a_from_line, s.a_from_clock, s.a_work,
    )  # fmt: skip
    s.readout[0] = s.a_edges[s.a_words[ACTIVE]]
    if s.blended == 0:
        for i in range(frames):
            audio[0, i] = a[i]
        return
    through(
        x, b, knobs, s.ceiling[1], s.b_edges, s.b_in_db, s.b_in_interface, s.b_out_db,
        s.b_out_interface, s.b_late, s.b_wait, s.b_words, s.b_rows, s.b_knobs, s.turned,
        s.b_first, s.b_warm, s.b_direct, s.b_fade, s.calls, s.nets, s.heard, s.made, s.b_to_table,
        s.b_to_line, s.b_to_clock, s.b_from_table, s.b_from_line, s.b_from_clock, s.b_work,
    )  # fmt: skip
    blend = knobs.blend
    for i in range(frames):
        share = blend.start + blend.step * np.float32(blend.at + i + 1)
        audio[0, i] = a[i] + share * (b[i] - a[i])


@kernel
def through(
    x: Any, y: Any, knobs: Any, ceiling: int, edges: Any, in_db: float, in_interface: float,
    out_db: float, out_interface: float, line: Any, wait: int, words: Any, rows: Any, turns: Any,
    turned: Any, first: int, warm: Any, direct: int, fade: int, calls: Any, nets: Any, heard: Any,
    made: Any, to_table: Any, to_line: Any, to_clock: Any, from_table: Any, from_line: Any,
    from_clock: Any, work: Any,
) -> None:  # fmt: skip
    """Play ``x`` through one model into ``y``: level, rate and size, the other's delay, level."""
    own, interface = knobs.input_db, knobs.interface_dbu
    level(x, y, own, interface, in_db, np.float32(1.0), in_interface)
    wanted = choose(edges, final(knobs.quality), final(knobs.auto_quality), ceiling)
    side(
        y, words, wanted, rows, turns, turned, first, warm, direct, fade, calls, nets, heard,
        made, to_table, to_line, to_clock, from_table, from_line, from_clock, work,
    )  # fmt: skip
    late(y, line, words, wait)
    level(y, y, own, interface, out_db, np.float32(0.0), out_interface)


@kernel
def level(
    x: Any, y: Any, own: Any, interface: Any, fixed: float, of_own: float, of_interface: float
) -> None:
    """Write ``x`` times a gain to ``y``: ``fixed`` dB, and so much of two knobs."""
    first = fixed + of_own * own.start + of_interface * interface.start
    last = fixed + of_own * final(own) + of_interface * final(interface)
    gain = np.float32(math.exp(LOG * first))
    step = np.float32(0.0)
    if last != first:
        step = (np.float32(math.exp(LOG * last)) - gain) / np.float32(CELL)
    at = own.at
    for i in range(x.shape[0]):
        y[i] = x[i] * (gain + step * np.float32(at + i + 1))


@kernel
def choose(edges: Any, quality: float, automatic: float, ceiling: int) -> int:
    """The size for a quality: the first whose edge lies above it, or the last."""
    last = edges.shape[0] - 1
    size = last
    for k in range(last, -1, -1):
        if quality < edges[k]:
            size = k
    return min(size, ceiling) if automatic > np.float32(0.5) else size


@kernel
def late(x: Any, line: Any, words: Any, wait: int) -> None:
    """Delay ``x`` by ``wait`` frames, so that two models of different rates sound together."""
    if wait == 0:
        return
    at = words[LATE]
    for i in range(x.shape[0]):
        value = line[at]
        line[at] = x[i]
        x[i] = value
        at = at + 1 if at + 1 < wait else 0
    words[LATE] = at


@kernel
def side(
    x: Any, words: Any, wanted: int, rows: Any, knobs: Any, turned: Any, first: int, warm: Any,
    direct: int, fade: int, calls: Any, nets: Any, heard: Any, made: Any, to_table: Any,
    to_line: Any, to_clock: Any, from_table: Any, from_line: Any, from_clock: Any, work: Any,
) -> None:  # fmt: skip
    """Play ``x`` through one model, in place, at the model's own rate.

    Another size is warmed up unheard until it knows all the past it can, then faded in.
    """
    frames, folds = x.shape[0], rows.shape[0]
    for k in range(KNOB_ROWS):
        value = np.float32(knobs[k, 1] + (turned[k] - 0.5) * 2.0 * (knobs[k, 1] - knobs[k, 0]))
        if turned[k] > np.float32(0.5):
            value = np.float32(knobs[k, 1] + (turned[k] - 0.5) * 2.0 * (knobs[k, 2] - knobs[k, 1]))
        row = heard[1 + k]
        for i in range(CELL):
            row[i] = value
    if direct != 0:
        count = frames
        line = rows[0]
        for i in range(frames):
            line[i] = x[i]
    else:
        count = to_model(x, rows, to_table, to_line, to_clock, work)
    done = 0
    if words[COMING] == UNHEARD:
        words[ACTIVE], words[COMING] = wanted, NONE
    while done < count:
        if words[COMING] < 0 and wanted != words[ACTIVE]:
            words[COMING], words[POSITION] = wanted, 0
        some = min(CELL, count - done)
        ready = warm[max(0, words[COMING])]
        if words[COMING] >= 0:
            some = min(some, ready + fade - words[POSITION])
        for m in range(folds):
            row = rows[m, done : done + some]
            play(row, words, first, folds, m, ready, fade, calls, nets, heard, made)
        if words[COMING] >= 0:
            words[POSITION] += some
            if words[POSITION] >= ready + fade:
                words[ACTIVE], words[COMING] = words[COMING], NONE
        done += some
    if direct != 0:
        line = rows[0]
        for i in range(frames):
            x[i] = line[i]
    else:
        from_model(rows, count, x, from_table, from_line, from_clock, work)


@kernel
def play(
    row: Any, words: Any, first: int, folds: int, copy: int, warm: int, fade: int, calls: Any,
    nets: Any, heard: Any, made: Any,
) -> None:  # fmt: skip
    """One copy of the network over up to 64 frames, in place; two sizes while they change."""
    frames = row.shape[0]
    into, out = heard[0], made[0]
    for i in range(frames):
        into[i] = row[i]
    base = nets.ctypes.data
    call = first + words[ACTIVE] * folds + copy
    run_network(calls[call, 0], base + calls[call, 1], heard.ctypes.data, made.ctypes.data, frames)
    if words[COMING] >= 0:
        other = made[1]
        call = first + words[COMING] * folds + copy
        run_network(
            calls[call, 0], base + calls[call, 1], heard.ctypes.data, other.ctypes.data, frames
        )
        for i in range(frames):
            t = np.float32(words[POSITION] + i + 1 - warm) / np.float32(fade)
            share = min(np.float32(1.0), max(np.float32(0.0), t))
            share = share * share * (np.float32(3.0) - np.float32(2.0) * share)
            out[i] += share * (other[i] - out[i])
    for i in range(frames):
        row[i] = out[i]
