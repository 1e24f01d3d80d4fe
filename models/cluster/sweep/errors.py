"""The mistakes of whoever asks for a sweep."""


class SweepError(ValueError):
    """A sweep that cannot be begun or gone on with; one line that says where and why."""


class StoppedError(SweepError):
    """A sweep that was asked to stop before any of it was done."""
