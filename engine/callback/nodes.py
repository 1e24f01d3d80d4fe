"""One node: its knobs move, its kernel runs, what is not finite is muted, dry and wet are mixed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray, types

from engine.callback.machine import finite, samples
from engine.compiler import call_address, inline, pointer
from engine.layout import CELL, HOST_KNOBS, KNOB, LEAD, LEAD_NOW, WIDTH

ROW = WIDTH * CELL * 4


HEAL_A_FRAME = 1 << 14  # bytes restored, all plugins together: a twentieth of the deadline


_call_node = call_address(types.void, *[types.intp] * 6)


@inline
def move_knobs(knobs: Any, first: int, last: int, now: int) -> int:
    """Aim knobs ``first`` to ``last`` for the 64 frames that begin at ``now``; 1 if one moves."""
    moving = 0
    for i in range(first, last):
        knob = knobs[i]
        if knob.due >= 0:
            moving = 1
            if knob.due <= now:
                aim(knob, knob.pending)
                knob.due = -1
        knob.start = np.float32(knob.value)
        knob.step = np.float32(0.0)
        if knob.left > 0:
            moving = 1
            move = (knob.target - knob.value) / knob.left
            knob.step = np.float32(move / CELL)
            knob.left -= 1
            knob.value = knob.target if knob.left == 0 else knob.value + move
    return moving


@inline
def begin_mix(node: Any, now: int) -> None:
    """Aim the gains of the plugin's output and input for the 64 frames that begin at ``now``."""
    knobs = carray(pointer(node.knobs), (node.n_knobs,), KNOB)
    node.mixing = move_knobs(knobs, 0, HOST_KNOBS, now)
    first_gain, first_dry = mix_of(knobs[0].start, knobs[1].start, knobs[2].start)
    last_gain, last_dry = mix_of(
        knobs[0].start + knobs[0].step * np.float32(CELL),
        knobs[1].start + knobs[1].step * np.float32(CELL),
        knobs[2].start + knobs[2].step * np.float32(CELL),
    )
    node.gain, node.gain_step = first_gain, (last_gain - first_gain) / np.float32(CELL)
    node.dry, node.dry_step = first_dry, (last_dry - first_dry) / np.float32(CELL)


@inline
def aim(knob: Any, value: float) -> None:
    knob.target = value
    knob.left = knob.cells
    if knob.cells == 0:
        knob.value = value


@inline
def mix_of(bypass: float, wet: float, level_db: float) -> tuple[float, float]:
    """Gains of the plugin's output and of its input, from the host's three knobs."""
    level = np.float32(1.0)
    if level_db != np.float32(0.0):
        level = np.float32(math.exp(level_db * np.float32(0.1151292546497023)))
    used = np.float32(1.0) - bypass
    return used * wet * level, bypass + used * (np.float32(1.0) - wet) * level


@inline
def run_node(node: Any, control: Any, audio: int, frames: int, position: int, work: int) -> None:
    """Run one node over ``frames`` frames at ``audio``, packed (channels, frames).

    The kernel's knobs move on the grid of the node's own time. The mix with the dry signal
    moves on a grid that is the node's latency later: it meets the sound it was meant for.
    """
    now = position - node.starts
    if now + frames <= 0:
        return  # nothing has reached this node yet
    one, zero = np.float32(1.0), np.float32(0.0)
    dry, part = work + 2 * ROW, work + 3 * ROW
    plain = node.mixing == 0 and node.gain == one and node.dry == zero
    if node.latency > 0:
        keep_dry(node, audio, dry, frames)
    elif not plain:
        x, kept = samples(audio, node.channels * frames), samples(dry, node.channels * frames)
        for i in range(node.channels * frames):
            kept[i] = x[i]
    done = max(0, -now)
    while done < frames:
        at = (now + done) % CELL
        if at == 0 and node.moving != 0:
            knobs = carray(pointer(node.knobs), (node.n_knobs,), KNOB)
            node.moving = move_knobs(knobs, HOST_KNOBS, node.n_knobs, now + done)
        count = frames - done
        if node.moving != 0:
            count = min(count, CELL - at)
        if count == frames:
            run_part(node, control, audio, frames, at, done, now + done)
        else:
            move_part(audio, frames, done, part, count, node.channels, False)
            run_part(node, control, part, count, at, done, now + done)
            move_part(audio, frames, done, part, count, node.channels, True)
        done += count
    if not plain:
        mix(node, audio, dry, frames, now - node.latency)


@inline
def mix(node: Any, audio: int, dry: int, frames: int, now: int) -> None:
    """Mix the plugin's output with its input, kept at ``dry``, by the host's knobs."""
    x, kept = samples(audio, node.channels * frames), samples(dry, node.channels * frames)
    done = max(0, -now)
    while done < frames:
        at = (now + done) % CELL
        if at == 0 and node.mixing != 0:
            begin_mix(node, now + done)
        count = min(frames - done, CELL - at)
        for c in range(node.channels):
            for i in range(count):
                t = np.float32(at + i + 1)
                k = c * frames + done + i
                x[k] = x[k] * (node.gain + node.gain_step * t) + kept[k] * (
                    node.dry + node.dry_step * t
                )
        done += count


@inline
def move_part(
    whole: int, frames: int, first: int, part: int, count: int, channels: int, back: bool
) -> None:
    """Copy ``count`` frames from ``first`` on between a packed chunk and a packed part of it."""
    a = samples(whole, channels * frames)
    b = samples(part, channels * count)
    for c in range(channels):
        for i in range(count):
            if back:
                a[c * frames + first + i] = b[c * count + i]
            else:
                b[c * count + i] = a[c * frames + first + i]


@inline
def run_part(
    node: Any, control: Any, audio: int, frames: int, at: int, done: int, now: int
) -> None:
    """Call the node's kernel and mute what is not finite.

    The part begins ``done`` frames into the chunk, which is frame ``now`` of the node's time.
    """
    total = node.channels * frames
    if node.notes != 0:
        carray(pointer(node.noted), (4,), np.int64)[2] = now
    if node.lead != 0:
        carray(pointer(node.lead), (LEAD,), np.float64)[LEAD_NOW] = float(now)
    if node.made != 0:
        carray(pointer(node.made_count), (3,), np.int64)[2] = now
    control.beat[3] = float(control.frames + done - node.starts - control.beat_frame)
    if node.heal > 0:
        heal(node, control)
    else:
        _call_node(node.process, node.state, node.knobs, audio, node.channels, frames, at)
        if finite(audio, total):
            return
        node.heal = node.state_bytes
        node.mutes += 1
        control.mutes += 1
        if node.made != 0:
            control.made_anew = control.made_count
    x = samples(audio, total)
    for i in range(total):
        x[i] = np.float32(0.0)


@inline
def keep_dry(node: Any, audio: int, dry: int, frames: int) -> None:
    """Put the input of ``node.latency`` frames ago at ``dry``."""
    x = samples(audio, node.channels * frames)
    y = samples(dry, node.channels * frames)
    at = delay_line(x, y, node.line, node.line_at, node.latency, node.channels, frames)
    node.line_at = at


@inline
def delay_line(x: Any, y: Any, line: int, at: int, delay: int, channels: int, frames: int) -> int:
    """Write ``x`` to ``line`` and read it into ``y``, ``delay`` frames late; may be in place."""
    z = samples(line, channels * delay)
    last = at
    for c in range(channels):
        last = at
        for i in range(frames):
            k = c * delay + last
            value = x[c * frames + i]
            y[c * frames + i] = z[k]
            z[k] = value
            last += 1
            if last == delay:
                last = 0
    return last


@inline
def heal(node: Any, control: Any) -> None:
    """Restore a part of a faulty plugin's state; it sounds again when all is restored."""
    first = node.state_bytes - node.heal
    count = min(node.heal, control.healing)
    state = carray(pointer(node.state + first), (count,), np.uint8)
    image = carray(pointer(node.image + first), (count,), np.uint8)
    for i in range(count):
        state[i] = image[i]
    node.heal -= count
    control.healing -= count
