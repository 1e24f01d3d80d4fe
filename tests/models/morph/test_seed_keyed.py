"""Components for each key: what comes back, between keys, beyond them, from a file."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from models.morph.seed.material import Material
from models.morph.seed.networks.keyed import Keyed, scaled, turned
from models.morph.seed.training import train_seed

from .seed_notes import SAMPLES, SMALL, notes, tiny


@pytest.fixture(scope="module")
def network() -> Keyed:
    made = train_seed(notes(), tiny(architecture="keyed", epochs=1)).network
    assert isinstance(made, Keyed)
    return made


@pytest.fixture(scope="module")
def heard() -> tuple[torch.Tensor, torch.Tensor]:
    values, pitches = next(Material(notes(), SMALL).plain(100))
    return values, pitches


def off(made: torch.Tensor, wanted: torch.Tensor) -> float:
    return 80.0 * float((made.clamp(0.0, 1.0) - wanted).square().mean().sqrt())


def test_notes_come_back_better_than_by_components_of_all_keys(
    network: Keyed, heard: tuple[torch.Tensor, torch.Tensor]
) -> None:
    values, pitches = heard
    codes = network.encode(values, pitches)
    assert codes.shape == (len(values), 64)
    mine = off(network.decode(codes, pitches), values)
    wrong = off(network.decode(codes, pitches + 1.0), values)
    assert mine < 3.0 and mine < 0.6 * wrong


def test_what_is_under_the_floor_is_free(
    network: Keyed, heard: tuple[torch.Tensor, torch.Tensor]
) -> None:
    values, pitches = heard
    plain = network._projected(values, pitches)
    assert off(network.decode(network.encode(values, pitches), pitches), values) < off(
        network.decode(plain, pitches), values
    )


def test_between_two_keys_both_are_decoded_and_beyond_all_the_nearest(network: Keyed) -> None:
    codes = torch.randn(1, 64, generator=torch.manual_seed(1)) * network.spread
    low, high, half = (network.decode(codes, torch.tensor([p])) for p in (60.0, 61.0, 60.5))
    torch.testing.assert_close(half, 0.5 * (low + high), atol=1e-5, rtol=1e-4)
    last = network.decode(codes, torch.tensor([72.0]))
    torch.testing.assert_close(network.decode(codes, torch.tensor([127.0])), last)


def test_a_code_means_the_same_for_neighbouring_keys(network: Keyed) -> None:
    """Rows of two keys, their partials brought together, point the same way."""
    keys = network.keys.tolist()
    a, b = keys.index(60), keys.index(61)
    one, other = (network.rows[k].float() for k in (a, b))
    first = network.column == 0
    alike = (scaled(one[first], -1) * other[first]).sum(1)
    assert float(alike.mean()) > 0.3


def test_turning_rows_keeps_their_space() -> None:
    draw = torch.manual_seed(2)
    rows = torch.linalg.qr(torch.randn(32, 5, generator=draw))[0].T
    towards = torch.randn(5, 32, generator=draw)
    made = turned(rows, towards)
    torch.testing.assert_close(made @ made.T, torch.eye(5), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(made.T @ made, rows.T @ rows, atol=1e-5, rtol=0.0)
    assert float((made * towards).sum()) >= float((rows * towards).sum())


def test_a_file_brings_its_keys(network: Keyed) -> None:
    again = Keyed(network.bins, network.frames, network.code)
    again.load_state_dict(network.state_dict())
    codes, pitches = torch.ones(2, 64), torch.tensor([60.0, 71.0])
    torch.testing.assert_close(again.decode(codes, pitches), network.decode(codes, pitches))
    assert SMALL.frames(SAMPLES) == again.frames
    assert np.isfinite(again.rows.numpy()).all()
