"""A live sound pulled towards another one's timbre, through a morph's latents.

Networks and transforms run in compiled code on the audio thread (engine.morph); nothing of it is
Python.
"""

from plugins.timbre.plugin import Timbre

__all__ = ["Timbre"]
