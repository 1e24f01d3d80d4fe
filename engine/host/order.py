"""What a window asks of an audio process, and what it hears of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.stream import DeviceChoice


class HostError(ValueError):
    """An audio process that does not start or answer."""


@dataclass(frozen=True)
class Order:
    """How to run: which device, what the virtual one plays, for how long."""

    device: DeviceChoice = field(default_factory=DeviceChoice)
    input: str = ""
    loop: bool = True
    frames: int | None = None
    fast: bool = False
    armed: bool = False
    lock: bool = True


@dataclass
class Event:
    """Something a player should know: when (seconds since the start), what."""

    seconds: float
    message: str
