"""The sampler beside a performer: when it answers, from what, how loud, and with which weights."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.plugin import PluginError, Setup
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Move, Renderer, play
from engine.sampler.dream import Dreamer
from engine.sampler.file import write_sampler
from engine.sampler.finding import find_sampler
from engine.sampler.model import APPROACHES, Head, Layer, SamplerModel
from engine.shared import Shared
from engine.stage import Stage
from engine.virtual import Pull
from plugins.sampler import Sampler, cores, swapping
from plugins.sampler.swapping import Swapper

RATE = 16_000
LOOK = 64
HIDDEN = 16
SLOW_JOB = {"window_size": 128, "hop_size": 128, "zero_padding": False}
ANSWERS, SOUNDS, RESTARTS = range(3)


def tiny(approach: str, rate: int = RATE, number: int = 0, scale: float = 0.1) -> SamplerModel:
    """A model that has learnt nothing, whose steps are cheap; ``number`` decides its weights."""
    rng = np.random.default_rng(number)

    def by_chance(rows: int, columns: int) -> Any:
        return (rng.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    one = np.full(1, scale, np.float32)
    more: dict[str, Any] = {"input_scale": one, "output_scale": one, "job": {}}
    inputs, outputs = {"vector": (64, 64), "spectrum": (64, 64)}.get(approach, (32, 1))
    if approach == "spectrum":
        more["job"] = {"window_size": 128, "hop_size": 64, "zero_padding": False}
        more |= {"input_mean": 0.2 * one, "output_mean": 0.2 * one}
    if approach == "transpose":
        more["taps"] = np.array([0.2, 0.3, 0.5], np.float32)
    layers = []
    for below in (inputs, HIDDEN):
        bias = by_chance(4 * HIDDEN, 1)[:, 0]
        layers.append(Layer(by_chance(4 * HIDDEN, below), by_chance(4 * HIDDEN, HIDDEN), bias))
    head = Head(3.0 * by_chance(outputs, HIDDEN), np.zeros(outputs, np.float32))
    more["spread"] = np.full(outputs, 0.3, np.float32)
    return SamplerModel(approach, rate, layers=tuple(layers), head=head, **more)


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file with a tiny vector model, or one of the approach that a test asks for."""
    path = tmp_path / "tiny.npz"
    write_sampler(path, tiny(getattr(request, "param", "vector")))
    return path


each_approach = pytest.mark.parametrize("file", APPROACHES, indirect=True)


def rack(file: Path, seed: int = 1, **knobs: float) -> Rack:
    values = {"dry_db": -60.0, "pause_ms": 20.0, "answer_s": 0.0, "return_s": 0.0, **knobs}
    link = Link("sampler", "sampler", values, {"model": str(file), "seed": seed})
    return Rack("test", lanes=(Lane("a", "left", (link,)),))


def phrase(seconds: float, rate: int = RATE, hz: float = 330.0, loud: float = 0.2) -> Any:
    """A performer's tone, whole looks of it."""
    frames = round(seconds * rate) // LOOK * LOOK
    return (loud * np.sin(2 * np.pi * hz * (np.arange(frames) + 20) / rate)).astype(np.float32)


def after(sound: Any, seconds: float, rate: int = RATE) -> Any:
    """The same and silence after it, as one channel."""
    rest = np.zeros(round(seconds * rate) // LOOK * LOOK, np.float32)
    return np.concatenate([sound, rest])[:, None]


class Played:
    """What a sampler did with a sound, and its readouts every 64 frames."""

    def __init__(self, rack: Rack, rate: int = RATE, moves: tuple[Move, ...] = ()) -> None:
        self.renderer = Renderer(rack, rate, 1, LOOK, moves)
        self.plugin = self.renderer.table.nodes[0].plugin
        self.told: list[list[float]] = []
        self.out = np.zeros(0, np.float32)

    def push(self, sound: Any) -> Any:
        """Play on; returns what came of it."""
        made = []
        for first in range(0, len(sound), LOOK):
            made.append(self.renderer.push(sound[first : first + LOOK])[:, 0])
            self.told.append(self.renderer.shared.control["readouts"][0, 0, :3].tolist())
        part = np.concatenate(made)
        self.out = np.concatenate([self.out, part])
        return part

    def first(self, readout: int, value: float) -> int:
        """Frame of the look in which a readout first was so."""
        return next(k for k, row in enumerate(self.told) if row[readout] == value) * LOOK


def rms(sound: Any) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


@each_approach
def test_what_it_answers_is_what_the_model_goes_on_with(file: Path) -> None:
    heard = phrase(0.25)
    played = Played(rack(file, seed=3, match=0.0))
    played.push(after(heard, 0.5))
    begins = played.first(ANSWERS, 1)
    model = swapping.read_sampler(file)
    dreamer = Dreamer(model, seed_number=6, sliced=True)
    dreamer.listen(heard)
    wanted = dreamer.make(len(played.out) - begins)
    faded = round(0.03 * RATE)
    np.testing.assert_allclose(played.out[begins:][faded:], wanted[faded:], atol=1e-6)


@each_approach
def test_the_first_sound_comes_at_most_100_ms_after_the_pause(file: Path) -> None:
    played = Played(rack(file), 48_000)
    played.push(after(phrase(0.3, 48_000), 0.4, 48_000))
    begins = played.first(ANSWERS, 1)
    assert begins - 0.3 * 48_000 < 0.1 * 48_000  # 20 ms of pause, and until that is told
    assert rms(played.out[:begins]) == 0.0
    loud = np.abs(played.out[begins:]) > 0.01
    assert 0 < np.argmax(loud) < 0.1 * 48_000


@each_approach
def test_any_block_size_makes_the_same_sound_at_any_rate(file: Path) -> None:
    sound = after(phrase(0.2, 44_100), 0.2, 44_100)
    sound = np.concatenate([sound, sound])
    whole = play(rack(file), sound, 44_100)
    for block in (17, 333, 4096):
        np.testing.assert_array_equal(play(rack(file), sound, 44_100, block), whole)


def test_how_loud_a_model_dreams_is_found_in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def dream(model: SamplerModel, seed: Any, samples: int) -> Any:
        asked.extend([len(seed), samples])
        return np.ones(samples)

    monkeypatch.setattr(cores, "dream", dream)
    usual = tiny("spectrum")
    cores.level_of(usual)
    cores.level_of(replace(usual, job={**usual.job, "hop_size": 1}))
    assert asked == [4000, 16_000, 2000, 2000]


@each_approach
def test_an_answer_that_ends_within_a_look_ends_alike_in_any_block(file: Path) -> None:
    sound = np.concatenate([after(phrase(0.15, 8000), 0.15, 8000)] * 3)
    whole = play(rack(file), sound, 8000)
    for block in (1, 5):
        np.testing.assert_array_equal(play(rack(file), sound, 8000, block), whole)


def test_a_model_that_answers_late_says_so(tmp_path: Path) -> None:
    write_sampler(tmp_path / "slow.npz", tiny("vector", rate=1_000))
    slow = Sampler(model=str(tmp_path / "slow.npz"))
    slow.prepare(Setup(RATE, 1))
    assert not any("at a time" in one for one in slow.warnings)
    write_sampler(tmp_path / "slow.npz", replace(tiny("spectrum", rate=1_000), job=SLOW_JOB))
    slow.prepare(Setup(RATE, 1))
    assert any("makes 128 ms at a time" in one for one in slow.warnings)


def test_an_answer_ends_when_the_performer_begins_and_another_follows(file: Path) -> None:
    played = Played(rack(file, crossfade_ms=20.0))
    played.push(after(phrase(0.2), 0.3))
    played.push(after(phrase(0.3), 0.0))
    assert played.told[-1][SOUNDS] == 0.0
    assert rms(played.out[-1000:]) == 0.0
    assert rms(played.push(after(phrase(0.0), 0.3))[-1000:]) > 0.01
    assert played.told[-1][ANSWERS] == 2.0


def test_an_answer_that_does_not_give_way_goes_on(file: Path) -> None:
    played = Played(rack(file, gives_way=0.0))
    played.push(after(phrase(0.2), 0.3))
    assert rms(played.push(after(phrase(0.3), 0.0))[-1000:]) > 0.01
    assert played.told[-1][ANSWERS] == 1.0


def test_an_answer_is_as_long_as_asked(file: Path) -> None:
    played = Played(rack(file, answer_s=0.5, crossfade_ms=10.0))
    played.push(after(phrase(0.2), 1.2))
    sounding = np.flatnonzero(played.out)
    assert (sounding[-1] - sounding[0]) / RATE == pytest.approx(0.51, abs=0.01)


def test_an_answer_returns_to_its_seed_and_keeps_its_length(file: Path) -> None:
    knobs = {"answer_s": 1.0, "crossfade_ms": 10.0, "match": 0.0, "temperature": 0.0}
    heard = after(phrase(0.2), 1.6)
    alone = Played(rack(file, **knobs))
    alone.push(heard)
    begins = alone.first(ANSWERS, 1)
    returning = Played(rack(file, return_s=0.4, **knobs))
    returning.push(heard)
    back = round(0.4 * RATE)
    out = returning.out[begins:]
    np.testing.assert_array_equal(out[: back - LOOK], alone.out[begins:][: back - LOOK])
    assert rms(out[back : back + 2000] - alone.out[begins + back :][:2000]) > 0.001
    assert rms(out[back - 400 : back + 2000].reshape(-1, 200)) > 0.01
    assert returning.told[-1][ANSWERS] == 1.0
    assert np.flatnonzero(out)[-1] == pytest.approx(1.01 * RATE, abs=0.01 * RATE)


def test_a_knock_is_no_seed(file: Path) -> None:
    played = Played(rack(file))
    played.push(after(phrase(0.02), 0.5))
    assert played.told[-1][ANSWERS] == 0.0
    assert rms(played.out) == 0.0


def test_continuous_it_begins_while_the_performer_plays_and_renews_itself(file: Path) -> None:
    played = Played(rack(file, mode=1.0, seed_s=0.25, crossfade_ms=20.0))
    played.push(after(phrase(1.0), 0.5))
    assert played.first(ANSWERS, 1) / RATE == pytest.approx(0.25, abs=0.02)
    assert played.first(ANSWERS, 2) / RATE == pytest.approx(0.52, abs=0.03)
    assert played.told[-1][ANSWERS] == 3.0
    assert rms(played.out[-1000:]) > 0.01


def test_frozen_it_goes_on_whatever_is_played(file: Path) -> None:
    moves = (Move(round(0.4 * RATE), "a.sampler.freeze", 1.0),)
    played = Played(rack(file, answer_s=0.5), moves=moves)
    played.push(after(phrase(0.2), 0.3))
    played.push(after(phrase(0.3), 0.7))
    assert played.told[-1][ANSWERS] == 1.0
    assert rms(played.out[-1000:]) > 0.01


def test_again_begins_anew_and_a_held_button_does_so_once(file: Path) -> None:
    moves = (Move(round(0.8 * RATE), "a.sampler.again", 1.0),)
    played = Played(rack(file, answer_s=0.2, crossfade_ms=10.0), moves=moves)
    played.push(after(phrase(0.2), 1.2))
    assert played.told[-1][ANSWERS] == 2.0
    assert rms(played.out[round(0.7 * RATE) : round(0.79 * RATE)]) == 0.0
    assert rms(played.out[round(0.85 * RATE) : round(0.95 * RATE)]) > 0.01
    assert rms(played.out[-1000:]) == 0.0


def test_chance_is_the_seed_numbers_alone(file: Path) -> None:
    sound = after(phrase(0.2), 0.4)
    one, same, other = (play(rack(file, seed=n), sound, RATE) for n in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert rms(one - other) > 0.01
    calm = [play(rack(file, seed=n, temperature=0.0), sound, RATE) for n in (1, 2)]
    np.testing.assert_array_equal(*calm)


def test_it_answers_as_loud_as_the_performer_plays(file: Path) -> None:
    levels = []
    for loud in (0.3, 0.03):
        sound = after(phrase(0.3, loud=loud), 0.5)
        levels.append(rms(play(rack(file, threshold_db=-60.0), sound, RATE)[-4000:]))
    assert 20 * np.log10(levels[0] / levels[1]) == pytest.approx(20.0, abs=1.0)


def test_the_dry_sound_passes_untouched_until_there_is_an_answer(file: Path) -> None:
    heard = after(phrase(0.3), 0.0)
    made = play(rack(file, dry_db=0.0), heard, RATE)[:, 0]
    np.testing.assert_array_equal(made, heard[:, 0])


def test_better_weights_take_over_with_the_next_answer(file: Path) -> None:
    played = Played(rack(file, temperature=0.0, crossfade_ms=10.0, match=0.0))
    played.push(after(phrase(0.2), 0.1))
    write_sampler(file, tiny("column", number=9))
    played.plugin.reload()
    going_on = played.push(after(phrase(0.0), 0.3))
    assert rms(going_on) > 0.01
    heard = phrase(0.2)
    played.push(after(heard, 0.3))
    begins = played.first(ANSWERS, 2)
    dreamer = Dreamer(tiny("column", number=9), temperature=0.0)
    dreamer.listen(heard)
    wanted = dreamer.make(len(played.out) - begins)
    np.testing.assert_allclose(played.out[begins + 500 :], wanted[500:], atol=1e-6)


def test_continuous_better_weights_take_over_without_the_performer(file: Path) -> None:
    played = Played(rack(file, mode=1.0, seed_s=0.2, crossfade_ms=20.0))
    played.push(after(phrase(0.3), 0.2))
    write_sampler(file, tiny("vector", number=9))
    played.plugin.reload()
    out = played.push(after(phrase(0.0), 0.5))
    assert played.told[-1][ANSWERS] == 2.0
    assert min(rms(out[k : k + 800]) for k in range(0, len(out) - 800, 100)) > 0.01


def test_many_swaps_in_a_row_leave_the_newest(file: Path) -> None:
    played = Played(rack(file, temperature=0.0, match=0.0))
    for number in range(12):
        write_sampler(file, tiny("vector", number=20 + number))
        played.plugin.reload()
    heard = phrase(0.2)
    played.push(after(heard, 0.4))
    begins = played.first(ANSWERS, 1)
    dreamer = Dreamer(tiny("vector", number=31), temperature=0.0, sliced=True)
    dreamer.listen(heard)
    wanted = dreamer.make(len(played.out) - begins)
    np.testing.assert_allclose(played.out[begins + 500 :], wanted[500:], atol=1e-6)


def test_a_file_that_is_written_anew_is_noticed_and_a_bad_one_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swapping, "LOOK_SECONDS", 0.0)
    swapper, cores = Swapper(file, RATE, 2), np.zeros((2, 4), np.int64)

    def look() -> None:
        swapper.look(cores)
        swapper.close()

    look()
    assert swapper.version == 0
    write_sampler(file, tiny("vector", number=4))
    look()
    assert (swapper.version, swapper.trouble) == (1, "")
    write_sampler(file, tiny("vector", rate=8_000))
    look()
    assert swapper.version == 1
    assert "8000 Hz" in swapper.trouble
    file.write_bytes(b"half a file")
    look()
    assert swapper.version == 1
    assert str(file) in swapper.trouble
    file.unlink()
    look()
    write_sampler(file, tiny("vector", number=5))
    look()
    assert (swapper.version, swapper.trouble) == (2, "")


def test_live_a_training_that_writes_better_weights_is_followed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swapping, "LOOK_SECONDS", 0.0)
    shared = Shared.private()
    stage = Stage(shared, RATE, LOOK)
    table = stage.build(rack(file, return_s=0.3))
    stage.publish(table)
    pull, versions = Pull(shared, LOOK, 1), table.nodes[0].arrays["cores"][:, -1]
    pull.run(after(phrase(0.2), 0.2))
    write_sampler(file, tiny("column", number=9))
    until = time.monotonic() + 60.0
    while versions.max() == 0 and time.monotonic() < until:
        stage.tick()
        pull.run(after(phrase(0.0), 0.02))
        time.sleep(0.005)
    assert versions.max() == 1
    assert rms(pull.run(after(phrase(0.0), 0.5))) > 0.01
    stage.close()


def test_a_training_folder_is_a_model_and_follows_it(tmp_path: Path) -> None:
    write_sampler(tmp_path / "best.npz", tiny("vector"))
    assert find_sampler(str(tmp_path), Path()) == tmp_path / "best.npz"
    assert find_sampler(tmp_path.name, tmp_path.parent) == tmp_path / "best.npz"


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "empty"), ("nosuch", "no sampler is called 'nosuch'"), ("a/b.npz", "no such sampler")],
)
def test_a_model_that_is_not_there_is_one_clear_line(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=words) as told:
        Sampler(model=name).prepare(Setup(RATE, 1, folder=tmp_path))
    assert "\n" not in str(told.value)


def test_a_damaged_model_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(RackError, match="torn") as told:
        play(rack(tmp_path / "torn.npz"), np.zeros((64, 1), np.float32), RATE)
    assert "\n" not in str(told.value)
