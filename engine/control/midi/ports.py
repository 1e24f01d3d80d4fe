"""MIDI ports by name: open, poll, and open again when a cable comes back."""

from __future__ import annotations

import itertools
import queue
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from engine.control.midi import api as apis
from engine.control.midi.messages import MidiError
from engine.control.midi.port import Arrived, Port, plain_name

LOOK_SECONDS = 0.5  # a cable that was out for less may stay unnoticed
ACTIVE_SECONDS = 3.0
ACTIVE_NAP, IDLE_NAP = 0.00025, 0.001
"""Between two looks into the queues of JACK ports, while somebody plays and otherwise."""
BATCH = 256
LINK = "taraf-link"
"""What our end of an open cable is called, ours or another taraf's: nobody should open it."""


def available() -> dict[str, Any]:
    """The system that is used, and the names of its ports; raises MidiError."""
    api = apis.choose()
    return {"api": apis.name(api), **_present(api)}


def _present(api: int) -> dict[str, list[str]]:
    module, found = apis.rtmidi(), {}
    for key, kind in (("inputs", module.MidiIn), ("outputs", module.MidiOut)):
        midi = kind(api, name="taraf-probe")
        found[key] = [plain_name(name) for name in midi.get_ports()]
        midi.delete()
    return found


@dataclass
class Side:
    """The inputs or the outputs: what was asked for and what is open."""

    wanted: tuple[str, ...]
    make: Callable[[], Any]
    own: Port | None = None
    probe: Any = None  # to look with while nothing is open: a JACK client each second is a burden
    open: dict[str, Port] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)  # names or parts that the player was told of

    @property
    def all(self) -> list[Port]:
        """Every open port, the virtual one first."""
        return [*([self.own] if self.own else []), *self.open.values()]


class MidiPorts:
    """The ports whose names hold one of the given parts, and virtual ones of our own.

    ``inputs`` and ``outputs`` are parts of names, in any case; "" is every port. ``virtual``
    is the name of the ports of our own, "" for none; where another taraf has that name, 2, 3 and
    so on is put behind it, see ``name``. ``tell`` is given what a player should
    read, ``gone`` the name of an input that is there no more. ``poll``: whether messages are
    fetched by a thread of ours instead of by a callback; without it JACK is polled and
    everything else is not. A Python callback of a JACK port would run inside the audio graph and
    make it wait for the interpreter.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        virtual: str,
        tell: Callable[[str], None],
        poll: bool | None = None,
        gone: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._virtual, self._tell, self._gone = virtual, tell, gone
        self.name = virtual or "taraf"
        self._module = apis.rtmidi()
        self.api = apis.choose()
        jack = self.api == self._module.API_UNIX_JACK
        self.jack = jack
        self._polls = jack if poll is None else poll
        self._inputs = Side(tuple(inputs), self._make_in)
        self._outputs = Side(tuple(outputs), self._make_out)
        self._arrived: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self._active = 0.0
        self._abandoned: list[Any] = []
        self._again = False
        self._wake = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="midi ports", daemon=True)

    def start(self) -> None:
        """Open what there is; the rest when it comes."""
        try:
            with self._lock:
                self.name = self._free_name()
                self._look(first=True)
        except self._module.RtMidiError as error:
            self.close()
            raise MidiError(f"MIDI does not start: {error}") from None
        self._thread.start()

    @property
    def names(self) -> dict[str, list[str]]:
        """The open ports."""
        return {
            "inputs": [port.name for port in self._inputs.all],
            "outputs": [port.name for port in self._outputs.all],
        }

    def reopen(self) -> None:
        """The sound server has died and lives again: let the dead ports lie, open new ones.

        Closing a dead JACK output takes a second in which nothing else of Python runs.
        """
        self._again = True
        self._wake.set()

    def close(self) -> None:
        """Close every port; a second time does nothing."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            for side in (self._inputs, self._outputs):
                for port in side.all:
                    port.close()
                if side.probe is not None:
                    side.probe.delete()
                side.own, side.probe, side.open = None, None, {}

    def outputs(self, parts: Sequence[str]) -> list[Port]:
        """The open outputs whose names hold one of ``parts``.

        The usual name of our own means our own, whatever it had to be called.
        """
        usual = f"{self._virtual}-out"
        asked = [f"{self.name}-out" if part.lower() == usual else part for part in parts]
        return [port for port in self._outputs.all if _wanted(port.name, asked)]

    def receive(self, seconds: float) -> list[Arrived]:
        """What has arrived, in order, waiting up to ``seconds`` for the first message."""
        return self._poll(seconds) if self._polls else self._drain(seconds)

    def _drain(self, seconds: float) -> list[Arrived]:
        found: list[Arrived] = []
        with suppress(queue.Empty):
            found.append(self._arrived.get(timeout=seconds))
            while len(found) < BATCH:
                found.append(self._arrived.get_nowait())
        return found

    def _poll(self, seconds: float) -> list[Arrived]:
        until = time.monotonic() + seconds
        while not self._stopping:
            found: list[Arrived] = []
            for port in self._inputs.all:
                while len(found) < BATCH and (one := port.fetch()):
                    found.append(one)
            now = time.monotonic()
            if found:
                self._active = now
                return sorted(found, key=lambda one: one[1])
            if now > until:
                break
            time.sleep(ACTIVE_NAP if now - self._active < ACTIVE_SECONDS else IDLE_NAP)
        return []

    # --- opening

    def _make_in(self) -> Any:
        midi = self._module.MidiIn(self.api, name=self.name, queue_size_limit=apis.QUEUE)
        # everything is taken: rtmidi counts the time since a message that it keeps to itself
        midi.ignore_types(sysex=False, timing=False, active_sense=False)
        return midi

    def _make_out(self) -> Any:
        return self._module.MidiOut(self.api, name=f"{self.name}-out")

    def _free_name(self) -> str:
        taken = {name.split(":")[0] for names in _present(self.api).values() for name in names}
        names = (f"{self.name}{number}" for number in itertools.chain([""], itertools.count(2)))
        return next(name for name in names if taken.isdisjoint((name, f"{name}-out")))

    def _others(self, names: list[str]) -> list[str]:
        """Those that are neither ours (JACK numbers clients of one name) nor an end of a cable."""
        ours = re.compile(rf"{re.escape(self.name)}(-out)?(-\d\d)?:")
        return [name for name in names if not ours.match(name) and f":{LINK}" not in name]

    def _hand_over(self, port: Port) -> None:
        if self._polls or not hasattr(port.midi, "get_message"):
            return

        def arrived(event: tuple[list[int], float], _: Any) -> None:
            self._arrived.put(port.stamped(event))

        port.midi.set_callback(arrived)

    def _watch(self) -> None:
        said = ""
        while True:
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            if self._stopping:
                return
            try:
                with self._lock:
                    self._look()
                said = ""
            except self._module.RtMidiError as error:
                if str(error) != said:
                    said = str(error)
                    self._say(f"MIDI: {said}; trying again")

    def _look(self, first: bool = False) -> None:
        if self._again:
            self._again = False
            for side in (self._inputs, self._outputs):
                for port in side.all:
                    port.close(delete=False)
                    self._abandoned.append(port.midi)
                self._abandoned.append(side.probe)
                side.own, side.probe, side.open = None, None, {}
        for side, word in ((self._inputs, "input"), (self._outputs, "output")):
            self._own(side)
            names = self._names(side)
            if names is not None:
                self._match(side, word, names, first)

    def _own(self, side: Side) -> None:
        """The virtual port; systems without them (Windows) have none."""
        if side.own is not None or not self._virtual:
            return
        midi = side.make()
        try:
            midi.open_virtual_port("midi")
        except (NotImplementedError, self._module.RtMidiError):
            midi.delete()
            return
        side.own = Port(f"{self.name}{'' if side is self._inputs else '-out'}", midi)
        self._hand_over(side.own)

    def _names(self, side: Side) -> list[str] | None:
        """What there is to open; None if nothing is wanted of it."""
        if not side.wanted:
            return None
        port = next(iter(side.all), None)
        if port is not None:
            with port.lock:
                return list(port.midi.get_ports())
        if side.probe is None:
            side.probe = side.make()
        return list(side.probe.get_ports())

    def _match(self, side: Side, word: str, names: list[str], first: bool) -> None:
        for name in [name for name in side.open if name not in names]:
            side.open.pop(name).close()
            side.missed.add(plain_name(name))
            if side is self._inputs:
                self._gone(name)
            self._say(f"MIDI {word} {plain_name(name)} has gone; it is opened when it comes back")
        others = self._others(names)
        for name in others:
            if name not in side.open and _wanted(name, side.wanted):
                self._open(side, word, name, first)
        if first:
            self._say_missing(side, word, others)

    def _open(self, side: Side, word: str, name: str, first: bool) -> None:
        midi = side.make()
        try:
            numbers = [i for i, there in enumerate(midi.get_ports()) if there == name]
            if not numbers:
                midi.delete()
                return
            midi.open_port(numbers[0], LINK)
        except self._module.RtMidiError as error:
            midi.delete()
            self._say(f"MIDI {word} {plain_name(name)} cannot be opened: {error}")
            return
        port = Port(name, midi)
        self._hand_over(port)
        side.open[name] = port
        back = plain_name(name) in side.missed
        side.missed.discard(plain_name(name))
        if not first:
            self._say(f"MIDI {word} {plain_name(name)} is {'back' if back else 'here'}")

    def _say_missing(self, side: Side, word: str, names: list[str]) -> None:
        for part in side.wanted:
            if part and not any(_wanted(port.name, [part]) for port in side.all):
                there = ", ".join(map(plain_name, names)) or "none"
                self._say(f"no MIDI {word} is called {part!r} yet; there are: {there}")

    def _say(self, text: str) -> None:
        self._tell(text)


def _wanted(name: str, parts: Sequence[str]) -> bool:
    return any(part.lower() in name.lower() for part in parts)
