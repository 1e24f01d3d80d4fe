"""The function the audio device calls: everything in this module is compiled, none is Python.

One device block is cut into chunks of at most 64 frames at the edges of a fixed grid. A chunk
walks the table of nodes. Sound does not depend on where the device's blocks begin, because no
kernel's arithmetic does and every ramp and hop counts frames since the rack began.
"""

from __future__ import annotations

import math
import platform
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.extending import intrinsic

from engine.compiler import (
    OPTIONS,
    call_address,
    compile_function,
    load_acquire,
    pointer,
    store_release,
)
from engine.layout import (
    CELL,
    CONTROL,
    EVENTS,
    HISTOGRAM,
    HOST_KNOBS,
    INPUT_LEFT,
    INPUT_MONO,
    INPUT_NONE,
    INPUT_RIGHT,
    INPUT_STEREO,
    KNOB,
    LANE,
    NODE,
    RING,
    TABLE,
    VIRTUAL,
    WIDTH,
)

_FIELDS = CONTROL.fields
_TABLE = TABLE.fields
_RING = RING.fields
assert _FIELDS is not None and _TABLE is not None and _RING is not None
AT_NEXT = _FIELDS["next"][1]
AT_BLOCKS = _FIELDS["blocks"][1]
AT_GENERATION = _FIELDS["generation"][1]
AT_FADING = _FIELDS["fading_generation"][1]
AT_EVENT_WRITTEN = _FIELDS["event_written"][1]
AT_EVENT_READ = _FIELDS["event_read"][1]
AT_CLOCK = _FIELDS["clock"][1]
AT_INPUT = _FIELDS["input"][1]
AT_OUTPUT = _FIELDS["output"][1]
AT_STOP = _FIELDS["stop"][1]
AT_WORK = _TABLE["work"][1]
AT_RING_WRITTEN = _RING["written"][1]
AT_RING_READ = _RING["read"][1]
ROW = WIDTH * CELL * 4
HEAL_BYTES = 1 << 18  # restored per chunk: about 10 us, so a fault never costs the deadline
PA_FAULTS = 0xF  # input underflow, overflow; output underflow, overflow

WINDOWS = sys.platform == "win32"
MONOTONIC = 6 if sys.platform == "darwin" else 1

inline: Any = njit(**OPTIONS)

_call_node = call_address(types.void, *[types.intp] * 6)
_call_callback = call_address(types.int32, *[types.intp] * 6)
_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))
_nanosleep = types.ExternalFunction("nanosleep", types.int32(types.voidptr, types.voidptr))
_performance = types.ExternalFunction("QueryPerformanceCounter", types.int32(types.voidptr))
_frequency = types.ExternalFunction("QueryPerformanceFrequency", types.int32(types.voidptr))
_sleep = types.ExternalFunction("Sleep", types.void(types.int32))


if WINDOWS:

    @inline
    def now_ns(clock: int) -> int:
        """Monotonic time in ns; ``clock`` is the address of four words, the last the rate."""
        words = carray(pointer(clock), (4,), np.int64)
        _frequency(pointer(clock + 24))
        _performance(pointer(clock))
        seconds = words[0] // words[3]
        return seconds * 1_000_000_000 + (words[0] - seconds * words[3]) * 1_000_000_000 // words[3]

    @inline
    def sleep_ns(clock: int, ns: int) -> None:
        _sleep(np.int32(max(1, ns // 1_000_000)))

else:

    @inline
    def now_ns(clock: int) -> int:
        """Monotonic time in ns; ``clock`` is the address of four words to work in."""
        _clock_gettime(np.int32(MONOTONIC), pointer(clock))
        words = carray(pointer(clock), (2,), np.int64)
        return words[0] * 1_000_000_000 + words[1]

    @inline
    def sleep_ns(clock: int, ns: int) -> None:
        words = carray(pointer(clock), (4,), np.int64)
        words[2] = ns // 1_000_000_000
        words[3] = ns % 1_000_000_000
        _nanosleep(pointer(clock + 16), pointer(0))


@intrinsic  # type: ignore[untyped-decorator]
def flush_denormals(typing_context: Any) -> Any:
    """Let this thread treat denormals as zero; returns the mode it had."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        old = _float_mode(builder)
        if _ARCHITECTURE == "x86":
            _set_float_mode(builder, builder.or_(old, ir.Constant(ir.IntType(64), 0x8040)))
        elif _ARCHITECTURE == "arm":
            _set_float_mode(builder, builder.or_(old, ir.Constant(ir.IntType(64), 1 << 24)))
        return old

    return types.int64(), generate


@intrinsic  # type: ignore[untyped-decorator]
def restore_denormals(typing_context: Any, mode: Any) -> Any:
    """Put back the mode that ``flush_denormals`` returned."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _set_float_mode(builder, args[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


_MACHINE = platform.machine().lower()
_ARCHITECTURE = (
    "x86"
    if _MACHINE in ("x86_64", "amd64")
    else "arm"
    if _MACHINE in ("arm64", "aarch64")
    else "other"
)


def _float_mode(builder: Any) -> Any:
    """The thread's floating-point control word, widened to 64 bits."""
    wide = ir.IntType(64)
    if _ARCHITECTURE == "x86":
        place = builder.alloca(ir.IntType(32))
        _sse(builder, "llvm.x86.sse.stmxcsr", place)
        return builder.zext(builder.load(place), wide)
    if _ARCHITECTURE == "arm":
        return builder.asm(ir.FunctionType(wide, []), "mrs $0, fpcr", "=r", [], True)
    return ir.Constant(wide, 0)


def _set_float_mode(builder: Any, mode: Any) -> None:
    if _ARCHITECTURE == "x86":
        place = builder.alloca(ir.IntType(32))
        builder.store(builder.trunc(mode, ir.IntType(32)), place)
        _sse(builder, "llvm.x86.sse.ldmxcsr", place)
    elif _ARCHITECTURE == "arm":
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
        builder.asm(kind, "msr fpcr, $0", "r", [mode], True)


def _sse(builder: Any, name: str, place: Any) -> None:
    byte = ir.IntType(8).as_pointer()
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(ir.VoidType(), [byte]), name
    )
    builder.call(function, [builder.bitcast(place, byte)])


@inline
def samples(address: int, count: int) -> Any:
    return carray(pointer(address), (count,), np.float32)


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
            run_part(node, control, audio, frames, at)
        else:
            move_part(audio, frames, done, part, count, node.channels, False)
            run_part(node, control, part, count, at)
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
def run_part(node: Any, control: Any, audio: int, frames: int, at: int) -> None:
    """Call the node's kernel and mute what is not finite."""
    total = node.channels * frames
    if node.heal > 0:
        heal(node)
    else:
        _call_node(node.process, node.state, node.knobs, audio, node.channels, frames, at)
        if finite(audio, total):
            return
        node.heal = node.state_bytes
        node.mutes += 1
        control.mutes += 1
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
def finite(address: int, count: int) -> bool:
    """Whether all of ``count`` float32 are finite, read as bits so that it vectorises."""
    bits = carray(pointer(address), (count,), np.int32)
    largest = np.int32(0)
    for i in range(count):
        largest = max(largest, bits[i] & np.int32(0x7FFFFFFF))
    return largest < np.int32(0x7F800000)


@inline
def heal(node: Any) -> None:
    """Restore a part of a faulty plugin's state; it sounds again when all is restored."""
    first = node.state_bytes - node.heal
    count = min(node.heal, HEAL_BYTES)
    state = carray(pointer(node.state + first), (count,), np.uint8)
    image = carray(pointer(node.image + first), (count,), np.uint8)
    for i in range(count):
        state[i] = image[i]
    node.heal -= count


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
    take_table(control, user)
    done = 0
    while done < frames:
        count = min(frames - done, CELL - control.frames % CELL)
        read_input(control, user, source, done, count)
        output = user + AT_OUTPUT
        if control.table != 0:
            take_events(control, user, count)
            old = 0
            for turn in range(2 if control.fading != 0 else 1):
                leaving = control.fading != 0 and turn == 0
                running = control.fading if leaving else control.table
                output = run_rack(control, running, user + AT_INPUT, count)
                if leaving:
                    old = output
            if old != 0:
                crossfade(control, user, old, output, count)
        else:
            silence = samples(output, WIDTH * count)
            for i in range(WIDTH * count):
                silence[i] = np.float32(0.0)
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


def store_word(address: int, value: int) -> int:
    """An atomic store with release order, for Python on any processor."""
    store_release(address, value)
    return 0


def build(name: str) -> bytes:
    """Object file of one of this module's entries."""
    entries = {
        "callback": (callback, 6),
        "virtual_device": (virtual_device, 2),
        "node_runner": (node_runner, 6),
        "store_word": (store_word, 2),
    }
    function, arguments = entries[name]
    return compile_function(function, *[types.intp] * arguments, returns=types.int32)


__all__ = ["INPUT_NONE", "build"]
