"""What the device calls, and the device that is built in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray, types

from engine.callback.coming import take_table
from engine.callback.events import hush, pass_by, take_events
from engine.callback.leading import lead
from engine.callback.machine import (
    finite,
    flush_denormals,
    now_ns,
    restore_denormals,
    samples,
    sleep_ns,
)
from engine.callback.nodes import HEAL_A_FRAME, run_node
from engine.callback.racks import run_racks
from engine.compiler import call_address, claim, inline, load_acquire, pointer, store_release
from engine.layout import CELL, CONTROL, HISTOGRAM, NODE, RING, VIRTUAL, WIDTH, offset

AT_BLOCKS = offset(CONTROL, "blocks")
AT_CLOCK = offset(CONTROL, "clock")
AT_INPUT = offset(CONTROL, "input")
AT_STOP = offset(CONTROL, "stop")
AT_RING_WRITTEN = offset(RING, "written")
AT_RING_READ = offset(RING, "read")

PA_FAULTS = 0xF  # input underflow, overflow; output underflow, overflow


_call_callback = call_address(types.int32, *[types.intp] * 6)


@inline
def read_input(control: Any, address: int, source: int, first: int, frames: int) -> None:
    """Take a chunk of the device's interleaved input, non-finite samples as silence."""
    x = samples(address + AT_INPUT, WIDTH * frames)
    inputs = control.inputs
    if source == 0 or inputs == 0:
        for i in range(WIDTH * frames):
            x[i] = np.float32(0.0)
        return
    given = samples(source + 4 * first * inputs, frames * inputs)
    for c in range(WIDTH):
        channel = min(c, inputs - 1)
        for i in range(frames):
            x[c * frames + i] = given[i * inputs + channel]
    if not finite(address + AT_INPUT, WIDTH * frames):
        control.input_faults += 1
        for i in range(WIDTH * frames):
            if not math.isfinite(x[i]):
                x[i] = np.float32(0.0)


@inline
def write_output(control: Any, audio: int, sink: int, first: int, frames: int) -> None:
    outputs = control.outputs
    x = samples(audio, WIDTH * frames)
    y = samples(sink + 4 * first * outputs, frames * outputs)
    for i in range(frames):
        for c in range(outputs):
            if c < WIDTH:
                if outputs == 1:
                    y[i] = np.float32(0.5) * (x[i] + x[frames + i])
                else:
                    y[i * outputs + c] = x[c * frames + i]
            else:
                y[i * outputs + c] = np.float32(0.0)


@inline
def meter(control: Any, first: int, audio: int, frames: int) -> None:
    x = samples(audio, WIDTH * frames)
    for c in range(WIDTH):
        peak = control.meters[first + c] * control.meter_decay
        for i in range(frames):
            peak = max(peak, abs(x[c * frames + i]))
        control.meters[first + c] = peak


@inline
def record(ring: int, dry: int, wet: int, frames: int) -> None:
    """Put a chunk of what came in and what goes out into the recorder's ring, or count it."""
    header = carray(pointer(ring), (1,), RING)[0]
    if header.armed == 0:
        return
    if header.written - load_acquire(ring + AT_RING_READ) + frames > header.capacity:
        header.dropped += frames
        return
    data = samples(ring + header.data, header.capacity * 4)
    a = samples(dry, WIDTH * frames)
    b = samples(wet, WIDTH * frames)
    for i in range(frames):
        k = 4 * ((header.written + i) & (header.capacity - 1))
        data[k] = a[i]
        data[k + 1] = a[frames + i]
        data[k + 2] = b[i]
        data[k + 3] = b[frames + i]
    store_release(ring + AT_RING_WRITTEN, header.written + frames)


RING_AFTER = (CONTROL.itemsize + 63) // 64 * 64  # the recorder's ring follows the control block


def callback(source: int, sink: int, frames: int, time: int, flags: int, user: int) -> int:
    """PortAudio's callback: (input, output, frames, time, flags, control block) -> 0."""
    frames &= 0xFFFFFFFF
    control = carray(pointer(user), (1,), CONTROL)[0]
    began = now_ns(user + AT_CLOCK)
    mode = flush_denormals()
    if flags & PA_FAULTS:
        control.xruns += 1
    done = 0
    while done < frames:
        count = min(frames - done, CELL - control.frames % CELL)
        control.healing = HEAL_A_FRAME * count
        read_input(control, user, source, done, count)
        take_table(control, user)
        take_events(control, user, count)
        output = run_racks(control, user, count)
        lead(control, user, count)
        pass_by(control, user + AT_INPUT, output, count)
        hush(control, output, count)
        write_output(control, output, sink, done, count)
        meter(control, 0, user + AT_INPUT, count)
        meter(control, WIDTH, output, count)
        record(user + RING_AFTER, user + AT_INPUT, output, count)
        control.frames += count
        done += count
    restore_denormals(mode)
    ended = now_ns(user + AT_CLOCK)
    account(control, began, ended, frames)
    store_release(user + AT_BLOCKS, control.blocks + 1)
    return 0


@inline
def account(control: Any, began: int, ended: int, frames: int) -> None:
    """Count what this block cost, against the time until the next one is due."""
    took = ended - began
    deadline = frames * 1_000_000_000 // control.rate
    if control.blocks == 0:
        control.first_ns = began
    control.last_frame = control.frames - frames
    control.last_ns = began
    control.busy_ns += took
    control.slowest_ns = max(control.slowest_ns, took)
    if took > deadline:
        control.late += 1
    control.histogram[min(HISTOGRAM - 1, took * 2048 // max(deadline, 1))] += 1


def virtual_device(device_address: int, unused: int) -> int:
    """Call the callback as a sound card would, from a clock; or as fast as it can."""
    device = carray(pointer(device_address), (1,), VIRTUAL)[0]
    control = carray(pointer(device.control), (1,), CONTROL)[0]
    clock = device.control + AT_CLOCK
    inputs, outputs = control.inputs, control.outputs
    began = now_ns(clock)
    ran = 0
    due = 0
    while load_acquire(device.control + AT_STOP) == 0:
        frames = device.block
        if device.frames >= 0:
            frames = min(frames, device.frames - ran)
        if frames <= 0:
            break
        if device.realtime != 0:
            at = due * device.block  # in whole seconds and the rest: no overflow after two days
            passed = at // control.rate * 1_000_000_000
            passed += at % control.rate * 1_000_000_000 // control.rate
            wait = began + passed - now_ns(clock)
            if wait > 0:
                sleep_ns(clock, wait)
                continue
            behind = -wait // (device.block * 1_000_000_000 // control.rate)
            if behind > 8:  # as a card with eight buffers would: these blocks are gone
                control.lost_blocks += behind
                due += behind
        elif device.ring != 0:
            ring = carray(pointer(device.ring), (1,), RING)[0]
            room = ring.capacity - (ring.written - load_acquire(device.ring + AT_RING_READ))
            if ring.armed != 0 and room < frames:
                sleep_ns(clock, 200_000)
                continue
        play_block(device, inputs, frames)
        sink = device.output
        if device.sink != 0:
            sink = device.sink + 4 * outputs * ran
        _call_callback(device.callback, device.input, sink, frames, 0, 0, device.control)
        ran += frames
        due += 1
        device.due = due
    return 0


@inline
def play_block(device: Any, inputs: int, frames: int) -> None:
    """Copy the next frames of the source, looped or followed by silence."""
    x = samples(device.input, frames * inputs)
    y = samples(device.source, device.source_frames * inputs)
    at = device.source_at
    for i in range(frames):
        for c in range(inputs):
            x[i * inputs + c] = y[at * inputs + c] if at < device.source_frames else np.float32(0.0)
        at += 1
        if at >= device.source_frames and device.loop != 0:
            at = 0
    device.source_at = at


def node_runner(node: int, control: int, audio: int, frames: int, position: int, work: int) -> int:
    """One node outside a rack, for benchmarks: warm or measure it on its own."""
    run_node(
        carray(pointer(node), (1,), NODE)[0],
        carray(pointer(control), (1,), CONTROL)[0],
        audio,
        frames,
        position,
        work,
    )
    return 0


def claim_word(address: int, expected: int, new: int) -> int:
    """Make a word ``new`` if it is ``expected``, in one step, for Python; 1 if it was."""
    return 1 if claim(address, expected, new) else 0


def store_word(address: int, value: int) -> int:
    """An atomic store with release order, for Python on any processor."""
    store_release(address, value)
    return 0
