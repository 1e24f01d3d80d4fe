"""The other architectures of ``.nam``, its containers, knobs and metadata."""

from pathlib import Path

import numpy as np
import pytest
from modelfiles import samples
from modelfiles.interpreter import render
from modelfiles.reference import play

from engine.modelfiles.nam import read_nam
from engine.modelfiles.reading import Node

SOUND = 0.4 * np.random.default_rng(7).standard_normal(300)
ROUNDED = {"rtol": 0, "atol": 1e-6}  # weights are folded, then rounded to single precision


def test_a_container_has_its_models_as_sizes(opened):
    document = samples.container()
    model = opened(document)
    assert [size.up_to for size in model.sizes] == [0.5, 1.0]
    large = document["config"]["submodels"][1]["model"]
    np.testing.assert_allclose(render(model.network, SOUND), play(large, SOUND[None])[0], **ROUNDED)
    assert model.sizes[0].network.is_recurrent


def test_a_container_in_a_container_is_its_best(opened):
    whole = samples.container()
    nested = {"submodels": [{"max_value": 1, "model": whole}]}
    model = opened(samples.nam("SlimmableContainer", nested, 0))
    assert model.network.shape_key == opened(whole).network.shape_key


def test_models_nested_too_deep_are_refused(refused):
    model = samples.lstm()
    for _ in range(6):
        config = {"submodels": [{"max_value": 1, "model": model}]}
        model = samples.nam("SlimmableContainer", config, 0)
    assert "nested more than 4 deep" in refused(model)


@pytest.mark.parametrize("layers", [1, 3])
def test_an_lstm_is_that_of_torch(opened, layers):
    torch = pytest.importorskip("torch")
    document = samples.lstm(5, layers)
    left = list(document["weights"])

    def take(*shape):
        return torch.tensor([left.pop(0) for _ in range(int(np.prod(shape)))]).reshape(shape)

    core, states = torch.nn.LSTM(1, 5, layers, batch_first=True), []
    with torch.no_grad():
        for n in range(layers):
            into = 5 if n else 1
            matrix = take(20, into + 5)
            getattr(core, f"weight_ih_l{n}").copy_(matrix[:, :into])
            getattr(core, f"weight_hh_l{n}").copy_(matrix[:, into:])
            getattr(core, f"bias_ih_l{n}").copy_(take(20))
            getattr(core, f"bias_hh_l{n}").zero_()
            states.append((take(5), take(5)))
        start = tuple(torch.stack(part)[:, None] for part in zip(*states, strict=True))
        heard, _ = core(torch.tensor(SOUND, dtype=torch.float32)[None, :, None], start)
        wanted = heard[0] @ take(5) + take(1)
    np.testing.assert_allclose(render(opened(document).network, SOUND), wanted, atol=2e-6, rtol=0)


@pytest.mark.parametrize("batchnorm", [True, False])
def test_a_convnet_is_that_of_torch(opened, batchnorm):
    torch = pytest.importorskip("torch")
    document = samples.convnet(batchnorm)
    left = list(document["weights"])

    def take(*shape):
        return torch.tensor([left.pop(0) for _ in range(int(np.prod(shape)))]).reshape(shape)

    x = torch.tensor(SOUND, dtype=torch.float32)[None, None]
    for into, dilation in ((1, 1), (3, 4)):
        weights = take(3, into, 2)
        bias = None if batchnorm else take(3)
        x = torch.nn.functional.pad(x, (dilation, 0))
        x = torch.nn.functional.conv1d(x, weights, bias, dilation=dilation)
        if batchnorm:
            mean, variance, gamma, beta, (epsilon,) = take(3), take(3), take(3), take(3), take(1)
            norm = torch.nn.functional.batch_norm
            x = norm(x, mean, variance, gamma, beta, eps=float(epsilon))
        x = torch.tanh(x)
    wanted = torch.nn.functional.conv1d(x, take(1, 3, 1), take(1))[0, 0]
    made = render(opened(document).network, SOUND)
    assert not left and made.std() > 1e-3
    np.testing.assert_allclose(made, wanted, atol=2e-6, rtol=0)


def test_a_linear_is_an_impulse_response_unless_reversed(opened):
    document = samples.linear(bias=False)
    response = np.array(document["weights"])
    wanted = np.convolve(SOUND, response)[: len(SOUND)]
    np.testing.assert_allclose(render(opened(document).network, SOUND), wanted, **ROUNDED)
    network = read_nam(Node(Path("a.nam"), document), "", reverse_linear=True).network
    wanted = np.convolve(SOUND, response[::-1])[: len(SOUND)]
    np.testing.assert_allclose(render(network, SOUND), wanted, **ROUNDED)


def test_knobs_of_the_parametric_lstm_go_in_beside_the_sound(opened):
    torch = pytest.importorskip("torch")
    document = samples.parametric()
    model = opened(document)
    told = [(knob.name, knob.minimum, knob.maximum, knob.low, knob.high) for knob in model.knobs]
    assert told == [("gain", 0, 10, -1, 1), ("bright", 0, 1, 0, 1)]
    w = np.array(document["weights"], np.float32)
    matrix, bias, h, c, head = np.split(w, np.cumsum([128, 16, 4, 4]))
    for gain, bright in ((-0.4, 0.0), (0.9, 1.0)):
        core = torch.nn.LSTM(4, 4, batch_first=True)
        with torch.no_grad():
            core.weight_ih_l0.copy_(torch.tensor(matrix.reshape(16, 8)[:, :4]))
            core.weight_hh_l0.copy_(torch.tensor(matrix.reshape(16, 8)[:, 4:]))
            core.bias_ih_l0.copy_(torch.tensor(bias))
            core.bias_hh_l0.zero_()
            fed = np.tile([0, gain, 1 - bright, bright], (len(SOUND), 1)).astype(np.float32)
            fed[:, 0] = SOUND
            start = (torch.tensor(h)[None, None], torch.tensor(c)[None, None])
            heard, _ = core(torch.tensor(fed)[None], start)
        wanted = heard[0].numpy() @ head[:4] + head[4]
        made = render(model.network, SOUND, knobs=(gain, bright))
        np.testing.assert_allclose(made, wanted, atol=2e-6, rtol=0)


def test_knobs_of_the_parametric_wavenet_go_in_beside_the_sound(opened):
    document = samples.parametric("ConcatWaveNet")
    network = opened(document).network
    fed = np.zeros((4, 300))
    fed[0], fed[1], fed[2] = SOUND, 0.3, 1.0
    made = render(network, SOUND, knobs=(0.3, 0.0))
    np.testing.assert_allclose(made, play(document, fed)[0], **ROUNDED)


def test_a_switch_of_two_positions_may_have_one_channel(opened):
    document = samples.parametric()
    document["weights"] = samples.weights(16 * 7 + 16 + 8 + 5)
    model = opened(document)
    assert model.network.input.channels == 3 and len(model.network.ops) == 2


def test_what_the_fork_has_and_we_have_not_is_refused_with_the_reason(refused):
    document = samples.parametric()
    document["config"]["params"][1]["enum_names"] = ["low", "mid", "high"]
    assert "a switch of 3 positions is not supported; supported: 2" in refused(document)
    reasons = {"HyperWaveNet": "a second network makes its weights", "CatLSTM": "abandoned format"}
    for name, reason in reasons.items():
        line = refused({**document, "architecture": name})
        assert f"architecture = '{name}': " in line and reason in line


METADATA = {
    "name": "  A\n box ",
    "modeled_by": None,
    "gear_make": 3,
    "gear_type": "amp",
    "loudness": -1e9,
    "gain": 1.5,
    "input_level_dbu": "12",
    "output_level_dbu": 10**400,
}


def test_metadata_are_taken_where_they_make_sense(opened):
    model = opened({**samples.lstm(), "metadata": METADATA})
    assert model.name == "A box" and model.tags == {"name": "A box", "gear": "amp"}
    assert (model.loudness_db, model.gain, model.input_dbu, model.output_dbu) == (-200, 1, None, 60)
    for odd in (None, 3, [], "text", {"name": {}}):
        assert opened({**samples.lstm(), "metadata": odd}).name == "a"


@pytest.mark.parametrize(
    ("rate", "taken", "warnings"),
    [(44100.0, 44100, 0), (None, 48000, 0), (-1, 48000, 1), ("96k", 48000, 1), (True, 48000, 1)],
)
def test_a_rate_that_is_not_known_is_48_khz(opened, rate, taken, warnings):
    model = opened({**samples.lstm(), "sample_rate": rate})
    assert (model.sample_rate, len(model.warnings)) == (taken, warnings)


@pytest.mark.parametrize("version", ["0.9.0", "2.0", None, 7])
def test_an_unknown_version_is_read_with_a_warning(opened, version):
    assert "version" in opened({**samples.lstm(), "version": version}).warnings[0]
