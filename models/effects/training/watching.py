"""What a training shows: a bar, TensorBoard's curves, and a preview to listen to."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from engine.jobs import progress
from models.pairs.wav import wav_bytes, write_whole

Audio = NDArray[np.float32]
PREVIEW_S = 5.0


def fabric(accelerator: str, folder: Path | None) -> Any:
    """Return lightning's Fabric on one device, logging to ``folder``; its own talk is silenced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("lightning", "lightning.fabric", "lightning.pytorch"):
            logging.getLogger(name).setLevel(logging.ERROR)
        from lightning.fabric import Fabric
        from lightning.fabric.loggers import TensorBoardLogger

        loggers = []
        if folder is not None:
            loggers = [TensorBoardLogger(folder, name="tensorboard", version="")]
        return Fabric(accelerator=accelerator, devices=1, loggers=loggers)


class Bar:
    """A line of progress on standard error, silent where it is not wanted; a job hears it, too."""

    def __init__(self, shown: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, disable=not shown)
        self._task = self._bar.add_task("training", total=1.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, done: float, step: int, loss: float, esr: float) -> None:
        """Show the share that is done, the last loss and the best validation so far."""
        text = f"step {step}  loss {loss:.4f}  ESR {esr:.5f}" if esr < 1e9 else f"step {step}"
        self._bar.update(self._task, completed=done, description=text)
        progress(done, text)


def write_preview(folder: Path, sample_rate: int, sounds: dict[str, Audio]) -> None:
    """Write ``sounds`` (frames,) as preview-NAME.wav, each whole or not at all."""
    for name, sound in sounds.items():
        write_whole(folder / f"preview-{name}.wav", wav_bytes(sound, sample_rate))
