"""Figures, each beside what it is measured against in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from engine import addons


@dataclass(frozen=True)
class Row:
    """One figure: ``target`` is what was promised, in words; ``holds`` None where nothing was."""

    name: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None


@dataclass
class Report:
    """What a benchmark found."""

    bench: str
    rows: list[Row] = field(default_factory=list)

    def add(
        self, name: str, value: float, unit: str, target: str = "", holds: bool | None = None
    ) -> None:
        """Add a row."""
        verdict = None if holds is None else bool(holds)
        self.rows.append(Row(name, _rounded(float(value)), unit, target, verdict))

    def as_json(self) -> dict[str, Any]:
        """The report as one object."""
        return {"bench": self.bench, "rows": [asdict(row) for row in self.rows]}


def _rounded(value: float) -> float:
    """Four decimals, or three digits of what is smaller: an error may be a millionth."""
    return round(value, 4) if abs(value) >= 0.1 else float(f"{value:.3g}")


BENCHES = {
    "callback": "blocks run of blocks due: bare, idle rack, rack beside busy Python",
    "plugins": "each plugin's cost beside pedalboard's equivalent",
    "models": "each model's cost beside onnxruntime, torch and the core's own peak; takes files",
    "roundtrip": "samples from output to input through a loop-back",
    "switch": "presets switched every 100 ms: late blocks and clicks",
    "start": "seconds from the command to the first block",
    "stage": "what a performer touches: MIDI to sound, set list, hosted plugins, the page",
}


def known() -> dict[str, str]:
    """Every benchmark and what it measures: ours, and those that other packages add."""
    added = {name: (run.__doc__ or "").strip() for name, run in addons.benches().items()}
    return BENCHES | {name: about.split("\n")[0].rstrip(".") for name, about in added.items()}


def find(name: str) -> Callable[..., Report]:
    """The benchmark called ``name``."""
    given = addons.benches()
    run: Callable[..., Report] = (
        import_module(f"engine.bench.{name}").run if name in BENCHES else given[name]
    )
    return run
