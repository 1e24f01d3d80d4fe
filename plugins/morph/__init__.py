"""An instrument whose notes lie between sounds: a morph's latents, blended as one plays.

Networks and phases run in compiled code on the audio thread (engine.morph); nothing of it is
Python.
"""

from plugins.morph.plugin import Morph

__all__ = ["Morph"]
