"""Hears a performer through the tap of whatever taraf plays, in a thread of its own."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from engine.running import RuntimeFolderError
from engine.sampler.errors import SamplerError
from models.sampler.live.collecting import Collected
from models.sampler.live.playing import (
    Heard,
    Lost,
    NotPlaying,
    Playing,
    SeveralPlay,
    find_playing,
)
from models.sampler.live.ring import TapListener

EVERY_S = 0.1
"""A tap's ring holds 2.7 s at 48 kHz."""
LOOK_S = 0.5
LEAVE_S = 2.0
"""One that hangs is not waited for any longer."""
WAITS, SEVERAL, NO_TAP, HEARS = "no taraf plays", "several play", "nothing is tapped", "hears"


class Listening:
    """While it is entered, what the tap ``tap`` hears goes into ``collected``.

    The first tap of the rack unless one is named, as ``you.tap``; process ``pid`` unless only one
    taraf plays. It finds the tap again after a change of presets and a restart of taraf. ``state``
    is one of `WAITS`, `SEVERAL`, `NO_TAP` and `HEARS`, or empty before it has looked.
    """

    def __init__(self, collected: Collected, tap: str = "", pid: int | None = None) -> None:
        self.collected, self.state, self.playing = collected, "", ""
        self.known: tuple[Playing, Heard] | None = None
        self.tap, self._pid = tap, pid
        self._playing: Playing | None = None
        self._ring: TapListener | None = None
        self._table, self._looked = -1, 0.0
        self._lost: Lost | None = None
        self._gone_at: float | None = None
        self._error: SamplerError | None = None
        self._stopping, self._anew = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._stopping.set()
        self._thread.join(LEAVE_S)

    def check(self) -> None:
        """SamplerError, one line, if there is nothing that it could listen to."""
        if self._error is not None:
            raise self._error

    def ask_anew(self) -> None:
        """Let ``known`` be what taraf tells now."""
        self._anew.set()

    def gone(self, seconds: float) -> bool:
        """Whether a taraf played, and none has for so long."""
        at = self._gone_at
        return at is not None and time.monotonic() - at >= seconds

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._turn()
                except NotPlaying:
                    self._look_again()
                self._stopping.wait(EVERY_S)
        except SamplerError as error:
            self._error = error
        except RuntimeFolderError as error:
            self._error = SamplerError(str(error))
        except Exception as error:  # whoever learns must know that nothing is heard any more
            told = " ".join(f"{type(error).__name__}: {error}".split())
            self._error = SamplerError(f"listening has failed: {told}")
        finally:
            self._leave_ring()

    def _turn(self) -> None:
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            if self._playing is not None and not self._playing.alive:
                self._lose()
            if self._playing is None:
                self._find()
        if self._playing is None:
            return
        self._gone_at = None
        if self._playing.table != self._table:
            self._change(self._playing)
        elif self._anew.is_set():
            self.known = self._playing, self._playing.ask()
            self._anew.clear()
        if self._ring is not None:
            frames, lost = self._ring.read()
            if lost:
                self.collected.cut()
            self.collected.hear(frames.mean(1), self._playing.rate)

    def _find(self) -> None:
        """Whoever is to be listened to; ``state`` tells if there is nobody."""
        self._table = -1
        try:
            if self._lost is None:
                self._playing = find_playing(self._pid)
            else:
                self._playing = self._lost.again(self._pid is not None)
        except SeveralPlay:
            if self._lost is None:
                raise
            self.state = SEVERAL
            return
        if self._playing is None:
            self.state = WAITS

    def _change(self, playing: Playing) -> None:
        """Another rack plays: find its tap."""
        self._leave_ring()
        self._anew.clear()
        table, heard = playing.table, playing.ask()
        name = self.tap or next(iter(heard.taps), "")
        self.playing, self.known = heard.rack.name, (playing, heard)
        self._table = table
        if name in heard.taps:
            self._ring = TapListener(playing.shared.tap_memory(heard.taps[name]))
            self.state = HEARS
        else:
            self.state = NO_TAP

    def _look_again(self) -> None:
        """It did not answer: it is no more, or was busy."""
        self._table = -1
        if self._playing is not None and not self._playing.alive:
            self._lose()

    def _lose(self) -> None:
        self._leave_ring()
        if self._playing is not None:
            self._lost = self._playing.lost()
        self._playing, self._looked = None, 0.0
        self._gone_at = time.monotonic()

    def _leave_ring(self) -> None:
        if self._ring is not None:
            self._ring.close()
            self._ring = None
            self.collected.cut()


__all__ = ["HEARS", "NO_TAP", "SEVERAL", "WAITS", "Listening"]
