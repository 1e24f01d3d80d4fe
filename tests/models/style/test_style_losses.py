"""The losses of style: frames, the closed form, random filters, terms; and the descent on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.style.descent import Descent
from models.style.errors import StyleError
from models.style.filters import FilterStyle, RandomFilters, ResidualStack
from models.style.frames import Analysis, Ear, Layer
from models.style.objective import Objective, wanted
from models.style.patches import Discrepancy, Examples, diagonal_sums, spread, spread_back
from models.style.settings import Knobs
from models.style.terms import Style

from .style_sounds import RATE, breathy, plucked

SMALL = Analysis(RATE, 256, 64)
EVERY = Knobs(harmony=1, timbre=1, rhythm=1, content=1, pitch=1, onsets=1)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    made = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=made, dtype=torch.float64)


def test_magnitudes_are_those_of_torchs_own_transform():
    sound = torch.from_numpy(plucked(0.5))
    found = Analysis().magnitudes(sound)
    window = torch.hann_window(2048)
    theirs = torch.stft(sound, 2048, 512, window=window, pad_mode="constant", return_complex=True)
    frames = theirs.shape[1]
    assert torch.allclose(found[:frames], theirs.abs().T, atol=2e-4)


def test_an_ear_hears_what_the_layer_does():
    sound = torch.from_numpy(np.stack([plucked(1.0), breathy(1.0)]))
    ear = Ear(SMALL)
    assert torch.allclose(ear.hear(sound).magnitudes, SMALL.magnitudes(sound), atol=1e-5)


def test_a_tone_is_as_loud_at_every_rate():
    peaks = []
    for rate in (22_050, 44_100, 48_000):
        tone = torch.sin(2 * torch.pi * 1000 * torch.arange(rate, dtype=torch.float64) / rate)
        peaks.append(float(Analysis.at(rate).magnitudes(tone)[10].max()))
    assert max(peaks) / min(peaks) < 1.15  # what a bin's distance from the tone takes off


def test_two_equal_channels_are_heard_as_one():
    sound = torch.from_numpy(plucked(0.3))
    both = SMALL.magnitudes(torch.stack([sound, sound]))
    assert torch.allclose(both, SMALL.magnitudes(sound), atol=1e-5)


def test_pitch_classes_are_librosas():
    librosa = pytest.importorskip("librosa")
    theirs = librosa.filters.chroma(sr=RATE, n_fft=2048, tuning=0.0, octwidth=None, norm=None).T
    np.testing.assert_allclose(Analysis().chroma().numpy(), theirs, atol=1e-6)


def test_no_mel_band_is_empty_even_of_512():
    for bands in (1, 8, 64, 512):
        sums = Analysis().mel(bands).sum(0)
        assert torch.allclose(sums, torch.ones(bands), atol=1e-5)


@pytest.mark.parametrize("width", [1, 2, 5, 11, 50])
def test_diagonal_sums_are_products_of_patches(width):
    a, b = drawn(60, 3), drawn(70, 3, seed=1)
    patches = [torch.stack([x[i : i + width].reshape(-1) for i in range(len(x) - width + 1)])
               for x in (a, b)]  # fmt: skip
    assert torch.allclose(diagonal_sums(a @ b.T, width), patches[0] @ patches[1].T)


def test_spreading_back_is_the_adjoint_of_diagonal_sums():
    a, b = drawn(20, 30), drawn(14, 24, seed=1)
    back = torch.zeros_like(a)
    spread_back(b, 7, back)
    assert torch.allclose((diagonal_sums(a, 7) * b).sum(), (a * back).sum())


def test_the_closed_form_is_what_filters_tend_to():
    content, style = drawn(40, 6).abs(), 2.0 * drawn(30, 6, seed=1).abs()
    exact = Discrepancy(Examples.of([style], 11))(content)
    drawn_apart = [RandomFilters(6, 1000, 11, seed, dtype=torch.float64) for seed in range(3)]
    unit = (1000 * drawn_apart[0].spread ** 2) ** 2
    found = [float(FilterStyle(network, [style])(content)) / unit for network in drawn_apart]
    assert np.mean(found) == pytest.approx(float(exact), rel=0.1)


def test_a_sound_is_at_no_distance_from_itself():
    features = drawn(40, 6).abs()
    distance = Discrepancy(Examples.of([features], 5))
    assert abs(float(distance(features))) < 1e-12 * distance.own


def test_a_mixture_of_styles_is_the_mixture_of_their_patches():
    a, b, content = drawn(30, 4).abs(), 2 * drawn(40, 4, seed=1).abs(), drawn(25, 4, seed=2).abs()
    mixed = Discrepancy(Examples.of([a, b], 3, [0.25, 0.75]))
    k = lambda x, y: Discrepancy(Examples.of([x], 3)).__call__(y)  # noqa: E731
    # |c - (a/4 + 3b/4)|^2 in a Hilbert space, from the distances of pairs
    expected = 0.25 * k(a, content) + 0.75 * k(b, content) - 0.25 * 0.75 * k(a, b)
    assert float(mixed(content)) == pytest.approx(float(expected), rel=1e-9)


def test_long_examples_are_thinned_out_evenly():
    runs = spread(5000, 480, 11)
    assert sum(last - first for first, last, _ in runs) == 480
    assert runs[0][0] == 0 and runs[-1][1] == 5000
    assert sum((last - first) * weight for first, last, weight in runs) == pytest.approx(1.0)


def test_the_gradient_is_that_of_finite_differences():
    """To 1e-3 in float64, all terms at once, two channels."""
    n = 2048
    sound = torch.from_numpy(np.stack([plucked(1.0)[:n], breathy(1.0)[:n]])).double()
    ear = Ear(SMALL, dtype=torch.float64)
    style = Style([ear.hear(torch.from_numpy(breathy(1.0, seed=3))[None, :5000].double())])
    terms = wanted(EVERY, style, ear.hear(0.5 * sound.flip(0)), rhythm_frames=20)
    objective = Objective(ear, terms, 2, n)
    place = (sound + 0.01 * drawn(2, n)).reshape(-1)
    _, slope = objective(place)
    for seed in range(3):
        way = drawn(2 * n, seed=10 + seed)
        step = 1e-6
        rise = objective(place + step * way)[0] - objective(place - step * way)[0]
        assert rise / (2 * step) == pytest.approx(float(slope @ way), rel=1e-3)


def test_the_layer_can_be_used_again_and_again():
    layer, sound = Layer(SMALL, 1, 1000), torch.from_numpy(plucked(1.0)[None, :1000])
    first = layer(sound).clone()
    layer(torch.zeros_like(sound))
    assert torch.equal(layer(sound), first)


def test_the_residual_stack_hears_32_frames_in_five_layers():
    layers = ResidualStack(4, 16)(torch.ones(40, 4))
    assert [len(layer) for layer in layers] == [39, 37, 33, 25, 9]
    assert len({layer.shape[1] for layer in layers}) == 1


def test_filters_of_one_seed_are_the_same_and_of_another_are_not():
    features = drawn(20, 3).float()
    first, same, other = (RandomFilters(3, 8, seed=seed)(features)[0] for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_a_descent_finds_the_lowest_point_of_a_valley():
    def valley(x: torch.Tensor) -> tuple[float, torch.Tensor]:  # Rosenbrock's
        x = x.detach().requires_grad_(True)
        loss = ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()
        (slope,) = torch.autograd.grad(loss, x)
        return float(loss.detach()), slope

    descent = Descent(valley, torch.zeros(6, dtype=torch.float64))
    while descent.iterations < 200 and descent.step():
        pass
    assert torch.allclose(descent.best, torch.ones(6, dtype=torch.float64), atol=1e-4)


def test_a_descent_that_cannot_fall_says_so():
    descent = Descent(lambda x: (1.0, torch.zeros_like(x)), torch.zeros(3))
    assert not descent.step() and descent.ended


def test_a_descent_goes_on_from_its_state_as_if_nothing_had_been():
    def bowl(x: torch.Tensor) -> tuple[float, torch.Tensor]:
        weights = torch.arange(1.0, 9.0)
        return float((weights * x**4).sum()), 4 * weights * x**3

    whole = Descent(bowl, torch.ones(8))
    for _ in range(5):
        whole.step()
    other = Descent(bowl, torch.ones(8))
    other.restore(whole.state())
    for _ in range(5):
        whole.step()
        other.step()
    assert torch.equal(whole.best, other.best) and whole.history == other.history


def test_a_loss_that_is_not_finite_is_told():
    with pytest.raises(StyleError, match="not finite"):
        Descent(lambda x: (float("nan"), x), torch.zeros(3))


def test_too_few_frames_for_a_patch_are_told():
    with pytest.raises(StyleError, match="shorter than 50 frames"):
        Examples.of([drawn(20, 3)], 50)


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({"harmony": -1.0}, "harmony = -1 is outside 0 to 100"),
        ({"timbre": float("nan")}, "timbre = nan is outside"),
        (dict.fromkeys(("harmony", "timbre", "pitch", "onsets"), 0.0), "every knob is 0"),
    ],
)
def test_knobs_that_make_no_sense_are_told(knobs, told):
    with pytest.raises(StyleError, match=told):
        Knobs(**knobs)
