"""Writes a model's file whole or not at all."""

from __future__ import annotations

from pathlib import Path

from engine import whole
from engine.modelfiles.reading import refuse


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` in place of what was there; ModelFileError, and no change, if that fails."""
    try:
        whole.write_whole(path, data)
    except OSError as error:
        refuse(path, f"cannot be written: {error.strerror or error}")
