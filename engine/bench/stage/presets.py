"""Twenty presets with models, each marked so that a switch can be seen to the sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.rack import Lane, Link, Rack

COUNT = 20
MODELS = ("amp", "drive", "lead", "fuzz", "distortion")
IRS = ("builtin:closed-412", "builtin:open-back", "builtin:combo-110")
MARK_LEVEL = 0.25
MARK_STEP_DB = -1.5


def chain(number: int) -> tuple[Link, ...]:
    """Gate, model, cabinet, delay and reverb, no two alike."""
    return (
        Link("gate", "gate", {"threshold_db": -50.0 - number}),
        Link("model", "model", {}, {"model": MODELS[number % len(MODELS)]}),
        Link("cabinet", "cabinet", {}, {"ir": IRS[number % len(IRS)]}),
        Link("delay", "delay", {"time_ms": 220.0 + 20.0 * number, "feedback": 0.4, "mix": 0.3}),
        Link("reverb", "reverb", {"decay_s": 0.8 + 0.1 * number, "mix": 0.2}),
    )


def plain(number: int) -> Rack:
    """Preset ``number`` (from 0)."""
    return Rack(f"preset {number + 1}", lanes=(Lane("guitar", "left", chain(number)),))


def marked(number: int) -> Rack:
    """The same on the left; on the right the right input at a level of this preset's own."""
    lanes = (
        Lane("guitar", "left", chain(number), {"pan": -1.0}),
        Lane("mark", "right", (), {"pan": 1.0, "gain_db": MARK_STEP_DB * number}),
    )
    return Rack(f"preset {number + 1}", lanes=lanes)


def source(path: Path, rate: int) -> None:
    """A file for the virtual device: the guitar left, a steady level right."""
    import soundfile

    from engine.performance import guitar

    sound = guitar(rate)
    steady = np.full(len(sound), MARK_LEVEL, np.float32)
    soundfile.write(path, np.stack([sound, steady], axis=1), rate, subtype="FLOAT")


__all__ = ["COUNT", "marked", "plain", "source"]
