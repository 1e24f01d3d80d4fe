"""Boxes with a response or a level: exact, the same for any block, kept whole in a file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from engine.boxes import BoxError, play, read_box
from engine.boxes.compressor import DETECTORS, Compressor
from engine.boxes.documents import document
from engine.boxes.echo import Echo
from engine.boxes.fir import Fir
from engine.boxes.tail import Tail

RATE = 48_000
RNG = np.random.default_rng(4)
SOUND = (0.2 * RNG.standard_normal(6000)).astype(np.float32)


T60_S = 0.8


def taps(count: int, size: float) -> np.ndarray:
    return (size * np.random.default_rng(count).standard_normal(count)).astype(np.float32)


def compressor(detector: str, **more: float) -> Compressor:
    numbers = dict(
        threshold_db=-26.0, slope=0.7, knee_db=6.0, makeup_db=3.0, attack_ms=2.0, release_ms=30.0
    )
    return Compressor(detector, **numbers | more)


def tail() -> Tail:
    delays = np.array([1433, 1601, 1867, 2053, 2251, 2399, 2617, 2797], np.float32)
    gains = 10.0 ** (-3.0 * delays / RATE / T60_S)
    rows = np.outer(gains, [0.9, 0.1]).astype(np.float32)
    return Tail(delays, rows.ravel(), np.array([0.5, 0.1], np.float32))


BOXES = {
    "fir": Fir(taps(1500, 0.02)),
    "echo": Echo(777, taps(3, 0.4), taps(20, 0.1), taps(12, 0.08)),
    "echo of a few samples": Echo(5, taps(1, 0.5), taps(2, 0.3), taps(4, 0.1)),
    "tail": tail(),
    **{detector: compressor(detector) for detector in DETECTORS},
    "feedback": compressor("peak", feedback=1),
}


@pytest.mark.parametrize("name", BOXES)
def test_block_sizes_do_not_change_the_sound(name: str) -> None:
    whole = play(BOXES[name], SOUND, RATE)
    assert np.isfinite(whole).all() and np.abs(whole).max() > 1e-3
    for block in (37, 1):
        assert np.array_equal(play(BOXES[name], SOUND, RATE, block), whole)


@pytest.mark.parametrize("name", BOXES)
def test_a_box_comes_back_from_json_with_every_number(name: str) -> None:
    again = read_box(json.loads(json.dumps(document(BOXES[name]))))
    assert type(again) is type(BOXES[name])
    assert np.array_equal(play(again, SOUND, RATE), play(BOXES[name], SOUND, RATE))


def test_an_impulse_response_is_convolved_exactly() -> None:
    box = BOXES["fir"]
    assert isinstance(box, Fir)
    wanted = np.convolve(SOUND.astype(float), box.taps.astype(float))[: len(SOUND)]
    assert np.abs(play(box, SOUND, RATE) - wanted).max() < 2e-6


@pytest.mark.parametrize("name", ["echo", "echo of a few samples"])
def test_echoes_come_back_through_the_filter_of_the_loop(name: str) -> None:
    box = BOXES[name]
    assert isinstance(box, Echo)
    x, delay = SOUND.astype(float), int(box.delay_samples)
    wet, fed = np.zeros(len(x) + delay), np.convolve(x, box.echo)
    for t in range(delay, len(x)):
        past = wet[max(0, t - delay - len(box.loop) + 1) : t - delay + 1][::-1]
        wet[t] = fed[t - delay] + np.dot(box.loop[: len(past)], past)
    wanted = np.convolve(x, box.dry)[: len(x)] + wet[: len(x)]
    assert np.abs(play(box, SOUND, RATE) - wanted).max() < 1e-6


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_compressor_does_what_the_equations_say(detector: str) -> None:
    box = compressor(detector)
    attack, release = (-math.expm1(-1000.0 / (ms * RATE)) for ms in (2.0, 30.0))
    first = state = 0.0
    wanted = np.empty(len(SOUND))
    for t, x in enumerate(SOUND.astype(float)):
        if detector in ("peak", "rms"):
            level = x * x if detector == "rms" else abs(x)
            state += (attack if level > state else release) * (level - state)
            db = (10.0 if detector == "rms" else 20.0) * math.log10(max(state, 1e-30))
            reduction = bent(db)
        else:
            given = bent(20.0 * math.log10(max(abs(x), 1e-30)))
            if detector == "branching":
                state += (attack if given > state else release) * (given - state)
            else:
                first = max(given, first + release * (given - first))
                state += attack * (first - state)
            reduction = state
        wanted[t] = x * 10.0 ** ((3.0 - reduction) / 20.0)
    assert np.abs(play(box, SOUND, RATE) - wanted).max() < 3e-6


def bent(db: float) -> float:
    """Threshold -26 dB, slope 0.7, knee 6 dB."""
    over = db + 26.0
    if over <= -3.0:
        return 0.0
    return 0.7 * ((over + 3.0) ** 2 / 12.0 if over < 3.0 else over)


def test_a_steady_sound_above_the_threshold_is_turned_down_by_the_ratio() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 1000.0 / RATE * np.arange(RATE))).astype(np.float32)
    box = compressor("rms", knee_db=0.0, makeup_db=0.0, attack_ms=50.0, release_ms=50.0)
    made = play(box, tone, RATE)[-4800:]
    level = 10.0 * math.log10(0.125)
    gain = 10.0 * math.log10(float(np.mean(np.square(made))) / 0.125)
    assert gain == pytest.approx(-0.7 * (level + 26.0), abs=0.05)


def test_a_tail_is_the_network_of_its_lines_and_falls_by_60_db_in_its_time() -> None:
    impulse = np.zeros(RATE, np.float32)
    impulse[0] = 1.0
    made = play(BOXES["tail"], impulse, RATE)
    assert not made[:1433].any()
    power = np.cumsum(np.square(made[::-1].astype(float)))[::-1]
    db = 10.0 * np.log10(power / power[0] + 1e-30)
    fallen = db[round(0.1 * RATE)] - db[round(0.3 * RATE)]
    assert 60.0 * 0.2 / T60_S < fallen < 1.5 * 60.0 * 0.2 / T60_S  # highs fall faster


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Fir(np.zeros(0, np.float32)), "taps has 0 numbers"),
        (lambda: Fir(np.array([np.nan], np.float32)), "not finite"),
        (lambda: Echo(0, taps(1, 1), taps(1, 1), taps(1, 0.01)), "delay_samples = 0"),
        (lambda: Echo(4.5, taps(1, 1), taps(1, 1), taps(1, 0.01)), "not whole"),
        (lambda: Echo(9, taps(1, 1), taps(1, 1), np.ones(1, np.float32)), "must be below 1"),
        (lambda: compressor("valve"), "no detector is called 'valve'"),
        (lambda: compressor("peak", slope=2.0), "slope = 2.0"),
        (lambda: compressor("peak", attack_ms=math.nan), "attack_ms = nan"),
        (lambda: Tail(np.full(8, 4.0, np.float32), taps(8, 0.1), taps(1, 1)), "delays of 4 to 4"),
        (lambda: Tail(np.full(8, 99.0, np.float32), np.ones(8, np.float32), taps(1, 1)), "below 1"),
        (lambda: Tail(np.full(8, 99.0, np.float32), taps(9, 0.1), taps(1, 1)), "8 rows"),
    ],
)
def test_numbers_that_cannot_be_are_refused_in_one_line(make: object, told: str) -> None:
    with pytest.raises(BoxError) as refused:
        make()  # type: ignore[operator]
    assert told in str(refused.value) and "\n" not in str(refused.value)
