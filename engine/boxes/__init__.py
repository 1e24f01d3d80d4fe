"""Grey boxes: effects whose structure is known and whose numbers are learnt from pairs of sound.

A box is an operation of a network (``engine.neural.network.Stage``), so it plays, fades, resamples
and is kept in a file like any other model.
"""

from engine.boxes.box import Box, BoxError
from engine.boxes.compiled import Loaded, load, play
from engine.boxes.documents import BOXES, read_box

__all__ = ["BOXES", "Box", "BoxError", "Loaded", "load", "play", "read_box"]
