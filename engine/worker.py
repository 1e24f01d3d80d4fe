"""A Python plugin in a process of its own, one or two blocks later, over shared memory.

The audio thread writes hops of 64 frames and reads those that are ``lag`` frames old. A hop
that is not there in time is missed: it is counted, the dry signal fades in, and nobody waits.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil

from engine import processes
from engine.hops import HOP, MESSAGES, PUSHED, Memory, worker_latency
from engine.kernel import Audio, kernel
from engine.layout import NOTES
from engine.native_calls import load_acquire, pause, store_release
from engine.params import Setting
from engine.plugin import Extern, Plugin, PluginError, Setup
from engine.shared import address
from engine.shared import store_release as publish
from engine.worker_life import BEATS, READY, STOP, WorkerLife

HUNG_SECONDS, END_SECONDS = 2.0, 0.5
DOZE_AFTER = 5000  # idle looks, about a second: its preset does not sound
MOST_TOLD = 5  # names in a warning
SPARE_HOPS = 3  # with so many under way there is time to look seldom: a fifth of the work


@kernel
def worker_process(audio: Audio, knobs: Any, state: Any) -> None:
    """Hand hops to the worker and take back what it made of those ``lag`` frames ago."""
    channels, frames = audio.shape
    mask = state.sent.shape[0] - 1
    for i in range(frames):
        at = state.words[0]
        if at == 0:  # a fresh start, or one after a fault: number hops on from the last
            state.words[2] = state.header[0]
        base = state.words[2]
        hop = base + at // 64
        if at % 64 == 0:
            state.counts[hop & mask] = 0
        take_notes(state, hop & mask, at % 64, state.noted[2] + i)
        for c in range(channels):
            state.sent[hop & mask, c, at % 64] = audio[c, i]
        state.words[0] = at + 1
        if (at + 1) % 64 == 0:
            for k in range(state.n_knobs):
                state.values[hop & mask, k] = knobs[k].start
            store_release(state.header.ctypes.data, hop + 1)
        late = at - state.lag
        if late < 0:
            for c in range(channels):
                audio[c, i] = np.float32(0.0)
            continue
        old = (base + late // 64) & mask
        if late % 64 == 0:
            wanted = base + late // 64
            tag = state.tags.ctypes.data + 8 * old
            if state.offline != 0:
                tries = 100000 if state.words[3] == 0 else 1  # some 10 s: a render waits
                for _ in range(tries):
                    if load_acquire(tag) == wanted:
                        break
                    pause(state.clock.ctypes.data, 50000)
            state.words[1] = 1 if load_acquire(tag) == wanted else 0
            state.words[3] = 1 - state.words[1]  # who missed once is not waited for again
            if state.words[1] == 0:
                state.misses[0] += 1
        step = np.float32(1.0 / 64.0)
        if state.words[1] == 1:
            state.gain[0] = min(np.float32(1.0), state.gain[0] + step)
        else:
            state.gain[0] = max(np.float32(0.0), state.gain[0] - step)
        gain = state.gain[0]
        for c in range(channels):
            dry = state.sent[old, c, late % 64]
            if state.words[1] == 1:
                state.last[c] = state.made[old, c, late % 64]
            wet = state.last[c]
            audio[c, i] = wet if gain == np.float32(1.0) else dry + gain * (wet - dry)


@kernel
def take_notes(state: Any, slot: int, frame: int, now: int) -> None:
    """Hand the messages that are due over to the worker, with their place in the hop.

    What a hop has no room for comes with the next.
    """
    noted, count = state.noted, state.counts[slot]
    while noted[1] < noted[0] and count < MESSAGES and state.notes[noted[1] % NOTES, 0] <= now:
        state.messages[slot, count, 0] = frame
        state.messages[slot, count, 1] = state.notes[noted[1] % NOTES, 1]
        count += 1
        noted[1] += 1
    state.counts[slot] = count


class WorkerPlugin(Plugin):
    """Base of plugins written in Python: they run beside the audio thread, never on it.

    ``open`` and ``work`` run in the worker's process; all else in the audio process.
    """

    process = worker_process
    counts_misses: ClassVar[bool] = True
    raw_knobs: ClassVar[bool] = True
    plays_notes: ClassVar[bool] = True
    notes: Sequence[tuple[int, bytes]] = ()
    """MIDI messages for the hop that ``work`` is given: frame, message."""
    _life: WorkerLife | None = None
    _memory: Memory
    ring_depth = Setting(2, "count", 1, 2, help="Blocks of latency: 2 misses nothing, 1 is sooner")

    @property
    def title(self) -> str:
        """What to call it where something is told of it."""
        return type(self).__name__.lower()

    def open(self, setup: Setup) -> None:
        """Load what ``work`` needs; may raise PluginError.

        It may leave fewer ``params`` than there were knobs made for: those are passed over.
        """

    def work(self, audio: Audio, knobs: dict[str, float]) -> None:
        """Rewrite ``audio``, (channels, 64) float32; ``knobs`` are plain values."""
        raise NotImplementedError

    def prepare(self, setup: Setup) -> dict[str, Any]:
        depth = int(getattr(self, "ring_depth"))  # noqa: B009 - set from the class's Setting
        self.latency_samples = worker_latency(setup.block, setup.delay, depth)
        slots = 16
        while slots < 2 * (self.latency_samples // HOP + 4):
            slots *= 2
        m = Memory(slots, setup.channels, len(self.params))
        order = {
            "slots": slots,
            "knobs": list(self.params),
            "plugin": f"{type(self).__module__}:{type(self).__qualname__}",
            "settings": {name: getattr(self, name) for name in self.settings},
            "setup": {**asdict(setup), "folder": str(setup.folder)},
            "lag_hops": self.latency_samples // HOP + 1,
        }
        self._life = WorkerLife(
            "engine.worker", order, m.block, m.header, hung_s=HUNG_SECONDS, end_s=END_SECONDS
        )
        self._life.wait()
        self._memory, self.warnings = m, (m.said,) if m.said else ()
        shared = ("header", "tags", "values", "counts", "messages", "sent", "made")
        externs = {k: Extern(getattr(m, k)) for k in shared}
        return {
            "words": np.zeros(4, np.int64),
            "gain": np.ones(1, np.float32),
            "last": np.zeros(setup.channels, np.float32),
            "clock": np.zeros(4, np.int64),
            "lag": self.latency_samples,
            "offline": int(setup.offline),
            **externs,
        }

    def tick(self, load: float) -> None:
        """Start the worker again if it has died or hangs."""
        assert self._life is not None
        self._life.look()
        self.restarts = self._life.restarts
        said = self._memory.said  # another one's, if it was started again
        self.warnings = (said,) if said else ()

    def close(self) -> None:
        if self._life is not None:
            self._life.close()


def main(order: dict[str, Any]) -> int:
    """The worker's process: open the plugin, then make hops until told to stop."""
    from engine.priority import urgent

    module, _, name = order["plugin"].partition(":")
    plugin: WorkerPlugin = getattr(importlib.import_module(module), name)(**order["settings"])
    setup = Setup(**{**order["setup"], "folder": Path(order["setup"]["folder"])})
    names: list[str] = order["knobs"]  # its file may have changed since these were made
    memory = Memory(order["slots"], setup.channels, len(names), order["memory"])
    plugin.open(setup)
    memory.said = _lacking(plugin, names)
    urgent(5)
    gc.collect()
    gc.freeze()
    gc.disable()
    _work(plugin, memory, names, order["lag_hops"] if not setup.offline else 1 << 60)
    return 0


def _lacking(plugin: WorkerPlugin, names: Sequence[str]) -> str:
    """What to tell of knobs that ``plugin`` has no longer; nothing if it has all."""
    gone = [name for name in names if name not in plugin.params]
    if not gone:
        return ""
    more = f" and {len(gone) - MOST_TOLD} more" if len(gone) > MOST_TOLD else ""
    told = ", ".join(gone[:MOST_TOLD])
    return f"{plugin.title}: has no {told}{more} any more; nothing turns there, all else goes on"


def _work(plugin: WorkerPlugin, memory: Memory, names: list[str], lag_hops: int) -> None:
    header, parent = memory.header, os.getppid()
    mask = len(memory.tags) - 1
    audio = np.zeros(memory.sent.shape[1:], np.float32)
    done = int(header[PUSHED]) if lag_hops < 1 << 60 else 0
    header[READY] = 1
    idle = 0
    look = 0.0002 if SPARE_HOPS <= lag_hops < 1 << 60 else 0.00005
    while not header[STOP]:
        header[BEATS] += 1
        pushed = int(header[PUSHED])
        if done >= pushed:
            idle += 1
            if idle % 4000 == 0 and (os.getppid() != parent or not psutil.pid_exists(parent)):
                return  # the audio process has gone
            time.sleep(look if idle < DOZE_AFTER else 0.001)
            continue
        idle = 0
        done = max(done, pushed - lag_hops)  # what is older has been missed already
        slot = done & mask
        audio[:] = memory.sent[slot]
        plugin.notes = memory.messages_of(slot)
        plugin.work(audio, dict(zip(names, memory.values[slot].tolist(), strict=True)))
        memory.made[slot] = audio
        publish(address(memory.tags[slot:]), done)
        done += 1


__all__ = ["WorkerPlugin", "worker_latency", "worker_process"]


if __name__ == "__main__":
    try:
        sys.exit(main(processes.told()))
    except PluginError as error:
        sys.exit(str(error))
