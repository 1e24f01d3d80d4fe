"""Drummers that were learnt: the files they come in, and what the numbers in these mean."""

from engine.rhythm.model import CARD, GOLDEN, NETWORK, RhythmModel, open_rhythm

__all__ = ["CARD", "GOLDEN", "NETWORK", "RhythmModel", "open_rhythm"]
