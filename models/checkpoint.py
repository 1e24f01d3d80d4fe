"""Writes what torch keeps of a training, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.whole import whole

FULL = "cannot be written, the disk may be full; what was there before is whole"
WRITER = ("PytorchStreamWriter", "inline_container", "iostream")
"""In what torch says of a file that it cannot write."""


def save_checkpoint(path: Path, kept: Mapping[str, Any], sync: bool = True) -> None:
    """Write tensors and plain values for torch.load, in a folder that is made.

    OSError, of one line that names ``path``, where that fails; what was there is left whole.
    """
    import torch

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path, sync) as part, part.open("wb") as file:
            torch.save(dict(kept), file)
    except OSError as error:
        raise _refused(error, path) from None
    except RuntimeError as error:  # torch raises its own over what the system said
        if isinstance(error.__context__, OSError):
            raise _refused(error.__context__, path) from None
        if not any(word in str(error) for word in WRITER):
            raise
        raise OSError(errno.EIO, FULL, str(path)) from None


def _refused(error: OSError, path: Path) -> OSError:
    number = error.errno or errno.EIO
    full = number in (errno.ENOSPC, errno.EDQUOT)
    return OSError(number, FULL if full else error.strerror or os.strerror(number), str(path))


__all__ = ["save_checkpoint"]
