"""The command line in a process of its own."""

from __future__ import annotations

import sys

MAIN = "import sys; from engine.cli import main; sys.exit(main())"


def command(*words: str) -> list[str]:
    """What to start for ``taraf WORDS``: the same Python, wherever its script lies."""
    return [sys.executable, "-P", "-c", MAIN, *words]


__all__ = ["command"]
