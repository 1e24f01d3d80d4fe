"""Does the audio thread notice what Python does beside it?

The same device runs, for some seconds each: a compiled callback that only counts; the demo
rack with the interpreter idle; the demo rack with a Python thread busy and another making
garbage in the same process; and, for contrast, a Python callback beside the same two threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine import native
from engine.bench import Report
from engine.playing import open_rack
from engine.shared import Shared, address
from engine.stage import Stage
from engine.stream import CardStream, DeviceChoice, choose, portaudio
from engine.virtual import VirtualDevice

DEMO = "crunch"


def run(
    device: str = "virtual", block: int = 64, seconds: float = 8.0, rate: int = 48000
) -> Report:
    """Shares of the blocks due that ran, in per cent."""
    report = Report("callback")
    choice = DeviceChoice(device, rate, block)
    bare = _bare(choice, seconds)
    idle, row = _rack(choice, seconds, busy=False)
    loaded, busy = _rack(choice, seconds, busy=True)
    python = _python(choice, seconds)
    report.add("bare compiled callback", bare, "% of due")
    report.add(
        "demo rack, interpreter idle", idle, "% of due", "the bare callback's, to 0.2 %",
        idle >= bare - 0.2,
    )  # fmt: skip
    report.add("demo rack, interpreter busy", loaded, "% of due")
    report.add(
        "busy against idle", 100 * loaded / idle, "%", "within 1 % of idle", loaded >= 0.99 * idle
    )
    report.add("demo rack, callback p50", row["p50_percent"], "% of deadline", "at most 15 %",
               row["p50_percent"] <= 15.0)  # fmt: skip
    report.add("demo rack, callback p99", row["p99_percent"], "% of deadline")
    report.add("demo rack, callback p99, busy", busy["p99_percent"], "% of deadline")
    report.add("late blocks, idle", row["late"], "blocks")
    report.add("late blocks, busy", busy["late"], "blocks")
    report.add("for contrast: Python callback, interpreter busy", python, "% of due")
    return report


@contextmanager
def burners() -> Iterator[None]:
    """A thread that computes and one that makes garbage, both in Python."""
    stop = threading.Event()

    def compute() -> None:
        total = 0
        while not stop.is_set():
            for i in range(10000):
                total += i * i

    def litter() -> None:
        kept: list[Any] = []
        while not stop.is_set():
            kept.append([{"k": j, "l": [j]} for j in range(2000)])
            if len(kept) > 200:
                kept = []

    threads = [threading.Thread(target=work, daemon=True) for work in (compute, litter)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _open(shared: Shared, choice: DeviceChoice) -> VirtualDevice | CardStream:
    if choice.name != "virtual":
        return CardStream(shared, choice)
    from engine.performance import guitar

    return VirtualDevice(shared, choice.block, guitar(choice.rate)[:, None])


def _rack(choice: DeviceChoice, seconds: float, busy: bool) -> tuple[float, dict[str, Any]]:
    from engine.audio_process import statistics

    shared = Shared.private()
    stage = Stage(shared, choice.rate, choice.block)
    stage.publish(stage.build(open_rack(DEMO, [])[0]))
    stream = _open(shared, choice)
    stream.start()
    time.sleep(0.5)
    shared.control["histogram"] = 0

    def count() -> int:
        return int(shared.control["blocks"][0])

    if busy:
        with burners():
            share = _share(count, choice, seconds)
    else:
        share = _share(count, choice, seconds)
    found = statistics(shared.control)
    stream.stop()
    stage.close()
    return share, found


def _share(count: Any, choice: DeviceChoice, seconds: float) -> float:
    """Blocks run of blocks due while ``seconds`` pass, in per cent."""
    first, began = count(), time.perf_counter()
    time.sleep(seconds)
    ran, passed = count() - first, time.perf_counter() - began
    due = passed * choice.rate / choice.block
    return 100.0 * min(1.0, (ran + 1) / due) if ran else 0.0  # one block may be half done


def _bare_code() -> bytes:
    from numba import carray, types

    from engine.callback.device import AT_BLOCKS
    from engine.compiler import compile_function, pointer

    def bare(source: int, sink: int, frames: int, time: int, flags: int, user: int) -> int:
        words = carray(pointer(user + AT_BLOCKS), (1,), np.int64)
        words[0] += 1
        sound = carray(pointer(sink), (frames & 0xFFFFFFFF,), np.float32)
        for i in range(len(sound)):
            sound[i] = np.float32(0.0)
        return 0

    return compile_function(bare, *[types.intp] * 6, returns=types.int32)


def _bare(choice: DeviceChoice, seconds: float) -> float:
    from engine.layout import CONTROL

    shared = Shared.private()
    shared.control["rate"] = choice.rate
    code = native.load("bare_callback", f"{native.digest(Path(__file__))} {CONTROL}", _bare_code)
    stream = _open(shared, choice)
    if isinstance(stream, VirtualDevice):
        stream._device["callback"] = code
        stream.start()
        share = _share(lambda: int(shared.control["blocks"][0]), choice, seconds)
        stream.stop()
        return share
    stream.stop()
    sounddevice = portaudio()
    _, sink = choose(choice.name)
    ffi = sounddevice._ffi
    raw = sounddevice._StreamBase(
        kind="output", samplerate=choice.rate, blocksize=choice.block, device=sink["index"],
        channels=1, dtype="float32", latency="low", extra_settings=None,
        callback=ffi.cast("PaStreamCallback *", code),
        userdata=ffi.cast("void *", address(shared.memory)),
    )  # fmt: skip
    raw.start()
    time.sleep(0.5)
    share = _share(lambda: int(shared.control["blocks"][0]), choice, seconds)
    raw.stop()
    raw.close()
    return share


def _python(choice: DeviceChoice, seconds: float) -> float:
    """What a callback written in Python loses beside the same threads."""
    ran = [0]
    if choice.name == "virtual":
        return _python_clock(choice, seconds, ran)

    def callback(source: Any, sink: Any, frames: int, when: Any, status: Any) -> None:
        ran[0] += 1
        np.tanh(source * 3.0, out=sink)

    sounddevice = portaudio()
    source, sink = choose(choice.name)
    devices = (source["index"] if source else None, sink["index"])
    stream = sounddevice.Stream(
        samplerate=choice.rate, blocksize=choice.block, device=devices, channels=1,
        dtype="float32", latency="low", callback=callback,
    )  # fmt: skip
    with stream:
        time.sleep(0.5)
        with burners():
            return _share(lambda: ran[0], choice, seconds)


def _python_clock(choice: DeviceChoice, seconds: float, ran: list[int]) -> float:
    """The virtual device's loop written in Python: a block that is 8 late is lost."""
    stop = threading.Event()
    sound = np.zeros((choice.block, 1), np.float32)

    def loop() -> None:
        began, due = time.perf_counter(), 0
        period = choice.block / choice.rate
        while not stop.is_set():
            wait = began + due * period - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
                continue
            due += max(0, int(-wait / period) - 8)
            np.tanh(sound * 3.0)
            ran[0] += 1
            due += 1

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    with burners():
        share = _share(lambda: ran[0], choice, seconds)
    stop.set()
    thread.join()
    return share
