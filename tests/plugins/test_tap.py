"""The recorder's tap: what passes is what lies in the ring."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Pull, Renderer
from engine.shared import TAP_FRAMES, Shared
from engine.stage import Stage

RATE = 48_000


def rack(source="stereo"):
    chain = (Link("gain", "gain", {"gain_db": 6.0}), Link("tap", "tap"), Link("gain", "after"))
    return Rack("test", lanes=(Lane("l", source, chain),))


def noise(frames, channels=2):
    return np.random.default_rng(9).uniform(-0.4, 0.4, (frames, channels)).astype(np.float32)


@pytest.mark.parametrize("block", [32, 64, 333, 4096])
def test_the_ring_holds_what_passed_and_the_sound_is_untouched(block):
    renderer = Renderer(rack(), RATE, 2, block)
    ring = renderer.shared.tap(0)
    ring.arm(True)
    out = renderer.push(noise(10_000))
    assert np.array_equal(ring.read(), out)
    assert ring.dropped == 0


def test_a_mono_lane_fills_both_columns():
    renderer = Renderer(rack("left"), RATE, 1)
    ring = renderer.shared.tap(0)
    ring.arm(True)
    out = renderer.push(noise(1000, 1))
    assert np.array_equal(ring.read(), out[:, [0, 0]])


def test_it_writes_nothing_until_it_is_armed():
    renderer = Renderer(rack(), RATE, 2)
    ring = renderer.shared.tap(0)
    renderer.push(noise(1000))
    assert (ring.written, ring.dropped) == (0, 0)


def test_a_full_ring_drops_and_counts_and_goes_on_when_it_is_read():
    renderer = Renderer(rack(), RATE, 2)
    ring = renderer.shared.tap(0)
    ring.arm(True)
    out = renderer.push(noise(TAP_FRAMES + 6400))
    assert ring.dropped == 6400
    assert np.array_equal(ring.read(), out[:TAP_FRAMES])
    again = renderer.push(noise(6400))
    assert np.array_equal(ring.read(), again)  # past the end of the memory and round
    assert ring.written == TAP_FRAMES + 6400


def test_from_preset_to_preset_each_frame_is_there_once_and_one_fades_into_the_other():
    def chain(*links):
        return Rack("test", lanes=(Lane("l", "left", links),))

    tap, echo = Link("tap", "tap"), Link("delay", "delay", {"mix": 0.3})
    echoes = chain(echo, tap)  # when it is left, its tap hears it ring
    quieter, none = chain(Link("gain", "gain", {"gain_db": -6.0}), tap), chain(echo)
    shared = Shared.private()
    shared.control["offline"] = 1
    stage, pull = Stage(shared, RATE, 64), Pull(shared, 64, 1)
    ring, first, heard = shared.tap(0), 0, []
    ring.arm(True)
    for to, frames in ((echoes, 48_000), (quieter, 9600), (echoes, 320), (quieter, 24_000)):
        stage.publish(stage.build(to))
        sine = 0.3 * np.sin(np.arange(first, first + frames) * 2 * np.pi * 100.0 / RATE)
        pull.run(sine.astype(np.float32)[:, None])
        heard.append(ring.read())
        first += frames
        assert len(heard[-1]) == frames
    made = np.concatenate(heard)[:, 0]
    assert np.abs(np.diff(made)).max() < 0.01
    np.testing.assert_allclose(heard[3][-4800:, 0], 10**-0.3 * sine[-4800:], atol=1e-6)
    for to in (none, quieter):
        stage.publish(stage.build(to))
        pull.run(np.full((9600, 1), 0.3, np.float32))
    back = ring.read()[:, 0]
    assert np.abs(back).min() < 0.001 < 0.1 < np.abs(back[-1])
    assert np.abs(np.diff(back)).max() < 0.01  # it had faded out, and fades in
    stage.close()
