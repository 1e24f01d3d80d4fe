"""A trained network from the zoo, on the audio thread."""

from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from engine.artefact import Artefact, ArtefactError, open_artefact
from engine.kernel import Audio, kernel
from engine.params import Param, Setting, along
from engine.plugin import PluginError, Setup
from engine.session import SessionPlugin, session_process

TARGET_DB = -18.0


class Model(SessionPlugin):
    """Play a trained network: an amp, a pedal, anything exported to the zoo."""

    model = Setting("drive", "model", help="A name in the zoo, or a path to a model's folder")
    loudness = Setting("normalised", help="normalised: about -18 dB out; raw: as trained")
    input_db = Param(0.0, -24.0, 24.0, "dB", help="Gain into the network: its drive")

    def prepare(self, setup: Setup) -> dict[str, Any]:
        if self.loudness not in ("normalised", "raw"):
            raise PluginError(f"loudness = {self.loudness!r} is not one of normalised, raw")
        try:
            artefact = open_artefact(find_model(str(self.model), setup.folder))
        except ArtefactError as error:
            raise PluginError(str(error)) from None
        self.warnings = self._warn(artefact, setup)
        return self.load(
            artefact.network_path,
            setup,
            artefact.hop_samples,
            artefact.state,
            scale_out=self._scale(artefact),
        )

    def _scale(self, artefact: Artefact) -> float:
        if self.loudness == "raw" or artefact.loudness_db is None:
            return 1.0
        return float(10.0 ** ((TARGET_DB - artefact.loudness_db) / 20.0))

    def _warn(self, artefact: Artefact, setup: Setup) -> tuple[str, ...]:
        if artefact.sample_rate == setup.sample_rate:
            return ()
        return (
            f"{artefact.name} was trained at {artefact.sample_rate} Hz and runs at "
            f"{setup.sample_rate} Hz: its tone shifts by that much",
        )

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames = audio.shape[1]
        for i in range(frames):
            audio[0, i] *= np.float32(10.0) ** (along(knobs.input_db, i) * np.float32(0.05))
        session_process(audio, knobs, state)


def user_zoo() -> Path:
    """Where a player's own models are looked for."""
    return Path(platformdirs.user_data_dir("taraf")) / "models"


def zoo() -> Path:
    """Where the models that come with taraf are."""
    return Path(__file__).parents[1] / "models" / "zoo"


def find_model(name: str, folder: Path) -> Path:
    """The folder of the model called ``name``: by path, the player's own, or shipped."""
    if any(mark in name for mark in "/\\"):
        return folder / name
    known: dict[str, Path] = {}
    for place in (zoo(), user_zoo()):
        if place.is_dir():
            known.update({path.name: path for path in sorted(place.iterdir()) if path.is_dir()})
    if name not in known and name and (folder / name).exists():
        return folder / name
    if name not in known:
        raise PluginError(f"no model is called {name!r}; there are {', '.join(known) or 'none'}")
    return known[name]
