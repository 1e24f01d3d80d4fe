"""What the desk tells those who listen, and who may learn controllers for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class News:
    """Something has changed. ``source`` is who did it ("web", "midi", "osc", "keys" ...).

    kind        facts
    value       address, value (plain), position (0 to 1)
    rack        number, name: another preset sounds, or one has another structure
    tempo       tempo_bpm, beat, stamp_ns
    bypass      on
    record      on, and when it ends what was recorded
    learn       target, waiting, mapping: what a Learner says
    saved       number, path
    built       ready, of: presets of the set list that wait to be switched to
    panic       all notes are off and all tails cut
    xy          xy: the two parameters of the pad
    message     text: for the player to read
    pulse       number, place (1 is a bar's first), bar, tempo_bpm, confidence, stamp_ns, onsets,
                strength: a beat of the plugin that leads, told ahead; stamp_ns is when it will be
    note        data, stamp_ns: a MIDI message that a plugin has made, told when it is due
    """

    kind: str
    source: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pulsing:
    """What the plugin that leads the beat says at this moment.

    ``beat`` at ``stamp_ns``, where ``beat`` % ``bar`` == 0 is the first of a bar; ``leads``:
    whether the clock follows it, ``confidence`` from 0 to 1, ``onsets`` heard so far, ``strength``
    of the last from 0 to 1, ``said``: whether a player has said which beat is the first.
    """

    leads: bool
    tempo_bpm: float
    beat: float
    stamp_ns: int
    bar: int
    confidence: float
    onsets: int
    strength: float
    said: bool = False

    def place(self, stamp_ns: int) -> float:
        """Where in its bar the music is at a time: from 0 to ``bar``."""
        beat = self.beat + (stamp_ns - self.stamp_ns) * self.tempo_bpm / 60e9
        return beat % self.bar


class Learner(Protocol):
    """Whoever can learn which controller turns what (MIDI)."""

    def learn(self, target: str) -> None:
        """Let the next message of any port be the one for ``target``."""

    def cancel(self) -> None:
        """Learn nothing after all."""

    def forget(self, target: str) -> None:
        """Take all mappings of ``target`` away."""

    def described(self) -> list[dict[str, Any]]:
        """Every mapping: target, what turns it in words, and where it is kept."""


class Listeners:
    """Those who want to know what happens."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[News], None]] = []
        self.last_message = ""

    def listen(self, call: Callable[[News], None]) -> Callable[[], None]:
        """Be told what happens, in the thread that did it; call what is returned to stop."""
        self._listeners.append(call)

        def stop() -> None:
            with suppress(ValueError):
                self._listeners.remove(call)

        return stop

    def tell(self, kind: str, source: str = "", **facts: Any) -> None:
        """Tell everybody who listens; one that cannot hear keeps it from nobody else."""
        if kind == "message":
            self.last_message = str(facts.get("text", ""))
        for call in list(self._listeners):
            try:
                call(News(kind, source, facts))
            except Exception as error:
                self.last_message = f"news was not heard: {type(error).__name__}: {error}"
