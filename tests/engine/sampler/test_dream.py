"""What dreams do: the same again, whatever the blocks; chance; what is stuck starts elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.sampler.dream import Dreamer, begin_with, dream
from engine.sampler.errors import SamplerError
from engine.sampler.model import Head, Layer

APPROACHES = ["column", "transpose", "vector", "spectrum"]


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_same_number_dreams_the_same(each_approach, seed, approach):
    spread = np.full(each_approach[approach].outputs, 0.3, np.float32)
    model = replace(each_approach[approach], input_dropout=0.5, output_dropout=0.8, spread=spread)
    first, again, other = (dream(model, seed, 900, seed_number=n) for n in (1, 1, 2))
    assert first.shape == (900,) and first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("sliced", [False, True])
@pytest.mark.parametrize("approach", APPROACHES)
def test_blocks_of_any_size_make_the_same_samples(each_approach, seed, approach, sliced):
    model = replace(each_approach[approach], output_dropout=0.7)
    whole, ragged = (Dreamer(model, seed_number=3, sliced=sliced) for _ in range(2))
    whole.hear(seed[:300])
    whole.listen(seed[300:])
    for first in range(0, 300, 37):
        ragged.hear(seed[first : min(first + 37, 300)])
    for first in range(300, 700, 53):
        ragged.listen(seed[first : first + 53])
    sizes = [1, 17, 64, 501, 200, 3, 114]
    parts = np.concatenate([ragged.make(size) for size in sizes])
    np.testing.assert_array_equal(whole.make(sum(sizes)), parts)


@pytest.mark.parametrize("approach", ["vector", "spectrum"])
def test_a_step_that_is_spread_over_its_hop_makes_the_same_a_hop_later(
    each_approach, seed, approach
):
    model = each_approach[approach]
    at_once, spread = Dreamer(model), Dreamer(model, sliced=True)
    at_once.hear(seed)
    spread.hear(seed)
    late, hop = spread.make(1000), model.hop_size
    assert not late[:hop].any()
    eased = 400 if approach == "vector" else 0  # out of the hop of silence
    wanted = at_once.make(1000 - hop)
    np.testing.assert_array_equal(late[hop + eased :], wanted[eased:])


def test_a_step_that_is_spread_does_its_work_evenly(make_model, seed):
    model = make_model("vector", 256, 256, outputs=256)
    dreamer = Dreamer(model, sliced=True)
    dreamer.hear(seed)
    calls, words = dreamer.arrays["dream_calls"], dreamer.arrays["dream_words"]
    done = [int(words[2]) for _ in range(8) if dreamer.make(32) is not None]
    costs = calls[:, 6][done] / calls[-1, 6]
    largest = np.diff(calls[:, 6]).max() / calls[-1, 6]
    assert np.abs(costs - np.arange(1, 9) / 8).max() <= largest + 1e-9


def test_dropout_keeps_the_share_it_says_and_the_mean(make_model):
    kernel = np.zeros((64, 24), np.float32)
    model = make_model("column", 8, 24)
    for keep in (0.5, 0.9):
        told = replace(model, output_dropout=keep, head=Head(kernel[:1] + 1, kernel[:1, 0] * 0))
        dreamer = Dreamer(told, watchful=False)
        dreamer.hear(np.zeros(8))
        kept, mean = 0, []
        behind = np.flatnonzero(dreamer.arrays["dream_calls"][:, 0] == 6)[-1]
        at = int(dreamer.arrays["dream_calls"][behind, 1])
        states = int(dreamer.arrays["dream_calls"][behind - 1, 1])
        for _ in range(400):
            dreamer.make(1)
            after = dreamer.arrays["dream_memory"][at : at + 24]
            before = dreamer.arrays["dream_memory"][states : states + 24]
            kept += np.count_nonzero(after)
            mean.append(after.sum() / before.sum())
            np.testing.assert_allclose(after[after != 0], before[after != 0] / keep, rtol=1e-5)
        assert kept / (400 * 24) == pytest.approx(keep, abs=0.02)


def test_without_dropout_and_at_temperature_0_chance_does_nothing(each_approach, seed):
    spread = np.full(1, 0.3, np.float32)
    model = replace(each_approach["column"], input_dropout=0.5, spread=spread)
    still = [dream(model, seed, 500, seed_number=n, dropout=False, temperature=0.0) for n in (1, 2)]
    np.testing.assert_array_equal(*still)


@pytest.mark.parametrize("learns", [False, True])
def test_temperature_scales_the_noise_that_predictions_missed(make_model, seed, learns):
    model = make_model("column", learns_spread=learns)
    outputs = len(model.head.bias)
    bias = np.zeros(outputs, np.float32)
    bias[1:] = np.log(0.25)
    silent = Head(np.zeros_like(model.head.kernel), bias)
    spread = np.float32([] if learns else [0.25])
    told = replace(model, head=silent, spread=spread, output_scale=np.float32([0.4]))
    for heat in (0.5, 1.0):
        noise = dream(told, seed, 8000, temperature=heat)
        assert noise.std() == pytest.approx(heat * 0.25 * 0.4, rel=0.05)
        assert abs(noise.mean()) < 0.005


@pytest.mark.parametrize("approach", ["vector", "spectrum"])
def test_of_a_hop_the_temperature_is_heard_by_the_next_step_alone(each_approach, seed, approach):
    model = each_approach[approach]
    shaken = replace(model, spread=np.full(model.outputs, 3.0, np.float32))
    clean = dream(model, seed, 4000, dropout=False)
    assert not np.array_equal(dream(shaken, seed, 4000, dropout=False), clean)
    assert np.array_equal(dream(shaken, seed, 4000, dropout=False, temperature=0.0), clean)
    deaf = replace(shaken, head=Head(model.head.kernel * 0, model.head.bias))
    still = replace(model, head=deaf.head)
    assert np.array_equal(dream(deaf, seed, 4000), dream(still, seed, 4000))


@pytest.mark.parametrize("approach", APPROACHES)
def test_kicks_send_a_dream_back_to_what_was_heard(each_approach, seed, approach):
    model = each_approach[approach]
    kicked = replace(model, job={**model.job, "kicks_s": 0.1})
    clean = dream(model, seed, 4000, dropout=False)
    assert np.array_equal(dream(kicked, seed, 4000, dropout=False, temperature=0.0), clean)
    dreamer = Dreamer(kicked, dropout=False)
    dreamer.listen(seed)
    made = dreamer.make(3000)  # sooner than one that is faint would be stuck
    first = int(np.flatnonzero(made != clean[:3000])[0])
    hop = model.hop_size  # half to one and a half times 0.1 s at 8 kHz, in hops
    assert 399 - hop <= first <= 1201 + hop
    assert dreamer.restarts == 0


@pytest.mark.parametrize("overlap", [0, 32])
def test_a_vector_begins_without_a_click_after_its_hop_of_silence(make_model, overlap):
    dreamer = Dreamer(high_after_high(make_model, {"overlap": overlap}), sliced=True)
    for _ in range(2):
        dreamer.listen(np.ones(2000, np.float32))
        made = dreamer.make(1000)
        assert made[-1] > 0.25
        assert np.abs(np.diff(made, prepend=0.0)).max() < 0.25 * made[-1]


@pytest.mark.parametrize("coherent", [False, True])
@pytest.mark.parametrize("sliced", [False, True])
def test_a_dream_of_spectra_begins_without_what_rang_at_the_last_ones_end(
    each_approach, seed, sliced, coherent
):
    dreamer = Dreamer(each_approach["spectrum"], sliced=sliced, coherent=coherent)
    dreamer.hear(seed)
    hop, before = dreamer.model.hop_size * (2 if sliced else 1), dreamer.make(1000)
    dreamer.hear(np.zeros(1000, np.float32))
    begins = dreamer.make(hop)[hop - dreamer.model.hop_size :]
    assert np.abs(before[-200:]).max() > 0.1
    assert abs(begins[0]) < 0.02 * np.abs(before[-200:]).max()


def high_after_high(make_model, job):
    """It says high after high, low after low: only leaps go from one to the other."""
    model = make_model("vector", 64, 1, layers=1, outputs=64, job=job)
    kernel = np.zeros((4, 64), np.float32)
    kernel[2] = 1.0
    bias = np.float32([8.0, -8.0, 0.0, 8.0])
    layer = Layer(kernel, np.zeros((4, 1), np.float32), bias)
    head = Head(np.full((64, 1), 0.5, np.float32), np.zeros(64, np.float32))
    return replace(model, layers=(layer,), head=head)


@pytest.mark.parametrize("sliced", [False, True])
@pytest.mark.parametrize("overlap", [0, 32])
def test_a_vector_that_leaps_does_not_click(make_model, sliced, overlap):
    smooth = high_after_high(make_model, {"overlap": overlap, "kicks_s": 0.05})
    dreamer = Dreamer(smooth, sliced=sliced, dropout=False, watchful=False)
    dreamer.listen(np.repeat(np.float32([1.0, -1.0]), 2000))
    made = dreamer.make(16_000)[640:]
    assert np.ptp(made) > 0.5
    assert np.abs(np.diff(made)).max() < 0.25 * np.ptp(made)


def test_what_dies_or_drones_starts_again_from_the_seed_and_says_how_often(make_model, seed):
    model = make_model("column", 16, 8, layers=1)
    dead = replace(model, head=Head(model.head.kernel * 0, np.float32([0.3])))
    dreamer = Dreamer(dead)
    dreamer.listen(np.tile(seed, 3))
    dreamer.make(8000)
    assert dreamer.restarts == 0
    dreamer.make(8000)
    assert dreamer.restarts == 1
    assert not np.array_equal(dreamer.arrays["dream_line"][-200:], np.full(200, 0.3))
    calm = Dreamer(dead, watchful=False)
    calm.make(16_000)
    assert calm.restarts == 0


@pytest.mark.parametrize("approach", APPROACHES)
def test_what_is_stuck_starts_again_at_the_same_sample_in_any_block(each_approach, seed, approach):
    model = each_approach[approach]
    still = replace(model, head=Head(0.002 * model.head.kernel, model.head.bias))
    whole, ragged = Dreamer(still), Dreamer(still)
    for dreamer in (whole, ragged):
        dreamer.listen(np.tile(seed, 3))
    made = np.concatenate([ragged.make(size) for size in (1, 700, 37, 64, 501, 3) * 15])
    np.testing.assert_array_equal(whole.make(len(made)), made)
    assert whole.restarts >= 1


def test_a_loop_is_found_and_what_lives_is_left_alone(make_model):
    model = make_model("vector", 2000, 4, layers=1, outputs=2000)
    rng = np.random.default_rng(1)
    bar = (0.1 * rng.standard_normal(2000) * np.exp(-np.arange(2000) / 400)).astype(np.float32)
    loops = replace(model, head=Head(model.head.kernel * 0, bar))
    dreamer = Dreamer(loops)
    dreamer.make(5 * 8000)
    assert dreamer.restarts >= 1
    falls = np.exp(-np.arange(2000) / 400, dtype=np.float32)[:, None]
    wide = Head(model.head.kernel * falls, 0.0 * bar)
    lively = replace(model, head=wide, spread=np.full(2000, 3.0, np.float32))
    dreamer = Dreamer(lively)
    dreamer.make(5 * 8000)
    assert dreamer.restarts == 0


def test_what_stays_far_below_what_was_heard_starts_again(make_model, seed):
    model = make_model("column", 16, 4, layers=1)
    heard = np.tile(seed, 1 + 16_000 // len(seed))
    for share, again in ((0.02, True), (0.7, False)):
        spread = np.full(1, share * heard.std(), np.float32)
        noise = replace(model, head=Head(model.head.kernel * 0, model.head.bias * 0), spread=spread)
        dreamer = Dreamer(noise)
        dreamer.listen(heard)
        dreamer.make(12_000)
        assert (dreamer.restarts > 0) == again


def test_a_restart_makes_no_click(make_model, seed):
    model = make_model("column", 16, 8, layers=1)
    dead = replace(model, head=Head(model.head.kernel * 0.02, np.float32([0.3])))
    dreamer = Dreamer(dead)
    dreamer.listen(np.tile(seed, 3))
    made = dreamer.make(16_000)
    assert dreamer.restarts >= 1
    assert np.abs(np.diff(made[1:])).max() < 0.05


def test_a_seed_shorter_than_a_window_has_silence_before_it(each_approach, seed):
    for model in each_approach.values():
        padded = np.concatenate([np.zeros(2000, np.float32), seed[:10]])
        short, long = (dream(model, s, 300, warm_seconds=0.0) for s in (seed[:10], padded))
        np.testing.assert_allclose(short, long, atol=1e-6)
        assert np.isfinite(dream(model, [], 50)).all()


def test_a_transpose_follows_as_much_of_its_seed_as_its_taps_reach(make_model):
    model = make_model("transpose", 40, taps=np.ones(50, np.float32) / 50)
    dreamer = Dreamer(model)
    begin_with(dreamer, 0.1 * np.ones(8000, np.float32), warm_seconds=0.1)
    assert np.count_nonzero(dreamer.arrays["dream_said"]) == dreamer.arrays["dream_said"].size


def test_sounds_that_can_not_be_seeds_are_told(each_approach):
    model = each_approach["column"]
    with pytest.raises(SamplerError, match="mono"):
        dream(model, np.zeros((2, 100)), 10)
    with pytest.raises(SamplerError, match="finite"):
        dream(model, [np.nan], 10)
    with pytest.raises(SamplerError, match="samples = -1"):
        dream(model, [0.0], -1)
    with pytest.raises(SamplerError, match="approach"):
        dream(replace(model, approach="row"), [0.0], 1)
