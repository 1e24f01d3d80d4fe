"""The bench of plug-ins, by name; what it needs comes in when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.bench import Report


def vst(block: int = 64, seconds: float = 1.0) -> Report:
    """each VST3 found here: its cost for 64 frames, latency, error against pedalboard's own."""
    from plugins.vst.measuring import measured

    return measured(block, seconds)


__all__ = ["vst"]
