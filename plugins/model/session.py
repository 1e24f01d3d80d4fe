"""A model of any architecture in ONNX, run by ONNX Runtime on the audio thread."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import Audio, kernel
from engine.params import along
from engine.plugin import Setup
from engine.session import SessionPlugin, session_process
from plugins.model.levels import TARGET_DB
from plugins.model.plugin import Model


class SessionModel(Model, SessionPlugin):
    """A zoo folder whose network is ``model.onnx``."""

    def prepare(self, setup: Setup) -> dict[str, Any]:
        artefact = self.source.artefact
        assert artefact is not None
        if artefact.sample_rate != setup.sample_rate:
            self.warnings = (
                f"{artefact.name} was trained at {artefact.sample_rate} Hz and runs at "
                f"{setup.sample_rate} Hz: its tone shifts by that much",
            )
        scale = 1.0
        if self.levels == "normalised" and artefact.loudness_db is not None:
            scale = 10.0 ** ((TARGET_DB - artefact.loudness_db) / 20.0)
        return self.load(
            artefact.network_path, setup, artefact.hop_samples, artefact.state, scale_out=scale
        )

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        Model.bind(self, state)
        SessionPlugin.bind(self, state)

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames = audio.shape[1]
        for i in range(frames):
            audio[0, i] *= np.float32(10.0) ** (along(knobs.input_db, i) * np.float32(0.05))
        session_process(audio, knobs, state)
