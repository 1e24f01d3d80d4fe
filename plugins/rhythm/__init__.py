"""A drummer that was learnt: it hears the performer, and answers on the musical clock."""

from plugins.rhythm.plugin import Rhythm

__all__ = ["Rhythm"]
