"""One rack over one chunk, and the sum of those that are heard at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray

from engine.callback.machine import samples
from engine.callback.nodes import ROW, delay_line, run_node
from engine.compiler import inline, pointer, store_release
from engine.layout import (
    CONTROL,
    CUT,
    DIRTY,
    INPUT_LEFT,
    INPUT_MONO,
    INPUT_RIGHT,
    INPUT_STEREO,
    LANE,
    LEAVING,
    NODE,
    RETREAT,
    TABLE,
    WIDTH,
    offset,
)

AT_INPUT = offset(CONTROL, "input")
AT_OUTPUT = offset(CONTROL, "output")
AT_OWNER = offset(TABLE, "owner")
AT_WORK = offset(TABLE, "work")
INAUDIBLE = 1e-4


@inline
def rise(frame: int, frames: int) -> Any:
    """A raised cosine from 0 to 1 over ``frames``."""
    done = min(max(0, frame), frames)
    return np.float32(0.5 - 0.5 * math.cos(math.pi * done / frames))


@inline
def run_rack(control: Any, table_address: int, input_address: int, frames: int) -> int:
    """Run one rack over a chunk; returns the address of its output, (2, frames) packed.

    The master chain is the last turn of the loop: one place that runs nodes compiles to a
    sixth of the code that three would. A rack that is being left has its lanes cut before the
    first plugin that rings; once that is done, what stands before the cut rests. One that is
    had back has its lanes opened again, the same way.
    """
    table = carray(pointer(table_address), (1,), TABLE)[0]
    work = table_address + AT_WORK
    bus_address = work + ROW
    bus = samples(bus_address, WIDTH * frames)
    for i in range(WIDTH * frames):
        bus[i] = np.float32(0.0)
    position = table.position
    table.position += frames
    if position < 0:
        return bus_address
    nodes = carray(pointer(table.nodes), (table.n_nodes,), NODE)
    lanes = carray(pointer(table.lanes), (table.n_lanes,), LANE)
    step = -1 if table_address == control.table else 1
    for k in range(table.n_lanes + 1):
        master = k == table.n_lanes
        audio = bus_address if master else work
        first = table.master_first if master else lanes[k].first
        last = table.n_nodes if master else first + lanes[k].count
        channels = table.width if master else feed(lanes[k].source, input_address, work, frames)
        cut, at = -1, 0
        if table.leaving == CUT and not master:
            cut, at = lanes[k].cut, table.leave + lanes[k].after
            if min(at, at + step * frames) >= control.fade_frames:
                first = cut
                channels = nodes[min(cut, last - 1)].channels
        for n in range(first, last):
            if n == cut:
                close(audio, channels, at, step, control.fade_frames, frames)
            widen(audio, channels, nodes[n].channels, frames)
            channels = nodes[n].channels
            run_node(nodes[n], control, audio, frames, position, work)
        if cut == last:
            close(audio, channels, at, step, control.fade_frames, frames)
        if master:
            widen(bus_address, channels, WIDTH, frames)
        else:
            add_lane(lanes[k], work, bus_address, channels, frames)
    return bus_address


@inline
def close(audio: int, channels: int, at: int, step: int, fade_frames: int, frames: int) -> None:
    """Fade a lane out, ``at`` frames into its cut; back in if ``step`` is -1."""
    x = samples(audio, channels * frames)
    for i in range(frames):
        gain = np.float32(1.0) - rise(at + step * (i + 1), fade_frames)
        for c in range(channels):
            x[c * frames + i] *= gain


@inline
def add_lane(lane: Any, audio: int, bus_address: int, channels: int, frames: int) -> None:
    """Let a lane wait for the slowest one and add it to the bus."""
    x = samples(audio, channels * frames)
    bus = samples(bus_address, channels * frames)
    if lane.wait > 0:
        lane.line_at = delay_line(x, x, lane.line, lane.line_at, lane.wait, channels, frames)
    for i in range(channels * frames):
        bus[i] += x[i]


@inline
def feed(source: int, input_address: int, audio: int, frames: int) -> int:
    """Fill a lane's buffer from the input (2, frames); returns its channels."""
    x = samples(input_address, WIDTH * frames)
    y = samples(audio, WIDTH * frames)
    if source == INPUT_STEREO:
        for i in range(WIDTH * frames):
            y[i] = x[i]
        return 2
    for i in range(frames):
        if source == INPUT_LEFT:
            y[i] = x[i]
        elif source == INPUT_RIGHT:
            y[i] = x[frames + i]
        elif source == INPUT_MONO:
            y[i] = np.float32(0.5) * (x[i] + x[frames + i])
        else:
            y[i] = np.float32(0.0)
    return 1


@inline
def widen(audio: int, channels: int, wanted: int, frames: int) -> None:
    """Make a packed chunk mono (the average) or stereo (both the same), in place."""
    x = samples(audio, WIDTH * frames)
    if channels == 1 and wanted == 2:
        for i in range(frames):
            x[frames + i] = x[i]
    elif channels == 2 and wanted == 1:
        for i in range(frames):
            x[i] = np.float32(0.5) * (x[i] + x[frames + i])


@inline
def run_racks(control: Any, address: int, frames: int) -> int:
    """Run the rack that sounds and those that ring out; returns the address of their sum.

    One rack alone, fully faded in, is handed on as it is.
    """
    alone = control.table != 0
    if alone:
        table = carray(pointer(control.table), (1,), TABLE)[0]
        alone = table.heard >= control.fade_frames and table.leaving == 0
    for k in range(LEAVING):
        alone = alone and control.leaving[k] == 0
    mixed = address + AT_OUTPUT
    if not alone:
        y = samples(mixed, WIDTH * frames)
        for i in range(WIDTH * frames):
            y[i] = np.float32(0.0)
    made = mixed
    for turn in range(LEAVING + 1):
        running = control.table if turn == LEAVING else control.leaving[turn]
        if running == 0:
            continue
        made = run_rack(control, running, address + AT_INPUT, frames)
        if not alone:
            add_rack(control, running, made, mixed, frames)
        if turn < LEAVING and rung_out(control, running, made, frames):
            control.leaving[turn] = 0
            store_release(running + AT_OWNER, DIRTY)
    return made if alone else mixed


@inline
def add_rack(control: Any, table_address: int, made: int, mixed: int, frames: int) -> None:
    """Add a rack's output to the sum: faded in as far as it is, faded out if it must end."""
    table = carray(pointer(table_address), (1,), TABLE)[0]
    x, y = samples(made, WIDTH * frames), samples(mixed, WIDTH * frames)
    one, fade = np.float32(1.0), control.fade_frames
    step = -1 if table.leaving == RETREAT else 1
    if table.heard >= fade and table.ending == 0 and step == 1:
        for i in range(WIDTH * frames):
            y[i] += x[i]
    else:
        for i in range(frames):
            gain = rise(table.heard + step * (i + 1), fade)
            if table.ending > 0:
                gain *= one - rise(table.ending + i, fade)
            y[i] += gain * x[i]
            y[frames + i] += gain * x[frames + i]
    table.heard = min(fade, table.heard + step * frames)
    if table.ending > 0:
        table.ending += frames
    if table.leaving == CUT and table_address == control.table:  # it was left, and is wanted again
        table.leave -= frames
        if table.leave <= -table.after:
            table.leaving = 0


@inline
def rung_out(control: Any, table_address: int, made: int, frames: int) -> bool:
    """Whether a rack that was left has nothing more to say."""
    table = carray(pointer(table_address), (1,), TABLE)[0]
    table.leave = min(control.fade_frames, table.leave + frames)
    if table.ending > control.fade_frames or (table.leaving == RETREAT and table.heard <= 0):
        return True
    if table.leave < control.fade_frames:
        return False
    x = samples(made, WIDTH * frames)
    loudest = np.float32(0.0)
    for i in range(WIDTH * frames):
        loudest = max(loudest, abs(x[i]))
    table.quiet = 0 if loudest > np.float32(INAUDIBLE) else table.quiet + frames
    table.ringing += frames
    if table.ringing > control.ring_frames and table.ending == 0:
        table.ending = 1
    return table.quiet > table.patience
