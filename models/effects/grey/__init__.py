"""Grey boxes learnt from pairs: finders look at pairs of one kind and say what they found.

A finder is a function ``find(pairs) -> Found | None``. It is quick to return None where the
pairs are of another kind, so that all may be asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.modelfiles.model import Knob
from engine.neural.network import Network


class GreyError(ValueError):
    """Pairs from which nothing can be found: what is wrong with them, in one line."""


@dataclass(frozen=True)
class Found:
    """An effect as a network of grey boxes, and why it is believed to be one."""

    name: str
    network: Network
    why: tuple[str, ...]
    """What was measured and decided, one sentence each."""
    validation_esr: float
    """Error-to-signal ratio on the validation pairs; nothing was fitted to them."""
    latency_samples: int = 0
    knobs: tuple[Knob, ...] = ()


__all__ = ["Found", "GreyError"]
