"""A transfer's folder: settings, the curve, a preview, a checkpoint to go on from, the result."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.whole import write_whole
from models.checkpoint import save_checkpoint
from models.style.errors import StyleError
from models.style.settings import Settings
from models.style.sound import Recording
from models.style.transfer import Progress, Result, Transfer
from models.style.windows import Windows

CHECKPOINT, SETTINGS, CURVE = "checkpoint.pt", "settings.json", "curve.json"
PREVIEW, RESULT = "preview.wav", "result.wav"
FORMAT = 1
FREE = ("iterations", "workers", "device")
"""What may be another when it goes on."""
FREE_OF_WINDOWS = ("workers", "device")
"""A window that is over is not begun again, so more iterations would reach the others alone."""


class Folder:
    """Where a transfer is kept; every file is written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(
        self, content: Recording | None, styles: Sequence[Recording], settings: Settings,
        shares: Sequence[float] | None = None, resumed: Transfer | Windows | None = None,
        **more: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Make the folder and write what was asked for, ``more`` with it; returns it.

        No content: a texture. ``resumed`` goes on from the checkpoint; StyleError, and nothing is
        written, if that is of something else.
        """
        asked = {**described(content, styles, settings, shares), **more}
        if resumed is not None:
            self.resume(resumed, asked)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StyleError(f"{self.path}: {error.strerror or error}") from None
        self._json(SETTINGS, asked)
        return asked

    def save(self, transfer: Transfer | Windows, asked: dict[str, Any]) -> None:
        """Write where it stands; OSError."""
        kept = {"format": FORMAT, "asked": asked, "state": transfer.state()}
        save_checkpoint(self.path / CHECKPOINT, kept, sync=False)

    def resume(self, transfer: Transfer | Windows, asked: dict[str, Any]) -> bool:
        """Go on from the checkpoint, if there is one; StyleError if it is of something else."""
        import torch

        path = self.path / CHECKPOINT
        if not path.exists():
            return False
        try:
            kept = torch.load(path, weights_only=True)
            found, state = kept["asked"], kept["state"]
        except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
            raise StyleError(f"{path}: is no checkpoint of a transfer; begin without it") from None
        free = FREE_OF_WINDOWS if isinstance(transfer, Windows) else FREE
        for name in sorted(set(asked) | set(found)):
            if name not in free and found.get(name) != asked.get(name):
                told = f"{name} was {found.get(name)} and is {asked.get(name)}"
                raise StyleError(f"{path}: is of another transfer: {told}")
        transfer.restore(state)
        return True

    def preview(self, progress: Progress) -> Path:
        """Write the best so far; where it is."""
        return self._sound(PREVIEW, progress.preview())

    def finish(self, result: Result) -> Path:
        """Write the result and the curve of its losses; where the sound is."""
        self._json(CURVE, told(result) | {"history": result.history})
        return self._sound(RESULT, result.sound)

    def _sound(self, name: str, sound: Recording) -> Path:
        write(self.path / name, sound)
        return self.path / name

    def _json(self, name: str, what: dict[str, Any]) -> None:
        write_whole(self.path / name, (json.dumps(what, indent=1) + "\n").encode(), sync=False)


def told(result: Result) -> dict[str, Any]:
    """What JSON tells of a result: all but the sound and the losses of the way."""
    return {
        "loss": result.loss, "parts": result.parts, "iterations": result.iterations,
        "evaluations": result.evaluations, "seconds": result.seconds,
        "cpu_seconds": result.cpu_seconds, "ended": result.ended,
    }  # fmt: skip


def write(path: Path, sound: Recording) -> None:
    """A recording as a sound file of the kind its name says; SoundError."""
    import numpy as np

    from engine.soundfiles import SoundWriter

    frames = np.ascontiguousarray(sound.samples.T)
    with SoundWriter(path, sound.rate, sound.channels, len(frames)) as writer:
        writer.write(frames)


def described(
    content: Recording | None, styles: Sequence[Recording], settings: Settings,
    shares: Sequence[float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What makes a transfer the same one: the settings and fingerprints of the sounds."""
    flat = asdict(settings)
    knobs = flat.pop("knobs")
    return {
        **flat, **knobs, "content_sound": fingerprint(content) if content else "",
        "style_sounds": " ".join(fingerprint(style) for style in styles),
        "shares": [float(share) for share in shares or [1.0] * len(styles)],
    }  # fmt: skip


def fingerprint(sound: Recording) -> str:
    """Sixteen digits that another sound does not have."""
    made = hashlib.sha256(sound.samples.tobytes())
    made.update(f"{sound.rate} {sound.channels}".encode())
    return made.hexdigest()[:16]


__all__ = ["Folder", "described", "fingerprint", "told", "write"]
