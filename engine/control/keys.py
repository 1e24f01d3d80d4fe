"""The computer's keyboard as a controller: single keys in the terminal, without Enter."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from engine.control.desk import Desk

HELP = (
    "space tap · ←→ presets · 1-9 preset · b bypass · p panic · r record · c compare · "
    "u undo · s save · q stop"
)
PULSE_HELP = "pulse: h half · d double · j sooner · k later · o one · f hold"
ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
ACTIONS = {
    " ": "tap",
    "right": "next",
    "down": "next",
    "n": "next",
    "left": "previous",
    "up": "previous",
    "b": "bypass",
    "p": "panic",
    "r": "record",
    "c": "compare",
    "u": "undo",
    "y": "redo",
    "s": "save",
    "h": "pulse:half",
    "d": "pulse:double",
    "j": "pulse:sooner",
    "k": "pulse:later",
    "o": "pulse:one",
    "f": "pulse:hold",
}


class Keys:
    """Plays the desk from a terminal, where there is one; ``stopped`` is set by q."""

    def __init__(self, desk: Desk, read: Callable[[], str] | None = None) -> None:
        self._desk, self._read = desk, read
        self.stopped = threading.Event()
        self._closing = threading.Event()
        self._terminal = ExitStack()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)

    def start(self) -> None:
        """Listen to the keyboard, if the input is a terminal and not another program's just now."""
        if self._read is None and _at_hand():
            self._read = self._terminal.enter_context(_single_keys())
        if self._read is not None:
            self._thread.start()

    def close(self) -> None:
        """Give the terminal back, whatever a key may still be doing."""
        self._closing.set()
        self._terminal.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def _run(self) -> None:
        assert self._read is not None
        while not self._closing.is_set() and not self.stopped.is_set():
            key = self._read()
            if key:
                self.press(key, time.monotonic_ns())

    def press(self, key: str, stamp_ns: int | None = None) -> None:
        """Do what one key is for; a mistake is a line on the screen."""
        try:
            if key in ("q", "\x03"):
                self.stopped.set()
            elif key.isdecimal() and key != "0":
                self._desk.select(int(key) - 1, "keys")
            elif key in ACTIONS:
                self._desk.act(ACTIONS[key], source="keys", stamp_ns=stamp_ns)
        except ValueError as error:
            self._desk.tell("message", "keys", text=str(error))


def _at_hand() -> bool:
    """Whether somebody types to us: a program in the background is stopped if it tries to read."""
    if not sys.stdin.isatty():
        return False
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return True  # it is not the terminal that could stop us


@contextmanager
def _single_keys() -> Iterator[Callable[[], str]]:
    """A function that waits up to 0.1 s for a key; the terminal is as before afterwards."""
    if sys.platform == "win32":
        yield _windows_key
        return
    import termios
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    try:
        tty.setcbreak(handle)
        yield lambda: _posix_key(handle)
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


def _posix_key(handle: int) -> str:
    import select

    if not select.select([handle], [], [], 0.1)[0]:
        return ""
    try:
        pressed = os.read(handle, 16).decode(errors="ignore")
    except OSError:
        pressed = ""
    if not pressed:  # the terminal has gone
        time.sleep(0.1)
    if pressed.startswith("\x1b[") and len(pressed) > 2:
        return ARROWS.get(pressed[2], "")
    return pressed[:1]


def _windows_key() -> str:
    import msvcrt

    keyboard: Any = msvcrt
    for _ in range(10):
        if keyboard.kbhit():
            pressed = keyboard.getwch()
            if pressed in ("\x00", "\xe0"):
                return {"H": "up", "P": "down", "M": "right", "K": "left"}.get(
                    keyboard.getwch(), ""
                )
            return str(pressed)
        time.sleep(0.01)
    return ""
