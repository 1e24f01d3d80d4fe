"""What a performer should know of what is listened to, said once each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from models.sampler.folder import BEST
from models.sampler.live.listening import HEARS, NO_TAP, SEVERAL, Listening
from models.sampler.live.playing import Heard

LOOK_S = 0.1
TAKEN_S = 2.0
"""After so long a model is heard, or taraf says why not."""


class Teller:
    """Says what changes in ``listening``; what is learnt lies in ``folder``."""

    def __init__(self, listening: Listening, folder: Path, said: Callable[[str], None]) -> None:
        self._listening, self._folder, self._said = listening, folder, said
        self._last: tuple[str, str] = ("", "")
        self._looked = -math.inf
        self._asked: Heard | None = None
        """What was known when it was asked whether the model is heard; None before."""
        self._warned: set[str] = set()

    def look(self) -> None:
        """Say what has changed; SamplerError if there is nothing to listen to."""
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        listening = self._listening
        listening.check()
        state = listening.state, listening.playing
        if state[0] and state != self._last:
            before, self._last, self._asked = self._last[0], state, None
            self._said(self._told(*state, before))
        elif state[0] == HEARS:
            self._look_whether_heard()

    def _told(self, state: str, rack: str, before: str) -> str:
        if state == HEARS:
            return f"listening to {rack}{self._unheard()}"
        if state == NO_TAP:
            return self._untapped(rack)
        if state == SEVERAL:
            return "more than one taraf plays now: it listens again when there is one"
        if before:
            return "taraf has stopped"
        return "no taraf plays yet: `taraf live learn` in another terminal"

    def _untapped(self, rack: str) -> str:
        known, wanted = self._listening.known, self._listening.tap
        there = ", ".join(known[1].taps) if known is not None else ""
        if wanted and there:
            return f"{rack} has no tap called {wanted}; there are: {there}"
        tap = f"tap called {wanted}" if wanted else "tap"
        return f'{rack} has no {tap}: put `use = "tap"` where it is to listen'

    def _unheard(self) -> str:
        """A hint, where no sampler of the rack plays what is learnt."""
        if self._waited_for():
            return ""
        return f'; to hear what it learns its sampler needs model = "{self._folder.absolute()}"'

    def _waited_for(self) -> bool:
        known = self._listening.known
        return known is None or known[0].waits_for(self._folder, known[1].rack)

    def _look_whether_heard(self) -> None:
        """Once for each rack, when it may have the model: say what it says of that."""
        known, best = self._listening.known, self._folder / BEST
        if known is None or known[1] is self._asked:
            return
        if self._asked is None:
            if _age(best) < TAKEN_S or not self._waited_for():
                return
            self._asked = known[1]
            self._listening.ask_anew()
            return
        self._asked = known[1]
        for warning in known[1].warnings:
            ours = BEST in warning and self._folder.name in warning
            if ours and warning not in self._warned:
                self._warned.add(warning)
                self._said(warning)


def _age(path: Path) -> float:
    """Seconds since it was written; less than none where there is no file."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return -math.inf


__all__ = ["Teller"]
