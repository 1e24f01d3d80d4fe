"""The rhythm model that comes with taraf: its file, its equations, what it plays."""

from __future__ import annotations

import itertools
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from engine.artefact import ArtefactError
from engine.rhythm import CARD, GOLDEN, NETWORK, open_rhythm
from models.pulse.rhythm import features, judging
from models.pulse.rhythm.generation import divergences, generate, is_empty, is_stuck
from models.pulse.rhythm.golden import replayed
from models.pulse.rhythm.grid import Grid
from models.pulse.rhythm.knobs import densities, followed
from models.pulse.rhythm.network import Target
from models.pulse.rhythm.reference import DRAWS, Knobs, Player
from models.pulse.rhythm.table import zoo_model
from models.pulse.rhythm.writing import as_network


@pytest.fixture(scope="module")
def model():
    return open_rhythm(zoo_model())


def part(steps=80, bar=16, seed=1, tempo=100.0):
    """A part at random, one hit in six."""
    rng = np.random.default_rng(seed)
    hits = (rng.random((steps, 9)) < 0.17).astype(np.float32)
    velocities = hits * rng.uniform(0.1, 1.0, hits.shape).astype(np.float32)
    offsets = hits * rng.uniform(-0.4, 0.4, hits.shape).astype(np.float32)
    return Grid(hits, velocities, offsets, bar, tempo)


def test_the_model_that_comes_with_taraf_opens_and_is_small(model):
    assert model.name == "rhythm"
    assert model.licence
    assert {"rock", "funk", "jazz"} <= set(model.styles)
    assert sum(file.stat().st_size for file in model.path.iterdir()) < 1_500_000


def test_its_golden_take_is_played_again(model):
    assert replayed(model) <= model.tolerance
    assert 0 < model.golden()["hits"].sum() < model.golden()["hits"].size


def test_one_wrong_number_in_the_golden_take_is_noticed(model, tmp_path):
    copy = shutil.copytree(model.path, tmp_path / "rhythm")
    golden = dict(model.golden())
    golden["velocities"][50, 0] += 1e-3
    np.savez(copy / GOLDEN, **golden)
    with pytest.raises(ArtefactError, match="above tolerance"):
        replayed(open_rhythm(copy))


def _other_bytes(folder):
    data = bytearray((folder / NETWORK).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / NETWORK).write_bytes(data)


def _other_kind(folder):
    text = (folder / CARD).read_text()
    (folder / CARD).write_text(text.replace('kind = "rhythm"', 'kind = "amp"'))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_other_bytes, "sha256"),
        (_other_kind, "is not rhythm"),
        (lambda folder: (folder / CARD).unlink(), CARD),
        (lambda folder: (folder / NETWORK).unlink(), NETWORK),
        (lambda folder: (folder / CARD).write_text("format = 2"), "outside 1 to 1"),
    ],
)
def test_a_model_that_was_changed_is_refused_in_one_line(model, tmp_path, spoil, told):
    copy = shutil.copytree(model.path, tmp_path / "rhythm")
    spoil(copy)
    with pytest.raises(ArtefactError, match=told) as caught:
        open_rhythm(copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bar", [16, 12, 20])
def test_a_player_sees_what_the_network_was_shown_in_training(model, bar):
    grid, other = part(bar=bar), part(bar=bar, seed=2).families
    knobs = Knobs(style=3, density=1.5, follow=0.25, present=True)
    player = Player(model, [grid.tempo_bpm], bar, [knobs])
    seen = []
    for t in range(grid.steps):
        seen.append(player.seen()[0])
        played = (grid.hits, grid.velocities, grid.offsets)
        player.heard(*(rows[t : t + 1] for rows in played), other[t : t + 1])
    wanted = [
        0.75 * features.own(grid),
        features.heard(other, 0.25, bar),
        features.place(grid.steps, bar),
        features.told(
            grid.steps, 3, len(model.styles), np.full(grid.steps, 1.5, np.float32), grid.tempo_bpm
        ),
    ]
    np.testing.assert_allclose(np.stack(seen), np.concatenate(wanted, 1), atol=2e-6)


def test_player_judge_and_trained_network_agree(model):
    grid = part()
    (expected,) = judging.of_model(model, [grid])
    network = as_network(model, 0.0).eval()
    x = torch.from_numpy(judging.usual_inputs(model, grid))[None]
    rows = (grid.hits, grid.velocities, grid.offsets)
    with torch.no_grad():
        found, _ = network(x, Target(*(torch.from_numpy(row)[None] for row in rows)))
    np.testing.assert_allclose(torch.sigmoid(found.logits)[0], expected.chances, atol=1e-5)
    np.testing.assert_allclose(found.offsets[0], expected.offsets, atol=1e-5)
    player = Player(model, [grid.tempo_bpm])
    for t in range(grid.steps):
        draws = np.where(grid.hits[t] > 0, -1.0, 2.0)  # so that it plays what was played
        draws = np.concatenate([draws, np.full(DRAWS - 9, 0.5)])[None].astype(np.float32)
        hits, velocities, _ = player.step(draws)
        np.testing.assert_array_equal(hits[0], grid.hits[t])
        chances = 1.0 / (1.0 + np.exp(-player.logits[0]))
        np.testing.assert_allclose(chances, expected.chances[t], atol=1e-5)
        middle = expected.velocities[t] * hits[0]
        np.testing.assert_allclose(velocities[0], np.maximum(middle, hits[0] / 127), atol=1e-5)
        player.heard(*(row[t : t + 1] for row in rows))


def test_chances_of_all_that_could_be_hit_in_a_step_add_up_to_one(model):
    every = np.array(list(itertools.product([0, 1], repeat=9)), np.float32)
    grid = part(steps=3)
    made = []
    for hits in every:
        rows = [row.copy() for row in (grid.hits, grid.velocities, grid.offsets)]
        rows[0][2] = hits
        made.append(Grid(*rows, 16, 100.0))
    found = np.stack([one.chances[2] for one in judging.of_model(model, made)])
    chance = np.where(every > 0, found, 1.0 - found).prod(axis=1)
    assert abs(chance.sum() - 1.0) < 1e-4


def test_the_same_draws_make_the_same_part_and_others_another(model):
    one, same, other = (generate(model, [120.0], 4, [Knobs()], seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.hits, same.hits)
    np.testing.assert_array_equal(one.offsets, same.offsets)
    assert (one.hits != other.hits).any()


def test_it_plays_on_in_bars_of_any_length_without_dying(model):
    for bar in (12, 16, 20):
        for made in generate(model, [60.0, 120.0, 240.0], 24, [Knobs()] * 3, bar=bar):
            assert not is_empty(made)
            assert not is_stuck(made)
            assert np.abs(made.offsets).max() <= 0.5
            assert ((made.velocities > 0) == (made.hits > 0)).all()
            assert made.velocities.max() <= 1.0


def test_more_density_is_more_hits(model):
    played = [found for _, found in densities(model, [0.5, 1.0, 2.0], rows=8)]
    assert played[0] < played[1] < played[2]
    assert played[2] > 1.5 * played[0]


def test_who_follows_plays_more_like_the_other_player(model):
    others = [part(steps=16, seed=seed) for seed in range(8)]  # the same bar over and over
    leads, follows = (followed(model, others, follow) for follow in (0.0, 1.0))
    assert follows[0] > leads[0] + 0.1
    assert follows[0] > follows[1] + 0.1


def test_no_feel_is_less_spread_than_much(model):
    spread = []
    for feel in (0.0, 1.0):
        made = generate(model, [120.0] * 4, 8, [Knobs(feel=feel)] * 4)
        spread.append(np.std(np.concatenate([m.offsets[m.hits > 0] for m in made])))
    assert spread[0] < spread[1]


def test_silence_is_empty_and_one_bar_for_ever_is_stuck():
    silent, bar = np.zeros((64, 9), np.float32), part(steps=16).hits
    looped = np.tile(bar, (20, 1))
    assert is_empty(Grid(silent, silent, silent, 16, 120.0))
    assert is_stuck(Grid(looped, looped, 0 * looped, 16, 120.0))
    varied = part(steps=320)
    assert not is_empty(varied)
    assert not is_stuck(varied)


def test_divergence_is_nought_from_itself_and_not_from_another():
    one, other = [part(steps=320)], [part(steps=320, seed=3)]
    other[0].velocities[:] **= 3
    assert max(divergences(one, one).as_json().values()) == 0.0
    found = divergences(one, other)
    assert 0.0 < found.velocity <= 1.0
