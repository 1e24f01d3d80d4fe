"""Plug-ins that are broken, or die while they play: the other lanes must not notice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from engine.bench import Report
from engine.host import Host
from engine.rack import Link, Rack
from plugins.vst import scan
from plugins.vst.bench.playing import RATE, beside, hosted, one_lane, playing, say
from plugins.vst.errors import VstError

PATIENCE_SECONDS = 1.5
BROKEN = {
    "segfault": "void *GetPluginFactory(void) { *(volatile int *)0 = 1; return 0; }",
    "exit": "#include <stdlib.h>\nvoid *GetPluginFactory(void) { exit(3); }",
    "hang": "#include <unistd.h>\nvoid *GetPluginFactory(void) { for (;;) pause(); }",
    "null": "void *GetPluginFactory(void) { return 0; }",
}
ENTRIES = "int ModuleEntry(void *h) { return h != 0; }\nint ModuleExit(void) { return 1; }\n"


def _built(folder: Path, real: Path) -> list[Path]:
    """Six broken bundles; without gcc only those that need none."""
    whole = next(one for one in real.glob("Contents/*/*") if one.is_file())

    def binary(name: str) -> Path:
        inside = folder / f"{name}.vst3" / whole.relative_to(real).parent
        inside.mkdir(parents=True)
        return inside / f"{name}{whole.suffix}"

    binary("truncated").write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    binary("random").write_bytes(np.random.default_rng(0).bytes(20000))
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        say("without a C compiler only two of the six broken plug-ins can be made")
        return sorted(folder.iterdir())
    for name, body in BROKEN.items():
        source = folder.parent / f"{name}.c"
        source.write_text(ENTRIES + body)
        made = str(binary(name))
        subprocess.run([compiler, "-shared", "-fPIC", "-o", made, str(source)], check=True)
    return sorted(folder.iterdir())


def asked_for(report: Report, real: Path, folder: Path) -> None:
    """While two lanes play, each broken plug-in is scanned and asked for."""
    folder.mkdir()
    broken = _built(folder, real)
    say(f"{len(broken)} broken plug-ins are scanned and asked for while another rack plays")
    rack = beside(Link("gain", "gain"))
    survived = 0

    def ask(host: Host) -> None:
        nonlocal survived
        for path in broken:
            before = host.statistics()["blocks"]
            record = scan.look(path, PATIENCE_SECONDS)
            refused = ""
            try:
                host.load(one_lane(hosted(str(path))))
            except ValueError as error:
                refused = str(error)
            told = bool(record.bad) and record.bad[0].reason in refused
            survived += told and host.statistics()["blocks"] > before and not host.restarts

    untouched = _untouched(rack, ask)
    report.add("broken plug-ins survived, listed with the reason", survived, "plug-ins", "6 of 6",
               survived == len(BROKEN) + 2)  # fmt: skip
    report.add("the lanes meanwhile, bit-equal to a render", untouched, "", "1", untouched)


def _untouched(rack: Rack, meanwhile: Callable[[Host], None]) -> bool:
    """Whether the right channel is a render's, sample for sample, whatever happens meanwhile."""
    import soundfile

    from engine.performance import guitar
    from engine.recorder import Recorder
    from engine.render import play

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        host = stack.enter_context(playing(rack))
        recorder = Recorder(host, Path(folder))
        stack.callback(recorder.stop)
        time.sleep(0.5)
        meanwhile(host)
        time.sleep(0.5)
        recorded = recorder.stop()
        wet = soundfile.read(recorded["wet"], dtype="float32")[0][:, 1]
    once = guitar(RATE)
    sound = np.tile(once, -(-len(wet) // len(once)))[: len(wet), None]
    alone = Rack("alone", lanes=(rack.lanes[1],))
    made = play(alone, sound, RATE)[:, 1]
    return bool(np.array_equal(wet, made[: len(wet)]) and np.abs(made).max() > 0.01)


def dying(report: Report, name: str) -> None:
    """The process of a plug-in that plays is ended in three ways."""
    if sys.platform == "win32":
        return
    say("a plug-in that plays crashes, dies and hangs")
    rack = beside(hosted(name))
    ways = (signal.SIGSEGV, signal.SIGKILL, signal.SIGSTOP)
    back = 0

    def end(host: Host) -> None:
        nonlocal back
        for count, way in enumerate(ways, 1):
            with suppress(ProcessLookupError):
                os.kill(_worker(host), way)
            until = time.monotonic() + 10.0
            while host.report()["worker_restarts"] < count and time.monotonic() < until:
                time.sleep(0.05)
            back += host.report()["worker_restarts"] == count
            time.sleep(0.5)

    untouched = _untouched(rack, end)
    report.add("plug-ins that crashed, died or hung while playing and came back", back, "plug-ins",
               f"{len(ways)} of {len(ways)}", back == len(ways))  # fmt: skip
    report.add("the other lane meanwhile, bit-equal to a render", untouched, "", "1", untouched)


def _worker(host: Host) -> int:
    """The process in which the rack's plug-in runs; the latest, if it was started again."""
    import psutil

    found = []
    for one in psutil.Process(host.pid).children(recursive=True):
        with suppress(psutil.Error):
            if "engine.worker" in one.cmdline() and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    if not found:
        raise VstError("the plug-in has no process")
    return int(max(found, key=lambda one: one.create_time()).pid)


__all__ = ["asked_for", "dying"]
