"""What the audio thread promises of any rack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack

from engine.kernel import kernel
from engine.params import Param, along
from engine.plugin import Plugin, Setup, zeros
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Move, Renderer, play
from engine.shared import Shared
from engine.stage import Stage
from engine.virtual import Pull

BLOCKS = (32, 64, 333, 4096, 1)


class Late(Plugin):
    """Delays by 100 frames and says so; a knob scales what comes in."""

    scale = Param(1.0, 0.0, 4.0)

    def prepare(self, setup: Setup) -> dict[str, Any]:
        self.latency_samples = 100
        return {"line": zeros(2, 100), "at": zeros(1, dtype=np.int64)}

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        for i in range(frames):
            at = state.at[0]
            for c in range(channels):
                value = audio[c, i] * along(knobs.scale, i)
                audio[c, i] = state.line[c, at]
                state.line[c, at] = value
            state.at[0] = (at + 1) % 100


class Faulty(Plugin):
    """A resonator that a large sample poisons for ever."""

    def prepare(self, setup: Setup) -> dict[str, Any]:
        return {"kept": zeros(1), "ballast": zeros(1 << 18)}

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        for i in range(audio.shape[1]):
            if audio[0, i] > np.float32(10.0):
                state.kept[0] = np.float32(np.nan)
            state.kept[0] = np.float32(0.5) * state.kept[0] + audio[0, i]
            audio[0, i] = state.kept[0]


def gain(name: str = "gain", **knobs: float) -> Link:
    return Link("gain", name, knobs)


def test_sound_does_not_depend_on_the_block(use: Callable[..., Link]) -> None:
    parallel = Rack(
        "two",
        lanes=(
            Lane("a", "left", (use(Late, "late", wet=0.7), gain(wet=0.5))),
            Lane("b", "stereo", (gain(gain_db=-3.0),), {"pan": 0.3}),
        ),
        master=(use(Late, "last"), gain()),
    )
    moves = [
        Move(1000, "a.late.scale", 3.0),
        Move(1010, "a.late.scale", 2.0),
        Move(2000, "a.late.bypass", 1.0),
        Move(2500, "a.gain.gain_db", -20.0),
        Move(3000, "b.pan", -1.0),
        Move(4000, "master.last.wet", 0.25),
        Move(5000, "master.gain.level_db", 6.0),
    ]
    sound = noise(channels=2)
    whole = play(parallel, sound, 48000, 64, moves)
    for block in BLOCKS:
        np.testing.assert_array_equal(play(parallel, sound, 48000, block, moves), whole)


def test_a_move_is_heard_with_the_sound_that_came_in_then(use: Callable[..., Link]) -> None:
    sound = np.ones((4800, 1), np.float32)
    for chain in ((gain(),), (use(Late, "late"), gain()), (use(Late), use(Late, "l2"), gain())):
        made = play(rack(*chain), sound, 48000, 64, [Move(1984, "a.gain.gain_db", -60.0)])
        assert np.all(made[:1984] == 1.0)
        assert np.all(np.diff(made[1984 : 1984 + 960, 0]) <= 0)
        assert made[1984, 0] < 1.0
        assert made[1984 + 1024, 0] == pytest.approx(0.001, rel=1e-3)


def test_lanes_of_different_latency_arrive_together(use: Callable[..., Link]) -> None:
    lanes = (Lane("a", "left", (use(Late),)), Lane("b", "left", (gain(),)))
    sound = noise()
    renderer = Renderer(Rack("two", lanes=lanes), 48000, 1)
    assert renderer.table.latency == 100
    made = np.concatenate([renderer.push(sound), renderer.finish()])
    np.testing.assert_allclose(made[:, 0], 2 * sound[:, 0], rtol=1e-6)


def test_dry_and_wet_of_a_late_plugin_line_up(use: Callable[..., Link]) -> None:
    sound = noise()
    made = play(rack(use(Late, wet=0.5)), sound, 48000)
    np.testing.assert_allclose(made[:, 0], sound[:, 0], rtol=1e-6)


def test_bypass_is_the_input_exactly() -> None:
    sound = noise()
    made = play(rack(gain(gain_db=20.0, bypass=1.0)), sound, 48000)
    np.testing.assert_array_equal(made, np.repeat(sound, 2, axis=1))


def test_a_lane_is_fed_as_it_says() -> None:
    sound = noise(channels=2)
    left, right = sound[:, 0], sound[:, 1]
    wanted = {
        "left": (left, left),
        "right": (right, right),
        "mono": (0.5 * (left + right),) * 2,
        "stereo": (left, right),
        "none": (0 * left, 0 * left),
    }
    for source, (a, b) in wanted.items():
        made = play(rack(source=source), sound, 48000)
        np.testing.assert_array_equal(made, np.stack([a, b], axis=1))


def test_pan_and_mute_are_of_the_lane() -> None:
    lanes = (Lane("a", "left", (), {"pan": -1.0}), Lane("b", "right", (), {"pan": 1.0}))
    sound = noise(channels=2)
    np.testing.assert_array_equal(play(Rack("two", lanes=lanes), sound, 48000), sound)
    muted = Rack("two", lanes=lanes).set("a.mute", "on")
    assert not np.any(play(muted, sound, 48000)[:, 0])


def test_what_is_not_finite_is_muted_counted_and_healed(use: Callable[..., Link]) -> None:
    sound = noise(48000)
    sound[5000] = 100.0
    lanes = (Lane("a", "left", (use(Faulty),)), Lane("b", "left", (gain(),)))
    renderer = Renderer(Rack("two", lanes=lanes), 48000, 1)
    made = renderer.push(sound)
    assert np.all(np.isfinite(made))
    assert int(renderer.shared.control["mutes"][0]) == 1
    assert renderer.table.mutes == {"a.faulty": 1}
    np.testing.assert_array_equal(made[5000:5050, 0], sound[5000:5050, 0])  # lane b plays on
    healthy = play(Rack("two", lanes=lanes), sound[8000:], 48000)
    np.testing.assert_allclose(made[9000:9500], healthy[1000:1500], atol=1e-6)


def test_input_that_is_not_finite_is_silence(use: Callable[..., Link]) -> None:
    sound = noise()
    sound[100:120] = np.nan
    sound[200] = np.inf
    renderer = Renderer(rack(use(Faulty)), 48000, 1)
    made = renderer.push(sound)
    assert np.all(np.isfinite(made))
    assert int(renderer.shared.control["input_faults"][0]) == 2
    assert int(renderer.shared.control["mutes"][0]) == 0


def test_denormals_are_flushed() -> None:
    sound = np.full((640, 1), 1e-38, np.float32)
    assert not np.any(play(rack(gain(gain_db=-20.0)), sound, 48000))
    assert np.float32(1e-38) * np.float32(0.1) != 0  # and only while the engine runs


def steady(stage_rack: Rack) -> tuple[Stage, Pull]:
    shared = Shared.private()
    stage = Stage(shared, 48000, 64)
    stage.publish(stage.build(stage_rack))
    return stage, Pull(shared, 64, 1)


def test_a_rack_goes_over_into_the_next_without_a_step() -> None:
    stage, pull = steady(rack(gain()))
    ones = np.ones((640, 1), np.float32)
    before = pull.run(ones)
    stage.publish(stage.build(rack(gain(gain_db=-60.0))))
    after = pull.run(np.ones((6400, 1), np.float32))
    whole = np.concatenate([before, after])[:, 0]
    assert np.all(before == 1.0)
    assert after[-1, 0] == pytest.approx(0.001, rel=1e-3)
    assert np.abs(np.diff(whole)).max() < 2.0 / 960
    assert np.all(np.diff(whole) <= 1e-7)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Racks that were replaced before they sounded are freed without delay."""
    monkeypatch.setattr("engine.stage.LINGER_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_racks_that_were_left_are_freed() -> None:
    stage, pull = steady(rack(gain()))
    closed: list[int] = []
    for _ in range(20):
        table = stage.build(rack(gain(gain_db=-1.0)))
        close = table.close
        table.close = lambda n=table.id, c=close: (closed.append(n), c())  # type: ignore[method-assign,misc,assignment]
        stage.publish(table)
        pull.run(np.zeros((2560, 1), np.float32))
    stage.tick()
    assert len(closed) == 19
    assert len(stage._held) == 1


@pytest.mark.usefixtures("at_once")
def test_a_rack_that_is_replaced_before_it_sounded_is_freed_too() -> None:
    stage, pull = steady(rack(gain()))
    for level in (-1.0, -2.0, -3.0):
        stage.publish(stage.build(rack(gain(gain_db=level))))
    made = pull.run(np.ones((6400, 1), np.float32))
    assert made[-1, 0] == pytest.approx(10 ** (-3 / 20))
    stage.tick()
    assert len(stage._held) == 1


@pytest.mark.usefixtures("at_once")
def test_a_rack_that_was_built_first_may_be_published_last() -> None:
    stage, pull = steady(rack(gain()))
    slow, fast = stage.build(rack(gain(gain_db=-6.0))), stage.build(rack(gain(gain_db=-12.0)))
    stage.publish(fast)
    pull.run(np.zeros((6400, 1), np.float32))
    stage.publish(slow)
    stage.tick()
    made = pull.run(np.ones((6400, 1), np.float32))
    assert made[-1, 0] == pytest.approx(10 ** (-6 / 20))
    stage.tick()
    assert stage._held == [slow]


def test_many_knobs_that_move_at_once_move_in_time() -> None:
    chain = [gain(f"g{k}") for k in range(6)]
    sound = np.ones((96000, 1), np.float32)
    moves = [
        Move(64 * cell, f"a.g{k}.gain_db", -6.0 * (cell % 2))
        for cell in range(1500)
        for k in range(6)
    ]
    whole = play(rack(*chain), sound, 48000, 64, moves)
    renderer = Renderer(rack(*chain), 48000, 1, 64, moves)
    parts = [renderer.push(sound[k : k + 640]) for k in range(0, len(sound), 640)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_knob_that_was_meant_for_an_old_rack_is_not_turned() -> None:
    stage, pull = steady(rack(gain()))
    old = stage.current
    assert old is not None
    stage.publish(stage.build(rack(gain())))
    pull.run(np.zeros((6400, 1), np.float32))
    stage.shared.send(old.id, 0, 3, -60.0)
    made = pull.run(np.ones((6400, 1), np.float32))
    assert np.all(made == 1.0)
    assert int(stage.shared.control["stale_events"][0]) == 1


def test_a_full_ring_of_events_refuses_and_loses_nothing() -> None:
    stage, pull = steady(rack(gain()))
    assert stage.current is not None
    sent = [stage.shared.send(stage.current.id, 0, 3, -6.0) for _ in range(5000)]
    assert sum(sent) == 4096
    pull.run(np.zeros((64, 1), np.float32))
    assert stage.shared.send(stage.current.id, 0, 3, -6.0)


def test_addresses_name_every_knob_once() -> None:
    two = Rack("two", lanes=(Lane("a", "left", (gain(), gain("g2"))),), master=(gain(),))
    addresses = two.addresses()
    assert {"a.gain.gain_db", "a.g2.wet", "a.pan", "master.gain.bypass"} <= set(addresses)
    places = [(node, knob) for node, knob, _ in addresses.values()]
    assert len(set(places)) == len(places)


def test_setting_what_is_not_there_says_what_is_near() -> None:
    with pytest.raises(RackError, match=r"a\.gain\.gain_db"):
        rack(gain()).set("a.gain.gain", 1.0)
    with pytest.raises(RackError, match="outside -60 to 36 dB"):
        rack(gain()).set("a.gain.gain_db", 99.0)


def test_an_hour_of_blocks_runs_in_seconds() -> None:
    stage, _ = steady(rack(gain(gain_db=-6.0)))
    from engine.virtual import VirtualDevice

    frames = 3600 * 48000
    device = VirtualDevice(stage.shared, 64, noise(4800), frames, realtime=False)
    device.run()
    assert int(stage.shared.control["frames"][0]) == frames
    assert int(stage.shared.control["blocks"][0]) == frames // 64
    assert device.due == frames // 64
