"""Which training goes on: asynchronous successive halving.

Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht, Talwalkar: A System for Massively
Parallel Hyperparameter Tuning, 2020 (arXiv 1810.05934), algorithm 2. Whoever is free takes the
highest rung in which a training is among the best of those that came so far, one in ``eta``, and
lets it go on; where there is none, it begins a new one. Nobody waits for a rung to be full.
"""

from __future__ import annotations

import math


class Asha:
    """Decides; ``trials`` trainings, ``rungs`` decisions, lower is better.

    asha = Asha(12, 3)
    while (job := asha.next()) is not None: asha.told(*job, train(*job))

    With one rung all are trained to their ends, in order.
    """

    def __init__(self, trials: int, rungs: int, eta: int = 3) -> None:
        self._trials, self._eta = trials, eta
        self._done: list[dict[int, float]] = [{} for _ in range(rungs)]
        self._given: list[set[int]] = [set() for _ in range(rungs)]
        self._fresh = 0

    @property
    def out(self) -> int:
        """How many are being trained."""
        return sum(map(len, self._given)) - sum(map(len, self._done))

    def next(self) -> tuple[int, int] | None:
        """A trial and the rung to train it to; None if there is none before another is told."""
        for rung in reversed(range(len(self._done) - 1)):
            best = self._ranked(rung)[: len(self._done[rung]) // self._eta]
            for trial in best:
                if trial not in self._given[rung + 1]:
                    return self._give(trial, rung + 1)
        while self._fresh in self._given[0]:
            self._fresh += 1
        if self._fresh < self._trials:
            return self._give(self._fresh, 0)
        return None if self.out else self._last()

    def told(self, trial: int, rung: int, metric: float) -> None:
        """How a trial stands at a rung, asked for or not; what is not a number is the worst."""
        self._given[rung].add(trial)
        self._done[rung][trial] = metric if math.isfinite(metric) else math.inf

    def best(self) -> tuple[int, int] | None:
        """The best trial, and the rung that it reached: the highest that any did."""
        for rung in reversed(range(len(self._done))):
            if ranked := self._ranked(rung):
                return ranked[0], rung
        return None

    def _last(self) -> tuple[int, int] | None:
        """Where too few came for one in ``eta``, the best of them goes on: one is trained whole.

        If it fails, the next best does.
        """
        if self._ranked(len(self._done) - 1):
            return None
        for rung in reversed(range(len(self._done) - 1)):
            for trial in self._ranked(rung):
                if trial not in self._given[rung + 1]:
                    return self._give(trial, rung + 1)
        return None

    def _give(self, trial: int, rung: int) -> tuple[int, int]:
        self._given[rung].add(trial)
        return trial, rung

    def _ranked(self, rung: int) -> list[int]:
        """Best first; those that failed are not among them."""
        done = {t: metric for t, metric in self._done[rung].items() if math.isfinite(metric)}
        return sorted(done, key=lambda trial: (done[trial], trial))


__all__ = ["Asha"]
