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
        self._held: dict[tuple[int, int], str] = {}  # and the port that began it
        self._pedals: dict[tuple[int, int], str] = {}
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
                    self._held = {k: p for k, p in self._held.items() if k[0] != message.channel}
                self._send(message.data, message.stamp_ns)
            case "cc" if message.number in PLAYED:
                if message.number >= SUSTAIN:
                    self._pedal(message)
                self._send(message.data, message.stamp_ns)
            case _:
                return False
        return True

    def _note(self, message: Message) -> None:
        key = message.channel, message.number
        with self._lock:
            was = key in self._held
            _keep(self._held, key, message)
        if was:
            self._send(_off(*key), message.stamp_ns)
        if message.value:
            self._send(message.data, message.stamp_ns)

    def _pedal(self, message: Message) -> None:
        with self._lock:
            _keep(self._pedals, (message.channel, message.number), message)

    def release(self, port: str) -> None:
        """A port has gone: end the notes and let go of the pedals that it held."""
        with self._lock:
            held = [key for key, where in self._held.items() if where == port]
            pedals = [key for key, where in self._pedals.items() if where == port]
            for known, keys in ((self._held, held), (self._pedals, pedals)):
                for key in keys:
                    del known[key]
        for key in held:
            self._send(_off(*key), None)
        for channel, number in pedals:
            self._send(bytes((0xB0 | channel - 1, number, 0)), None)

    def panic(self) -> None:
        """End every note, on every channel, whether its beginning was heard or not."""
        with self._lock:
            held, self._held, self._pedals = sorted(self._held), {}, {}
        for key in held:
            self._send(_off(*key), None)
        for channel in range(16):
            for number in (SUSTAIN, SOUND_OFF, NOTES_OFF):
                self._send(bytes((0xB0 | channel, number, 0)), None)


def _keep(known: dict[tuple[int, int], str], key: tuple[int, int], message: Message) -> None:
    if message.value:
        known[key] = message.port
    else:
        known.pop(key, None)


def _off(channel: int, note: int) -> bytes:
    return bytes((0x80 | channel - 1, note, 0))
