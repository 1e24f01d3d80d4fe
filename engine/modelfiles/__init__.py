"""Opens the files that models of amplifiers and pedals come in, whoever trained them.

``open_model`` knows the format by what is in the file, not by its name: Neural Amp Modeler
(``.nam`` and ``.namb``), GuitarML and Automated-GuitarAmpModelling, AIDA-X and RTNeural,
PedalNetRT and SmartGuitarAmp, and our own. ``engine.modelfiles.write`` writes ``.nam``,
``engine.modelfiles.taraf`` our own.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from engine.modelfiles.guitarml import read_guitarml
from engine.modelfiles.model import Knob, ModelFile, ModelFileError, Size
from engine.modelfiles.nam import read_nam
from engine.modelfiles.namb import MAGIC, read_namb
from engine.modelfiles.reading import read_bytes, read_json, refuse
from engine.modelfiles.rtneural import read_rtneural
from engine.modelfiles.taraf import FORMAT, read_taraf
from engine.modelfiles.wavenetva import read_wavenetva

__all__ = ["SUFFIXES", "Knob", "ModelFile", "ModelFileError", "Size", "open_model"]

SUFFIXES = (".nam", ".namb", ".json", ".aidax")
READERS = {"state_dict": read_guitarml, "layers": read_rtneural, "variables": read_wavenetva}


def open_model(path: str | os.PathLike[str], core_compatible: bool = False) -> ModelFile:
    """Open a model's file; ModelFileError, in one line, if it cannot be played.

    ``core_compatible`` plays ``.nam`` as NeuralAmpModelerCore does where that differs from
    what was trained: a FiLM behind layer1x1 is heard only in blended layers, and the limits
    of a Hardtanh are 1.
    """
    path = Path(path)
    data = read_bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    if data[:4] == MAGIC:
        return read_namb(path, data, sha256, core_compatible)
    root = read_json(path, data)
    if root.values.get("format") == FORMAT:
        return read_taraf(root, sha256)
    if root.has("architecture"):
        return read_nam(root, sha256, core_compatible)
    for key, read in READERS.items():
        if root.has(key):
            return read(root, sha256)
    keys = "architecture (NAM), state_dict (GuitarML), layers (RTNeural), variables (WaveNetVA)"
    refuse(path, f"is no model that we know: it has none of {keys} or format (taraf)")
