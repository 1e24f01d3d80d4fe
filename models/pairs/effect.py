"""What is rendered through, how and where, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models.cluster.here import Here
from models.cluster.unit import Executor, Program, Unit
from models.pairs import manifest, spec
from models.pairs.sources import Source

CODE = ("models.pairs", "numpy", "pedalboard", "soundfile")
"""What decides how a pair sounds, beside plugins of others."""


@dataclass(frozen=True)
class Effect:
    """What to render through. ``latency`` is "auto", "reported" or frames beyond the reported."""

    stages: tuple[spec.Stage, ...]
    values: dict[str, spec.Value] = field(default_factory=dict)
    grid: tuple[spec.Knob, ...] = ()
    latency: str | int = "auto"

    @property
    def anywhere(self) -> Effect:
        """The same for whoever is in another folder: files that settings name, by whole paths."""
        stages = tuple(replace(stage, values=_whole(stage.values)) for stage in self.stages)
        return replace(self, stages=stages, values=_whole(self.values))

    def document(self) -> dict[str, Any]:
        """The effect as the manifest's header tells it."""
        return {
            "stages": spec.document(self.stages),
            "set": dict(self.values),
            "grid": {knob.name: list(knob.values) for knob in self.grid},
            "latency": self.latency,
        }


@dataclass(frozen=True)
class Work:
    """How to render: processes, seconds a pair may take, where plugins print, start anew."""

    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    timeout_s: float = 60.0
    log: str = os.devnull
    resume: bool = True
    on: Executor | None = None
    """Where pairs are rendered; processes of this machine unless given."""

    @property
    def executor(self) -> Executor:
        """What renders."""
        return self.on or Here(self.jobs)


@dataclass(frozen=True)
class Summary:
    """What a render did. ``failed`` is (pair, why)."""

    rendered: int
    kept: int
    failed: tuple[tuple[str, str], ...]
    seconds: float
    audio_seconds: float
    latency_frames: int
    warnings: tuple[str, ...]

    @property
    def times_real_time(self) -> float:
        """Seconds of wet sound per second."""
        return self.audio_seconds / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Pair(Unit):
    """A unit that is one pair: which dry sound, at which setting."""

    source: Source | None = None
    knobs: dict[str, float] = field(default_factory=dict)


def program(effect: Effect, work: Work, fresh: bool) -> Program:
    """What renders: players are made anew for each pair where ``fresh``."""
    effect = effect.anywhere
    setup = {"stages": spec.document(effect.stages), "fresh": fresh, "log": work.log}
    if named := contents(effect):
        setup["contents"] = named
    return Program("models.pairs.worker", setup, CODE, work.timeout_s)


def _whole(values: Mapping[str, spec.Value]) -> dict[str, spec.Value]:
    """Settings with whole paths; what has no suffix is a plugin's own word, not a file's name."""
    return {
        name: str(Path(value).absolute())
        if isinstance(value, str) and Path(value).suffix and Path(value).is_file()
        else value
        for name, value in values.items()
    }


def contents(effect: Effect) -> dict[str, str]:
    """The files that settings name, an impulse response for example, and their hashes."""
    values = [*effect.values.values(), *(v for s in effect.stages for v in s.values.values())]
    paths = [Path(value) for value in values if isinstance(value, str) and value]
    return {str(path): manifest.sha256(path) for path in paths if path.is_file()}


__all__ = ["Effect", "Pair", "Summary", "Work", "program"]
