"""The same sound through taraf and through pedalboard alone.

Run as a module it is the process in which pedalboard alone plays.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import Report
from plugins.vst import cache, finding
from plugins.vst.bench.playing import RATE, hosted, one_lane
from plugins.vst.errors import VstError

STAYS = {"sidechain", "current_program"}  # another input; other knobs
UNSTEADY = "ZamTube"
"""Twice in one process, pedalboard alone, its output differs by as much as 3e-4: it
begins from memory that it never cleared."""
PLAYED_FRAMES = 12800


def rows(report: Report, names: list[str], folder: Path) -> None:
    """The same sound through taraf and through pedalboard, whole, its knobs turned."""
    from engine.render import play

    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal((PLAYED_FRAMES, 1))).astype(np.float32)
    knobs = {name: _turned(name) for name in names}
    wanted = _pedalboard(names, knobs, sound, folder)
    off = {
        name: float(np.abs(play(one_lane(hosted(name, knobs[name])), sound, RATE) - made).max())
        for name, made in wanted.items()
    }
    report.add("plug-ins compared with pedalboard offline", len(off), "plug-ins")
    unsteady = off.pop(UNSTEADY, None)
    equal = sum(value == 0.0 for value in off.values())
    report.add("plug-ins with the very same samples", equal, "plug-ins", f"all {len(off)}",
               equal == len(off))  # fmt: skip
    report.add("largest difference from pedalboard offline", max(off.values()), "", "0, after "
               "latency compensation", max(off.values()) == 0.0)  # fmt: skip
    if unsteady is not None:
        report.add(f"difference of {UNSTEADY}, which differs from itself by 3e-4", unsteady, "",
                   "2e-3", unsteady <= 2e-3)  # fmt: skip


def _turned(name: str) -> dict[str, float]:
    """Every knob away from where it was, and yet where sound comes out."""
    knobs: dict[str, float] = {}
    for k, control in enumerate(_find(name).controls):
        if control.name in STAYS:
            continue
        param = control.param()
        position = (0.3 + 0.1 * (k % 5) + param.to_position(param.default)) / 2
        value = param.from_position(position)
        knobs[control.name] = round(value) if control.stepped else float(f"{value:.4g}")
    return knobs


def _find(name: str) -> cache.Found:
    return finding.find(finding.Wish(name, "", "", "", Path()))


def _pedalboard(
    names: list[str], knobs: dict[str, dict[str, float]], sound: Any, folder: Path
) -> dict[str, Any]:
    """What pedalboard alone makes of ``sound``, in a process that has nothing of ours running."""
    np.save(folder / "sound.npy", sound)
    asked = folder / "asked.json"
    asked.write_text(json.dumps({"names": names, "knobs": knobs}))
    command = [sys.executable, "-P", "-m", "plugins.vst.bench.alike", str(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [str(done.returncode)]
        raise VstError(f"pedalboard alone ended: {last[0]}")
    with np.load(folder / "made.npz") as made:
        return {name: made[name] for name in names}


def _alone(asked: Path) -> None:
    """The other process: every plug-in, from its file, its parameters by their own texts."""
    from plugins.vst.loading import load

    given: dict[str, Any] = json.loads(asked.read_text())
    made: dict[str, Any] = {}
    sound = np.load(asked.with_name("sound.npy")).T
    for name in given["names"]:
        found = _find(name)
        plugin = load(found.path, found.part)
        for control in found.controls:
            if control.name in given["knobs"][name]:
                parameter = list(plugin._parameters)[control.index]
                value = given["knobs"][name][control.name]
                text = str(control.param().plain(value))
                switch = control.choices == ("off", "on")
                raw = value if switch else parameter.get_raw_value_for_text(text)
                parameter.raw_value = raw
        takes = sound if 1 in found.channels else np.repeat(sound, 2, axis=0)
        out = plugin.process(takes, float(RATE), buffer_size=64)
        made[name] = (np.repeat(out, 2, axis=0) if len(out) == 1 else out).T
    np.savez(asked.with_name("made.npz"), **made)


if __name__ == "__main__":
    _alone(Path(sys.argv[1]))
