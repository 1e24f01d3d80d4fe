"""Where a training of the thesis stands, written whole or not at all, and its best network.

settings.json    the settings, and what the network must know of the notes
checkpoint.pt    after each epoch: weights, optimiser, learning rate, history
best.pt          the weights that validate best
history.jsonl    a line for each epoch
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.morph.errors import MorphError
from engine.whole import whole
from models.checkpoint import save_checkpoint
from models.morph.seed.settings import Settings

SETTINGS, CHECKPOINT, BEST, HISTORY = (
    "settings.json", "checkpoint.pt", "best.pt", "history.jsonl",
)  # fmt: skip
CHANGEABLE = ("epochs", "minutes", "threads", "device")
"""Settings that may be others when a training is resumed."""


def check_folder(folder: Path, resume: bool) -> None:
    """MorphError, one line, if a training cannot begin in ``folder``, or not go on there."""
    known = (folder / CHECKPOINT).exists()
    if known and not resume:
        raise MorphError(f"{folder}: holds a training; resume goes on, another name keeps both")
    if resume and not known:
        raise MorphError(f"{folder / CHECKPOINT}: there is no checkpoint to resume from")


def write_settings(folder: Path, settings: Settings, samples: int) -> None:
    """What `read_settings` reads."""
    told = {"format": 1, "samples": samples, **settings.as_json()}
    _write(folder / SETTINGS, (json.dumps(told, indent=2) + "\n").encode())


def read_settings(folder: Path) -> tuple[Settings, int]:
    """The settings of a training, and the samples of its notes; MorphError in one line."""
    path = folder / SETTINGS
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        samples = int(told.pop("samples"))
        if told.pop("format") != 1:
            raise MorphError("format 1 is allowed")
        return Settings.from_json(told), samples
    except OSError as error:
        raise MorphError(f"{path}: {error.strerror or error}") from None
    except MorphError as error:
        raise MorphError(f"{path}: {error}") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise MorphError(f"{path}: is not the settings of a training") from None


def save(path: Path, kept: Mapping[str, Any]) -> None:
    """Write tensors and plain values; MorphError, and no change, where that fails."""
    try:
        save_checkpoint(path, kept)
    except OSError as error:
        raise MorphError(f"{path}: {error.strerror}") from None


def load(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    """What `save` wrote, with these names in it; MorphError in one line."""
    import torch

    if not path.is_file():
        raise MorphError(f"{path}: there is no such file")
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")
        missing = [name for name in wanted if name not in kept]
    except Exception as error:  # torch raises pickle's and zip's own errors
        raise MorphError(f"{path}: cannot be read: {type(error).__name__}") from None
    if missing:
        raise MorphError(f"{path}: holds no {missing[0]}")
    return dict(kept)


def check_same(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """MorphError if a training was of other settings than those it is to go on with."""
    for name, value in now.items():
        if name not in CHANGEABLE and before.get(name) != value:
            told = f"{name} = {json.dumps(value)}, there {json.dumps(before.get(name))}"
            raise MorphError(f"{path}: is of another training: {told}")


def write_history(folder: Path, rows: list[dict[str, Any]]) -> None:
    """All epochs so far, a line of JSON each."""
    _write(folder / HISTORY, "".join(json.dumps(row) + "\n" for row in rows).encode())


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise MorphError(f"{path}: {error.strerror or error}") from None


__all__ = [
    "BEST", "CHECKPOINT", "HISTORY", "SETTINGS", "check_folder", "check_same", "load",
    "read_settings", "save", "write_history", "write_settings",
]  # fmt: skip
