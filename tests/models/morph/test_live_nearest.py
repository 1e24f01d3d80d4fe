"""Latents of stored notes are looked for, from those that the encoder guesses."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from engine.morph.grid import GRIDS, to_unit
from engine.morph.model import LEAK, Dense, MorphModel
from models.morph.live.export import exported
from models.morph.live.material import decibels_of, frames_of
from models.morph.live.nearest import nearest
from models.morph.live.network import MorphNetwork
from models.morph.live.slopes import through, with_slopes
from models.morph.live.stored import stored

from .live_notes import Tone, tiny, tones

CURVES = ("none", "relu", "leaky_relu", "tanh", "sigmoid", "silu")


def small() -> MorphModel:
    """An untrained morph that tells its latents apart."""
    torch.manual_seed(3)
    job = tiny()
    network = MorphNetwork(job).eval()
    with torch.no_grad():
        network.decoder[0].linear.weight[:, : job.latents] *= 12.0
    return exported(network, job)


def given(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Frames and conditions of a tone."""
    frames = frames_of(tones(1), tiny().frame_grid, count)
    levels = np.maximum(decibels_of(frames.levels), -80.0)
    return to_unit(levels), frames.conditions("notes")[frames.owner]


def heard(model: MorphModel, frames: np.ndarray, told: np.ndarray) -> np.ndarray:
    return through(model.encoder, np.concatenate([frames, told], axis=1))


def missed(model: MorphModel, latents: np.ndarray, frames: np.ndarray, told: np.ndarray):
    """Mean squared errors in dB (n,), and missed power over the frame's own (n,)."""
    made = np.clip(through(model.decoder, np.concatenate([latents, told], axis=1)), 0.0, 1.0)
    sizes = [10.0 ** (4.0 * (part - 1.0)) for part in (made, frames)]
    power = np.square(sizes[0] - sizes[1]).sum(1) / np.square(sizes[1]).sum(1)
    return np.square(80.0 * (made - frames)).mean(1), power


@pytest.mark.parametrize("curve", CURVES)
def test_layers_are_torchs_and_slopes_are_differences(curve: str) -> None:
    rng = np.random.default_rng(1)

    def dense(units: int, inputs: int, activation: str, **more: bool) -> Dense:
        kernel = rng.normal(size=(units, inputs)) / np.sqrt(inputs)
        bias = rng.normal(size=units)
        return Dense(kernel.astype(np.float32), bias.astype(np.float32), activation, **more)

    layers = (
        dense(12, 9, curve), dense(12, 12, curve, residual=True),
        dense(12, 21, curve, joined=True, residual=True), dense(7, 21, "none", joined=True),
    )  # fmt: skip
    latents, told = (rng.random((5, n)).astype(np.float32) for n in (4, 5))
    made, slopes = with_slopes(layers, latents, told)
    x = both = torch.from_numpy(np.concatenate([latents, told], axis=1))
    bend = {
        "none": lambda y: y, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "silu": torch.nn.functional.silu, "leaky_relu": lambda y: torch.where(y > 0, y, LEAK * y),
    }  # fmt: skip
    for layer in layers:
        seen = torch.cat([x, both], 1) if layer.joined else x
        y = bend[layer.activation](
            seen @ torch.from_numpy(layer.kernel).T + torch.from_numpy(layer.bias)
        )
        x = y + x if layer.residual else y
    assert np.abs(made - x.numpy()).max() < 1e-5
    assert np.array_equal(made, through(layers, both.numpy()))
    step = 1e-2
    for k in range(4):
        moved = [latents.copy(), latents.copy()]
        moved[0][:, k] += step
        moved[1][:, k] -= step
        up, down = (through(layers, np.concatenate([one, told], axis=1)) for one in moved)
        near = np.abs((up - down) / (2.0 * step) - slopes[:, k]) < 0.02
        assert near.mean() > 0.9  # but where a corner of relu lies between


def test_none_is_further_away_than_the_encoder_and_all_together_are_nearer() -> None:
    model = small()
    frames, told = given()
    first = heard(model, frames, told)
    found = nearest(model.decoder, frames, told, first, rounds=6)
    before, after = (missed(model, latents, frames, told) for latents in (first, found))
    whole = [one[0] + 60.0 * one[1] for one in (before, after)]
    assert found.shape == first.shape and found.min() >= 0.0 and found.max() <= 1.0
    assert np.all(whole[1] <= whole[0] * 1.02)
    assert whole[1].mean() < 0.97 * whole[0].mean()
    assert np.array_equal(nearest(model.decoder, frames, told, first, rounds=0), first)


def test_latents_that_made_a_frame_are_found_again_also_at_their_ends() -> None:
    model = small()
    _, told = given(30)
    wanted = np.random.default_rng(2).integers(0, 3, (len(told), 4)).astype(np.float32) / 2.0
    frames = np.clip(through(model.decoder, np.concatenate([wanted, told], axis=1)), 0.0, 1.0)
    off = np.full_like(wanted, 0.5)
    found = nearest(model.decoder, frames, told, off, rounds=30)
    before, after = (missed(model, latents, frames, told)[0].mean() for latents in (off, found))
    assert after < 0.2 * before
    assert found.min() >= 0.0 and found.max() <= 1.0


def test_a_stored_note_is_nearer_and_otherwise_the_same() -> None:
    model, note = small(), Tone("a", "a", 60, 6.0)
    guessed, found = (stored(model, note, note.sound(), rounds) for rounds in (0, 4))
    assert not np.array_equal(guessed.latents, found.latents)
    places = [(n.attack, n.loop_start, n.loop_end, n.release, n.frames) for n in (guessed, found)]
    assert places[0] == places[1]
    assert model.grid == GRIDS["live"] and found.latents.dtype == np.uint8
