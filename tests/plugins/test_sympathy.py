"""Sympathetic loops: which of them sound, how they swell and pulsate, where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engine.rack import Lane, Link, Rack, RackError
from engine.render import Move, Renderer, play

RATE = 16_000
QUICK = {"attack_ms": 20.0, "release_ms": 50.0, "dry_db": -60.0, "spread": 0.0}


def rack(loops: str = "strings", voices: int = 0, **knobs: float) -> Rack:
    link = Link("sympathy", "sympathy", {**QUICK, **knobs}, {"loops": loops, "voices": voices})
    return Rack("test", lanes=(Lane("a", "left", (link,)),))


def tone(hz: float, seconds: float, loud: float = 0.3, rate: int = RATE) -> Any:
    t = np.arange(round(seconds * rate)) / rate
    return (loud * np.sin(2 * np.pi * hz * t)).astype(np.float32)[:, None]


def silence(seconds: float) -> Any:
    return np.zeros((round(seconds * RATE), 1), np.float32)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A folder of three loops: tones of 200, 600 and 1800 Hz, not in that order."""
    for name, hz in (("a", 600.0), ("b", 1800.0), ("c", 200.0)):
        soundfile.write(tmp_path / f"{name}.wav", tone(hz, 2.0), RATE, subtype="FLOAT")
    (tmp_path / "notes.txt").write_text("not a sound")
    return tmp_path


def loud(sound: Any) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def part_at(sound: Any, hz: float) -> float:
    """Amplitude of one frequency in ``sound`` (n,)."""
    window = np.hanning(len(sound))
    turn = np.exp(-2j * np.pi * hz * np.arange(len(sound)) / RATE)
    return float(2.0 * abs(np.sum(window * sound * turn)) / window.sum())


@pytest.mark.parametrize("hz", [200.0, 600.0, 1800.0])
def test_a_tone_wakes_the_loop_that_sounds_of_it_and_no_other(three: Path, hz: float) -> None:
    chosen = rack(str(three), density=1.0, bandwidth=0.2, sensitivity_db=6.0)
    made = play(chosen, tone(hz, 1.0), RATE)
    made = made[RATE // 2 :, 0]
    others = [other for other in (200.0, 600.0, 1800.0) if other != hz]
    assert part_at(made, hz) > 0.05
    for other in others:
        assert part_at(made, other) < 0.02 * part_at(made, hz)


def test_bands_may_be_spaced_evenly_instead(three: Path) -> None:
    knobs = {"tuning": 0.0, "low_hz": 100.0, "high_hz": 4000.0, "density": 1.0}
    made = play(rack(str(three), **knobs), tone(100.0, 1.0), RATE)[RATE // 2 :, 0]
    assert part_at(made, 200.0) > 0.05  # the lowest loop answers the lowest band


def test_it_swells_and_dies_away_in_the_times_asked_for(three: Path) -> None:
    sound = np.concatenate([tone(600.0, 2.0), silence(3.0)])
    slow = play(rack(str(three), attack_ms=400.0, release_ms=800.0), sound, RATE)[:, 0]
    full = play(rack(str(three), attack_ms=2.0, release_ms=30_000.0), sound, RATE)[:, 0]

    def share(seconds: float) -> float:
        part = slice(round((seconds - 0.02) * RATE), round((seconds + 0.02) * RATE))
        return loud(slow[part]) / loud(full[part])

    # gains are squares of the levels that follow
    assert share(0.4) == pytest.approx((1 - np.exp(-1)) ** 2, abs=0.04)
    assert share(2.8) == pytest.approx(np.exp(-2), abs=0.03)


def test_at_the_least_density_the_loudest_sounds_alone(three: Path) -> None:
    sound = tone(600.0, 1.0) + tone(200.0, 1.0, loud=0.08)
    both = play(rack(str(three), density=1.0, sensitivity_db=12.0), sound, RATE)[RATE // 2 :, 0]
    one = play(rack(str(three), density=0.0, sensitivity_db=12.0), sound, RATE)[RATE // 2 :, 0]
    assert part_at(both, 200.0) > 0.01
    assert part_at(one, 200.0) < 1e-4
    assert part_at(one, 600.0) == pytest.approx(part_at(both, 600.0), rel=0.02)


def rate_of_pulse(three: Path, level: float) -> float:
    """How often in a second the loops grow and shrink."""
    knobs = {"modulation": 1.0, "slow_hz": 1.0, "fast_hz": 16.0, "sensitivity_db": 12.0}
    made = play(rack(str(three), **knobs), tone(600.0, 6.0, level), RATE)[2 * RATE :, 0]
    power = np.square(made).reshape(-1, 160).mean(axis=1)
    spectrum = np.abs(np.fft.rfft(power - power.mean()))
    return float(np.argmax(spectrum) / 4.0)


def test_a_louder_loop_pulsates_faster(three: Path) -> None:
    loud_hz, soft_hz = rate_of_pulse(three, 0.5), rate_of_pulse(three, 0.03)
    assert loud_hz == pytest.approx(16.0, abs=1.0)
    assert 1.0 < soft_hz < 8.0


def test_held_loops_go_on_without_the_performer(three: Path) -> None:
    sound = np.concatenate([tone(600.0, 1.0), silence(2.0)])
    moves = (Move(RATE // 2, "a.sympathy.hold", 1.0),)
    made = play(rack(str(three)), sound, RATE, moves=moves)[:, 0]
    assert loud(made[-RATE // 2 :]) == pytest.approx(loud(made[RATE // 2 : RATE]), rel=0.02)


def test_loops_go_round_without_a_seam(three: Path) -> None:
    made = play(rack(str(three)), tone(600.0, 6.0), RATE)[RATE:, 0]
    steps = np.abs(np.diff(made))
    assert steps.max() < 1.5 * np.sort(steps)[-len(steps) // 10]


def test_silence_is_answered_by_silence_and_the_dry_sound_passes(three: Path) -> None:
    assert not play(rack(str(three)), silence(1.0), RATE).any()
    link = Link("sympathy", "sympathy", {"answer_db": -60.0, "spread": 0.0}, {"loops": str(three)})
    heard = tone(600.0, 0.5)
    made = play(Rack("t", lanes=(Lane("a", "left", (link,)),)), heard, RATE)
    np.testing.assert_allclose(made, np.repeat(heard, 2, axis=1), atol=1e-3)


def test_spread_puts_loops_to_both_sides() -> None:
    chord = sum(tone(hz, 1.0, 0.05) for hz in (165.0, 247.0, 330.0, 392.0, 494.0))
    made = play(rack(density=1.0, spread=1.0), chord, RATE)[RATE // 2 :]
    left, right = made[:, 0], made[:, 1]
    assert np.corrcoef(left, right)[0, 1] < 0.85
    assert 0.5 < loud(left) / loud(right) < 2.0
    middle = play(rack(density=1.0, spread=0.0), chord, RATE)
    np.testing.assert_array_equal(middle[:, 0], middle[:, 1])


def test_more_voices_than_files_share_them(three: Path) -> None:
    renderer = Renderer(rack(str(three), voices=7), RATE, 1)
    made = renderer.push(tone(600.0, 1.0))
    assert loud(made[RATE // 2 :, 0]) > 0.01
    renderer.finish()


def test_what_is_no_sound_does_not_make_it_deaf(three: Path) -> None:
    heard = np.concatenate([tone(600.0, 0.2), tone(600.0, 1.0)])
    heard[100:200] = np.nan
    made = play(rack(str(three)), heard, RATE)[-RATE // 2 :, 0]
    assert loud(made) > 0.01


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "loops is empty"),
        ("nowhere.wav", "nowhere.wav"),
        ("empty", "holds no sound"),
        ("short.wav", "allowed is 0.25 s and more"),
        ("silent.wav", "is silent"),
    ],
)
def test_loops_that_are_none_are_one_clear_line(tmp_path: Path, given: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    soundfile.write(tmp_path / "short.wav", tone(600.0, 0.1), RATE)
    soundfile.write(tmp_path / "silent.wav", silence(1.0), RATE)
    loops = str(tmp_path / given) if given else ""
    with pytest.raises(RackError, match=words) as told:
        play(rack(loops), silence(0.1), RATE)
    assert "\n" not in str(told.value)
