"""A grey box inside a network: its code is its own, its memory lies in the network's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from modelfiles.interpreter import played

from engine import native
from engine.boxes import Box, play
from engine.boxes.fir import Fir
from engine.kernel import Kernel, kernel
from engine.neural.compiled import compile_network
from engine.neural.limits import check_size
from engine.neural.network import Activate, Conv, Network, NetworkError, Signal, Stage, Term

RATE = 48_000
ONE = np.ones((1, 1, 1), np.float32)


@kernel
def wobble_process(audio: Any, state: Any) -> None:
    """A tremolo whose depth is heard in step with the sound, and one sample of delay."""
    for i in range(audio.shape[1]):
        x = audio[0, i]
        gain = 1.0 + state.heard[0, i] * math.sin(state.clock[0])
        state.clock[0] += state.step
        audio[0, i] = np.float32(gain) * state.last[0]
        state.last[0] = x + np.float32(state.offset)


@dataclass(frozen=True, eq=False)
class Wobble(Box):
    kind: ClassVar[str] = "wobble"
    process: ClassVar[Kernel] = wobble_process
    clocks: ClassVar[tuple[str, ...]] = ("clock",)

    step: float = 0.01
    offset: float = 0.0

    @property
    def controls(self) -> int:
        return 1

    @property
    def latency_samples(self) -> int:
        return 1

    def settle_frames(self, sample_rate: int) -> int:
        return 2

    def state(self, sample_rate: int) -> dict[str, Any]:
        return {
            "step": self.step * RATE / sample_rate,
            "offset": self.offset,
            "clock": np.array([0.5]),
            "last": np.zeros(1, np.float32),
        }


def alone(box: Box, inputs: int = 1, rate: int = RATE) -> Network:
    x, y = Signal(inputs), Signal(1)
    network = Network(x, y, [Stage((x,), y, box, rate)])
    network.check()
    return network


def noise(rows: int = 1, frames: int = 1000) -> Any:
    return np.random.default_rng(2).normal(0, 0.4, (rows, frames)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 37, 64])
def test_a_network_of_one_box_is_the_box(block: int) -> None:
    taps = noise(1, 300)[0]
    made = compile_network(alone(Fir(taps))).play(noise(), block)
    np.testing.assert_array_equal(made, play(Fir(taps), noise(), RATE))
    made = compile_network(alone(Wobble(), 2)).play(noise(2), block)
    np.testing.assert_array_equal(made, play(Wobble(), noise(2), RATE))


def test_boxes_and_convolutions_run_side_by_side_and_after_each_other() -> None:
    """y = fir(x) + net(x), then a box whose second row is a signal of the network."""
    x = Signal(2)
    fir, net, depth, both, y, out = (Signal(n) for n in (1, 4, 1, 1, 1, 1))
    weights = noise(8, 3).reshape(4, 2, 3)
    first = np.array([[[1.0], [0.0]]], np.float32)
    ops = [
        Conv(dry := Signal(1), (Term(x, first),)),
        Stage((dry,), fir, Fir(noise(1, 100)[0])),
        Conv(net, (Term(x, weights, 5),), None, (), (Activate("tanh"),)),
        Conv(both, (Term(net, noise(4, 1).reshape(1, 4, 1)),), None, (fir,)),
        Conv(depth, (Term(net, noise(4, 1).reshape(1, 4, 1)),), None, (), (Activate("sigmoid"),)),
        Stage((both, depth), y, Wobble()),
        Conv(out, (Term(y, noise(1, 9).reshape(1, 1, 9), 3),), None, (both,)),
    ]
    network = Network(x, out, ops).without_dead_work()
    network.check()
    check_size(network)
    made = compile_network(network).play(noise(2), 37)
    np.testing.assert_allclose(made, played(network, noise(2))[0], atol=2e-5)
    np.testing.assert_array_equal(compile_network(network).play(noise(2)), made)
    assert network.latency_samples == 1
    assert network.receptive_field == 1 + 99 + 1 + 3 * 8
    dead = Network(x, both, ops).without_dead_work()
    assert sum(isinstance(op, Stage) for op in dead.ops) == 1


def test_another_box_of_as_many_rows_needs_no_other_network_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short, long = alone(Fir(noise(1, 10)[0])), alone(Fir(noise(1, 5000)[0]))
    assert short.shape_key == long.shape_key != alone(Wobble(), 2).shape_key
    first, boxed = compile_network(short), play(long.ops[0].box, noise(), RATE)  # type: ignore[union-attr]
    monkeypatch.setattr(native, "emit_vectors", None)  # would be called
    second = compile_network(long)
    assert first.address == second.address
    np.testing.assert_array_equal(second.play(noise()), boxed)
    np.testing.assert_array_equal(first.play(noise()), play(Fir(noise(1, 10)[0]), noise(), RATE))


def test_two_copies_of_the_memory_are_two_boxes() -> None:
    compiled = compile_network(alone(Wobble(), 2))
    one = compiled.play(noise(2))
    moved = np.roll(noise(2), 5, axis=1)
    compiled.play(moved)
    compiled.reset()
    np.testing.assert_array_equal(compiled.play(noise(2)), one)


def test_settling_leaves_the_clock_where_it_was_told_to_begin() -> None:
    network = alone(Wobble(offset=0.25), 2)
    compiled = compile_network(network)
    compiled.settle(RATE, [0.5])
    sound = np.zeros((2, 300), np.float32)
    sound[1] = 0.5
    made = compiled.play(sound)
    wanted = 0.25 * (1.0 + 0.5 * np.sin(0.5 + 0.01 * np.arange(300)))
    np.testing.assert_allclose(made, wanted, atol=1e-6)
    compiled.settle(RATE, [0.5])
    np.testing.assert_array_equal(compiled.play(sound), made)


def test_a_box_is_prepared_for_the_rate_of_its_network() -> None:
    sound = noise(2)
    made = compile_network(alone(Wobble(), 2, 96_000)).play(sound)
    np.testing.assert_array_equal(made, play(Wobble(), sound, 96_000))


def test_boxes_that_do_not_fit_are_refused() -> None:
    x, y = Signal(1), Signal(2)
    with pytest.raises(NetworkError, match="wobble rows has 1, must have 2"):
        alone(Wobble())
    with pytest.raises(NetworkError, match="target has 2"):
        Network(x, y, [Stage((x,), y, Fir(ONE[0, 0]))]).check()
    with pytest.raises(NetworkError, match="hears nothing"):
        Network(x, y, [Stage((), y, Fir(ONE[0, 0]))]).check()
