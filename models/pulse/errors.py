"""The mistakes of whoever trains or studies rhythm; imports nothing."""

from __future__ import annotations


class PulseError(ValueError):
    """Takes, recordings or models that cannot be used: what was given, what is allowed."""


class Absent(PulseError):
    """Data or a program that are not here at all."""


__all__ = ["Absent", "PulseError"]
