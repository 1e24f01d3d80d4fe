"""The judge of beat followers: whoever is right scores one, whoever is not is told how."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.pulse.judging.announced import Announced
from models.pulse.judging.baselines import frozen, librosa_windows, metronome
from models.pulse.judging.clicks import clicks, timing
from models.pulse.judging.excerpts import SECONDS, Excerpt
from models.pulse.judging.hostile import QUIET, at_rate, clipped, confidence, ended
from models.pulse.judging.scores import (
    auroc,
    inside,
    locked_at,
    locked_before,
    relock,
    score,
)
from models.pulse.judging.summary import Tally
from models.pulse.rendering import Piece, drum_strokes

pytest.importorskip("mir_eval")

BEATS = np.arange(0.0, SECONDS, 0.5)


def said(beats: np.ndarray, late: float = 0.0, confidence: np.ndarray | None = None) -> Announced:
    return Announced(beats, beats + late, confidence)


def excerpt(beats: np.ndarray, name: str = "warped", span: tuple[float, float] | None = None):
    return Excerpt(name, "one", beats, Piece(drum_strokes([], [], []), SECONDS), None, 0.0, span)


def test_the_true_beats_score_one_in_everything():
    found = score(BEATS, said(BEATS))
    assert (found.f, found.f_emitted, found.f_switched) == (1.0, 1.0, 1.0)
    assert (found.cmlt, found.amlt, found.lock) == (1.0, 1.0, 0.0)


def test_what_is_announced_too_late_scores_as_asserted_and_not_as_emitted():
    found = score(BEATS, said(BEATS, late=0.12))
    assert found.f == 1.0
    assert found.f_emitted == 0.0


def test_half_and_double_tempo_are_right_for_whoever_has_a_switch():
    for wrong in (BEATS[::2], BEATS[1::2], np.arange(0.0, SECONDS, 0.25)):
        found = score(BEATS, said(wrong))
        assert found.f == pytest.approx(2 / 3, abs=0.01)
        assert found.f_switched > 0.99
        assert found.amlt > 0.95
        assert found.lock_switched < 2.0
    assert score(BEATS, said(BEATS[::2])).lock == math.inf


def test_nothing_announced_is_no_crash_and_no_score():
    found = score(BEATS, said(np.zeros(0)))
    assert (found.f, found.cmlt, found.amlt, found.lock) == (0.0, 0.0, 0.0, math.inf)


def test_the_first_five_seconds_do_not_count():
    assert score(BEATS, said(BEATS[BEATS > 4.9])).f == 1.0


def test_a_lock_is_the_first_of_four_good_beats_in_a_row():
    beats = np.concatenate([BEATS[:8] + 0.2, BEATS[8:11], BEATS[12:]])  # three, a hole, all
    assert locked_at(BEATS, beats) == BEATS[12]
    extra = np.sort(np.concatenate([BEATS, [BEATS[1] + 0.25]]))
    assert locked_at(BEATS, extra) == BEATS[2]


def test_a_step_is_followed_from_the_first_of_four_good_beats_on():
    beats = np.concatenate([np.arange(0.0, 20.0, 0.5), np.arange(20.0, SECONDS, 0.4)])
    late = np.concatenate([np.arange(0.0, 22.9, 0.5), beats[beats > 23.0]])
    assert locked_before(beats, late, 20.0)
    assert relock(beats, late, 20.0) == pytest.approx(3.2, abs=0.01)
    assert not locked_before(beats, late + 0.2, 20.0)


def test_the_pulse_in_a_silence_is_told_from_what_is_around_it():
    span = (20.0, 24.0)
    quiet = BEATS[(span[0] > BEATS) | (span[1] <= BEATS)]
    assert inside(BEATS, BEATS, span) == 1.0
    assert inside(BEATS, quiet, span) == 0.0
    tally = Tally()
    tally.add(excerpt(BEATS, "gap", span), said(quiet))
    assert tally.summary().gap == 0.0
    assert tally.summary().locked == 1.0


def test_confidence_that_knows_scores_one_and_that_knows_nothing_a_half():
    wrong = BEATS + np.where(np.arange(len(BEATS)) % 3 == 0, 0.2, 0.0)
    knows = score(BEATS, said(wrong, confidence=(np.arange(len(BEATS)) % 3 != 0) * 0.8)).sure
    assert auroc(knows) == 1.0
    assert auroc(score(BEATS, said(wrong, confidence=np.full(len(BEATS), 0.5))).sure) == 0.5


def test_a_set_is_the_mean_of_its_files_and_a_lock_that_never_came_is_long():
    tally = Tally()
    tally.add(excerpt(BEATS), said(BEATS))
    tally.add(excerpt(BEATS), said(np.zeros(0)))
    found = tally.summary()
    assert (found.files, found.f, found.good, found.lock) == (2, 0.5, 0.5, SECONDS / 2)
    assert "gap" not in found.as_dict()
    both = Tally.together([tally, tally]).summary()
    assert (both.files, both.f) == (4, 0.5)


def test_a_frozen_clock_keeps_a_click_and_loses_a_tempo_that_moves():
    slower = np.cumsum(np.linspace(0.5, 0.7, 70))
    assert score(BEATS, frozen(excerpt(BEATS))).f == 1.0
    assert score(slower, frozen(excerpt(slower))).f < 0.5
    assert score(BEATS, metronome(excerpt(BEATS))).f == 1.0


def test_librosa_in_windows_follows_a_click_track():
    pytest.importorskip("librosa")
    sound, times = clicks(120.0)
    assert score(times, librosa_windows(sound, 44100)).f > 0.9


def test_clicks_begin_when_they_say():
    sound, times = clicks(97.0)
    near = (times * 44100).astype(int) - 50
    begins = near + [np.flatnonzero(np.abs(sound[at:]) > 1e-6)[0] for at in near]
    assert np.abs(begins / 44100 - times).max() < 1e-4


def test_the_time_of_an_announcement_is_told_in_milliseconds_and_look_ahead_is_taken_off():
    _, times = clicks(141.0)
    found = timing(times, Announced(times + 0.002, times + 0.004))
    assert (found.emitted, found.asserted) == (pytest.approx(4.0), pytest.approx(2.0))
    assert found.emitted_spread == pytest.approx(0.0, abs=1e-6)
    ahead = timing(times, Announced(times, times - 0.1), 100.0)
    assert (ahead.emitted, ahead.lead) == (pytest.approx(0.0, abs=1e-6), pytest.approx(100.0))
    assert timing(times, Announced(np.zeros(0), np.zeros(0))).emitted == math.inf


def test_sounds_without_a_beat_are_finite_and_as_long_as_an_excerpt():
    for make in QUIET.values():
        sound = make()
        assert (sound.dtype, len(sound)) == (np.float32, round(SECONDS * 44100))
        assert np.isfinite(sound).all() and np.abs(sound).max() <= 1.0


def test_drums_on_a_bad_stage():
    sound, _ = clicks(97.0)
    assert np.abs(clipped(sound)).max() == 1.0
    assert not ended(sound)[round(20.1 * 44100) :].any() and ended(sound).any()
    assert len(at_rate(sound, 8000)) == SECONDS * 8000


def test_confidence_is_that_of_what_was_announced_in_a_time():
    found = Announced(BEATS, BEATS, np.where(BEATS < 20.0, 0.8, 0.2))
    assert confidence(found, 0.0, 20.0) == pytest.approx(0.8)
    assert confidence(found, 30.0, 40.0) == pytest.approx(0.2)
    assert confidence(Announced(BEATS[:10], BEATS[:10], BEATS[:10]), 30.0, 40.0) == 0.0
