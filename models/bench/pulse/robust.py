"""What is no drumming: nothing may break, and the follower must know that it knows nothing."""

from __future__ import annotations

import numpy as np

from engine.bench import Report
from models.pulse.judging.announced import Announced, Sound, Tracker, follower
from models.pulse.judging.excerpts import RATE, SECONDS, Excerpt
from models.pulse.judging.hostile import (
    END_SECONDS,
    QUIET,
    RATES,
    at_rate,
    clipped,
    confidence,
    ended,
)
from models.pulse.judging.scores import f_measure
from models.pulse.judging.sets import excerpts

FILES = 4
RATE_FILES = 2
LOWEST_RATE, MOST_LOSS = 16000, 0.1
"""From this rate on F is at most so much less than at 44.1 kHz."""


def run(report: Report, seconds: float) -> None:
    """Add rows: crashes, confidence without a beat, F at other rates and when clipped."""
    listen = Careful(follower())
    music = excerpts(("warped",), limit=FILES)
    heard = [listen(one.sound, RATE) for one in music]
    sure = float(np.median([confidence(said) for said in heard]))
    report.add("confidence on music, median", sure, "")
    for name, make in QUIET.items():
        value = confidence(listen(make(), RATE))
        report.add(f"confidence on {name}", value, "", "below that on music", value < sure)
    _ends(report, listen, music)
    _changed(report, listen, music, heard)
    report.add("crashes", listen.crashes, "", "none", listen.crashes == 0)
    report.add("answers that are not finite", listen.infinite, "", "none", listen.infinite == 0)


class Careful:
    """A tracker whose crashes are counted: it then has announced nothing."""

    def __init__(self, track: Tracker) -> None:
        self._track = track
        self.crashes = self.infinite = 0

    def __call__(self, sound: Sound, rate: int) -> Announced:
        try:
            said = self._track(sound, rate)
        except Exception:  # whatever it is: to be counted, not to end the bench
            self.crashes += 1
            return Announced(np.zeros(0), np.zeros(0))
        told = [said.beats, said.emitted]
        told += [] if said.confidence is None else [said.confidence]
        self.infinite += not all(np.isfinite(one).all() for one in told)
        return said


def _ends(report: Report, listen: Careful, music: list[Excerpt]) -> None:
    before, after = [], []
    for one in music:
        said = listen(ended(one.sound), RATE)
        before.append(confidence(said, END_SECONDS / 2, END_SECONDS))
        after.append(confidence(said, END_SECONDS + 10.0, SECONDS))
    report.add("a take that ends: confidence in its last 10 s", float(np.mean(before)), "")
    report.add("a take that ends: confidence from 10 s after it", float(np.mean(after)), "",
               "lower", float(np.mean(after)) < float(np.mean(before)))  # fmt: skip


def _changed(report: Report, listen: Careful, music: list[Excerpt], heard: list[Announced]) -> None:
    part = list(zip(music, heard, strict=True))[:RATE_FILES]
    usual = float(np.mean([f_measure(one.beats, said.beats) for one, said in part]))
    report.add("F at 44.1 kHz", usual, "")
    for rate in RATES:
        found = [f_measure(one.beats, listen(at_rate(one.sound, rate), rate).beats)
                 for one, _ in part]  # fmt: skip
        name, value = f"F at {rate / 1000:g} kHz", float(np.mean(found))
        if rate < LOWEST_RATE:
            report.add(name, value, "")
        else:
            _kept(report, name, value, usual - MOST_LOSS)
    loud = [f_measure(one.beats, listen(clipped(one.sound), RATE).beats) for one, _ in part]
    _kept(report, "F of clipped sound", float(np.mean(loud)), usual - MOST_LOSS)


def _kept(report: Report, name: str, found: float, least: float) -> None:
    """A row that is kept to ``least``, and that nothing at all is not enough for."""
    report.add(name, found, "", f"at least {least:.2f}", found >= least and found > 0.0)


__all__ = ["Careful", "run"]
