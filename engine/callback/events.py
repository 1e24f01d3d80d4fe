"""What the control side asks for through the event ring: knobs, notes, other racks, the beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray

from engine.callback.coming import AT_NEXT, enter, forget
from engine.callback.leading import theirs
from engine.callback.machine import samples
from engine.callback.nodes import aim
from engine.callback.racks import AT_OWNER, rise
from engine.compiler import inline, load_acquire, pointer, store_release
from engine.layout import (
    BEAT,
    BEAT_BAR,
    BYPASS,
    CONTROL,
    DIRTY,
    EVENTS,
    HOST_KNOBS,
    KNOB,
    LEAVING,
    NODE,
    NOTE,
    NOTES,
    PANIC,
    SWITCH,
    TABLE,
    WIDTH,
    offset,
)

AT_EVENT_WRITTEN = offset(CONTROL, "event_written")
AT_EVENT_READ = offset(CONTROL, "event_read")
HUSH_FRAMES = 256


@inline
def take_events(control: Any, address: int, frames: int) -> None:
    """Act on all that is due before the end of this chunk, in the order it was sent.

    A rack that was published meanwhile has its place in that order: see ``take_table``.
    """
    written = load_acquire(address + AT_EVENT_WRITTEN)
    read = control.event_read
    while read < written:
        published = load_acquire(address + AT_NEXT)
        if published != control.taken and read >= control.next_after:
            break
        event = control.events[read % EVENTS]
        node = event.node
        if node >= 0 and stale(control, address, event.table):
            control.stale_events += 1
            read += 1
            continue
        if event.due >= control.frames + frames:
            break
        if node >= 0:
            table = carray(pointer(control.table), (1,), TABLE)[0]
            if table.id != event.table:
                break  # its rack has been published and starts with the next block
            turn(control, table, event)
        elif node == SWITCH:
            if not enter(control, address, event.knob, 0):
                break
        elif node == BEAT:
            if not theirs(control, event):
                control.beat_frame = event.knob
                control.beat[0], control.beat[1] = event.value, event.beat
                control.beat[2] = event.value / (60.0 * control.rate)
                bar = event.table // BEAT_BAR
                control.beat[4] = float(bar) if bar > 0 else 4.0
        elif node == PANIC:
            control.hush = max(control.hush, 1)
        elif node == BYPASS:
            control.bypass = 1 if event.value != 0.0 else 0
        read += 1
    if read != control.event_read:
        store_release(address + AT_EVENT_READ, read)


@inline
def stale(control: Any, address: int, wanted: int) -> bool:
    """Whether an event is for a rack that neither sounds nor is about to."""
    if control.table != 0 and carray(pointer(control.table), (1,), TABLE)[0].id == wanted:
        return False
    published = load_acquire(address + AT_NEXT)
    if published == 0 or published == control.taken:
        return True
    return bool(carray(pointer(published), (1,), TABLE)[0].id != wanted)


@inline
def turn(control: Any, table: Any, event: Any) -> None:
    """Aim a knob, or put a MIDI message into a plugin's queue."""
    node = carray(pointer(table.nodes), (table.n_nodes,), NODE)[event.node]
    due = event.due - (control.frames - table.position)  # in the rack's own time
    if event.knob == NOTE:
        hand_note(node, table.position if event.due < 0 else due, int(event.value))
        return
    if event.knob >= node.n_knobs:  # the window knows its file as it is by now, with more of them
        control.stale_events += 1
        return
    knob = carray(pointer(node.knobs), (node.n_knobs,), KNOB)[event.knob]
    late = node.starts
    if event.knob < HOST_KNOBS:
        node.mixing = 1
        late += node.latency
    else:
        node.moving = 1
    if event.due < 0:
        aim(knob, event.value)
        knob.due = -1  # what waits is older
    else:
        knob.pending = event.value
        knob.due = max(0, due - late)  # before its time began is at once: below 0 is never


@inline
def hand_note(node: Any, due: int, message: int) -> None:
    """Queue a message for the plugin's own time; one too many is lost and counted."""
    if node.notes == 0:
        return
    noted = carray(pointer(node.noted), (4,), np.int64)
    if noted[0] - noted[1] >= NOTES:
        noted[3] += 1
        return
    rows = carray(pointer(node.notes), (NOTES, 2), np.int64)
    rows[noted[0] % NOTES, 0] = due - node.starts
    rows[noted[0] % NOTES, 1] = message
    noted[0] += 1


@inline
def pass_by(control: Any, dry: int, wet: int, frames: int) -> None:
    """Fade between the racks' sound and the input, as far as the bypass of all is on."""
    if control.bypass == 0 and control.bypass_at == 0:
        return
    x, y = samples(dry, WIDTH * frames), samples(wet, WIDTH * frames)
    fade = control.fade_frames
    step = 1 if control.bypass != 0 else -1
    at = control.bypass_at
    for i in range(frames):
        at = min(max(at + step, 0), fade)
        gain = rise(at, fade)
        for k in (i, frames + i):
            y[k] += gain * (x[k] - y[k])
    control.bypass_at = at


@inline
def hush(control: Any, wet: int, frames: int) -> None:
    """A panic: silence within 5 ms, all that rang forgotten, and up again."""
    if control.hush == 0:
        return
    y = samples(wet, WIDTH * frames)
    if control.hold > 0 and control.hush > HUSH_FRAMES:  # what is being restored is silent yet
        control.hush = min(control.hush, 2 * HUSH_FRAMES - frames)
        control.hold -= frames
    for i in range(frames):
        at = control.hush + i
        gain = np.float32(1.0) - rise(at, HUSH_FRAMES)
        if at > HUSH_FRAMES:
            gain = rise(at - 2 * HUSH_FRAMES, HUSH_FRAMES)
        y[i] *= gain
        y[frames + i] *= gain
    before = control.hush
    control.hush += frames
    if before <= HUSH_FRAMES < control.hush:
        forget_all(control)
    if control.hush > 3 * HUSH_FRAMES:
        control.hush = 0


@inline
def forget_all(control: Any) -> None:
    control.led = -abs(control.led)
    control.made_anew = control.made_count
    if control.table != 0:
        control.hold = forget(control.table)
    for k in range(LEAVING):
        ringing = control.leaving[k]
        if ringing != 0:
            control.leaving[k] = 0
            store_release(ringing + AT_OWNER, DIRTY)
