"""taraf bench pulse: which parts there are, and what its rows say of what was measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from engine.bench import Report
from engine.bench.stage.telling import StageError
from models.bench.pulse import PARTS, pulse
from models.bench.pulse.clock import EVERY_SECONDS, echoes, period
from models.bench.pulse.robust import Careful
from models.pulse.errors import PulseError
from models.pulse.judging.announced import Announced
from models.pulse.judging.sets import DATA

pytest.importorskip("mir_eval")
RATE = 48000
needs_data = pytest.mark.skipif(
    not (DATA / "drums" / "gmd").is_dir(), reason="needs the drum takes in ../shared/data"
)


def test_a_part_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(StageError, match=r"'folow'.*follow, clicks"):
        pulse([Path("folow")])


def test_a_part_that_breaks_off_is_counted_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def breaks(report: Report, seconds: float) -> None:
        report.add("so far", 1.0, "")
        raise PulseError("no drums here")

    def works(report: Report, seconds: float) -> None:
        report.add("seconds given", seconds, "s")

    monkeypatch.setattr("models.bench.pulse.clicks.run", breaks)
    monkeypatch.setattr("models.bench.pulse.robust.run", works)
    rows = {row.name: row for row in pulse([Path("clicks"), Path("robust")], 7.0).rows}
    assert rows["seconds given"].value == 7.0
    assert rows["parts that ended early"].value == 1 and not rows["parts that ended early"].holds
    assert "no drums here" in capsys.readouterr().err


def test_every_part_has_a_module():
    from importlib import import_module

    assert all(callable(import_module(f"models.bench.pulse.{name}").run) for name in PARTS)


@needs_data
def test_whoever_knows_the_beats_holds_every_promise_of_following(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from models.bench.pulse import follow
    from models.pulse.judging import tables
    from models.pulse.judging.excerpts import Excerpt

    monkeypatch.setattr(tables, "make", lambda excerpts: None)
    monkeypatch.setattr(follow, "listening", lambda tracker: tracker)
    monkeypatch.setattr(follow, "installed", dict)
    monkeypatch.setattr(follow, "judge", partial(tables.judge, limit=4))

    def oracle(*_: object) -> Callable[[Excerpt], Announced]:
        return lambda one: Announced(one.beats, one.beats, np.ones(len(one.beats)))

    def silent(*_: object) -> Callable[[Excerpt], Announced]:
        return lambda one: Announced(np.zeros(0), np.zeros(0), np.zeros(0))

    monkeypatch.setattr(follow, "flux", silent)
    for who, holds in ((oracle, True), (silent, False)):
        monkeypatch.setattr(follow, "follower", who)
        report = Report("pulse")
        follow.run(report, 1.0)
        promised = [row for row in report.rows if row.target and "lost by" not in row.name]
        assert len(promised) >= 9
        assert {row.holds for row in promised} == {holds}, [r for r in promised if r.holds != holds]


def test_a_tracker_that_crashes_is_counted_and_has_said_nothing():
    def crashes(sound: np.ndarray, rate: int) -> Announced:
        raise ZeroDivisionError

    def mad(sound: np.ndarray, rate: int) -> Announced:
        return Announced(np.array([1.0, np.nan]), np.array([1.0, 2.0]))

    careful, other = Careful(crashes), Careful(mad)
    assert len(careful(np.zeros(10, np.float32), 8000).beats) == 0
    other(np.zeros(10, np.float32), 8000)
    assert (careful.crashes, careful.infinite, other.crashes, other.infinite) == (1, 0, 0, 1)


def test_the_gap_of_an_echo_is_read_from_a_recording():
    sent = np.arange(RATE // 2, 30 * RATE, round(EVERY_SECONDS * RATE))
    heard = np.zeros(32 * RATE, np.float32)
    heard[sent + 64] = 0.8
    heard[sent + 64 + 24000] = -0.4
    at, gaps = echoes(heard, sent)
    assert len(gaps) > 8 and np.unique(gaps).tolist() == [0.5]
    assert at.min() >= 10.0
    assert len(echoes(np.zeros_like(heard), sent)[1]) == 0
    assert period(np.arange(0.0, 30.0, 0.48), 12.0) == pytest.approx(0.48)
