"""A performer's last seconds are the seed of what a network that learnt a recording goes on with.

The network runs in compiled code on the audio thread, a step spread over the hop before the one
that it makes; nothing of it is Python.
"""

from plugins.sampler.plugin import Sampler

__all__ = ["Sampler"]
