"""How racks come and go: taken over, had back, left to ring out, wiped."""

from __future__ import annotations

from typing import Any

from numba import carray

from engine.callback.nodes import HEAL_A_FRAME, aim
from engine.callback.racks import AT_OWNER
from engine.compiler import claim, inline, load_acquire, pointer, store_release
from engine.layout import (
    CELL,
    CLEAN,
    CONTROL,
    CUT,
    DIRTY,
    KNOB,
    LEAVING,
    NODE,
    RETREAT,
    SOUNDING,
    TABLE,
    offset,
)

AT_NEXT = offset(CONTROL, "next")
AT_SOUNDING = offset(CONTROL, "sounding")


@inline
def take_table(control: Any, address: int) -> None:
    """Start the rack that control has published, once all that was sent before has been done.

    It runs unheard for as long as the crossfade takes: its compressors and gates have met the
    sound before anybody hears them, so a change is never louder than the preset.
    """
    published = load_acquire(address + AT_NEXT)
    if published == 0 or published == control.taken or control.event_read < control.next_after:
        return
    if enter(control, address, published, control.fade_frames):
        control.taken = published


@inline
def enter(control: Any, address: int, coming: int, listen: int) -> bool:
    """Go over to another rack; False if it must be asked again at the next chunk.

    The one that sounded is cut and rings out. Gains add up to one at the output: the cut begins
    ``after`` frames sooner than the coming rack is heard, which is when its first sound is there.
    A switch that is taken back within its crossfade is that crossfade backwards.
    """
    old = control.table
    if coming == old:
        return True
    table = carray(pointer(coming), (1,), TABLE)[0]
    place = seat(control, coming)
    if place < 0 and old != 0:
        return False
    ringing = place >= 0 and control.leaving[place] == coming
    waking = 0 if ringing else begin(control, coming)
    if waking < 0:
        return False
    start = -((-control.frames) % CELL)
    lead = table.latency + max(listen, waking)
    if old != 0:
        leaving = carray(pointer(old), (1,), TABLE)[0]
        lead = max(lead, leaving.after)
        leave(leaving, table, ringing, start - lead, control.fade_frames)
        control.leaving[place] = old
        make_room(control)
    elif ringing:
        control.leaving[place] = 0
    if ringing:
        have_back(table, lead, control.fade_frames)
    else:
        table.heard = start - lead if old != 0 else control.fade_frames
    control.table = coming
    control.switches += 1
    store_release(address + AT_SOUNDING, table.id)
    return True


@inline
def leave(old: Any, coming: Any, ringing: bool, at: int, fade_frames: int) -> None:
    """Let a rack go, ``at`` frames into its cut; one that was just had back goes from there."""
    old.quiet, old.ringing, old.ending = 0, 0, 0
    if ringing and coming.leaving == CUT and coming.leave == old.heard < fade_frames:
        old.leaving = RETREAT
    elif old.leaving == 0:
        old.leaving, old.leave = CUT, at


@inline
def have_back(table: Any, lead: int, fade_frames: int) -> None:
    """Let a rack that rings be heard again, in step with the one that leaves it ``lead`` frames."""
    if table.ending > 0:
        table.heard = min(table.heard, max(0, fade_frames - table.ending - 1))
        table.ending = 0
    if table.leaving == RETREAT:
        table.leaving = 0
    elif table.leave >= fade_frames:
        table.leave = fade_frames + lead - 2 * table.after


@inline
def seat(control: Any, coming: int) -> int:
    """A place for the rack that sounds to ring out: the coming one's, or a free one, or -1."""
    free = -1
    for k in range(LEAVING):
        if control.leaving[k] == coming:
            return k
        if control.leaving[k] == 0:
            free = k
    return free


@inline
def make_room(control: Any) -> None:
    """Let the rack that rang longest end if no place is free: the next switch shall not wait."""
    longest, tired = -1, 0
    for k in range(LEAVING):
        ringing = control.leaving[k]
        if ringing == 0:
            return
        if carray(pointer(ringing), (1,), TABLE)[0].ringing > longest:
            longest, tired = carray(pointer(ringing), (1,), TABLE)[0].ringing, ringing
    table = carray(pointer(tired), (1,), TABLE)[0]
    table.ending = max(table.ending, 1)


@inline
def begin(control: Any, coming: int) -> int:
    """Make a rack that rests ours; returns how many frames it is silent yet, -1 if it is not ours.

    What it remembers is wiped if nobody has done so yet, and that takes its time.
    """
    table = carray(pointer(coming), (1,), TABLE)[0]
    waking = 0
    if not claim(coming + AT_OWNER, CLEAN, SOUNDING):
        if not claim(coming + AT_OWNER, DIRTY, SOUNDING):
            return -1
        waking = forget(coming)
    table.position = -((-control.frames) % CELL)
    table.leaving, table.leave, table.ending = 0, 0, 0
    return waking


@inline
def forget(table_address: int) -> int:
    """Let a rack's plugins be restored to their state at reset; returns how many frames that takes.

    Knobs that wait are aimed now: the time they wait for may be another rack's.
    """
    table = carray(pointer(table_address), (1,), TABLE)[0]
    nodes = carray(pointer(table.nodes), (table.n_nodes,), NODE)
    total = 0
    for n in range(table.n_nodes):
        nodes[n].heal = nodes[n].state_bytes
        total += nodes[n].state_bytes
        knobs = carray(pointer(nodes[n].knobs), (nodes[n].n_knobs,), KNOB)
        for k in range(nodes[n].n_knobs):
            if knobs[k].due >= 0:
                aim(knobs[k], knobs[k].pending)
                knobs[k].due = -1
    return total // HEAL_A_FRAME + CELL
