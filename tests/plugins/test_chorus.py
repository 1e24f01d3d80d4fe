"""The chorus: copies on time, pitch that sways as asked, two sides, a stable flanger."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import noise

from engine.rack import Lane, Link, Rack
from engine.render import Move, play

RATE = 48_000


def chorus(source: str = "left", **knobs: float) -> Rack:
    return Rack("test", lanes=(Lane("a", source, (Link("chorus", "chorus", knobs),)),))


def impulse(frames: int = 9600) -> np.ndarray:
    sound = np.zeros((frames, 1), np.float32)
    sound[0] = 1.0
    return sound


def pitch(rack: Rack, hz: float = 1000.0, seconds: int = 6) -> np.ndarray:
    """The momentary frequency of a tone after ``rack``, over the middle of its time."""
    sound = (0.5 * np.sin(2.0 * np.pi * hz / RATE * np.arange(seconds * RATE)))[:, None]
    made = play(rack, sound.astype(np.float32), RATE)[:, 0]
    spectrum = np.fft.fft(made * np.hanning(len(made)))
    spectrum[len(made) // 2 :] = 0.0
    phase = np.unwrap(np.angle(np.fft.ifft(spectrum)))
    return (np.diff(phase) * RATE / (2.0 * np.pi))[RATE:-RATE]


@pytest.mark.parametrize("delay_ms", [1.0, 9.0, 40.0])
def test_at_no_depth_one_copy_is_late_by_the_delay(delay_ms: float) -> None:
    made = play(chorus(voices=1.0, depth=0.0, delay_ms=delay_ms, mix=1.0), impulse(), RATE)
    late = int(delay_ms * RATE / 1000.0)
    np.testing.assert_allclose(made[late], 1.0, atol=1e-4)
    np.testing.assert_allclose(np.delete(made[:, 0], [late - 1, late, late + 1]), 0.0, atol=1e-4)


def test_the_second_copy_is_later_and_the_level_stays() -> None:
    made = play(chorus(voices=2.0, depth=0.0, delay_ms=10.0, mix=1.0), impulse(), RATE)[:, 0]
    peaks = np.flatnonzero(np.abs(made) > 0.3)
    assert peaks[0] == 480
    assert peaks[-1] == pytest.approx(1.23 * 480, abs=1)
    assert np.sum(made.astype(float) ** 2) == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("rate_hz", [0.5, 2.0])
def test_the_pitch_sways_at_the_rate_by_the_depth(rate_hz: float) -> None:
    knobs = {"voices": 1.0, "mix": 1.0, "delay_ms": 10.0, "depth": 0.4, "rate_hz": rate_hz}
    hz = pitch(chorus(**knobs))
    bend = 2.0 * np.pi * rate_hz * 0.4 * 4.5e-3  # frames a frame, of a sine of 1.8 ms
    assert hz.max() == pytest.approx(1000.0 * (1.0 + bend), rel=0.2 * bend)
    assert hz.min() == pytest.approx(1000.0 * (1.0 - bend), rel=0.2 * bend)
    sway = np.abs(np.fft.rfft((hz - hz.mean()) * np.hanning(len(hz))))
    assert np.argmax(sway) * RATE / len(hz) == pytest.approx(rate_hz, abs=0.26)


def test_the_fastest_and_deepest_stays_near_a_semitone() -> None:
    hz = pitch(chorus(voices=1.0, mix=1.0, depth=1.0, rate_hz=8.0))
    assert 1200.0 * np.log2(hz.max() / 1000.0) < 115.0


def test_mono_becomes_stereo_and_spread_zero_keeps_it_in_the_middle() -> None:
    wide = play(chorus(), noise(), RATE)
    assert np.corrcoef(wide.T)[0, 1] < 0.95
    narrow = play(chorus(spread=0.0), noise(), RATE)
    np.testing.assert_array_equal(narrow[:, 0], narrow[:, 1])


def test_dry_is_exact() -> None:
    sound = noise(4800, 2)
    np.testing.assert_array_equal(play(chorus("stereo", mix=0.0), sound, RATE), sound)


@pytest.mark.parametrize("feedback", [-0.95, 0.95])
@pytest.mark.parametrize("voices", [1.0, 1.5, 2.0])
def test_the_flanger_rings_but_does_not_run_away(feedback: float, voices: float) -> None:
    knobs = {"delay_ms": 1.0, "depth": 1.0, "rate_hz": 0.3, "mix": 1.0}
    sound = 10.0 * noise(2 * RATE)
    made = play(chorus(feedback=feedback, voices=voices, **knobs), sound, RATE, tail=RATE)
    assert np.abs(made).max() < 60.0
    assert np.abs(made[-4800:]).max() < 1e-3


def test_feedback_makes_a_comb() -> None:
    knobs = {"voices": 1.0, "delay_ms": 1.0, "depth": 0.0, "mix": 1.0, "feedback": 0.8}
    made = play(chorus(**knobs), impulse(RATE), RATE)[:, 0]
    gain = np.abs(np.fft.rfft(made))
    assert gain[1000] == pytest.approx(1.0 / 0.2, rel=0.02)
    assert gain[1500] == pytest.approx(1.0 / 1.8, rel=0.02)


@pytest.mark.parametrize("source", ["left", "stereo"])
def test_chunks_do_not_matter_while_every_knob_moves(source: str) -> None:
    turned = {
        "rate_hz": 8.0,
        "depth": 1.0,
        "delay_ms": 1.0,
        "feedback": 0.95,
        "voices": 1.0,
        "spread": 0.0,
        "mix": 1.0,
    }
    moves = [Move(700 * k, f"a.chorus.{n}", v) for k, (n, v) in enumerate(turned.items())]
    moves += [Move(15_000, "a.chorus.voices", 2.0), Move(16_000, "a.chorus.feedback", 0.0)]
    sound = noise(24_000, 2)
    whole = play(chorus(source), sound, RATE, 64, moves)
    for block in (1, 32, 333, 4096):
        np.testing.assert_array_equal(play(chorus(source), sound, RATE, block, moves), whole)
