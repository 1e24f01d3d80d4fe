"""What all pages hear of: news of the desk gathered sixty times a second, levels, history."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from engine.control.desk import Desk, News
from engine.control.web.meters import HISTORY_HZ, History, Meters
from engine.control.web.outbox import Outbox, text
from engine.control.web.snapshot import facts, mappings, snapshot, standing

FRAMES_HZ = 60
IDLE_HZ = 20  # while nobody looks
FACTS_SECONDS = 2.0


class Hub:
    """Hears the desk in any thread; tells the pages in its own, where ``run`` runs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages: dict[Outbox, asyncio.Event] = {}
        self._meters, self._history = Meters(desk), History()
        self._lock = threading.Lock()
        self._values: dict[str, tuple[float, float]] = {}
        self._messages: list[dict[str, Any]] = []
        self._learn: dict[str, Any] | None = None
        self._stirred = self._redraw = False
        self._epoch = self._turned_in = 0
        self._turned: dict[str, tuple[float, float]] = {}
        """What was turned in the rack that sounds: a picture may have been begun before that."""
        self._facts: dict[str, Any] = {}
        self._due: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(2, "web-facts")  # they may have to wait for the host
        self._drawing: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None

    # --- the desk's side

    def hear(self, news: News) -> None:
        """Take note; called in the thread that did it, so it is quick."""
        if news.kind in ("pulse", "note"):  # pages see the beat in the meters' frames
            return
        known = news.facts
        with self._lock:
            self._stirred = True
            match news.kind:
                case "value":
                    self._values[known["address"]] = known["value"], known["position"]
                case "rack":
                    self._epoch += 1
                    self._values.clear()
                    self._redraw = True
                case "saved":
                    self._redraw = True
                    self._messages.append({"message": f"saved as {self._desk.rack.name}"})
                case "learn":
                    self._learn = known
                case "record":
                    self._recorded(known)
                case "message":
                    self._messages.append({"message": str(known.get("text", ""))})
            del self._messages[:-20]

    def _recorded(self, known: dict[str, Any]) -> None:
        self._meters.recording_since = time.monotonic() if known.get("on") else None
        if not known.get("on"):
            take = known.get("take") or {}
            rate = self._desk.host.order.device.rate
            said = f"recorded {take.get('frames', 0) / rate:.1f} s"
            faults = len(take.get("faults") or ())
            self._messages.append({"message": said + (f", {faults} faults" if faults else "")})

    # --- the pages' side

    @property
    def pages(self) -> int:
        """How many look on."""
        return len(self._pages)

    async def join(self, outbox: Outbox, awake: asyncio.Event, role: str) -> None:
        """Send a page everything, and from now on what changes."""
        self._pages[outbox] = awake
        try:
            outbox.picture(*await self._picture())
            outbox.values(self._turned, self._turned_in)
        except ValueError as error:  # a file of the rack has gone: better an empty page than none
            outbox.message(error=str(error))
        outbox.newest(role=role, facts=self._facts, history=list(self._history.rows))
        awake.set()

    def leave(self, outbox: Outbox) -> None:
        """Forget a page."""
        self._pages.pop(outbox, None)

    async def run(self) -> None:
        """Tell what is new until cancelled."""
        loop = asyncio.get_running_loop()
        if self._desk.recording:
            self._meters.recording_since = time.monotonic()
        stop = self._desk.listen(self.hear)
        due = loop.time()
        try:
            while True:
                self._frame(loop.time())
                due = max(due + 1.0 / (FRAMES_HZ if self._pages else IDLE_HZ), loop.time())
                await asyncio.sleep(due - loop.time())
        finally:
            stop()
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _frame(self, now: float) -> None:
        self._news()
        if self._every(1.0 / HISTORY_HZ, "history", now):
            row = self._history.look(self._desk.host.shared.control)
            self._meters.load = row[1]
            self._tell(lambda page: page.row(row))
        if not self._pages:
            return
        frame = self._meters.frame()
        self._tell(lambda page: page.meters(frame))
        asking = self._asking is not None and not self._asking.done()
        if not asking and self._every(FACTS_SECONDS, "facts", now):
            self._asking = asyncio.ensure_future(self._ask())
        for awake in self._pages.values():
            awake.set()

    def _every(self, seconds: float, what: str, now: float) -> bool:
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True

    def _tell(self, say: Callable[[Outbox], None]) -> None:
        for page in self._pages:
            say(page)

    def _news(self) -> None:
        with self._lock:
            if not self._stirred:
                return
            values, self._values = self._values, {}
            messages, self._messages = self._messages, []
            learn, self._learn = self._learn, None
            epoch, redraw = self._epoch, self._redraw
            self._stirred = self._redraw = False
        if redraw and self._pages:
            self._draw_soon()
        if epoch != self._turned_in:
            self._turned_in, self._turned = epoch, {}
        self._turned |= values
        now: dict[str, Any] = {}
        with suppress(ValueError):  # a file of the rack has gone: the page stays as it was
            now["standing"] = standing(self._desk)
        if learn is not None:
            with suppress(ValueError):
                now.update(learn=learn, **mappings(self._desk))
        for page in self._pages:
            page.values(values, epoch)
            page.newest(**now)
            for message in messages:
                page.message(**message)

    def _draw_soon(self) -> None:
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.ensure_future(self._draw())
        else:
            with self._lock:  # one is being made; another is due after it
                self._stirred = self._redraw = True

    async def _draw(self) -> None:
        try:
            picture, epoch = await self._picture()
        except ValueError as error:  # a file of the rack has gone: the page stays as it was
            for page in self._pages:
                page.message(error=str(error))
            return
        for page, awake in self._pages.items():
            page.picture(picture, epoch)
            page.values(self._turned, self._turned_in)
            awake.set()

    async def _picture(self) -> tuple[str, int]:
        """The whole rack as text. Reading it may open files of models: not in this thread."""
        epoch, rack = self._epoch, self._desk.rack
        made = await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: text(snapshot=snapshot(self._desk))
        )
        self._meters.follow(rack)
        return made, epoch

    async def _ask(self) -> None:
        """Ask the audio process about itself; while it is being started again, say nothing."""
        host = self._desk.host
        device = host.order.device
        with suppress(ValueError, KeyError, OSError):
            report = await asyncio.get_running_loop().run_in_executor(self._pool, host.report)
            found = facts(report, device.rate, device.block)
            if found != self._facts:
                self._facts = found
                self._tell(lambda page: page.newest(facts=found))


__all__ = ["Hub"]
