"""A performer's last seconds, in the style of a recording, played as an answering layer.

A worker process optimises them without anything learnt (Barry and Kim 2017, in closed form); the
audio thread only reads what is finished.
"""

from plugins.style.plugin import Style

__all__ = ["Style"]
