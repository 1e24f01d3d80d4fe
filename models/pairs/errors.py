"""The mistakes of whoever makes or reads pairs."""


class PairsError(ValueError):
    """Pairs that cannot be made, read or trained on; one line that names the file."""


class EffectFailed(PairsError):
    """An effect that was set up well and then did not play this one sound."""
