"""The mistakes of whoever uses a sampler; imports nothing."""

from __future__ import annotations


class SamplerError(ValueError):
    """Models, jobs or sounds that cannot be used: what was given, what is allowed."""


__all__ = ["SamplerError"]
