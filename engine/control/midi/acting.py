"""From a message to what it does: turns knobs, acts, selects presets, plays notes."""

from __future__ import annotations

import time
from contextlib import suppress

from engine.control.desk import Desk
from engine.control.midi import controls
from engine.control.midi.book import Book
from engine.control.midi.mapping import RELATIVE, Mapping
from engine.control.midi.messages import BEND_TOP, Message
from engine.control.midi.notes import Notes
from engine.rack import RackError

CLICK = 1.0 / 127
BUTTON = "midi button"
"""Who turns the knobs that an action turns: no control of theirs was moved by hand."""
SAY_AGAIN_SECONDS = 5.0
BANK_HIGH, BANK_LOW = 0, 32


class Actor:
    """Does what messages say; all that goes wrong is told to the player, none of it is raised.

    ``programs``: a program change that nothing is mapped to selects the preset of that number,
    counted from 0; with ``banks``, bank select (CC 0 and 32) adds 128 presets for each bank.
    """

    def __init__(
        self, desk: Desk, book: Book, notes: Notes, programs: bool = True, banks: bool = False
    ) -> None:
        self._desk, self._book, self._notes = desk, book, notes
        self._programs, self._banks = programs, banks
        self._bank: dict[int, list[int]] = {}
        self._said: dict[str, float] = {}
        self._pressed_at: dict[str, str] = {}  # targets of momentary switches, and whose they are
        self.acted = self.ignored = self.failed = 0

    def act(self, message: Message) -> None:
        """Do what ``message`` says."""
        mappings = self._book.of(message)
        ends = message.kind == "note" and message.value == 0 and self._notes.holds(message)
        if ends:  # though it may have been mapped since it began
            self._notes.play(message)
        for one in mappings:
            try:
                self._map(one, message)
            except (ValueError, OSError) as error:
                self._complain(f"{one.words()}: {error}")
        if not mappings and not ends:
            self._unmapped(message)

    def release(self, port: str) -> None:
        """A port has gone: what is held down there comes up."""
        self._notes.release(port)
        for target in [one for one, where in self._pressed_at.items() if where == port]:
            del self._pressed_at[target]
            with suppress(RackError):  # another preset sounds by now: it came up when that began
                self._desk.press(target, False, "midi")

    def _complain(self, text: str) -> None:
        """Tell the player, but not again and again while a hand is on the knob."""
        self.failed += 1
        now = time.monotonic()
        if now - self._said.get(text, -SAY_AGAIN_SECONDS) >= SAY_AGAIN_SECONDS:
            self._said = {k: t for k, t in self._said.items() if now - t < SAY_AGAIN_SECONDS}
            self._said[text] = now
            self._desk.tell("message", "midi", text=f"MIDI {text}")

    def _unmapped(self, message: Message) -> None:
        if message.kind == "program" and self._programs:
            self._program(message)
        elif self._banks and message.kind == "cc" and message.number in (BANK_HIGH, BANK_LOW):
            bank = self._bank.setdefault(message.channel, [0, 0])
            bank[message.number == BANK_LOW] = message.value
        elif not self._notes.play(message):
            self.ignored += 1
            return
        self.acted += 1

    def _program(self, message: Message) -> None:
        high, low = self._bank.get(message.channel, (0, 0))
        self._select(message.number + 128 * (high << 7 | low))

    def _select(self, number: int) -> None:
        try:
            self._desk.select(number, "midi")
        except ValueError as error:
            self._complain(f"program {number}: {error}")

    def _map(self, one: Mapping, message: Message) -> None:
        action = one.action
        if action is None and one.target not in self._desk.params():
            self.ignored += 1  # it is for another preset
            return
        self.acted += 1
        if one.mode in RELATIVE:
            by = controls.clicks(message.value, one.mode)
            self._click(one, action, by, message.stamp_ns)
            return
        x = self._stands(one, message)
        if action is None:
            self._turn(one, x, message)
        else:
            self._do(one, *action, x, message)

    def _stands(self, one: Mapping, message: Message) -> float:
        """Where the control stands, from 0 to 1."""
        match one.kind:
            case "cc14":
                assert one.number is not None
                is_low = message.number == one.number + 32
                return self._book.state(one).pair.heard(is_low, message.value)
            case "program":
                return 1.0
            case "pitchbend":
                return message.value / BEND_TOP
            case _:
                return message.value / 127

    def _turn(self, one: Mapping, x: float, message: Message) -> None:
        press = self._book.state(one).press
        match one.mode:
            case "absolute" if one.kind != "note" or message.value:
                self._place(one, one.position(x), message.stamp_ns)
            case "momentary":
                down = x > 0.0 if one.kind == "note" else x >= controls.PRESSED
                ends = one.low, one.high
                self._desk.press(one.target, down, "midi", message.stamp_ns, ends)
                if down:
                    self._pressed_at[one.target] = message.port
            case "toggle":
                if self._pressed(one, press, x):
                    self._toggle(one, message.stamp_ns)

    def _pressed(self, one: Mapping, press: controls.Press, x: float) -> bool:
        if one.kind in ("note", "program"):  # soft, too; and each of them is a press
            return x > 0.0
        return press.heard(x)

    def _toggle(self, one: Mapping, stamp_ns: int) -> None:
        if (one.low, one.high) == (0.0, 1.0):
            self._desk.toggle(one.target, "midi", stamp_ns)
            return
        at = self._desk.position(one.target)
        self._put(one, one.low if abs(at - one.high) < abs(at - one.low) else one.high, stamp_ns)

    def _place(self, one: Mapping, position: float, stamp_ns: int) -> None:
        if one.takeover == "jump":
            self._put(one, position, stamp_ns)
            return
        pickup = self._book.state(one).pickup
        least, most = sorted((one.low, one.high))
        knob = self._desk.position(one.target)
        if pickup.holds(position, knob if pickup.put == knob else min(max(knob, least), most)):
            self._put(one, position, stamp_ns)
            pickup.put = self._desk.position(one.target)

    def _put(self, one: Mapping, position: float, stamp_ns: int) -> None:
        self._desk.place(one.target, position, "midi", stamp_ns)

    def _click(
        self, one: Mapping, action: tuple[str, int | None] | None, by: int, stamp_ns: int
    ) -> None:
        if by == 0:
            return
        if action is not None:
            self._step(*action, by, stamp_ns)
        elif self._desk.param(one.target).choices:
            self._desk.nudge(one.target, by * CLICK * (one.high - one.low), "midi", stamp_ns)
        else:
            least, most = sorted((one.low, one.high))
            at = self._desk.position(one.target) + by * CLICK * (one.high - one.low)
            self._put(one, min(max(at, least), most), stamp_ns)

    def _step(self, name: str, number: int | None, by: int, stamp_ns: int) -> None:
        """An encoder on an action: the set list goes with it, all else acts to the right only."""
        if name in ("next", "previous") or (name == "select" and number is None):
            step = 1 if by > 0 else -1
            self._desk.step(-step if name == "previous" else step, "midi")
        elif by > 0:
            self._desk.act(name, number, BUTTON, stamp_ns)

    def _do(self, one: Mapping, name: str, number: int | None, x: float, message: Message) -> None:
        if name == "select" and number is None:
            self._select(message.number if one.kind == "program" else message.value)
            return
        if name in ("bypass", "record") and one.mode != "toggle":
            on = x > 0.0 if one.kind == "note" else x >= controls.PRESSED
            self._desk.act(name, float(on), "midi", message.stamp_ns)
        elif self._pressed(one, self._book.state(one).press, x):
            self._desk.act(name, number, BUTTON, message.stamp_ns)
