"""Writes a model's file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from engine.modelfiles.reading import refuse


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` in place of what was there; ModelFileError, and no change, if that fails."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        refuse(path, f"cannot be written: {error.strerror}")
    finally:
        part.unlink(missing_ok=True)
