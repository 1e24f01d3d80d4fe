"""MIDI as a surface of the desk: ports, mappings, learn, notes, clock in and out, feedback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.control import follower
from engine.control.desk import Desk, News
from engine.control.midi.acting import Actor
from engine.control.midi.book import Book
from engine.control.midi.clock_in import ClockIn
from engine.control.midi.clock_out import ClockOut
from engine.control.midi.feedback import Feedback
from engine.control.midi.learn import Learning
from engine.control.midi.messages import parse
from engine.control.midi.notes import Notes
from engine.control.midi.ports import MidiPorts
from engine.control.midi.store import Store
from engine.priority import urgent

WAIT_SECONDS = 0.05
URGENT = 5  # as for the clock that goes out: above what only computes, below the audio threads


class Midi:
    """Plays the desk from MIDI; ``start`` raises MidiError where there is no MIDI.

    ``inputs`` are parts of port names, "" for all; ``outputs`` get feedback for LED rings and
    faders, ``clock_outputs`` the MIDI clock. ``virtual`` names ports of our own ("" for none):
    "taraf" to play into, "taraf-out" to listen to. What plugins make goes to ``note_outputs`` and
    to the latter. ``programs``: program change n selects preset n, counted from 0; ``banks``: CC 0
    and 32 count by 128. ``clock_in``: follow a MIDI clock while no plugin leads the beat. ``file``
    is where learnt mappings are kept instead of the player's midi.toml.
    """

    def __init__(
        self,
        desk: Desk,
        inputs: Sequence[str] = ("",),
        outputs: Sequence[str] = (),
        clock_outputs: Sequence[str] = (),
        virtual: str = "taraf",
        programs: bool = True,
        banks: bool = False,
        clock_in: bool = True,
        keep: str = "global",
        takeover: str = "jump",
        file: Path | None = None,
        note_outputs: Sequence[str] = (),
    ) -> None:
        self._desk = desk
        self._ports_asked = tuple(inputs), tuple(outputs), tuple(clock_outputs), virtual
        self._opened_for_notes = tuple(note_outputs)
        own = (f"{virtual}-out",) if virtual else ()
        self._note_outputs = (*self._opened_for_notes, *own)
        self.book = Book(desk, Store(file))
        self.notes = Notes(desk.note)
        self.actor = Actor(desk, self.book, self.notes, programs, banks)
        self.learning = Learning(desk, self.book, keep, takeover)
        self.clock_in = ClockIn(desk.clock, lambda: follower.leads(desk)) if clock_in else None
        self.clock_out: ClockOut | None = None
        self.received = self.malformed = self.faults = 0
        self.priority = ""
        self.ports: MidiPorts | None = None
        self._feedback = Feedback(desk, self.book, self._show)
        self._stop_listening: Callable[[], None] = lambda: None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="midi", daemon=True)

    def start(self) -> None:
        """Open the ports and listen; raises MidiError."""
        inputs, outputs, clock_outputs, virtual = self._ports_asked
        wanted = tuple(dict.fromkeys((*outputs, *clock_outputs, *self._opened_for_notes)))
        ports = self.ports = MidiPorts(inputs, wanted, virtual, self._say, gone=self._left)
        ports.start()
        for problem in self.book.store.problems:
            self._say(problem)
        self._desk.learner = self.learning
        self._stop_listening = self._desk.listen(self._news)
        if ports.jack:
            self._desk.host.on_restart(self._again)
        if clock_outputs:
            self.clock_out = ClockOut(
                self._desk.clock,
                lambda: ports.outputs(clock_outputs),
                lambda: follower.led(self._desk),
            )
            self.clock_out.start()
        self._thread.start()

    def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._stop_listening()
        if self._desk.learner is self.learning:
            self._desk.learner = None
        if self._thread.is_alive():
            self._thread.join()
        if self.clock_out is not None:
            self.clock_out.close()
        if self.ports is not None:
            self.ports.close()

    def statistics(self) -> dict[str, Any]:
        """What has come and gone, and which ports are open."""
        found: dict[str, Any] = {
            "received": self.received,
            "malformed": self.malformed,
            "acted": self.actor.acted,
            "ignored": self.actor.ignored,
            "failed": self.actor.failed,
            "faults": self.faults,
            "notes_held": self.notes.held,
            "priority": self.priority,
        }
        if self.ports is not None:
            found |= self.ports.names
        if self.clock_in is not None and self.clock_in.port:
            follower = self.clock_in.follower
            found["clock_in"] = {
                "port": self.clock_in.port,
                "ticks": follower.index + 1,
                "lost": follower.lost,
                "restarts": follower.restarts,
            }
        if self.clock_out is not None:
            found["clock_out"] = self.clock_out.statistics()
        return found

    def hear(self, data: bytes, stamp_ns: int, port: str = "") -> None:
        """Act on one message, whatever it is."""
        self.received += 1
        message = parse(data, stamp_ns, port)
        if message is None:
            self.malformed += 1
        elif self.clock_in is not None and self.clock_in.hear(message):
            return
        elif message.channel and not self.learning.hear(message):
            self.actor.act(message)

    def _run(self) -> None:
        self.priority = urgent(URGENT)
        while not self._stopping.is_set():
            self._guarded(self._receive)
            self._guarded(self.learning.tick)

    def _receive(self) -> None:
        assert self.ports is not None
        for arrived in self.ports.receive(WAIT_SECONDS):
            self._guarded(self.hear, *arrived)

    def _guarded(self, call: Callable[..., None], *given: Any) -> None:
        """Whatever one message does wrong, the next ones are heard: the show goes on."""
        try:
            call(*given)
        except Exception as error:
            self.faults += 1
            if self.faults == 1:
                self._say(f"MIDI: a message was not understood: {type(error).__name__}: {error}")

    def _news(self, news: News) -> None:
        if news.kind == "panic":
            self.notes.panic()
        elif news.kind == "note":
            self._send(news.facts["data"], self._note_outputs)
            return
        if self._ports_asked[1]:
            self._feedback.hear(news)

    def _left(self, port: str) -> None:
        self._guarded(self.actor.release, port)

    def _say(self, text: str) -> None:
        self._desk.tell("message", "midi", text=text)

    def _again(self) -> None:
        if self.ports is not None and not self._stopping.is_set():
            self.ports.reopen()

    def _show(self, data: bytes) -> None:
        self._send(data, self._ports_asked[1])

    def _send(self, data: bytes, outputs: Sequence[str]) -> None:
        if self.ports is not None:
            for port in self.ports.outputs(outputs):
                port.send(data)
