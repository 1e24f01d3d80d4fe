"""How a model is played for a judgement: its knobs, its latency, what lies beside the sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

from engine.modelfiles import Knob
from engine.neural.compiled import compile_network
from engine.neural.network import Conv, Network, Signal, Term
from models.judging.player import Player, open_player

RATE = 48_000


def player(latency_samples: int = 0) -> Player:
    """A model that is late by its latency and adds what it hears of its knobs."""
    heard, made = Signal(3), Signal(1)
    weights = np.zeros((1, 3, 1 + latency_samples), np.float32)
    weights[0, 0, 0] = 1.0
    weights[0, 1:, -1] = 0.1, 0.01
    network = Network(heard, made, [Conv(made, (Term(heard, weights),))])
    knobs = (Knob("drive", 0.0, 10.0, 5.0, 0.0, 1.0), Knob("tone", 0.0, 1.0, 0.5, -1.0, 1.0))
    compiled = compile_network(network)
    return Player("test", "Conv", RATE, latency_samples, knobs, compiled, None)


def noise(frames: int = 1000) -> Any:
    return (0.1 * np.random.default_rng(0).standard_normal(frames)).astype(np.float32)


@pytest.mark.parametrize(
    ("knobs", "added"),
    [({}, 0.05), ({"drive": 10.0}, 0.1), ({"drive": 0.0, "tone": 1.0}, 0.01)],
)
def test_knobs_are_told_by_name_in_their_units(knobs: dict[str, float], added: float) -> None:
    made = player().play(noise(), RATE, knobs)
    np.testing.assert_allclose(made, noise() + added, atol=1e-6)


def test_a_knob_out_of_range_is_played_at_the_nearest_and_told() -> None:
    model = player()
    made = model.play(noise(), RATE, {"drive": 12.0})
    np.testing.assert_allclose(made, noise() + 0.1, atol=1e-6)
    assert model.warnings == ["drive = 12 is outside the model's 0 to 10; played at the nearest"]


def test_a_knob_the_model_does_not_have_is_told_once() -> None:
    model = player()
    for _ in range(2):
        model.play(noise(), RATE, {"speed": 1.0})
    assert model.warnings == ["the pairs turn speed, which is no knob of the model"]


def test_what_was_measured_beside_the_sound_moves_the_knob_that_is_left() -> None:
    swing = np.sin(np.arange(1000) / 50).astype(np.float32)
    made = player().play(noise(), RATE, {"drive": 0.0}, swing[None])
    np.testing.assert_allclose(made, noise() + 0.01 * swing, atol=1e-6)


def test_the_latency_is_taken_off_and_nothing_is_lost() -> None:
    made = player(40).play(noise(), RATE, {"drive": 0.0})
    np.testing.assert_allclose(made, noise(), atol=1e-6)


def test_a_model_is_opened_by_name_by_folder_and_by_file() -> None:
    folder = Path(__file__).parents[3] / "models" / "zoo" / "drive"
    named = open_player("drive").play(noise(), RATE)
    for other in (folder, folder / "model.toml", folder / "model.json"):
        opened = open_player(str(other))
        assert opened.name == "drive"
        np.testing.assert_array_equal(opened.play(noise(), RATE), named)


def test_no_sound_is_no_sound() -> None:
    assert player().play(np.zeros(0, np.float32), RATE).shape == (0,)
