"""What a performer touches, measured: MIDI to sound, set list, hosted plugins, the page, hours.

Each part is a module; one that lacks something it needs (JACK, JACK-Client, gcc, plug-ins) is
left out, and standard error says why. `taraf bench stage set-list page` measures two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from engine import addons
from engine.bench import Report
from engine.bench.parts import in_parts
from engine.bench.stage.telling import Missing, say

PARTS = {
    "control": "a controller turns a knob; 10,000 mixed messages",
    "clock": "MIDI clock in and out",
    "set-list": "20 presets with models",
    "page": "four open pages",
    "vst": "hosted plug-ins, good and bad",
    "soak": "an hour in fast-forward, then --seconds with traffic",
}
SOAK_SECONDS = 60.0


def run(files: Sequence[Path] | None = None, seconds: float = SOAK_SECONDS) -> Report:
    """Measure all parts, or those named. ``seconds`` is how long the soak has traffic.

    As long without it, five minutes at most, comes first, to compare; 1800 are the half hour for
    the record.
    """
    return in_parts("stage", PARTS, files, lambda name, report: _part(name, seconds)(report), say)


def _part(name: str, seconds: float) -> Callable[[Report], None]:
    if name == "vst":
        return _vst
    module = import_module(f"engine.bench.stage.{name.replace('-', '_')}")
    if name == "soak":
        return lambda report: module.run(report, seconds)
    run: Callable[[Report], None] = module.run
    return run


def _vst(report: Report) -> None:
    """The rows of the bench that the package of hosted plug-ins adds."""
    bench = addons.benches().get("vst")
    if bench is None:
        raise Missing("no bench of hosted plug-ins is installed")
    try:
        report.rows += bench().rows
    except ValueError as error:
        raise Missing(str(error)) from None


__all__ = ["PARTS", "run"]
