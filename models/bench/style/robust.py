"""What goes wrong: recordings and settings that are none, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from engine.bench import Report
from models.bench.refusals import LIMIT_S, PROGRAM, WRONG, taraf
from models.bench.style.telling import say
from models.style.sound import read

RATE = 22_050
Case = tuple[str, tuple[str, ...], str]
"""What is wrong, the command, and a word that its one line must have."""


def run(report: Report) -> None:
    """Add a row of bad input and rows of an interrupted transfer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = list(bad(folder))
        say(f"robust: {len(cases)} commands that cannot be done")
        clear = sum(_is_clear(case, folder) for case in cases)
        report.add("bad input that gives one clear line and leaves no file", clear,
                   f"of {len(cases)}", "all", clear == len(cases))  # fmt: skip
        say("robust: Ctrl-C")
        status, lines, whole = interrupted(folder)
        right = status == 0 and whole and len(lines) == 1 and lines[0].startswith("stopped")
        report.add("Ctrl-C keeps the best, and says so in one line", float(right), "",
                   "yes", right)  # fmt: skip


def bad(folder: Path) -> Iterator[Case]:
    """Commands that are refused."""
    good, out = _good(folder), str(folder / "out.wav")

    def put(name: str, samples: Any, rate: int = RATE) -> str:
        soundfile.write(folder / name, samples, rate, subtype="FLOAT")
        return str(folder / name)

    sound, _ = soundfile.read(good)
    broken = np.where(np.arange(len(sound)) == 99, np.nan, sound)
    (folder / "text.wav").write_text("this is no sound\n")
    for name, wrong in (
        ("missing.wav", str(folder / "missing.wav")),
        ("short.wav", put("short.wav", sound[:2000])),
        ("silent.wav", put("silent.wav", np.zeros(RATE))),
        ("broken.wav", put("broken.wav", broken)),
        ("huge.wav", put("huge.wav", 1e9 * sound)),
        ("text.wav", str(folder / "text.wav")),
    ):
        yield name, ("style", "transfer", wrong, good, out), name
        yield f"{name} as style", ("style", "transfer", good, wrong, out), name
        yield f"{name} as texture", ("style", "texture", wrong, out), name
        yield f"{name} in a mix", ("style", "separate", wrong, good, str(folder / "stems")), name
    both = ("style", "transfer", good, good, out)
    yield "a rate that is none", (*both, "--rate", "100"), "100"
    yield "an engine that is none", (*both, "--engine", "magic"), "magic"
    yield "more shares than styles", (*both, "--share", "1", "--share", "2"), "shares"
    yield "a kind that is none", ("style", "transfer", good, good, f"{out}.xyz"), "xyz"
    yield "no folder", ("style", "transfer", good, good, str(folder / "no" / "o.wav")), "folder"
    yield "seconds that are too many", ("style", "texture", good, out, "--seconds", "1e9"), "60"


def interrupted(folder: Path) -> tuple[int, list[str], bool]:
    """A transfer of endless iterations, stopped after its first preview: the exit status, the
    lines on standard error, and whether there is a whole result."""
    good, out, run = _good(folder), folder / "stopped.wav", folder / "run"
    slower = folder / "slower.wav"  # another rate is no mistake
    soundfile.write(slower, soundfile.read(good)[0], 16_000)
    given = ["style", "transfer", good, str(slower), str(out), "--run", str(run),
             "--iterations", "100000", "--preview", "5"]  # fmt: skip
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-P", "-c", PROGRAM, *given], text=True, env=env,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as going:  # fmt: skip
        ends = time.monotonic() + LIMIT_S
        while not (run / "preview.wav").exists() and time.monotonic() < ends:
            if going.poll() is not None:
                break
            time.sleep(0.2)
        going.send_signal(signal.SIGINT)
        try:
            _, said = going.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            going.kill()
            return -1, [], False
    whole = out.is_file() and read(out).samples.shape == read(Path(good)).samples.shape
    return going.returncode, [line for line in said.splitlines() if line.strip()], whole


def _good(folder: Path) -> str:
    """A second and a half of notes."""
    path = folder / "good.wav"
    if not path.exists():
        turns = 2 * np.pi * np.cumsum(np.repeat((220.0, 330.0, 262.0), RATE // 2)) / RATE
        soundfile.write(path, 0.2 * np.sin(turns), RATE)
    return str(path)


def _is_clear(case: Case, folder: Path) -> bool:
    name, command, word = case
    before = {path.name for path in folder.iterdir()}
    status, said = taraf(command)
    left = {path.name for path in folder.iterdir()} - before - {"runs"}
    right = status == WRONG and len(said) == 1 and said[0].startswith("taraf: ") and word in said[0]
    if not right or left:
        say(f"{name}: status {status}, left {sorted(left)}: {' | '.join(said[-3:])}")
    return right and not left


__all__ = ["bad", "interrupted", "run"]
