"""The worker's process: waits to be asked, makes an answer, tells that it is there."""

from __future__ import annotations

import gc
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from engine import processes
from engine.shared import address, store_release
from engine.worker_life import BEATS, READY, STOP
from plugins.style.answer import Answerer, division
from plugins.style.hearing import Ear
from plugins.style.sharing import ASKED, BASE, END, JOBS, MADE, SLOTS, TOLD, Memory
from plugins.style.sources import StyleError, opened
from plugins.style.wanted import NAMES, Target

PATCHES = 256
LOOK_SECONDS = 0.002
NICE = 5  # behind whatever plays


def main(order: dict[str, Any]) -> int:
    """Open the style, then answer until told to stop or until who asked has gone."""
    with suppress(OSError, AttributeError):
        os.nice(NICE)
    memory = Memory(order["ring"], order["window"], len(NAMES), order["memory"])
    header, parent = memory["header"], os.getppid()
    parts = division(order["rate"])
    rate = order["rate"] / parts
    target = Target(Ear(rate), opened(Path(order["style"]), rate), PATCHES)
    answerer = Answerer(target, parts, order["window"])
    gc.collect()
    gc.freeze()
    done, base, end = int(header[TOLD]) // SLOTS, -1, 0
    header[READY] = 1
    while not header[STOP]:
        header[BEATS] += 1
        asked = int(header[ASKED])
        if asked == done:
            if int(header[BEATS]) % 500 == 0 and gone(parent):
                return 0
            time.sleep(LOOK_SECONDS)
            continue
        began = time.monotonic()
        done = asked
        job, knobs = memory["jobs"][asked % JOBS].copy(), memory["values"][asked % JOBS].copy()
        if job[BASE] != base:
            base, end = int(job[BASE]), 0
            answerer.forget()
        heard = last(memory["heard"], int(job[END]), order["window"])

        def enough(began: float = began) -> bool:
            header[BEATS] += 1
            late = time.monotonic() - began > order["seconds"]
            return bool(header[STOP]) or (late and not order["offline"])

        made = answerer.answer(
            heard, int(job[END]) - end, order["iterations"],
            dict(zip(NAMES, knobs.tolist(), strict=True)), enough,
        )  # fmt: skip
        end = int(job[END])
        slot = int(header[MADE]) % SLOTS
        memory["made"][slot] = made.sound
        facts = (end, made.iterations, made.style, time.monotonic() - began)
        memory["facts"][slot] = facts
        header[MADE] += 1
        store_release(address(header[TOLD:]), asked * SLOTS + slot)
    return 0


def last(ring: npt.NDArray[np.float32], end: int, window: int) -> npt.NDArray[np.float32]:
    """The ``window`` frames before ``end``; zeros before the stream began."""
    made = np.zeros(window, np.float32)
    there = min(window, end)
    made[window - there :] = ring[np.arange(end - there, end) & (len(ring) - 1)]
    return made


def gone(parent: int) -> bool:
    """Whether the process that started this one is no more."""
    return os.getppid() != parent or not psutil.pid_exists(parent)


if __name__ == "__main__":
    try:
        sys.exit(main(processes.told()))
    except StyleError as error:
        sys.exit(str(error))
