"""The paper's networks, beside a literal reference; training, generation, baselines, scores."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from models.pulse.errors import PulseError
from models.pulse.paper import generation
from models.pulse.paper.baselines import ngram, repeat_last
from models.pulse.paper.networks import ClockworkRNN, StackedLSTM
from models.pulse.paper.reference import difference
from models.pulse.paper.running import Counted, Stateful, Windowed, predictor
from models.pulse.paper.scores import Told, bits, f1, score, threshold, told
from models.pulse.paper.symbols import representation
from models.pulse.paper.training import PLANS, Training, train, windows

PEAKS, BINARY = representation("peaks"), representation("binary")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def heard(frames, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 11, frames) * (rng.random(frames) < 0.3)).astype(np.int64)


def every_eighth(frames, shift=0):
    """An onset every 8 frames, a beat every 32."""
    row = np.zeros(frames, np.int64)
    row[shift % 8 :: 8] = 4
    row[shift % 32 :: 32] = 10
    return row


@pytest.mark.parametrize("make", (StackedLSTM, ClockworkRNN))
@pytest.mark.parametrize(("kind", "off"), ((torch.float32, 1e-6), (torch.float64, 1e-12)))
def test_a_network_is_its_literal_reference(make, kind, off):
    torch.manual_seed(3)
    network = make(11).to(kind)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1.5)  # away from the near-linear start
    values = np.float64(PEAKS.values(heard(600)))
    assert difference(network, values) < off


def test_the_reference_finds_a_wrong_clock():
    network = ClockworkRNN(11)
    values = np.float64(PEAKS.values(heard(300)))
    network.due = lambda frame: 128
    assert difference(network, values) > 1e-4


@pytest.mark.parametrize("make", (StackedLSTM, ClockworkRNN))
def test_a_carried_state_gives_what_the_whole_sequence_gives(make):
    network = make(11).eval()
    values = torch.from_numpy(PEAKS.values(heard(700)))[None]
    with torch.inference_mode():
        whole = network.run(values)[0]
        parts, state = [], None
        for piece in values.split([1, 99, 256, 17, 327], dim=1):
            logits, state = network.run(piece, state)
            parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-6, rtol=0)


def test_the_clockwork_has_nine_groups_of_128_units_and_hears_only_the_slower():
    network = ClockworkRNN(11)
    assert sum(network.sizes) == 128 and len(network.sizes) == 9 and network.longest == 256
    assert network.due(0) == network.due(256) == 128
    assert network.due(1) == network.sizes[0] and network.due(6) == sum(network.sizes[:2])
    slowest = network.mask[-network.sizes[-1] :]
    assert slowest[:, : 128 - network.sizes[-1]].sum() == 0 and network.mask[0].all()


def test_groups_that_are_more_than_units_are_refused():
    with pytest.raises(PulseError, match="groups = 9 is outside 1 to 4"):
        ClockworkRNN(2, units=4)


def test_in_a_window_from_rest_a_slow_group_hears_only_the_first_frame():
    network = ClockworkRNN(11).eval()
    row = torch.rand(1, 20)
    with torch.inference_mode():
        state = network.run(row)[1][0]
        other = network.run(torch.cat([row[:, :1], torch.rand(1, 19)], 1))[1][0]
    slow = slice(sum(network.sizes[:5]), None)  # periods of 32 and more
    torch.testing.assert_close(state[:, slow], other[:, slow], atol=0, rtol=0)
    assert (state[:, : network.sizes[0]] != other[:, : network.sizes[0]]).any()


@pytest.mark.parametrize("name", PLANS)
def test_every_network_learns_a_regular_pulse(name):
    rows, other = [np.tile([10, 0, 0], 300), np.tile([0, 0, 10], 200)], [np.tile([0, 10, 0], 60)]
    settings = Training(
        epochs=12, seconds=1e6, windows_an_epoch=800, batch=32,
        streams=4, truncate=16, learning_rate=1e-2, stateful_learning_rate=1e-2, patience=99,
    )  # fmt: skip
    network, course = train(PLANS[name], rows, other, PEAKS, settings)
    usual = told(ngram(rows, 11, 1), other, 20)
    assert course.best < 0.75 * bits(usual.odds, usual.came)
    assert course.best == min(row["validation_bits"] for row in course.history)
    assert not network.training


def test_a_training_that_is_broken_off_goes_on_as_if_it_had_not_been(tmp_path):
    rows, other = [every_eighth(900)], [every_eighth(300, 3)]
    plan, short = PLANS["clockwork"], dict(seconds=1e6, windows_an_epoch=200, patience=99)
    whole, course = train(plan, rows, other, PEAKS, Training(epochs=4, **short))
    stopped = []

    def tell(done, text):
        stopped.extend([True] if done >= 0.5 else [])

    given = (plan, rows, other, PEAKS, Training(epochs=4, **short), tmp_path)
    assert train(*given, tell=tell, stopped=stopped)[1].epoch == 2
    again, resumed = train(*given, resume=True)
    assert [r["validation_bits"] for r in resumed.history] == [
        r["validation_bits"] for r in course.history
    ]
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weight, atol=0, rtol=0)


def test_a_checkpoint_of_something_else_is_refused_in_one_line(tmp_path):
    rows = [every_eighth(300)]
    plan, settings = PLANS["clockwork"], Training(epochs=1, windows_an_epoch=64)
    train(plan, rows, rows, PEAKS, settings, tmp_path)
    with pytest.raises(PulseError, match=r"clockwork of peaks.* seed 1, .* not .* seed 2"):
        train(plan, rows, rows, PEAKS, Training(epochs=1, seed=2), tmp_path, True)
    with pytest.raises(PulseError, match=r"recordings (\w+), not .* recordings (?!\1)"):
        train(plan, [every_eighth(299)], rows, PEAKS, settings, tmp_path, True)
    (tmp_path / "clockwork.pt").write_bytes(b"nothing")
    with pytest.raises(PulseError, match="no checkpoint of a study"):
        train(plan, rows, rows, PEAKS, settings, tmp_path, True)


def test_windows_are_every_run_of_frames_and_what_follows():
    rows, following = windows([np.arange(6), np.arange(3)], representation("binary"), 3)
    assert rows.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]] and following.tolist() == [3, 4, 5]


@pytest.mark.parametrize("stateful", (False, True))
def test_generation_frame_by_frame_is_what_the_odds_of_the_whole_say(stateful):
    torch.manual_seed(1)
    network = ClockworkRNN(11) if stateful else StackedLSTM(11)
    model = Stateful(network, PEAKS) if stateful else Windowed(network, PEAKS, 20)
    seeds = np.stack([heard(20, k) for k in range(3)])
    made = generation.generate(model, seeds, 1.0, np.random.default_rng(0), frames=40)
    row = np.concatenate([seeds[1], made[1]])
    odds, state = model.begin(seeds)
    for at in range(39):
        np.testing.assert_allclose(odds[1], model.odds(row)[20 + at], atol=1e-6)
        odds, state = model.step(made[:, at], state)


def test_temperature_nought_takes_the_likeliest_and_high_ones_draw_evenly():
    odds = np.tile([0.6, 0.3, 0.1], (4000, 1))
    rng = np.random.default_rng(7)
    assert (generation.drawn(odds, 0.0, rng) == 0).all()
    shares = np.bincount(generation.drawn(odds, 1.0, rng)) / 4000
    np.testing.assert_allclose(shares, odds[0], atol=0.03)
    even = np.bincount(generation.drawn(odds, 50.0, rng)) / 4000
    np.testing.assert_allclose(even, 1 / 3, atol=0.03)
    with pytest.raises(PulseError, match="temperature = -1 is below 0"):
        generation.drawn(odds, -1.0, rng)


def test_dead_and_stuck_outputs_are_counted():
    made = np.zeros((4, 100), np.int64)
    made[1] = 3
    made[2, ::7] = 5
    made[3, :20] = 2  # dies
    seeds = np.ones((4, 20), np.int64)
    found = generation.liveliness(made, seeds, made)
    assert (found.dead, found.stuck, found.seed_density) == (0.5, 0.25, 1.0)
    assert generation.gaps(made[2:3]).tolist() == [7.0] * 14


def test_seeds_have_onsets_and_come_with_what_followed():
    row = np.concatenate([np.zeros(200, np.int64), every_eighth(400)])
    runs = generation.seeds_of([row], 20, 50, np.random.default_rng(1), more=30)
    assert runs.shape == (50, 50) and runs[:, :20].any(axis=1).all()
    with pytest.raises(PulseError, match="seeds of 700 frames: every recording is shorter"):
        generation.seeds_of([row], 20, 5, np.random.default_rng(1), more=680)


def test_odds_of_counted_models_add_up_and_look_back_as_far_as_they_say():
    rows = [heard(2000, 1), heard(1500, 2)]
    for order in (1, 2, 4, 8):
        model = ngram(rows, 11, order)
        odds = model.odds(heard(300, 3))
        np.testing.assert_allclose(odds.sum(axis=1), 1.0, atol=1e-12)
        changed = heard(300, 3)
        changed[150] = (changed[150] + 5) % 11
        differs = np.flatnonzero(np.abs(model.odds(changed) - odds).max(axis=1) > 1e-12)
        assert set(differs) <= set(range(151, 151 + order - 1))
        np.testing.assert_allclose(model.after(heard(300, 3)[None, :120])[0], odds[120], atol=1e-12)


def test_a_bigram_mixes_as_witten_and_bell_say():
    model = ngram([np.array([0, 1, 0, 0, 1, 0, 1])], 2, 2)
    zero = (4 + 2 * 0.5) / (7 + 2)  # 0 comes 4 times of 7, 2 kinds; the rest is even
    after_zero = (3 + 2 * (1 - zero)) / (4 + 2)  # after 0: 1 three times of 4, 2 kinds
    assert model.odds(np.array([0, 1]))[1, 1] == pytest.approx(after_zero)
    after_one = (2 + 1 * zero) / (2 + 1)  # after 1: only 0, twice
    assert model.odds(np.array([1, 0]))[1, 0] == pytest.approx(after_one)


def test_repeating_the_last_guesses_it_even_where_it_is_unlikely():
    rows = [every_eighth(800)]
    model = repeat_last(rows, 11)
    asked = told(model, rows, 20)
    np.testing.assert_array_equal(asked.guesses, rows[0][19:-1])
    np.testing.assert_allclose(model.odds(rows[0]).sum(axis=1), 1.0)


def test_scores_are_those_of_a_small_example():
    odds = np.array([[0.5, 0.5], [0.75, 0.25], [0.25, 0.75], [0.9, 0.1]])
    came = np.array([1, 0, 1, 1])
    what = Told(odds, odds.argmax(axis=1), came)
    assert bits(odds, came) == pytest.approx(-np.log2([0.5, 0.75, 0.75, 0.1]).mean())
    assert threshold(what) == pytest.approx(0.1)  # all four: F1 6/7 beats 0.5's 4/5
    found = score(what, what)
    assert found.accuracy == 0.5 and found.onset_f1 == pytest.approx(0.5)
    assert found.onset_f1_best == pytest.approx(6 / 7)
    assert f1(np.zeros(3, bool), np.ones(3, bool)) == 0.0


def test_an_ngram_goes_on_with_a_pulse_it_has_counted():
    rows = [every_eighth(2000)]
    made = generation.generate(
        Counted(ngram(rows, 11, 8)), rows[0][None, 3:23], 0.0, np.random.default_rng(0), 33
    )
    assert (made[0][1:] > 0).sum() == 4


def test_a_plan_says_how_its_network_is_run():
    network = ClockworkRNN(2)
    assert isinstance(predictor(PLANS["clockwork"], network, BINARY, 20), Windowed)
    assert isinstance(predictor(PLANS["clockwork-stateful"], network, BINARY, 20), Stateful)
