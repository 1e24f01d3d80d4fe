"""Pairs of dry and wet sound, the material that effects are learnt from."""

from models.pairs.errors import PairsError
from models.pairs.reader import KnobRange, Pair, Pairs, open_pairs

__all__ = ["KnobRange", "Pair", "Pairs", "PairsError", "open_pairs"]
