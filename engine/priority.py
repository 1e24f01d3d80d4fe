"""Real-time priority, locked memory, processors that do not doze: asked for, and said plainly when
refused."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

WAKING = Path("/dev/cpu_dma_latency")
"""Who holds it open says how many microseconds a processor may take to wake (Linux, PM QoS)."""
GOVERNOR = Path("/sys/devices/system/cpu/cpuidle/current_governor")
WAKE_US, VIRTUAL_US = 10, 0
"""Light sleep still is within the first; a virtual processor that halts at all is given back to its
host, and wakes when that likes: milliseconds later at times."""
_held: list[int] = []


def urgent(priority: int = 70) -> str:
    """Ask for real-time scheduling of this thread; returns what was granted, in words."""
    if sys.platform == "linux":
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        except OSError as error:
            return f"normal (SCHED_FIFO refused: {error.strerror})"
        return f"SCHED_FIFO {priority}"
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        granted = kernel.SetThreadPriority(kernel.GetCurrentThread(), 15)
        return "time critical" if granted else "normal (refused)"
    return "normal (the audio device's own thread sets its priority)"


def lock_memory() -> str:
    """Ask that no page of this process is swapped out; returns what was granted, in words."""
    if sys.platform == "win32":
        return "not locked (Windows has no call for a whole process)"
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mlockall(3) == 0:  # MCL_CURRENT | MCL_FUTURE
            return "locked"
        return f"not locked ({os.strerror(ctypes.get_errno())})"
    except (OSError, AttributeError):
        return "not locked (no mlockall here)"


def stay_awake() -> str:
    """Ask that processors never sleep so deeply that a block would be late, as long as this process
    lives; returns what was granted, in words."""
    if sys.platform != "linux":
        return "may sleep (only Linux lets us ask)"
    most = wake_us()
    try:
        if not _held:
            _held.append(os.open(WAKING, os.O_WRONLY | os.O_CLOEXEC))
        os.write(_held[0], most.to_bytes(4, sys.byteorder))
    except OSError as error:
        return f"may sleep ({WAKING} refused: {error.strerror})"
    return f"wake within {most} us"


def wake_us() -> int:
    """Microseconds in which processors are asked to wake."""
    try:
        is_virtual = GOVERNOR.read_text().strip() == "haltpoll"
    except OSError:
        is_virtual = False
    return VIRTUAL_US if is_virtual else WAKE_US
