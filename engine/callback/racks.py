"""One rack over one chunk: lanes into the master chain, and one rack fading into the next."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray

from engine.callback.machine import inline, samples
from engine.callback.nodes import ROW, aim, delay_line, run_node
from engine.compiler import load_acquire, pointer, store_release
from engine.layout import (
    CELL,
    CONTROL,
    EVENTS,
    HOST_KNOBS,
    INPUT_LEFT,
    INPUT_MONO,
    INPUT_RIGHT,
    INPUT_STEREO,
    KNOB,
    LANE,
    NODE,
    TABLE,
    WIDTH,
    offset,
)

AT_NEXT = offset(CONTROL, "next")
AT_GENERATION = offset(CONTROL, "generation")
AT_FADING = offset(CONTROL, "fading_generation")
AT_EVENT_WRITTEN = offset(CONTROL, "event_written")
AT_EVENT_READ = offset(CONTROL, "event_read")
AT_WORK = offset(TABLE, "work")


@inline
def run_rack(control: Any, table_address: int, input_address: int, frames: int) -> int:
    """Run one rack over a chunk; returns the address of its output, (2, frames) packed.

    The master chain is the last turn of the loop: one place that runs nodes compiles to a
    sixth of the code that three would.
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
    for k in range(table.n_lanes + 1):
        master = k == table.n_lanes
        audio = bus_address if master else work
        first = table.master_first if master else lanes[k].first
        last = table.n_nodes if master else first + lanes[k].count
        channels = table.width if master else feed(lanes[k].source, input_address, work, frames)
        for n in range(first, last):
            widen(audio, channels, nodes[n].channels, frames)
            channels = nodes[n].channels
            run_node(nodes[n], control, audio, frames, position, work)
        if master:
            widen(bus_address, channels, WIDTH, frames)
        else:
            add_lane(lanes[k], work, bus_address, channels, frames)
    return bus_address


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
def take_table(control: Any, address: int) -> None:
    """Start the rack that control has published, if no other is still fading in.

    The coming rack runs unheard for as long as the crossfade takes: its compressors and gates
    have met the sound before anybody hears them, so a switch is never louder than the preset.
    """
    published = load_acquire(address + AT_NEXT)
    if published == 0 or published == control.table or control.fading != 0:
        return
    table = carray(pointer(published), (1,), TABLE)[0]
    table.position = -((-control.frames) % CELL)
    control.fading = control.table
    control.fade_at = table.position - table.latency - control.fade_frames  # it listens first
    if control.fading != 0:
        store_release(address + AT_FADING, control.generation)
    control.table = published
    store_release(address + AT_GENERATION, table.generation)


@inline
def take_events(control: Any, address: int, frames: int) -> None:
    """Hand over to the knobs what is due before the end of this chunk."""
    written = load_acquire(address + AT_EVENT_WRITTEN)
    read = control.event_read
    table = carray(pointer(control.table), (1,), TABLE)[0]
    nodes = carray(pointer(table.nodes), (table.n_nodes,), NODE)
    while read < written:
        event = control.events[read % EVENTS]
        if event.generation > table.generation:
            break  # its rack has been published and starts with the next block
        if event.generation == table.generation:
            if event.due >= table.position + frames:
                break
            node = nodes[event.node]
            knob = carray(pointer(node.knobs), (node.n_knobs,), KNOB)[event.knob]
            late = node.starts
            if event.knob < HOST_KNOBS:
                node.mixing = 1
                late += node.latency
            else:
                node.moving = 1
            if event.due < 0:
                aim(knob, event.value)
            else:
                knob.pending = event.value
                knob.due = event.due - late
        else:
            control.stale_events += 1
        read += 1
    if read != control.event_read:
        store_release(address + AT_EVENT_READ, read)


@inline
def crossfade(control: Any, address: int, old: int, new: int, frames: int) -> None:
    """Mix the leaving rack into the coming one, with gains that add up to one."""
    a = samples(old, WIDTH * frames)
    b = samples(new, WIDTH * frames)
    for i in range(frames):
        done = min(max(0, control.fade_at + i + 1), control.fade_frames)
        gain = np.float32(0.5 - 0.5 * math.cos(math.pi * done / control.fade_frames))
        for c in range(WIDTH):
            k = c * frames + i
            b[k] = a[k] + gain * (b[k] - a[k])
    control.fade_at += frames
    if control.fade_at >= control.fade_frames:
        control.fading = 0
        store_release(address + AT_FADING, 0)
