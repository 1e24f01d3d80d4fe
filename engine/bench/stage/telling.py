"""What the bench says while it works, and what may be missing."""

from __future__ import annotations

import sys


class StageError(ValueError):
    """A part that does not exist, or could not be measured to its end."""


class Missing(StageError):
    """Something is not installed here; the part is left out."""


def say(text: str) -> None:
    """Progress, on standard error: standard output is for figures."""
    print(f"bench stage: {text}", file=sys.stderr, flush=True)


__all__ = ["Missing", "StageError", "say"]
