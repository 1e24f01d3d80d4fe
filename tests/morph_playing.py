"""A morph that is played by messages, and what is measured of its sound."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from morph_tones import tones_file

from engine.layout import NOTE
from engine.rack import Lane, Link, Rack
from engine.render import Move, Renderer

RATE = 48_000
KEY = 60
ON, OFF, CONTROLLER, BEND = 0x90, 0x80, 0xB0, 0xE0
VOICES, X, Y, SOUNDS = range(4)
Message = tuple[int, int, int, int]
"""Frame, status, and two more bytes."""


@cache
def file(grid: str = "live") -> Path:
    return tones_file(Path(mkdtemp()), grid)


def rack(grid: str = "live", settings: dict[str, Any] | None = None, **knobs: float) -> Rack:
    chosen = {"model": str(file(grid)), **(settings or {})}
    link = Link("morph", "morph", {"wheel_x": 0.0, **knobs}, chosen)
    return Rack("test", lanes=(Lane("a", "none", (link,)),))


class Played:
    """A morph that is played by messages."""

    def __init__(
        self, rack: Rack, messages: list[Message], moves: list[Move] | None = None,
        rate: int = RATE, block: int = 64,
    ) -> None:  # fmt: skip
        self.renderer = Renderer(rack, rate, 1, block, moves or [])
        shared, table = self.renderer.shared, self.renderer.table
        for frame, *told in sorted(messages):
            packed = float(int.from_bytes(bytes(told), "little"))
            assert shared.send(table.id, 0, NOTE, packed, frame)

    def push(self, frames: int) -> Any:
        return self.renderer.push(np.zeros((frames, 1), np.float32))[:, 0]

    def told(self, readout: int) -> float:
        return float(self.renderer.shared.control["readouts"][0, 0, readout])


def heard(
    messages: list[Message], frames: int = RATE, grid: str = "live",
    moves: list[Move] | None = None, rate: int = RATE, block: int = 64,
    settings: dict[str, Any] | None = None, **knobs: float,
) -> Any:  # fmt: skip
    """What is heard of some messages (frames,)."""
    played = Played(rack(grid, settings, **knobs), messages, moves, rate, block)
    whole = -(-frames // block) * block
    return played.push(whole)[:frames]


def note(key: int = KEY, at: int = 0, until: int = -1, velocity: int = 100) -> list[Message]:
    ends = [(until, OFF, key, 0)] if until >= 0 else []
    return [(at, ON, key, velocity), *ends]


def hertz_of(sound: Any, near: float, rate: int = RATE) -> float:
    """The frequency of the partial at about ``near``, from how its phase goes on."""
    time = np.arange(len(sound)) / rate
    wide = np.hanning(rate // 20)
    turned = np.convolve(sound * np.exp(-2j * np.pi * near * time), wide, "valid")
    phase = np.unwrap(np.angle(turned))
    return near + float(np.polyfit(np.arange(len(phase)) / rate, phase, 1)[0]) / (2.0 * np.pi)


def cents(sound: Any, key: float, rate: int = RATE) -> float:
    wanted = 440.0 * 2.0 ** ((key - 69.0) / 12.0)
    return 1200.0 * float(np.log2(hertz_of(sound, wanted, rate) / wanted))


def rms(sound: Any) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def largest_step(sound: Any) -> float:
    return float(np.abs(np.diff(sound)).max())


def partial(sound: Any, key: int, number: int) -> Any:
    """How large a partial is all along ``sound``: two means over a period, no later than it."""
    hertz = 440.0 * 2.0 ** ((key - 69.0) / 12.0)
    turned = sound * np.exp(-2j * np.pi * number * hertz * np.arange(len(sound)) / RATE)
    period = np.ones(round(RATE / hertz)) / round(RATE / hertz)
    return np.abs(np.convolve(turned, np.convolve(period, period), "same"))
