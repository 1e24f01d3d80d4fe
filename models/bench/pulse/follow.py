"""Beats of people who were never heard before: the follower, clocks, and other trackers."""

from __future__ import annotations

import math

from engine.bench import Report
from models.bench.pulse.ahead import AHEAD_MS, told_ahead
from models.pulse.judging.announced import flux, follower
from models.pulse.judging.baselines import installed, listening
from models.pulse.judging.sets import FREE, SETS
from models.pulse.judging.summary import Summary, Tally
from models.pulse.judging.tables import judge

OURS, FLUX, AHEAD = "taraf", "taraf without its network", f"taraf, told {AHEAD_MS:g} ms ahead"
FREE_NAME = "free tempo"
LEAST_F, LEAST_RUBATO, LEAST_SWITCHED, LEAST_GAP = 0.80, 0.70, 0.90, 0.90
MOST_LOCK_SECONDS, LEAST_SOON = 4.0, 0.80
MOST_LOSS = 0.01
"""What the choice of files alone moves a mean by, and more."""
FIGURES = (
    ("F", "f"), ("F when announced", "f_emitted"), ("F, half or double", "f_switched"),
    ("CMLt", "cmlt"), ("AMLt", "amlt"), ("files with F of 0.9", "good"),
)  # fmt: skip


def run(report: Report, seconds: float) -> None:
    """Add rows for all sets and trackers; those that have a promise come first."""
    trackers = {OURS: listening(follower()), FLUX: listening(flux()), **installed()}
    found = judge(trackers, tuple(SETS))
    ahead = judge({AHEAD: listening(told_ahead)}, FREE)[AHEAD]
    told = {
        tracker: {name: tally.summary() for name, tally in tallies.items()}
        | {FREE_NAME: _free(tallies)}
        for tracker, tallies in found.items()
    }
    _promised(report, told[OURS])
    _looking_ahead(report, told[OURS][FREE_NAME], _free(ahead))
    for tracker, summaries in told.items():
        for name, summary in summaries.items():
            _figures(report, f"{tracker}, {name}", summary)


def _free(tallies: dict[str, Tally]) -> Summary:
    return Tally.together(tallies[name] for name in FREE).summary()


def _promised(report: Report, ours: dict[str, Summary]) -> None:
    free, step, down, gap = (ours[name] for name in (FREE_NAME, "step", "step-down", "gap"))
    sets = ", ".join(FREE)
    _at_least(report, f"F within 70 ms, {sets}", free.f, LEAST_F)
    _at_least(report, "F, rubato", ours["rubato"].f, LEAST_RUBATO)
    _at_least(report, f"F with a perfect half/double switch, {sets}", free.f_switched,
              LEAST_SWITCHED)  # fmt: skip
    report.add(f"cold start to four good beats, median, {sets}", free.lock, "s",
               f"at most {MOST_LOCK_SECONDS:g} s", free.lock <= MOST_LOCK_SECONDS)  # fmt: skip
    for name, one in (("a fifth faster", step), ("a fifth slower", down)):
        target = f"at least {100 * LEAST_SOON:g} %"
        for which, share in (("takes locked before", one.soon_of_locked), ("all", one.soon_of_all)):
            report.add(f"{name}: locked again within 4 s, of {which}", 100.0 * (share or 0.0), "%",
                       target, (share or 0.0) >= LEAST_SOON)  # fmt: skip
        report.add(f"{name}: seconds to lock again, median", one.relock or 0.0, "s")
    _at_least(report, "F through eight silent beats, of takes locked before", gap.gap or 0.0,
              LEAST_GAP)  # fmt: skip


def _looking_ahead(report: Report, now: Summary, ahead: Summary) -> None:
    loss = now.f - ahead.f
    report.add(f"F lost by telling {AHEAD_MS:g} ms ahead", loss, "", f"none, to {MOST_LOSS:g}",
               loss <= MOST_LOSS)  # fmt: skip
    report.add(f"F, told {AHEAD_MS:g} ms ahead", ahead.f, "")


def _at_least(report: Report, name: str, value: float, least: float) -> None:
    report.add(name, value, "", f"at least {least:.2f}", value >= least)


def _figures(report: Report, name: str, summary: Summary) -> None:
    for heading, key in FIGURES:
        report.add(f"{name}, {heading}", getattr(summary, key), "")
    report.add(f"{name}, lock", summary.lock, "s")
    report.add(f"{name}, lock at half, same or double tempo", summary.lock_switched, "s")
    for heading, value, unit in (
        ("confidence AUROC", summary.auroc, ""),
        ("locked before", summary.locked, ""),
        ("locks again after", summary.relock, "s"),
        ("within 4 s of locked", summary.soon_of_locked, ""),
        ("F in silence", summary.gap, ""),
    ):
        if value is not None and math.isfinite(value):
            report.add(f"{name}, {heading}", value, unit)
    report.add(f"{name}, files", summary.files, "")


__all__ = ["run"]
