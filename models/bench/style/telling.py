"""What the bench says while it works."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Progress, on standard error: standard output is for figures."""
    print(f"bench style: {text}", file=sys.stderr, flush=True)


__all__ = ["say"]
