"""The mistakes of whoever judges; imports nothing, so that a command can raise it at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class JudgeError(ValueError):
    """Sounds, models or listening tests that cannot be judged: what was given, what is allowed."""


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Import inside this: what is not installed is told as what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "a package").split(".")[0]
        raise JudgeError(
            f"this needs {package}, which is not installed: pip install 'taraf[{extra}]'"
        ) from None


__all__ = ["JudgeError", "needed"]
