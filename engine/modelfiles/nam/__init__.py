"""Reads ``.nam``, the JSON of Neural Amp Modeler, in all its architectures and versions."""

from engine.modelfiles.nam.document import read_nam

__all__ = ["read_nam"]
