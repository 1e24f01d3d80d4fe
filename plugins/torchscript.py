"""A TorchScript module as a plugin, in a process of its own."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from engine.kernel import Audio
from engine.params import Setting
from engine.plugin import PluginError, Setup
from engine.worker import WorkerPlugin


class TorchScript(WorkerPlugin):
    """A scripted PyTorch module: (channels, 64) in, the same out, state inside the module."""

    module = Setting("", "file", help="A file written by torch.jit.save")

    def prepare(self, setup: Setup) -> dict[str, Any]:
        self._path(setup)
        return super().prepare(setup)

    def open(self, setup: Setup) -> None:
        try:
            torch = importlib.import_module("torch")
        except ImportError:
            raise PluginError("needs PyTorch; pip install 'taraf[train]'") from None
        torch.set_num_threads(1)
        path = self._path(setup)
        try:
            self._module = torch.jit.load(str(path), map_location="cpu").eval()
            trial = self._run(torch, np.zeros((setup.channels, 64), np.float32))
        except (RuntimeError, ValueError, AttributeError, TypeError) as error:  # a tuple, too
            reason = " ".join(str(error).split())[:200]
            raise PluginError(f"{path}: is not a module for (channels, 64): {reason}") from None
        if trial.shape != (setup.channels, 64):
            raise PluginError(
                f"{path}: returns {list(trial.shape)}; allowed is {[setup.channels, 64]}"
            )
        self._module = torch.jit.load(str(path), map_location="cpu").eval()  # fresh state
        self._torch = torch

    def _path(self, setup: Setup) -> Path:
        path = setup.folder / str(self.module)
        if not path.is_file():
            raise PluginError(f"{path}: there is no such file; `module` names a TorchScript file")
        return path

    def _run(self, torch: Any, audio: Audio) -> Any:
        with torch.inference_mode():
            return self._module(torch.from_numpy(audio)).numpy()

    def work(self, audio: Audio, knobs: dict[str, float]) -> None:
        audio[:] = self._run(self._torch, audio)
