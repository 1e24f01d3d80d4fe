"""What the bench says while it works, and what may be missing."""

from __future__ import annotations

import sys

from engine.bench.parts import Missing, StageError


def say(text: str) -> None:
    """Progress, on standard error: standard output is for figures."""
    print(f"bench stage: {text}", file=sys.stderr, flush=True)


__all__ = ["Missing", "StageError", "say"]
