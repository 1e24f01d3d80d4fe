"""What makes the answers: the loss beside the core's, its gradient, and a worker that fails."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from engine.shared import Shared
from engine.stage import Stage
from engine.virtual import Pull
from plugins.style.answer import Answerer, division, loudness
from plugins.style.distance import Distance
from plugins.style.hearing import Ear, Frames
from plugins.style.sharing import ITERATIONS
from plugins.style.wanted import Loss, Target

from .test_style import ANSWERS, LOOK, RATE, bells, file_of, rack, rest, tone

KNOBS = {"harmony": 1.0, "timbre": 3.0, "pitch": 0.3, "onsets": 0.3}


def level(sound: Any) -> Any:
    return (sound * (0.1 / loudness(sound))).astype(np.float32)


@pytest.fixture(scope="module")
def target() -> Target:
    return Target(Ear(RATE), level(bells()), 256)


@pytest.fixture
def content() -> Any:
    noise = np.random.default_rng(1).standard_normal(RATE) * 1e-3
    return level(np.concatenate([tone(0.6), tone(0.4, 330.0)]) + noise)


def test_the_gradient_is_that_of_finite_differences(target: Target, content: Any) -> None:
    loss = Loss(target, content, Frames(len(content)), KNOBS)
    place = level(content + 0.02 * np.random.default_rng(2).standard_normal(len(content)))
    way = np.random.default_rng(3).standard_normal(len(place)).astype(np.float32)
    way *= np.abs(place)
    _, slope = loss(place)
    step = np.float32(2e-3)
    rise = (loss(place + step * way)[0] - loss(place - step * way)[0]) / (2.0 * float(step))
    assert rise == pytest.approx(float(slope @ way), rel=0.03)


def test_loss_and_gradient_are_those_of_the_core(content: Any) -> None:
    torch = pytest.importorskip("torch")
    from models.style.material import Material
    from models.style.settings import Knobs, Settings
    from models.style.sound import Recording
    from models.style.sound import loudness as core_loudness

    settings = Settings(Knobs(**KNOBS), rate=RATE, most=256, start="content", device="cpu")
    style = Recording(bells()[None], RATE)
    material = Material(Recording(content[None], RATE), [style], settings)
    own = material.content[0].numpy()
    chance = np.random.default_rng(5)
    place = (own * chance.uniform(0.5, 1.5, len(own))).astype(np.float32)
    wanted, slope = material.objective(material.content)(torch.from_numpy(place))
    at_level = bells() * np.float32(0.1 / core_loudness(bells()[None], RATE))
    same = Target(Ear(RATE), at_level, 256)
    found, own_slope = Loss(same, own, Frames(len(own)), KNOBS)(place)
    assert found == pytest.approx(wanted, rel=1e-3)
    error = np.linalg.norm(own_slope - slope.numpy()) / np.linalg.norm(slope.numpy())
    assert error < 1e-2


def test_the_distance_of_a_style_to_itself_is_none_and_rests_do_not_count() -> None:
    frames = np.abs(np.random.default_rng(4).standard_normal((60, 30))).astype(np.float32)
    distance = Distance(frames, 5, 1000)
    everywhere = np.ones(60, np.float32)
    assert distance(frames, everywhere)[0] == pytest.approx(0.0, abs=1e-4 * distance.own)
    rested = np.concatenate([frames, np.zeros((40, 30), np.float32)])
    sounds = np.concatenate([everywhere, np.zeros(40, np.float32)])
    counted = np.concatenate([everywhere, np.ones(40, np.float32)])
    near = distance(rested, sounds)[0]
    assert near < 0.05 * distance(rested, counted)[0]


def test_silence_is_answered_with_silence(target: Target) -> None:
    answerer = Answerer(target, 1, 2 * RATE)
    made = answerer.answer(rest(2.0), 0, 4, KNOBS)
    assert made.iterations == 0
    assert not made.sound.any()


def test_an_answer_of_the_same_seconds_goes_on_from_the_last(target: Target) -> None:
    answerer = Answerer(target, 1, RATE)
    first = answerer.answer(tone(1.0), 0, 4, KNOBS)
    again = answerer.answer(tone(1.0), 0, 4, KNOBS)
    assert again.style < 0.8 * first.style


def test_it_stops_where_there_is_no_more_time(target: Target) -> None:
    answerer = Answerer(target, 1, RATE)
    assert answerer.answer(tone(1.0), 0, 50, KNOBS, lambda: True).iterations == 0


@pytest.mark.parametrize(
    ("rate", "parts"), [(8000, 1), (32000, 1), (44100, 2), (48000, 2), (96000, 4), (192000, 8)]
)
def test_a_rate_is_divided_to_about_24_khz(rate: int, parts: int) -> None:
    assert division(rate) == parts


class Live:
    """A rack that runs without being waited for: a stage and who pulls."""

    def __init__(self, style: Path, iterations: int = 1) -> None:
        self.shared = Shared.private()
        self.stage = Stage(self.shared, RATE, LOOK)
        self.table = self.stage.build(rack(style, {"renew_ms": 100, "iterations": iterations}))
        self.stage.publish(self.table)
        self.pull = Pull(self.shared, LOOK, 1)
        self.readouts = self.shared.control["readouts"][0, 0]
        self.plugin: Any = self.table.nodes[0].plugin

    def until(self, wanted: Any, seconds: float = 60.0) -> bool:
        """Play until it is so."""
        sound = tone(0.1)[: RATE // 10 // LOOK * LOOK, None]
        ends = time.monotonic() + seconds
        while not wanted() and time.monotonic() < ends:
            made = self.pull.run(sound)
            assert np.isfinite(made).all()
            self.stage.tick()
            time.sleep(0.02)
        return bool(wanted())


@pytest.fixture
def live(tmp_path: Path) -> Any:
    made = Live(file_of(tmp_path / "bells.wav", bells()))
    yield made
    made.stage.close()


def test_a_worker_that_dies_is_started_again_and_answers_again(live: Live) -> None:
    assert live.until(lambda: live.readouts[ANSWERS] >= 2)
    process = live.plugin._worker.process
    os.kill(process.pid, signal.SIGKILL)
    assert live.until(lambda: live.plugin.restarts == 1)
    before = live.readouts[ANSWERS]
    assert live.until(lambda: live.readouts[ANSWERS] >= before + 2)
    assert live.plugin._worker.process.pid != process.pid


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_worker_that_stalls_holds_nobody_up_and_what_is_late_is_counted(live: Live) -> None:
    assert live.until(lambda: live.readouts[ANSWERS] >= 2)
    process = live.plugin._worker.process
    os.kill(process.pid, signal.SIGSTOP)
    misses = int(live.shared.control["misses"][0])
    sound = tone(1.0)[: RATE // LOOK * LOOK, None]
    made = np.concatenate([live.pull.run(sound) for _ in range(2)])
    assert int(live.shared.control["misses"][0]) > misses + 5
    assert np.isfinite(made).all()
    assert np.abs(made[-RATE // 2 :]).max() == 0.0  # faded out, as nothing new came
    os.kill(process.pid, signal.SIGCONT)
    before = live.readouts[ANSWERS]
    assert live.until(lambda: live.readouts[ANSWERS] >= before + 2)


def test_too_little_time_is_told_and_taken_back_when_there_is_enough(tmp_path: Path) -> None:
    one = Live(file_of(tmp_path / "bells.wav", bells()), 10)
    fact = np.zeros(4)
    one.plugin.bind({"fact": fact})
    told = []
    for made in (4, 0, 5, 0, 3):
        fact[ITERATIONS] = made
        one.stage.tick()
        told.append([warning.split(";")[0] for warning in one.plugin.warnings])
    few = ["only 4 of 10 iterations fit"]
    assert told == [few, few, [], [], ["only 3 of 10 iterations fit"]]
    one.stage.close()


def test_closing_it_ends_the_worker_and_takes_the_memory_away(tmp_path: Path) -> None:
    one = Live(file_of(tmp_path / "bells.wav", bells()))
    process, block = one.plugin._worker.process, one.plugin._worker._block
    one.stage.close()
    assert process.poll() is not None
    assert not psutil.pid_exists(process.pid)
    assert not Path("/dev/shm", block.name).exists()
