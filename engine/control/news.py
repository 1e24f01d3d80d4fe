"""What the desk tells those who listen, and who may learn controllers for it."""

from __future__ import annotations

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
    """

    kind: str
    source: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


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
