"""Plugins that lead: the beat that one says becomes everybody's; the notes that they make."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray

from engine.compiler import inline, pointer, store_release
from engine.layout import (
    BEAT_BAR,
    BEAT_SAID,
    CELL,
    CONTROL,
    KNOB,
    LEAD,
    LEAD_BAR,
    LEAD_BEAT,
    LEAD_EVEN,
    LEAD_FRAME,
    LEAD_NOW,
    LEAD_SAID,
    LEAD_TABLE,
    LEAD_TEMPO,
    LEADS,
    MADE,
    NODE,
    NOTES,
    TABLE,
    TOLD,
    TOLD_BAR,
    TOLD_BEAT,
    TOLD_FRAME,
    TOLD_TEMPO,
    offset,
)

AT_LEAD_COUNT = offset(CONTROL, "lead_count")
AT_MADE_COUNT = offset(CONTROL, "made_count")
SLOWEST_BPM, FASTEST_BPM = 1.0, 10_000.0  # outside of these a record is no tempo


@inline
def lead(control: Any, address: int, frames: int) -> None:
    """After a chunk: take the notes that were made and, where a cell ends, the beat.

    Once a cell, not once a chunk: the device's blocks end anywhere, and what follows the beat
    must not depend on where. Only the rack that sounds leads; without a leader the beat goes on.
    """
    if control.table == 0:
        return
    table = carray(pointer(control.table), (1,), TABLE)[0]
    if table.makers == 0 and table.leaders == 0:
        control.led = 0
        return
    ahead = control.frames + frames - table.position  # of the stream's frames before the rack's
    nodes = carray(pointer(table.nodes), (table.n_nodes,), NODE)
    ends = table.position % CELL == 0
    first, leading, healing = -1, -1, False
    for n in range(table.n_nodes):
        if nodes[n].made != 0 and nodes[n].heal == 0:
            take_made(control, address, nodes[n], ahead, table.id)
        if ends and nodes[n].lead != 0:
            first = n if first < 0 else first
            healing = healing or nodes[n].heal > 0
            leading = n if leading < 0 and leads(nodes[n]) else leading
    if not ends:
        return
    if leading >= 0:
        follow(control, nodes[leading], ahead)
    elif healing:  # what it is told now it would forget
        control.led = -table.id if control.led != 0 else 0
        return
    elif first >= 0 and control.led != 0 and control.led != table.id:
        # what led was left, or a panic made it forget: this is where the beat is
        last = control.lead_count % 2
        bar, said = control.lead[last, LEAD_BAR], control.lead[last, LEAD_SAID]
        tempo, beat = control.beat[0], control.beat[1]
        tell_leaders(control, tempo, beat, control.beat_frame, ahead, bar, said)
    control.led = table.id if leading >= 0 else 0
    if first >= 0:
        publish(control, address, nodes[max(first, leading)], ahead, leading >= 0)


@inline
def leads(node: Any) -> bool:
    """Whether a node's record is to be followed: it says so, is sound, and is not bypassed."""
    if node.heal > 0:
        return False
    record = carray(pointer(node.lead), (LEAD,), np.float64)
    if record[LEADS] != 1.0 or not SLOWEST_BPM <= record[LEAD_TEMPO] <= FASTEST_BPM:
        return False
    if not abs(record[LEAD_FRAME]) < 1e15 or not abs(record[LEAD_BEAT]) < 1e15:
        return False
    return bool(carray(pointer(node.knobs), (1,), KNOB)[0].target < 0.5)


@inline
def follow(control: Any, node: Any, ahead: int) -> None:
    """Let the beat be where a node's record says, counted from a whole frame of the stream."""
    record = carray(pointer(node.lead), (LEAD,), np.float64)
    beats_a_frame = record[LEAD_TEMPO] / (60.0 * control.rate)
    frame = math.floor(record[LEAD_FRAME])
    control.beat_frame = int(frame) + ahead
    even = record[LEAD_EVEN]
    control.beat[0] = even if SLOWEST_BPM <= even <= FASTEST_BPM else record[LEAD_TEMPO]
    control.beat[2] = beats_a_frame
    control.beat[1] = record[LEAD_BEAT] - (record[LEAD_FRAME] - frame) * beats_a_frame
    control.beat[4] = record[LEAD_BAR] if 1.0 <= record[LEAD_BAR] <= 64.0 else 4.0


@inline
def publish(control: Any, address: int, node: Any, ahead: int, leading: bool) -> None:
    """Copy a record for the front process, to the place that it does not read just now."""
    record = carray(pointer(node.lead), (LEAD,), np.float64)
    count = control.lead_count + 1
    for k in range(TOLD_FRAME + 1):
        control.lead[count % 2, k] = record[k]
    control.lead[count % 2, LEADS] = 1.0 if leading else 0.0
    control.lead[count % 2, LEAD_SAID] = record[LEAD_SAID]
    control.lead[count % 2, LEAD_FRAME] += ahead
    control.lead[count % 2, TOLD_FRAME] += ahead
    table = carray(pointer(control.table), (1,), TABLE)[0]
    control.lead[count % 2, LEAD_NOW] = table.position + ahead
    control.lead[count % 2, LEAD_TABLE] = table.id
    store_release(address + AT_LEAD_COUNT, count)


@inline
def theirs(control: Any, event: Any) -> bool:
    """Let those that lead know of a beat from outside; whether it is for them alone to act on."""
    if control.table == 0:
        return False
    table = carray(pointer(control.table), (1,), TABLE)[0]
    if event.table != 0:  # somebody has said so; a preset's tempo has been in ``Setup``
        ahead = control.frames - table.position
        bar, said = event.table // BEAT_BAR, event.table // BEAT_SAID % 2
        tempo, beat, frame = event.value, event.beat, event.knob
        tell_leaders(control, tempo, beat, frame, ahead, float(bar), float(said))
    return bool(control.led == table.id)


@inline
def tell_leaders(
    control: Any, tempo_bpm: float, beat: float, frame: int, ahead: int, bar: float, said: float
) -> None:
    """Somebody has said where the beat is: those that lead shall know, in their own time.

    ``bar`` is how many beats a bar had for who led before, and ``said`` whether a player had said
    so; 0 if nobody did.
    """
    table = carray(pointer(control.table), (1,), TABLE)[0]
    if table.leaders == 0:
        return
    nodes = carray(pointer(table.nodes), (table.n_nodes,), NODE)
    for n in range(table.n_nodes):
        if nodes[n].lead != 0:
            record = carray(pointer(nodes[n].lead), (LEAD,), np.float64)
            record[TOLD] += 1.0
            record[TOLD_TEMPO], record[TOLD_BEAT] = tempo_bpm, beat
            record[TOLD_FRAME] = float(frame - ahead)
            record[TOLD_BAR] = bar
            if bar > 0.0:
                record[LEAD_SAID] = said


@inline
def take_made(control: Any, address: int, node: Any, ahead: int, table: int) -> None:
    """Pass on what a node has made since it was asked last, in the stream's time."""
    counts = carray(pointer(node.made_count), (3,), np.int64)
    if counts[1] >= counts[0]:
        counts[1] = counts[0]
        return
    rows = carray(pointer(node.made), (NOTES, 2), np.int64)
    written = control.made_count
    for k in range(max(counts[1], counts[0] - NOTES), counts[0]):
        control.made[written % MADE, 0] = rows[k % NOTES, 0] + ahead
        control.made[written % MADE, 1] = rows[k % NOTES, 1]
        control.made[written % MADE, 2] = table
        written += 1
    counts[1] = counts[0]
    store_release(address + AT_MADE_COUNT, written)
