"""Takes: dry and wet written to disk while a performer wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from engine.rack import RackError


class Recording(Protocol):
    """What ``engine.recorder.Recorder`` is to the desk."""

    def stop(self) -> dict[str, Any]:
        """Close it; returns what was recorded."""


class Takes:
    """One take after the other; ``begin`` starts one, ``tell`` says so to those who listen."""

    def __init__(self, begin: Callable[[], Recording] | None, tell: Callable[..., None]) -> None:
        self._begin, self._tell = begin, tell
        self._recording: Recording | None = None

    @property
    def running(self) -> bool:
        """Whether a take is being written."""
        return self._recording is not None

    def switch(self, on: bool | None, source: str) -> None:
        """Begin or end a take; without ``on`` the other of the two. Raises RackError."""
        on = not self.running if on is None else on
        if on == self.running:
            return
        if on:
            if self._begin is None:
                raise RackError("there is no folder to record into; start with --takes FOLDER")
            self._recording = self._begin()
            self._tell("record", source, on=True)
            return
        recording = self.drop()
        assert recording is not None
        self._tell("record", source, on=False, take=recording.stop())

    def drop(self) -> Recording | None:
        """Hand over the take that runs, if one does: whoever has it ends it."""
        recording, self._recording = self._recording, None
        return recording
