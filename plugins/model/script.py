"""A model in TorchScript, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.kernel import Audio
from engine.plugin import Setup
from engine.worker import WorkerPlugin
from plugins.model.plugin import Model
from plugins.torchscript import TorchScript


class ScriptModel(Model, TorchScript):
    """A file written by torch.jit.save: (1, 64) in, the same out."""

    ring_depth = WorkerPlugin.ring_depth
    process = WorkerPlugin.process
    counts_misses = True

    def prepare(self, setup: Setup) -> dict[str, Any]:
        return TorchScript.prepare(self, setup)

    def _path(self, setup: Setup) -> Path:
        from plugins.model.sources import find_source

        return find_source(str(self.model), setup.folder).path

    def work(self, audio: Audio, knobs: dict[str, float]) -> None:
        audio *= 10.0 ** (knobs["input_db"] / 20.0)
        super().work(audio, knobs)
