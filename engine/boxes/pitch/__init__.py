"""A pitch shifter as a grey box: a phase vocoder that stretches, and a resampler."""

from engine.boxes.pitch.shifter import PitchShift

__all__ = ["PitchShift"]
