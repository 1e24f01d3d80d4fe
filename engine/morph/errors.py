"""The mistakes of whoever uses a morph; imports nothing."""

from __future__ import annotations


class MorphError(ValueError):
    """Models, notes or sounds that cannot be used: what was given, what is allowed."""


__all__ = ["MorphError"]
