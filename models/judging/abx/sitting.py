"""One listener's test: the secret order, the answers, and how likely they are by chance.

Nothing here is told to the browser but the number of a trial and whether the test is over.
"""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass

from scipy.stats import binomtest

from models.judging.errors import JudgeError

TRIALS = (1, 200)
SIDES = ("A", "B")


@dataclass(frozen=True)
class Trial:
    """Which excerpt is heard, and which of its sounds is X."""

    excerpt: int
    x: str


@dataclass(frozen=True)
class Answer:
    """What was answered, and how long it took."""

    x: str
    answer: str
    excerpt: int
    seconds: float

    @property
    def correct(self) -> bool:
        """Whether X was named."""
        return self.answer == self.x


class Sitting:
    """A test under way. Trials come in one order, once; there is no way back.

    Every X is drawn for itself, by the system's randomness, so that those before it tell
    nothing; ``seed`` makes the order known, for tests of this program only.
    """

    def __init__(self, trials: int, excerpts: int, seed: int | None = None) -> None:
        if not TRIALS[0] <= trials <= TRIALS[1]:
            raise JudgeError(f"--trials {trials} is outside {TRIALS[0]} to {TRIALS[1]}")
        draw = secrets.SystemRandom() if seed is None else random.Random(seed)
        order: list[int] = []
        while len(order) < trials:
            order += draw.sample(range(excerpts), excerpts)
        self.trials = [Trial(excerpt, draw.choice(SIDES)) for excerpt in order[:trials]]
        self.answers: list[Answer] = []
        self.stopped = False
        self._began = time.monotonic()

    @property
    def number(self) -> int:
        """The trial that is asked now, counted from 0; as many as there are when all are done."""
        return len(self.answers)

    @property
    def finished(self) -> bool:
        """Whether every trial is answered."""
        return self.number == len(self.trials)

    @property
    def over(self) -> bool:
        """Whether it is finished or was stopped."""
        return self.finished or self.stopped

    @property
    def trial(self) -> Trial:
        """The trial that is asked now."""
        return self.trials[self.number]

    def answer(self, number: int, answer: str) -> None:
        """Take the answer to trial ``number``; JudgeError if that is not the one asked."""
        if self.over or number != self.number:
            raise JudgeError(f"trial {number + 1} is not the one that is asked")
        if answer not in SIDES:
            raise JudgeError(f"{answer!r} is no answer; allowed are A and B")
        now = time.monotonic()
        trial = self.trial
        self.answers.append(Answer(trial.x, answer, trial.excerpt, now - self._began))
        self._began = now

    def stop(self) -> None:
        """End it early; what was answered is kept, and counts as unfinished."""
        self.stopped = not self.finished

    @property
    def correct(self) -> int:
        """How many answers named X."""
        return sum(answer.correct for answer in self.answers)

    @property
    def p_value(self) -> float:
        """How likely so many right answers or more are by guessing: binomial, one-sided, exact."""
        if not self.answers:
            return 1.0
        tested = binomtest(self.correct, self.number, 0.5, alternative="greater")
        return float(tested.pvalue)


__all__ = ["SIDES", "TRIALS", "Answer", "Sitting", "Trial"]
