"""Boxes that move: equal to their definition in 64 bits, the same for any block, kept whole."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.boxes import Box, BoxError, play, read_box
from engine.boxes.documents import document
from engine.boxes.lfo import advanced
from engine.boxes.modulated import Modulated
from engine.boxes.phaser import Phaser
from engine.boxes.tremolo import Tremolo

RATE = 48_000
RNG = np.random.default_rng(11)
SOUND = (0.2 * RNG.standard_normal(6000)).astype(np.float32)
LFO = np.sin(np.arange(6000) / 700.0).astype(np.float32)
PERIOD = np.interp(np.arange(64) / 64, [0, 0.3, 1], [-1, 1, -1]).astype(np.float32)


def flanger(**more: Any) -> Modulated:
    numbers: dict[str, Any] = dict(
        rate_hz=7.0, phase=0.3, centre_ms=3.0, depth_ms=2.0, feedback=-0.6, dry=0.7, wet=0.4,
        highpass_hz=120.0, drive=1.5, bias=0.1,
        loop_taps=np.array([0.2, 0.5, 0.3], np.float32),
        dry_taps=np.array([0.9, 0.2], np.float32),
        wet_taps=(RNG.standard_normal(200) / 20).astype(np.float32),
    )  # fmt: skip
    return Modulated(**numbers | more)


BOXES: dict[str, Box] = {
    "chorus": Modulated(rate_hz=3.0, interpolation="linear"),
    "flanger": flanger(),
    "learnt period": flanger(shape="table", period=PERIOD, interpolation="linear"),
    "vibrato": Modulated(rate_hz=5.0, dry=0.0, wet=1.0, interpolation="allpass"),
    "measured": flanger(
        source="heard", centre_ms=0.0, depth_ms=1.0,
        curve=np.array([1.0, 1.5, 2.5, 4.0, 6.0], np.float32),
    ),
    "phaser": Phaser(rate_hz=5.0, feedback=0.5, stages=4),
    "held phaser": Phaser(rate_hz=5.0, feedback=-0.5, hold=4, depth_octaves=6.0),
    "tremolo": Tremolo(rate_hz=6.0, shape="triangle", level=0.6, depth=0.4),
}  # fmt: skip
every_box = pytest.mark.parametrize("name", BOXES)


def heard(box: Box, frames: int = len(SOUND)) -> np.ndarray:
    return np.stack([SOUND, LFO])[: 1 + box.controls, :frames]


@every_box
@pytest.mark.parametrize("block", [37, 1])
def test_block_size_does_not_change_the_sound(name: str, block: int) -> None:
    box = BOXES[name]
    whole = play(box, heard(box), RATE)
    assert np.array_equal(play(box, heard(box), RATE, block), whole)
    assert np.isfinite(whole).all() and np.any(whole)


@every_box
def test_a_box_is_equal_to_its_definition(name: str) -> None:
    box = BOXES[name]
    want = defined(box, heard(box, 1500).astype(np.float64))
    np.testing.assert_allclose(play(box, heard(box, 1500), RATE), want, rtol=0, atol=3e-6)


@every_box
def test_a_box_survives_its_document(name: str) -> None:
    box = BOXES[name]
    again = read_box(json.loads(json.dumps(document(box))))
    assert np.array_equal(play(again, heard(box), RATE), play(box, heard(box), RATE))


@pytest.mark.parametrize("name", [name for name in BOXES if name != "measured"])
def test_a_box_on_silence_comes_to_rest_within_its_time(name: str) -> None:
    box = BOXES[name]
    settle = min(box.settle_frames(RATE), 200_000)
    sound = np.concatenate([SOUND, np.zeros(settle + 64, np.float32)])
    assert np.max(np.abs(play(box, sound, RATE)[-64:])) < 1e-4


def test_an_advanced_box_goes_on_where_the_first_one_was() -> None:
    box = Tremolo(rate_hz=3.3, phase=0.2)
    later = play(advanced(box, 2500, RATE), SOUND[2500:], RATE)
    np.testing.assert_allclose(later, play(box, SOUND, RATE)[2500:], atol=1e-7)


@pytest.mark.parametrize(
    ("kind", "wrong", "names"),
    [
        (Modulated, {"interpolation": "sinc"}, "sinc"),
        (Modulated, {"shape": "square"}, "square"),
        (Modulated, {"source": "midi"}, "midi"),
        (Modulated, {"rate_hz": math.nan}, "rate_hz"),
        (Modulated, {"centre_ms": 1e9}, "centre_ms"),
        (Modulated, {"feedback": 1.01}, "loop"),
        (Modulated, {"shape": "table"}, "period"),
        (Modulated, {"curve": np.ones(2, np.float32)}, "curve"),
        (Modulated, {"wet_taps": np.full(3, np.inf, np.float32)}, "wet_taps"),
        (Phaser, {"stages": 0}, "stages"),
        (Phaser, {"stages": 2.5}, "stages"),
        (Phaser, {"feedback": -1.0}, "feedback"),
        (Tremolo, {"level": math.inf}, "level"),
        (Tremolo, {"curve_low": 2.0}, "curve_low"),
    ],
)
def test_bad_numbers_are_refused_by_name(kind: type[Box], wrong: Any, names: str) -> None:
    with pytest.raises(BoxError, match=names) as caught:
        kind(**wrong)
    assert "\n" not in str(caught.value)


def test_extremes_stay_finite() -> None:
    box = replace(flanger(), feedback=0.99, loop_taps=np.ones(1, np.float32), drive=0.0, bias=0.0)
    for extreme in (box, replace(box, depth_ms=500.0, centre_ms=0.0), Phaser(depth_octaves=16.0)):
        assert np.isfinite(play(extreme, SOUND, RATE)).all()


def defined(box: Any, rows: np.ndarray) -> np.ndarray:
    """What a box should make, sample by sample in 64 bits."""
    value = values(box, rows)
    x = rows[0]
    if isinstance(box, Tremolo):
        return x * (box.level + box.depth * value)
    return phased(box, x, value) if isinstance(box, Phaser) else delayed(box, x, value)


def values(box: Any, rows: np.ndarray) -> np.ndarray:
    turn = (box.phase + box.rate_hz / RATE * np.arange(rows.shape[1])) % 1.0
    if box.source == "heard":
        value = rows[1]
    elif box.shape == "sine":
        value = np.sin(2 * np.pi * turn)
    elif box.shape == "triangle":
        value = 1 - 4 * np.abs((turn + 0.25) % 1.0 - 0.5)
    else:
        places = turn * len(box.period)
        points = [box.period[(places.astype(int) + k) % len(box.period)] for k in (-1, 0, 1, 2)]
        value = lagrange(points, places % 1.0)
    if len(box.curve):
        last = len(box.curve) - 1
        at = (value - box.curve_low) / (box.curve_high - box.curve_low) * last
        k = np.clip(at.astype(int), 1, last - 2)
        value = lagrange([box.curve[k + j].astype(float) for j in (-1, 0, 1, 2)], at - k)
    return value


def lagrange(points: Any, f: Any) -> Any:
    total = 0.0
    for j, point in zip((-1, 0, 1, 2), points, strict=True):
        term = 1.0
        for k in (-1, 0, 1, 2):
            if k != j:
                term = term * (f - k) / (j - k)
        total = total + term * point
    return total


def phased(box: Phaser, x: np.ndarray, value: np.ndarray) -> np.ndarray:
    memory, last, made = np.zeros(box.stages), 0.0, np.zeros(len(x))
    for i, sample in enumerate(x):
        if i % box.hold == 0:
            hertz = np.clip(box.centre_hz * 2.0 ** (box.depth_octaves * value[i]), 20.0, 20000.0)
            g = math.tan(math.pi * hertz / RATE)
        y = sample + box.feedback * last
        for k in range(box.stages):
            low = (g * y + memory[k]) / (1 + g)
            memory[k] = 2 * low - memory[k]
            y = 2 * low - y
        last = y
        made[i] = box.dry * sample + box.wet * y
    return made


def delayed(box: Modulated, x: np.ndarray, value: np.ndarray) -> np.ndarray:
    pad = 1000
    line, out = np.zeros(len(x) + pad), np.zeros(len(x) + pad)
    slow = last = 0.0
    pole = 1 - math.exp(-2 * math.pi * box.highpass_hz / RATE)
    for i, sample in enumerate(x):
        now = i + pad
        u = sample
        for k, tap in enumerate(box.loop_taps):
            u += box.feedback * tap * out[now - 1 - k]
        slow += pole * (u - slow)
        u -= slow
        if box.drive:
            u = (math.tanh(box.drive * (u + box.bias)) - math.tanh(box.drive * box.bias)) / (
                box.drive
            )
        line[now] = u
        delay = (box.centre_ms + box.depth_ms * value[i]) * RATE / 1000
        if box.interpolation == "allpass":
            whole = int(delay - 0.5)
            eta = (1 - (delay - whole)) / (1 + delay - whole)
            last = eta * (line[now - whole] - last) + line[now - whole - 1]
            out[now] = last
            continue
        whole, f = int(delay), delay % 1.0
        if box.interpolation == "linear":
            out[now] = (1 - f) * line[now - whole] + f * line[now - whole - 1]
        else:
            out[now] = lagrange([line[now - whole - j] for j in (-1, 0, 1, 2)], f)
    wet = np.convolve(out[pad:], box.wet_taps)[: len(x)]
    return box.dry * np.convolve(x, box.dry_taps)[: len(x)] + box.wet * wet
