"""Does units in processes of this machine."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator

from models.cluster.hand import Hand
from models.cluster.unit import Outcome, Program, Unit

GIVE_UP = 12
"""Crashes or time-outs in a row: it will not get better."""


class Here:
    """``jobs`` processes, one for each core unless given."""

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs or os.cpu_count() or 1

    @property
    def slots(self) -> int:
        """How many units are done at a time."""
        return self._jobs

    def close(self) -> None:
        """Nothing is left when a run has ended."""

    def run(
        self, program: Program, units: Iterable[Unit | None], ahead: bool = True
    ) -> Iterator[Outcome]:
        """Yield the outcomes as they come; see `Executor`."""
        source, crew = iter(units), _Crew(program, self._jobs)
        most = 2 * self._jobs if ahead else self._jobs
        pending, left = 0, True
        try:
            while True:
                while left and pending < most:
                    try:
                        unit = next(source)
                    except StopIteration:
                        left = False
                        break
                    if unit is None:
                        break
                    crew.give(unit)
                    pending += 1
                if not pending:
                    return
                outcome = crew.outcomes.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                pending -= 1
                yield outcome
        finally:
            crew.end()


class _Crew:
    """Threads that each hold the hand of one process; begun as there is work for them."""

    def __init__(self, program: Program, jobs: int) -> None:
        self._program, self._jobs = program, jobs
        self._waiting: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self.outcomes: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._hands: list[Hand] = []
        self._threads: list[threading.Thread] = []
        self._crashes = 0
        self._over = False

    def give(self, unit: Unit) -> None:
        """One more to do."""
        self._waiting.put(unit)
        if len(self._threads) < self._jobs:
            hand = Hand(self._program)
            thread = threading.Thread(target=self._work, args=(hand,), daemon=True)
            self._hands.append(hand)
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        """Stop all; what is being done is lost."""
        self._over = True
        for hand in self._hands:
            hand.stop()
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, hand: Hand) -> None:
        try:
            while (unit := self._waiting.get()) is not None and not self._over:
                self.outcomes.put(self._done(hand, unit))
        except BaseException as error:
            self.outcomes.put(error)
        finally:
            hand.end()

    def _done(self, hand: Hand, unit: Unit) -> Outcome:
        if self._crashes >= GIVE_UP:
            return Outcome(unit, {}, f"given up after {GIVE_UP} crashes in a row")
        began = time.perf_counter()
        answer = hand.do(unit.task)
        self._crashes = self._crashes + 1 if answer.crashed else 0
        seconds = time.perf_counter() - began
        told = {} if answer.error else answer.told
        return Outcome(unit, told, answer.error, answer.asked, seconds=seconds)


__all__ = ["GIVE_UP", "Here"]
