"""MIDI learn: which control does the player's hand move?"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.control.desk import Desk
from engine.control.midi.book import Book
from engine.control.midi.mapping import Mapping, check_target
from engine.control.midi.messages import BEND_CENTRE, Message, MidiError
from engine.control.midi.notes import CHANNEL_MODES

LISTEN_SECONDS = 0.4
UNSURE_SECONDS = 1.0
"""Longer where few values could be an encoder's clicks as well."""
FAR = 15  # no hand turns an encoder by more clicks in one message
KEEPS = ("global", "preset")


class Learning:
    """Learns a control for a target (``desk.Learner``); ``keep`` is "global" or "preset".

    A note or a program change is learnt at once. A controller is watched for a moment: its
    values show whether it is a knob, an encoder, a switch, or one of a 14-bit pair.
    """

    def __init__(
        self, desk: Desk, book: Book, keep: str = "global", takeover: str = "jump"
    ) -> None:
        self._desk, self._book = desk, book
        self._keep, self._takeover = keep, takeover
        self._lock = threading.RLock()
        self._target, self._where = "", keep
        self._heard: list[Message] = []

    @property
    def waiting(self) -> bool:
        """Whether a control is being waited for."""
        return bool(self._target)

    def learn(self, target: str, keep: str | None = None) -> None:
        """Let the next control that moves be the one for ``target``; raises MidiError."""
        where = self._keep if keep is None else keep
        if where not in KEEPS:
            raise MidiError(f"keep = {where!r} is not one of {', '.join(KEEPS)}")
        check_target(target)
        if not target.startswith("action:"):
            param = self._desk.params().get(target)
            if param is None:
                rack = self._desk.rack
                raise MidiError(f"preset {rack.name} has no parameter {target!r} to be learnt")
            if not param.midi:
                raise MidiError(f"{target} is not for MIDI")
        with self._lock:
            self._target, self._where, self._heard = target, where, []
        self._desk.tell("learn", "midi", target=target, waiting=True, mapping="")

    def cancel(self) -> None:
        """Learn nothing after all."""
        with self._lock:
            target, self._target, self._heard = self._target, "", []
        if target:
            self._desk.tell("learn", "midi", target=target, waiting=False, mapping="")

    def forget(self, target: str) -> None:
        """Take all mappings of ``target`` away; raises MidiError."""
        self._book.forget(target)
        self._desk.tell("learn", "midi", target=target, waiting=False, mapping="")

    def described(self) -> list[dict[str, Any]]:
        """Every mapping: target, what turns it in words, and where it is kept."""
        return [
            {"target": m.target, "control": m.words(), "keep": keep} for m, keep in self._book.all()
        ]

    def hear(self, message: Message) -> bool:
        """Whether ``message`` was taken, because a control is being learnt."""
        if not self._target:
            return False
        with self._lock:
            if not self._target:
                return False
            match message.kind:
                case "note" if message.value:
                    self._learnt([message])
                case "program":
                    self._learnt([message])
                case "pitchbend" if abs(message.value - BEND_CENTRE) > BEND_CENTRE // 4:
                    self._learnt([message])
                case "aftertouch" | "polytouch" if message.value >= 32:
                    self._learnt([message])
                case "cc" if message.number not in CHANNEL_MODES:
                    self._heard.append(message)
                case _:
                    return False
            return True

    def tick(self, now_ns: int | None = None) -> None:
        """Decide, once the control was watched for long enough; call it now and then."""
        with self._lock:
            if not self._heard:
                return
            now_ns = time.monotonic_ns() if now_ns is None else now_ns
            passed = (now_ns - self._heard[0].stamp_ns) / 1e9
            moved = _moved(self._heard)
            patience = UNSURE_SECONDS if _unsure([m.value for m in moved]) else LISTEN_SECONDS
            if passed >= patience:
                self._learnt(self._heard)

    def _learnt(self, messages: Sequence[Message]) -> None:
        target, self._target, self._heard = self._target, "", []
        new = judged(messages, target, self._switches(target))
        if new.mode == "absolute" and new.action is None:
            new = replace(new, takeover=self._takeover)
        said = new.words()
        try:
            self._book.learn(new, self._where)
        except MidiError as error:  # it holds until the end; it could not be written
            self._desk.tell("message", "midi", text=str(error))
        self._desk.tell("learn", "midi", target=target, waiting=False, mapping=said)

    def _switches(self, target: str) -> bool:
        """Whether a switch on the device should toggle ``target``."""
        if target.startswith("action:"):
            return target in ("action:bypass", "action:record")
        param = self._desk.params().get(target)
        return param is not None and len(param.choices) > 0


def judged(messages: Sequence[Message], target: str, switches: bool) -> Mapping:
    """The control that sent these ``messages``, mapped to ``target``.

    ``switches``: the target goes on and off, so a switch toggles it.
    """
    first = messages[0]
    channel = first.channel
    match first.kind:
        case "note":
            action = target.startswith("action:")
            mode = "toggle" if switches or not action else "absolute"
            return Mapping("note", target, first.number, channel, mode)
        case "program" | "polytouch":
            mode = "toggle" if switches else "absolute"
            return Mapping(first.kind, target, first.number, channel, mode)
        case "pitchbend" | "aftertouch":
            return Mapping(first.kind, target, None, channel)
    pair = _paired(messages)
    if pair is not None:
        return Mapping("cc14", target, pair[0], pair[1])
    moved = _moved(messages)
    number, channel = moved[0].number, moved[0].channel
    return Mapping("cc", target, number, channel, _mode([m.value for m in moved], switches))


def _moved(messages: Sequence[Message]) -> list[Message]:
    """The messages of the controller that sent most; of two, the one that went farther."""
    by: dict[tuple[int, int], list[Message]] = {}
    for message in messages:
        by.setdefault((message.channel, message.number), []).append(message)

    def weight(group: list[Message]) -> tuple[int, int]:
        values = [m.value for m in group]
        return len(set(values)), max(values) - min(values)

    return max(by.values(), key=lambda group: (weight(group), len(group)))


def _paired(messages: Sequence[Message]) -> tuple[int, int] | None:
    """Number and channel of a 14-bit pair: n and n + 32 right after each other, again and again."""
    seen: dict[tuple[int, int], int] = {}
    for one, two in itertools.pairwise(messages):
        if one.channel == two.channel and abs(one.number - two.number) == 32:
            key = min(one.number, two.number), one.channel
            seen[key] = seen.get(key, 0) + 1
    found = max(seen, key=lambda key: seen[key], default=None)
    if found is None or found[0] > 31:
        return None
    ours = sum(m.channel == found[1] and m.number in (found[0], found[0] + 32) for m in messages)
    return found if seen[found] + 1 >= ours else None


def _mode(values: Sequence[int], switches: bool) -> str:
    if _unsure(values) and len(values) >= 3 and len(set(values)) < len(values):
        if any(_near(v, 64) and v > 64 for v in values) and any(v <= FAR for v in values):
            return "relative-sign"
        if all(_near(v, 64) for v in values):
            return "relative-offset"
        return "relative-twos"
    pressed = set(values) <= {0, 127} and values[0] == 127
    return "toggle" if switches and pressed else "absolute"


def _unsure(values: Sequence[int]) -> bool:
    """Whether these could be an encoder's clicks: near 0, 64 or 127, and none of them at rest."""
    ends = [v for v in values if 0 < v <= FAR or v >= 128 - FAR]
    middle = [v for v in values if _near(v, 64)]
    return bool(values) and (
        len(ends) == len(values)
        or len(middle) == len(values)
        or (len(ends) + len(middle) == len(values) and all(v <= FAR or v > 64 for v in values))
    )


def _near(value: int, centre: int) -> bool:
    return value != centre and abs(value - centre) <= FAR
