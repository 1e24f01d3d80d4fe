"""A learnt amplifier, pedal or anything else: every format that models come in."""

from plugins.model.plugin import Model

__all__ = ["Model"]
