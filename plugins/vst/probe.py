"""The throw-away process that opens a bundle: whatever happens here happens to nobody else.

    python -m plugins.vst.probe REQUEST OUT

REQUEST is a file of JSON; OUT is a file to which one JSON object a line is written: what is being
done ("stage"), what was learnt of a plug-in ("plugin"), why one cannot be used ("refused"), "done".
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from plugins.vst.controls import Control, learn, unique
from plugins.vst.errors import VstError
from plugins.vst.loading import HOP, SKIPPED, kind, load, packed, parameter_name, reason

RATES = (44100, 48000, 88200, 96000, 192000)
TRIAL_HOPS = 100
FRESH = 8
HOST_FACTS = {"Buffer Size", "Sample Rate", "Latency"}
"""What DPF tells its host in the form of parameters."""


class Report:
    """What is known so far, on disk at once: the process may end at any time.

    One that is silent for much longer than ``seconds`` ends itself, should nobody else do it.
    """

    def __init__(self, out: Path, seconds: float) -> None:
        self._file = out.open("w")
        self._seconds = seconds

    def tell(self, **facts: Any) -> None:
        self._file.write(json.dumps(facts) + "\n")
        self._file.flush()
        if hasattr(signal, "alarm") and math.isfinite(self._seconds):
            signal.alarm(math.ceil(2.0 * self._seconds) + 5)


def look_into(request: dict[str, Any], report: Report) -> None:
    """Learn all of every plug-in of a bundle, but those that ``skip`` names."""
    path = Path(request["path"])
    report.tell(stage="looked into", part="")
    if not _is_text(str(path)):
        report.tell(refused="its name, or a folder's, is not UTF-8; rename it", part="")
        return
    opener = kind(path)
    try:
        parts = list(opener.get_plugin_names_for_file(str(path)))
    except Exception as error:  # whatever pedalboard makes of a file that is none
        report.tell(refused=f"is not a plug-in: {reason(error)}", part="")
        return
    if not parts:
        report.tell(refused="holds no plug-in", part="")
    for part in parts:
        if part in request["skip"]:
            continue
        plugin = None
        try:
            report.tell(stage="loaded", part=part)
            plugin = load(path, part)
            report.tell(plugin=examine(plugin, part, report))
        except VstError as error:
            report.tell(refused=str(error).removeprefix(f"{path}: "), part=part)
        except Exception as error:
            report.tell(refused=reason(error), part=part)
        del plugin  # some crash now; what there is to know of it has been told


def _is_text(name: str) -> bool:
    """Whether a file's name is one that can be handed on."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def examine(plugin: Any, part: str, report: Report) -> dict[str, Any]:
    """Read the parameters of a plug-in, let it make a little sound."""
    asked = "asked for its parameters"
    controls = read_controls(list(plugin._parameters), lambda: report.tell(stage=asked, part=part))
    report.tell(stage="tried on sound", part=part)
    instrument = bool(plugin.is_instrument)
    channels = [n for n in (1, 2) if takes(plugin, n, instrument)]
    if not channels:
        raise VstError("takes neither one channel nor two")
    late = latencies(plugin, channels[0], instrument, list(RATES))
    still = []
    for one in controls:
        if not one.automatable:
            report.tell(stage="told its meters from its knobs", part=part)
        if one.automatable or remembers(plugin, one.index, channels):
            still.append(one)
    return {
        "part": part,
        "name": str(plugin.name),
        "vendor": str(plugin.manufacturer_name or ""),
        "version": str(plugin.version or ""),
        "category": str(plugin.category or ""),
        "instrument": instrument,
        "channels": channels,
        "latency": late,
        "controls": [one.written() for one in still],
    }


def read_controls(parameters: list[Any], alive: Callable[[], None]) -> list[Control]:
    """What can be turned, and perhaps meters, under names that are free.

    ``alive`` is called before each: thousands of parameters take their time.
    """
    taken: set[str] = set()
    found = []
    for index, one in enumerate(parameters):
        alive()
        title = str(one.name or "").strip()
        automatable = bool(one.is_automatable)
        if SKIPPED.match(title) or (title in HOST_FACTS and not automatable):
            continue
        name = unique(parameter_name(one), taken, index)
        steps, raw = int(one.num_steps), float(one.raw_value)
        control = learn(
            name, index, title, str(one.label or ""), steps, raw, automatable,
            lambda at, one=one: str(one.get_text_for_raw_value(at) or ""),  # type: ignore[misc]
        )  # fmt: skip
        if control is None:
            taken.discard(name)
        else:
            found.append(control)
    return found


def takes(plugin: Any, channels: int, instrument: bool) -> bool:
    """Whether it works on so many channels: a while of loud noise."""
    rng = np.random.default_rng(0)
    try:
        for _ in range(TRIAL_HOPS):
            noise = rng.uniform(-1.0, 1.0, (channels, HOP)).astype(np.float32)
            step(plugin, noise, 48000, instrument)
    except (ValueError, RuntimeError):  # "does not support 2-channel output"
        return False
    return True


def step(plugin: Any, audio: Any, rate: int, instrument: bool) -> None:
    """One block through a plug-in."""
    if instrument:
        seconds = (HOP + 0.01) / rate
        plugin.process([], seconds, float(rate), len(audio), buffer_size=HOP, reset=False)
    else:
        plugin.process(audio, float(rate), buffer_size=HOP, reset=False)


def remembers(plugin: Any, index: int, channels: list[int]) -> bool:
    """Whether a parameter is part of the plug-in's state: a meter, or what it is told, is not.

    pedalboard does not say which parameters can only be read; it says which may be automated,
    and there are knobs that may not (ZamVerb's room, ZamHeadX2's angles).
    """
    parameter = plugin._parameters[index]
    stood, before = float(parameter.raw_value), plugin.raw_state
    parameter.raw_value = 0.0 if stood > 0.5 else 1.0
    step(plugin, np.zeros((channels[0], HOP), np.float32), 48000, bool(plugin.is_instrument))
    changed = plugin.raw_state != before
    parameter.raw_value = stood
    return changed


def latencies(plugin: Any, channels: int, instrument: bool, rates: list[int]) -> dict[str, int]:
    """Frames of latency that it reports at each sample rate (Hz)."""
    found = {}
    for rate in rates:
        step(plugin, np.zeros((channels, HOP), np.float32), rate, instrument)
        found[str(rate)] = max(0, int(plugin.reported_latency_samples))
    return found


def stand(request: dict[str, Any], report: Report) -> None:
    """Where the parameters of one plug-in stand in a state, and how late it then is."""
    path, part = Path(request["path"]), request["part"]
    report.tell(stage="loaded with that state", part=part)
    plugin = load(path, part, request["state"], request["program"])
    raws = [float(one.raw_value) for one in plugin._parameters]
    late = latencies(plugin, request["channels"], request["instrument"], request["rates"])
    report.tell(plugin={"raws": raws, "latency": late})


def edit(request: dict[str, Any], report: Report) -> None:
    """Show a plug-in's own window until it is closed, and tell the state it is left in."""
    path, part = Path(request["path"]), request["part"]
    report.tell(stage="loaded with that state", part=part)
    plugin = load(path, part, request["state"], request["program"])
    report.tell(stage="shown", part=part)  # an X server without a window manager ends us here
    try:
        plugin.show_editor()
    except RuntimeError as error:
        raise VstError(f"{path}: {reason(error)}") from None
    report.tell(plugin={"state": packed(bytes(plugin.raw_state))})


def measure(request: dict[str, Any], report: Report) -> None:
    """What a plug-in makes of a file of sound, alone, in place of it; and microseconds a hop.

    It is loaded afresh some times: one that begins from memory it never cleared differs.
    """
    path, part, rate = Path(request["path"]), request["part"], float(request["rate"])
    report.tell(stage="measured", part=part)
    sound = np.load(request["sound"])
    made = [load(path, part).process(sound, rate, buffer_size=HOP) for _ in range(FRESH)]
    np.save(request["sound"], made[0])
    plugin, times = load(path, part), []
    for start in range(0, sound.shape[1] - HOP, HOP):
        hop = np.ascontiguousarray(sound[:, start : start + HOP])
        began = time.perf_counter()
        plugin.process(hop, rate, buffer_size=HOP, reset=False)
        times.append(1e6 * (time.perf_counter() - began))
    facts = {
        "median_us": float(np.median(times)),
        "p99_us": float(np.percentile(times, 99)),
        "unsteady": max(float(np.abs(one - made[0]).max()) for one in made),
    }
    report.tell(plugin=facts)


def main(request: dict[str, Any], out: Path) -> None:
    """Do what is asked; a plug-in's own printing goes where nobody reads it."""
    os.dup2(2, 1)
    report = Report(out, request["seconds"])
    try:
        DEEDS[request["do"]](request, report)
    except VstError as error:
        report.tell(failed=str(error))
    report.tell(done=True)
    os._exit(0)  # what a plug-in does when it is unloaded is nobody's business


DEEDS = {"look": look_into, "stand": stand, "edit": edit, "measure": measure}

if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
