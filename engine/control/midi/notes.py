"""Which notes are held, so that a doubled or lost message leaves none hanging."""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.control.midi.messages import Message

PLAYED = frozenset({1, 2, 11, 64, 65, 66, 67, 68, 69})
"""Controllers for an instrument when nothing else is mapped to them: wheel, breath, pedals."""
SUSTAIN, SOUND_OFF, NOTES_OFF = 64, 120, 123
CHANNEL_MODES = range(SOUND_OFF, 128)


class Notes:
    """Passes on what an instrument plays; ``send`` takes the bytes and the time stamp.

    A note that begins a second time ends first; an end without a beginning is dropped.
    """

    def __init__(self, send: Callable[[bytes, int | None], None]) -> None:
        self._send = send
        self._held: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """How many notes sound."""
        return len(self._held)

    def holds(self, message: Message) -> bool:
        """Whether ``message`` is about a note that was begun here."""
        return (message.channel, message.number) in self._held

    def play(self, message: Message) -> bool:
        """Pass ``message`` on; False if it is nothing for an instrument."""
        match message.kind:
            case "note":
                self._note(message)
            case "pitchbend" | "aftertouch" | "polytouch":
                self._send(message.data, message.stamp_ns)
            case "cc" if message.number in CHANNEL_MODES:
                with self._lock:
                    self._held = {one for one in self._held if one[0] != message.channel}
                self._send(message.data, message.stamp_ns)
            case "cc" if message.number in PLAYED:
                self._send(message.data, message.stamp_ns)
            case _:
                return False
        return True

    def _note(self, message: Message) -> None:
        key = message.channel, message.number
        with self._lock:
            was = key in self._held
            (self._held.add if message.value else self._held.discard)(key)
        if was:
            self._send(_off(*key), message.stamp_ns)
        if message.value:
            self._send(message.data, message.stamp_ns)

    def panic(self) -> None:
        """End every note, on every channel, whether its beginning was heard or not."""
        with self._lock:
            held, self._held = sorted(self._held), set()
        for key in held:
            self._send(_off(*key), None)
        for channel in range(16):
            for number in (SUSTAIN, SOUND_OFF, NOTES_OFF):
                self._send(bytes((0xB0 | channel, number, 0)), None)


def _off(channel: int, note: int) -> bytes:
    return bytes((0x80 | channel - 1, note, 0))
