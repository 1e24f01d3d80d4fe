"""A network a hop at a time, beside the one that plays blocks."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.compiler import callable_kernel
from engine.kernel import kernel
from engine.modelfiles import ModelFileError
from engine.neural.compiled import compile_network
from engine.neural.network import Activate, Conv, Network, NetworkError, Signal, Term
from engine.pulse.bands import FEATURES
from engine.pulse.file import read_network, write_network
from engine.pulse.follower import OUTPUTS
from engine.pulse.network import hopwise, run_layers

NAMES = tuple(hopwise(None))
State = namedtuple("State", NAMES)  # noqa: PYI024 - as kernels see it
ELU = (Activate("elu"),)


@kernel
def run_hops(state: Any, heard: Any, told: Any) -> None:
    for k in range(heard.shape[0]):
        run_layers(state, heard[k], told[k])


compiled = callable_kernel(run_hops)


def told(network: Network, heard: Any) -> Any:
    made = np.zeros((len(heard), network.output.channels), np.float32)
    compiled(State(**hopwise(network)), heard, made)
    return made


def learnt(rng: Any, out: int, into: int, taps: int = 1) -> Any:
    size = 0.5 / np.sqrt(into * taps)
    return (size * rng.standard_normal((out, into, taps))).astype(np.float32)


def deep(seed: int, inputs: int = 13, width: int = 19, outputs: int = 22) -> Network:
    """Layers that look back, of widths that no vector has; two ways that meet at the end."""
    rng = np.random.default_rng(seed)
    heard, first, told = Signal(inputs), Signal(width), Signal(outputs)
    bias = rng.standard_normal(width).astype(np.float32)
    ops = [Conv(first, (Term(heard, learnt(rng, width, inputs, 3)),), bias, steps=ELU)]
    stream = first
    for k in range(4):
        inner, after = Signal(width), Signal(width)
        wide = Term(stream, learnt(rng, width, width, 5), dilation=1 << k)
        ops.append(Conv(inner, (wide,), bias, steps=ELU))
        mix = Term(inner, learnt(rng, width, width))
        ops.append(Conv(after, (mix,), adds=(stream,)))
        stream = after
    both = (Term(stream, learnt(rng, outputs, width)), Term(first, learnt(rng, outputs, width, 2)))
    ops.append(Conv(told, both, rng.standard_normal(outputs).astype(np.float32)))
    made = Network(heard, told, ops)
    made.check()
    return made


@pytest.mark.parametrize("seed", range(3))
def test_it_answers_as_the_one_that_plays_blocks(seed: int):
    network = deep(seed)
    heard = np.random.default_rng(seed).standard_normal((300, 13)).astype(np.float32)
    wanted = compile_network(network).play(np.ascontiguousarray(heard.T)).T
    made = told(network, heard)
    assert np.abs(made - wanted).max() < 2e-4 * np.abs(wanted).max()


def test_a_channel_with_small_weights_is_as_exact():
    """Each channel has a scale of its own."""
    heard, made = Signal(8), Signal(2)
    weights = learnt(np.random.default_rng(1), 2, 8)
    weights[1] *= 1e-6
    network = Network(heard, made, [Conv(made, (Term(heard, weights),))])
    sound = np.random.default_rng(2).standard_normal((20, 8)).astype(np.float32)
    wanted = sound @ weights[:, :, 0].T
    assert np.all(np.abs(told(network, sound) - wanted).max(0) < 2e-4 * np.abs(wanted).max(0))


def test_weights_of_nothing_make_nothing():
    heard, made = Signal(4), Signal(3)
    zero = Conv(made, (Term(heard, np.zeros((3, 4, 2), np.float32)),), np.ones(3, np.float32))
    np.testing.assert_array_equal(told(Network(heard, made, [zero]), np.ones((5, 4), "f4")), 1.0)


def test_what_it_does_not_know_is_told():
    heard, made = Signal(FEATURES), Signal(OUTPUTS)
    weights = np.zeros((OUTPUTS, FEATURES, 1), np.float32)
    bent = Conv(made, (Term(heard, weights),), steps=(Activate("tanh"),))
    with pytest.raises(NetworkError, match="elu"):
        hopwise(Network(heard, made, [bent]))
    grouped = Conv(made, (Term(heard, weights[:, : FEATURES // 2], groups=2),))
    with pytest.raises(NetworkError, match="groups"):
        hopwise(Network(heard, made, [grouped]))
    with pytest.raises(NetworkError, match="its output"):
        hopwise(Network(heard, made, []))


def test_a_file_of_what_it_does_not_know_is_told_and_never_written(tmp_path: Path):
    heard, made = Signal(FEATURES), Signal(OUTPUTS)
    conv = Conv(made, (Term(heard, np.zeros((OUTPUTS, FEATURES, 1), np.float32)),), steps=ELU)
    file = tmp_path / "mine.json"
    write_network(file, Network(heard, made, [conv]), "mine")
    good = file.read_text()
    bent = replace(conv, steps=(Activate("tanh"),))
    with pytest.raises(ModelFileError, match=r"mine\.json: .*operation 0 .* elu"):
        write_network(file, Network(heard, made, [bent]), "mine")
    assert file.read_text() == good
    file.write_text(good.replace('"elu"', '"tanh"'))
    with pytest.raises(ModelFileError, match=r"mine\.json: .*operation 0 .* elu"):
        read_network(file)
