"""taraf doctor: is this machine ready to play, and if not, what is the one line that helps."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from engine.commands import stage_checks
from engine.commands.check import Check

LIMITS = (
    "printf '@audio - rtprio 95\\n@audio - memlock unlimited\\n' | "
    "sudo tee /etc/security/limits.d/audio.conf && sudo usermod -aG audio $USER, then log in again"
)
WAKING_RULE = (
    'echo \'KERNEL=="cpu_dma_latency", GROUP="audio", MODE="0660"\' | '
    "sudo tee /etc/udev/rules.d/40-audio.rules && sudo usermod -aG audio $USER, then start again"
)
LOCKED_MIB = 256  # what an audio process with a large rack holds
FREE_GIB = 1


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Compile what is not compiled yet.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Examine this machine; exit code 1 if something that is needed is missing.

    Example: taraf doctor --fix
    """
    checks: list[Check] = []
    for look in EXAMINATION:
        check = _kernels(fix) if look is _kernels else look()
        checks.append(check)
        if not as_json:
            _show(check)
    failed = any(check.needed and check.state == "missing" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}))
    raise typer.Exit(1 if failed else 0)


def _show(check: Check) -> None:
    colour = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "missing": typer.colors.RED}
    state = typer.style(f"{check.state:8}", fg=colour[check.state])
    typer.echo(f"{state}{check.name}: {check.found}")
    for line in check.more:
        typer.echo(f"{'':8}{line}")
    if check.fix:
        typer.echo(f"{'':8}-> {check.fix}")


def _portaudio() -> Check:
    from engine.stream import DeviceError, devices

    try:
        found = devices()
    except DeviceError as error:
        problem, _, remedy = str(error).partition("; ")
        return Check("PortAudio", "missing", f"{problem}; the virtual device still plays", remedy)
    if not found:
        return Check(
            "PortAudio", "warn", "there is no sound card; the virtual device plays", _plug_in()
        )
    return Check("PortAudio", "ok", f"{len(found)} devices; see taraf devices")


def _plug_in() -> str:
    if sys.platform == "linux":
        return "plug one in, or: jackd -d dummy -r 48000 -p 64 &"
    return "plug one in and allow this terminal to use the microphone in the system's settings"


def _jack() -> Check:
    import psutil

    from engine.stream import DeviceError, devices

    if sys.platform != "linux":
        return Check("JACK", "ok", "not needed on this system")
    try:
        if any("JACK" in device["api"] for device in devices()):
            return Check("JACK", "ok", "a server runs and PortAudio sees it")
    except DeviceError:
        pass
    servers = {"jackd", "jackdbus", "pipewire"}
    running = {p.info["name"] for p in psutil.process_iter(["name"])} & servers
    if not running:
        return Check("JACK", "ok", "no server runs (optional)")
    remedy = "sudo apt install libportaudio2 libjack-jackd2-0"
    if running == {"pipewire"}:
        remedy = "sudo apt install pipewire-jack, then start with: pw-jack taraf live"
    names = ", ".join(sorted(running))
    return Check("JACK", "warn", f"{names} runs, PortAudio does not see it", remedy)


def _onnxruntime() -> Check:
    from engine import session

    name, remedy = "ONNX Runtime", "pip install --upgrade --force-reinstall onnxruntime"
    try:
        session._functions()
        found = version("onnxruntime")
    except (session.SessionError, PackageNotFoundError, OSError) as error:
        return Check(name, "missing", str(error), remedy, needed=True)
    return Check(name, "ok", f"{found}, C API {session.API_VERSION}", needed=True)


def _real_time() -> Check:
    granted: list[str] = []

    def ask() -> None:
        from engine.priority import urgent

        granted.append(urgent())
        if sys.platform == "linux" and granted[0].startswith("SCHED_FIFO"):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    thread = threading.Thread(target=ask, name="priority")
    thread.start()
    thread.join()
    refused = "refused" in granted[0]
    remedy = {"linux": LIMITS, "win32": "start the terminal as an administrator"}
    return Check(
        "real-time priority",
        "warn" if refused else "ok",
        granted[0],
        remedy.get(sys.platform, "") if refused else "",
    )


def _locked_memory() -> Check:
    name = "locked memory"
    if sys.platform == "win32":
        return Check(name, "ok", "Windows has no limit for a whole process")
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft == resource.RLIM_INFINITY or os.geteuid() == 0:
        return Check(name, "ok", "no limit")
    mib = soft >> 20
    if mib >= LOCKED_MIB:
        return Check(name, "ok", f"up to {mib} MiB")
    remedy = LIMITS if sys.platform == "linux" else "ulimit -l unlimited"
    return Check(name, "warn", f"only {mib} MiB may be locked; {LOCKED_MIB} are wanted", remedy)


def _awake() -> Check:
    from engine.priority import WAKING, wake_us

    name = "processors that wake in time"
    if sys.platform != "linux" or not WAKING.exists():
        return Check(name, "ok", "not for us to ask here")
    if os.access(WAKING, os.W_OK):
        return Check(name, "ok", f"asked for {wake_us()} us while taraf plays")
    return Check(name, "warn", f"{WAKING} is not ours: blocks may be late after rests", WAKING_RULE)


def _denormals() -> Check:
    """Really run the callback on a sound that is too small for a normal float."""
    import numpy as np

    from engine.commands.compiled import is_compiled
    from engine.rack import Lane, Rack
    from engine.render import play

    name, rack = "denormals", Rack("doctor", lanes=(Lane("a"),))
    if not is_compiled(rack):
        return Check(
            name, "warn", "not tried: the engine is not compiled yet", "taraf doctor --fix"
        )
    tiny = np.full((256, 1), 1e-39, np.float32)
    if play(rack, tiny, 48000).view(np.uint32).any():  # by bits: this thread may flush as well
        remedy = "use Python for x86-64 or 64-bit ARM"
        return Check(name, "warn", "not flushed to zero: long tails will cost more", remedy)
    return Check(name, "ok", "flushed to zero in the callback")


def _kernels(fix: bool = False) -> Check:
    from engine import catalogue
    from engine.commands.compiled import state

    names = list(catalogue.entries())
    states = {name: state(name, fix) for name in names}
    cold = [name for name in names if states[name] == "cold"]
    broken = [said for said in states.values() if said not in ("cold", "warm", "unset")]
    found = f"{list(states.values()).count('warm')} of {len(names)} plugins are compiled"
    unset = [name for name in names if states[name] == "unset"]
    if unset:
        found += f"; {', '.join(unset)} when told what to open"
    if cold:
        found += f"; not yet: {', '.join(cold)}"
    if not cold and not broken:
        return Check("kernels", "ok", found)
    remedy = "taraf doctor --fix" if cold else "pip install --force-reinstall taraf"
    return Check("kernels", "warn", "; ".join([found, *broken]), remedy)


def _cache() -> Check:
    from engine.native import cache_folder

    folder = cache_folder()
    files = [path.stat().st_size for path in folder.glob("*.o")] if folder.is_dir() else []
    found = f"{folder}: {len(files)} files, {sum(files) / 1e6:.1f} MB"
    place = next(p for p in (folder, *folder.parents) if p.exists())
    if os.access(place, os.W_OK):
        return Check("kernel cache", "ok", found)
    remedy = "set TARAF_CACHE=FOLDER to a folder you may write to"
    return Check(
        "kernel cache", "warn", f"{found}; may not be written: every start compiles", remedy
    )


def _governor() -> Check:
    name = "processor speed"
    folder = Path("/sys/devices/system/cpu")
    found = set()
    for path in folder.glob("cpu[0-9]*/cpufreq/scaling_governor"):
        try:
            found.add(path.read_text().strip())
        except OSError:
            continue
    if not found:
        return Check(name, "ok", "not for us to read here")
    if found == {"performance"}:
        return Check(name, "ok", "governor performance")
    remedy = "sudo cpupower frequency-set -g performance"
    return Check(name, "warn", f"governor {', '.join(sorted(found))} may be slow to wake", remedy)


def _presets() -> Check:
    from engine.preset import user_folder

    return Check("your presets", "ok", f"are looked for in {user_folder()}")


def _models() -> Check:
    from engine.library import Library, LibraryError
    from engine.library.zoo import folder_cards

    name, library = "your models", Library()
    try:
        cards, unusable = library.cards(), tuple(library.unusable())
    except LibraryError as error:
        return Check(name, "warn", str(error), "set TARAF_MODELS=FOLDER to a folder you may read")
    count = len(cards) + len(folder_cards(library.folder, "folder"))
    found = f"{count} in {library.folder} (TARAF_MODELS=FOLDER moves it)"
    lines = tuple("".join(c if c.isprintable() else " " for c in line) for line in unusable)
    return Check(name, "warn" if lines else "ok", found, more=lines)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    if free >= FREE_GIB:
        return Check("disk", "ok", f"{free:.1f} GiB free here")
    return Check("disk", "warn", f"{free:.2f} GiB free here", "make room before recording")


def _torch() -> Check:
    return _optional("torch", "torch", "trains models; plays TorchScript")


def _optional(package: str, distribution: str, purpose: str) -> Check:
    if find_spec(package) is None:
        return Check(package, "missing", f"optional: {purpose}", "pip install 'taraf[train]'")
    return Check(package, "ok", f"{version(distribution)} ({purpose})")


EXAMINATION: tuple[Callable[[], Check], ...] = (
    _portaudio,
    _jack,
    _onnxruntime,
    _real_time,
    _locked_memory,
    _awake,
    _kernels,
    _cache,
    _denormals,
    _governor,
    _presets,
    _models,
    _disk,
    _torch,
    *stage_checks.CHECKS,
)

__all__ = ["Check", "doctor"]
