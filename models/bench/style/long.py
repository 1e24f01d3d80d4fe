"""Four minutes in windows, in a process of its own: time on two cores, memory at the most."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

from engine.bench import Report
from engine.bench.parts import Missing, StageError
from models.bench.style.sources import RATE, whole
from models.bench.style.telling import say
from models.style.sound import Recording, recording

MINUTES, STYLE_S, CORES = 4.0, 60.0, 2
MOST_S, MOST_GB = 180.0, 2.0
CONTENTS, STYLE = ("song", "strings", "celesta", "piano", "guitar"), "vibes"
LIMIT_S = 1800.0
PROGRAM = "from models.bench.style.long import here; here({device!r})"


def run(report: Report) -> None:
    """Add rows of time and memory."""
    say("four minutes of content; takes some itself")
    found = measured("cpu")
    start = f"{MINUTES:g} minutes of content, {found['iterations']:.0f} iterations in windows"
    wall, memory = found["seconds"], found["memory_gb"]
    report.add(f"{start}, {CORES} cores", wall, "s", f"at most {MOST_S:g}", wall <= MOST_S)
    report.add(f"{start}: processor", found["cpu_seconds"], "CPU s")
    report.add(f"{start}: memory", memory, "GB", f"less than {MOST_GB:g}", memory < MOST_GB)
    report.add(f"{start}: style left", found["harmony"], "of the content's")


def measured(device: str) -> dict[str, float]:
    """What `here` told in a process of its own."""
    content()  # Missing is told here
    given = [sys.executable, "-c", PROGRAM.format(device=device)]
    more = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(given, capture_output=True, text=True, timeout=LIMIT_S,
                              env={**os.environ, **more})  # fmt: skip
    except subprocess.TimeoutExpired:
        raise StageError(f"did not end in {LIMIT_S:g} s") from None
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise StageError(f"ended with {done.returncode}: {last[0]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def here(device: str) -> None:
    """Transfer four minutes, and print what that took."""
    import resource

    from models.style.settings import Settings
    from models.style.transfer import transfer

    settings = Settings(device=device, workers=CORES)
    sound, style = content(), whole(STYLE)
    style = recording(style.samples[:, : round(STYLE_S * RATE)], RATE, STYLE)
    result = transfer(sound, [style], settings)
    unit = 1e9 if sys.platform == "darwin" else 1e6  # bytes there, kilobytes elsewhere
    told = {
        "seconds": result.seconds, "cpu_seconds": result.cpu_seconds,
        "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
        "iterations": settings.iterations, "harmony": result.parts["harmony"],
    }  # fmt: skip
    print(json.dumps(told))


def content() -> Recording:
    """Recordings one after the other until it is long enough."""
    parts = [whole(name).samples for name in CONTENTS]
    samples = np.concatenate(parts, axis=1)
    count = round(60.0 * MINUTES * RATE)
    if samples.shape[1] < count:
        raise Missing(
            f"needs {count / RATE:g} s of recordings; there are {samples.shape[1] / RATE:.0f}"
        )
    return recording(samples[:, :count], RATE, "four minutes")


__all__ = ["content", "here", "measured", "run"]
