"""The delay: echoes on time, as loud as promised, on the right side, and no clicks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import noise

from engine.layout import BEAT
from engine.rack import Lane, Link, Rack
from engine.render import Move, Renderer, play

RATE = 48_000
OPEN: dict[str, Any] = {"tone_hz": 20_000.0, "low_cut_hz": 20.0}


def delay(source: str = "left", **knobs: float) -> Rack:
    return Rack("test", lanes=(Lane("a", source, (Link("delay", "delay", knobs),)),))


def burst(frames: int, channels: int = 1, hz: float = 1000.0, cycles: int = 5) -> np.ndarray:
    """A few cycles of a tone in the left channel, then silence."""
    length = int(cycles * RATE / hz)
    sound = np.zeros((frames, channels), np.float32)
    sound[:length, 0] = 0.5 * np.sin(2.0 * np.pi * hz / RATE * np.arange(length))
    sound[:length, 0] *= np.hanning(length)
    return sound


def shift(sound: np.ndarray, made: np.ndarray) -> int:
    """By how many frames ``made`` is later."""
    size = 2 * len(made)
    spectrum = np.fft.rfft(made, size) * np.conj(np.fft.rfft(sound, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(made)]))


@pytest.mark.parametrize("time_ms", [1.0, 1.37, 20.0, 350.0, 999.3, 2000.0])
def test_the_echo_arrives_on_time_within_a_sample(time_ms: float) -> None:
    sound = burst(RATE // 100 + int(2.1 * RATE), hz=4000.0)
    made = play(delay(time_ms=time_ms, feedback=0.0, mix=1.0, **OPEN), sound, RATE)
    late = shift(sound[:, 0].astype(float), made[:, 0].astype(float))
    assert abs(late - time_ms * RATE / 1000.0) <= 1.0


def test_a_whole_number_of_frames_is_an_exact_copy() -> None:
    knobs = {**OPEN, "low_cut_hz": 20.0}
    sound = noise(9600)
    made = play(delay(time_ms=100.0, feedback=0.0, mix=1.0, **knobs), sound, RATE)[:, 0]
    left = made[4800:] - sound[:4800, 0]
    assert np.sqrt(np.mean(left**2) / np.mean(sound**2)) < 0.06  # the 20 Hz cut alone
    assert not made[:4800].any()


@pytest.mark.parametrize("feedback", [0.25, 0.7, 0.98])
def test_each_repeat_is_feedback_times_the_one_before(feedback: float) -> None:
    sound = burst(RATE)
    made = play(delay(time_ms=100.0, feedback=feedback, mix=1.0, **OPEN), sound, RATE)[:, 0]
    echoes = [np.abs(made[4800 * k : 4800 * (k + 1)]).max() for k in range(1, 7)]
    steps_db = 20.0 * np.log10(np.divide(echoes[1:], echoes[:-1]))
    np.testing.assert_allclose(steps_db, 20.0 * np.log10(feedback), atol=0.05)


def test_the_tone_is_three_decibels_down_at_its_frequency() -> None:
    sound = np.zeros((RATE, 1), np.float32)
    sound[0] = 1.0
    knobs = {"time_ms": 10.0, "feedback": 0.0, "mix": 1.0}
    for hz in (500.0, 2000.0):
        made = play(delay(tone_hz=hz, low_cut_hz=20.0, **knobs), sound, RATE)[:, 0]
        gain = np.abs(np.fft.rfft(made))
        assert 20.0 * np.log10(gain[int(hz)]) == pytest.approx(-3.0, abs=0.3)
        assert gain[10 * int(hz) // 2] < 0.3
    made = play(delay(tone_hz=20_000.0, low_cut_hz=400.0, **knobs), sound, RATE)[:, 0]
    assert 20.0 * np.log10(np.abs(np.fft.rfft(made))[400]) == pytest.approx(-3.0, abs=0.3)


def test_ping_pong_goes_left_right_left() -> None:
    sound = burst(RATE, 2)
    knobs = {"time_ms": 100.0, "feedback": 0.5, "mix": 1.0, **OPEN}
    made = play(delay("stereo", ping_pong=1.0, **knobs), sound, RATE)
    for k in range(1, 6):
        here = np.abs(made[4800 * k : 4800 * (k + 1)]).max(axis=0)
        loud, quiet = (here[0], here[1]) if k % 2 else (here[1], here[0])
        assert loud == pytest.approx(0.25 * 0.5 ** (k - 1), rel=0.05)
        assert quiet < 1e-6


def test_without_ping_pong_the_sides_are_apart() -> None:
    made = play(delay("stereo", time_ms=50.0, feedback=0.9, mix=1.0), burst(RATE, 2), RATE)
    assert made[:, 0].any()
    assert not made[:, 1].any()


def test_mono_stays_mono() -> None:
    made = play(delay(ping_pong=1.0, modulation=1.0), noise(), RATE)
    np.testing.assert_array_equal(made[:, 0], made[:, 1])


def test_moving_the_time_does_not_click() -> None:
    sound = (0.5 * np.sin(2.0 * np.pi * 200.0 / RATE * np.arange(2 * RATE)))[:, None]
    moves = [Move(RATE, "a.delay.time_ms", 300.0)]
    knobs = {"time_ms": 400.0, "feedback": 0.0, "mix": 1.0, **OPEN}
    made = play(delay(**knobs), sound.astype(np.float32), RATE, moves=moves)[RATE // 2 :, 0]
    # the fastest glide reads at 4/3 of the speed: 267 Hz has this slope and no more
    assert np.abs(np.diff(made)).max() < 0.5 * 2.0 * np.pi * 200.0 * 1.34 / RATE * 1.02


def test_modulation_bends_by_cents_not_by_semitones() -> None:
    sound = (0.5 * np.sin(2.0 * np.pi * 1000.0 / RATE * np.arange(6 * RATE)))[:, None]
    knobs = {"time_ms": 200.0, "feedback": 0.0, "mix": 1.0, **OPEN}
    made = play(delay(modulation=1.0, **knobs), sound.astype(np.float32), RATE)[RATE:, 0]
    spectrum = np.fft.fft(made * np.hanning(len(made)))
    spectrum[len(made) // 2 :] = 0.0
    phase = np.unwrap(np.angle(np.fft.ifft(spectrum)))
    hz = (np.diff(phase) * RATE / (2.0 * np.pi))[RATE:-RATE]
    cents = 1200.0 * np.log2(hz / 1000.0)
    assert 6.0 < np.abs(cents).max() < 12.0


@pytest.mark.parametrize("source", ["left", "stereo"])
def test_chunks_do_not_matter_while_every_knob_moves(source: str) -> None:
    turned = {
        "time_ms": 1.0,
        "feedback": 0.98,
        "tone_hz": 20_000.0,
        "low_cut_hz": 700.0,
        "modulation": 1.0,
        "ping_pong": 1.0,
        "mix": 1.0,
    }
    moves = [Move(500 * k, f"a.delay.{n}", v) for k, (n, v) in enumerate(turned.items())]
    moves += [Move(15_000, "a.delay.time_ms", 77.7), Move(15_000, "a.delay.tone_hz", 500.0)]
    sound = noise(24_000, 2)
    whole = play(delay(source, time_ms=20.0), sound, RATE, 64, moves)
    for block in (1, 32, 333, 4096):
        np.testing.assert_array_equal(
            play(delay(source, time_ms=20.0), sound, RATE, block, moves), whole
        )


def test_letting_go_of_the_clock_bends_the_repeats_and_does_not_click() -> None:
    tone = 0.5 * np.sin(2.0 * np.pi * 223.3 / RATE * np.arange(3 * RATE))[:, None]
    rack = delay(time_ms=350.0, feedback=0.0, mix=1.0, sync=6.0, **OPEN)
    made = play(rack, tone.astype(np.float32), RATE, moves=[Move(2 * RATE, "a.delay.sync", 0.0)])
    steepest = np.abs(np.diff(made[RATE:, 0])).max()
    fastest = 1.0 + (500.0 - 350.0) / 60.0  # while a gap of 500 ms glides to one of 350
    assert steepest < 1.1 * fastest * np.abs(np.diff(tone[:, 0])).max()


def test_a_tempo_that_sways_about_an_octave_of_the_gap_does_not_bend_it_by_one() -> None:
    """Whole notes at 120 bpm fill the line to a hair; a MIDI clock is never quite 120."""
    renderer = Renderer(delay(sync=1.0, feedback=0.0, mix=1.0, **OPEN), RATE, 1)

    def echo(*tempi: float) -> float:
        """How late an impulse is heard that comes after two seconds of these tempi."""
        sound, step = np.zeros((round(4.5 * RATE), 1), np.float32), RATE // 20
        sound[2 * RATE] = 1.0
        heard = []
        for turn, first in enumerate(range(0, len(sound), step)):
            assert renderer.shared.send(0, BEAT, first, tempi[turn % len(tempi)])
            heard.append(renderer.push(sound[first : first + step]))
        return float(np.abs(np.concatenate(heard)[:, 0]).argmax() / RATE) - 2.0

    assert echo(119.9, 120.1) == pytest.approx(1.0, abs=0.005)
    assert echo(121.0, 123.0) == pytest.approx(0.98, abs=0.01)
    assert echo(150.0) == pytest.approx(1.6, abs=0.005)
