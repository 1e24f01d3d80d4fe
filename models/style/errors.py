"""The mistakes of whoever transfers a style; imports nothing."""

from __future__ import annotations


class StyleError(ValueError):
    """Recordings, settings or files that cannot be used: what was given, what is allowed."""


__all__ = ["StyleError"]
