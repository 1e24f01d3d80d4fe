"""What goes wrong with other people's plug-ins."""

from engine.plugin import PluginError


class VstError(PluginError):
    """A VST3 or Audio Unit that cannot be used: which, why, and what to do about it."""


__all__ = ["VstError"]
