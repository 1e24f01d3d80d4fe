"""A pitch shifter as a grey box: a phase vocoder that stretches, and a resampler.

It makes what Rubber Band makes (Breakfast Quay, GPL-2.0-or-later, https://breakfastquay.com/
rubberband/), because many effects are built on that. Its algorithm and its constants, such as
window sizes, hops, thresholds of onsets, bins that are locked and the resampler's filter, were
read in Rubber Band's published source; the code here was written anew. The papers behind each
part are named where it is.
"""

from engine.boxes.pitch.shifter import PitchShift

__all__ = ["PitchShift"]
