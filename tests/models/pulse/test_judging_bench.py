"""taraf bench pulse: which parts there are, and what its rows say of what was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from engine.bench import Report
from engine.bench.stage.telling import StageError
from models.bench.pulse import PARTS, pulse
from models.bench.pulse.clock import EVERY_SECONDS, echoes, period
from models.bench.pulse.robust import Careful
from models.pulse.errors import Absent, PulseError
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


def test_a_part_whose_data_is_not_here_is_left_out_and_has_not_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def lacks(report: Report, seconds: float) -> None:
        raise Absent("drums: no such folder")

    monkeypatch.setattr("models.bench.pulse.robust.run", lacks)
    rows = {row.name: row for row in pulse([Path("robust")]).rows}
    assert rows["parts that ended early"].holds
    assert "robust is left out: drums: no such folder" in capsys.readouterr().err


def test_what_does_not_follow_passes_no_gate_of_clicks_or_of_other_rates(
    monkeypatch: pytest.MonkeyPatch,
):
    from models.bench.pulse import clicks, robust
    from models.pulse.judging.announced import Sound, Tracker

    def deaf() -> Tracker:
        """Right within a beat now and then, and no beat of it followed."""
        beats = np.arange(0.0, 45.0, 0.517)
        return lambda sound, rate: Announced(beats, beats, 0.5 + 0.0 * beats)

    def fragile(usual: Sound) -> Tracker:
        beats = np.arange(0.0, 45.0, 0.5)
        good = Announced(beats, beats, 0.5 + 0.0 * beats)
        return lambda sound, rate: good if np.array_equal(sound, usual) else deaf()(sound, rate)

    report = Report("pulse")
    monkeypatch.setattr(clicks, "told_ahead", lambda sound, rate, ahead_ms: deaf()(sound, rate))
    clicks.run(report, 1.0)
    held = {row.name: row.holds for row in report.rows if row.name.endswith(": F")}
    assert len(held) == 4 and not any(held.values())
    sound = np.random.default_rng(1).normal(0.0, 0.1, 44100 * 2).astype(np.float32)
    music = [Excerptish(sound, np.arange(0.0, 45.0, 0.5))]
    report = Report("pulse")
    monkeypatch.setattr(robust, "follower", lambda: fragile(sound))
    monkeypatch.setattr(robust, "excerpts", lambda names, limit: music)
    robust.run(report, 1.0)
    rows = {row.name: row for row in report.rows}
    assert rows["F at 44.1 kHz"].value == 1.0
    assert not rows["F at 16 kHz"].holds and not rows["F of clipped sound"].holds
    assert rows["F at 8 kHz"].holds is None


def test_what_is_judged_is_what_plays_live(monkeypatch: pytest.MonkeyPatch):
    from types import SimpleNamespace

    from models.pulse.judging.announced import flux
    from plugins.pulse import Pulse

    given: list[float] = []

    def follow(sound: object, rate: int, network: object, *more: float) -> SimpleNamespace:
        given.extend(more)
        return SimpleNamespace(beats=[], emitted=[], confidence=[])

    monkeypatch.setattr("engine.pulse.offline.follow", follow)
    flux()(np.zeros(100, np.float32), 44100)
    assert given == [0.0, Pulse.tempo_min.default, Pulse.tempo_max.default]


def test_beats_are_told_ahead_as_live_each_once_before_it_falls(monkeypatch: pytest.MonkeyPatch):
    from engine.control.lead import Lead
    from models.bench.pulse import ahead

    class Steady:
        """A rack whose beat 0 is at 0.25 s, at 120 bpm."""

        def __init__(self, rack: object, rate: int, inputs: int, block: int) -> None:
            self.shared = self.stage = self
            self.rate, self.at, self.closed = rate, 0, False

        def push(self, sound: np.ndarray) -> None:
            assert sound.shape == (self.rate // 1000, 1)
            self.at += len(sound)

        def close(self) -> None:
            self.closed = True

    def read(rack: Steady) -> Lead:
        at, beat = rack.at, 2 * rack.at / rack.rate - 0.5
        return Lead(True, 120.0, beat, at, 4, 0.9, 0, 0.0, said=False, now=at)

    monkeypatch.setattr(ahead, "Renderer", Steady)
    monkeypatch.setattr(ahead.lead, "read", read)
    said = ahead.told_ahead(np.zeros(10 * RATE, np.float32), RATE)
    np.testing.assert_allclose(said.beats, 0.25 + 0.5 * np.arange(20), atol=1e-6)
    lead_ms = 1000.0 * (said.beats - said.emitted)
    assert lead_ms.min() > 98.0 and lead_ms.max() < 101.0
    assert said.confidence is not None and set(said.confidence) == {0.9}


@dataclass
class Excerptish:
    sound: np.ndarray
    beats: np.ndarray


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
        monkeypatch.setattr(follow, "told_ahead", who())
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
