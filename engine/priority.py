"""Real-time priority and locked memory: asked for, and said plainly when refused."""

from __future__ import annotations

import ctypes
import os
import sys


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
