"""What a button or a pedal can do, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.control import follower
from engine.rack import RackError

if TYPE_CHECKING:
    from engine.control.desk import Desk

ACTIONS = (
    "next", "previous", "select", "tap", "panic", "record", "bypass", "compare", "undo", "redo",
    "save", *follower.ACTIONS,
)  # fmt: skip


def act(desk: Desk, action: str, value: float | None, source: str, stamp_ns: int | None) -> None:
    """Do one of ``ACTIONS``; ``value`` is the preset's number for "select"."""
    match action:
        case "next" | "previous":
            desk.step(1 if action == "next" else -1, source)
        case "select":
            desk.select(int(value or 0), source)
        case "tap":
            desk.tap(source, stamp_ns)
        case "bypass" | "record":
            on = None if value is None else value > 0.0
            getattr(desk, action)(on, source)
        case "panic" | "compare" | "undo" | "redo":
            getattr(desk, action)(source)
        case "save":
            desk.save(source=source)
        case _ if action in follower.ACTIONS:
            follower.act(desk, action, source, stamp_ns)
        case _:
            raise RackError(f"{action!r} is not one of {', '.join(ACTIONS)}")
