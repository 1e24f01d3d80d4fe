"""GuitarML's and RTNeural's JSON, against torch and against arithmetic written again."""

import numpy as np
import pytest
from modelfiles import samples
from modelfiles.interpreter import render

SOUND = 0.4 * np.random.default_rng(7).standard_normal(300)
ROUNDED = {"rtol": 0, "atol": 2e-6}


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize("unit", ["LSTM", "GRU"])
def test_a_state_dictionary_plays_as_in_torch(opened, unit, inputs, skip):
    torch = pytest.importorskip("torch")
    document = samples.guitarml(unit, inputs, layers=2, skip=skip)
    core = getattr(torch.nn, unit)(inputs, 4, 2, batch_first=True)
    state = {name: torch.tensor(v) for name, v in document["state_dict"].items()}
    core.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("rec.")})
    knobs = (0.2, 0.9)[: inputs - 1]
    fed = torch.tensor(np.stack([SOUND, *(np.full(300, k) for k in knobs)], 1)).float()
    with torch.no_grad():
        wanted = (core(fed[None])[0][0] @ state["lin.weight"].T + state["lin.bias"])[:, 0]
    made = render(opened(document).network, SOUND, knobs=knobs)
    assert made.std() > 1e-3
    np.testing.assert_allclose(made, wanted.numpy() + skip * SOUND, **ROUNDED)


def test_knobs_rates_and_names_are_told_as_far_as_they_are(opened):
    model = opened(samples.guitarml(inputs=3))
    assert [knob.name for knob in model.knobs] == ["knob1", "knob2"]
    assert [(knob.low, knob.high) for knob in model.knobs] == [(0, 1), (0, 1)]
    assert (model.sample_rate, model.name, model.architecture) == (44_100, "a", "LSTM 2x4")
    assert opened(samples.guitarml(), "ts9_48K.json").sample_rate == 48_000
    assert opened({**samples.guitarml(), "sample_rate": 96_000}).sample_rate == 96_000


def test_a_state_dictionary_may_lack_biases(opened):
    document = samples.guitarml()
    document["model_data"]["bias_fl"] = False
    with_zeros = samples.guitarml()
    for name in [name for name in document["state_dict"] if "bias" in name]:
        del document["state_dict"][name]
        zeros = np.zeros(np.shape(with_zeros["state_dict"][name]))
        with_zeros["state_dict"][name] = zeros.tolist()
    made, wanted = (render(opened(d).network, SOUND) for d in (document, with_zeros))
    np.testing.assert_array_equal(made, wanted)


def test_a_matrix_of_another_size_is_refused(refused):
    document = samples.guitarml(inputs=2)
    document["model_data"]["input_size"] = 1
    line = refused(document)
    assert "state_dict.rec.weight_ih_l0 has 2 items at level 2, must be 16 x 1" in line
    document["model_data"]["model"] = "RecNet"
    assert "model = 'RecNet' is not supported; supported: SimpleRNN" in refused(document)
    more = samples.guitarml(layers=2)
    more["model_data"]["num_layers"] = 1
    assert "has more than the 1 layers" in refused(more)


def keras(document, sound, knob):
    """What Keras and AIDA-X make of ``samples.rtneural``, step by step."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    layers = [[np.array(w) for w in layer["weights"]] for layer in document["layers"]]
    gain = {key: 10 ** (document[key] / 20) for key in ("in_gain", "out_gain")}
    x = np.stack([gain["in_gain"] * sound, np.full(len(sound), knob)], 1)
    z = x @ layers[0][0] + layers[0][1]
    z = np.where(z > 0, z, np.exp(z) - 1)
    gamma, beta, mean, variance = layers[1]
    z = (z - mean) / np.sqrt(variance + 0.01) * gamma + beta
    w, b = layers[2]
    late = np.pad(z, ((3, 0), (0, 0)))[: len(z)]
    halves = [
        late[:, g : g + 2] @ w[0][:, c : c + 3] + z[:, g : g + 2] @ w[1][:, c : c + 3]
        for g, c in ((0, 0), (2, 3))
    ]
    z = np.maximum(np.concatenate(halves, 1) + b, 0)
    z = np.where(z > 0, z, layers[3][0] * z)
    (w, u, b), h, heard = layers[4], np.zeros(3), []
    for row in z:
        into, own = row @ w + b[0], h @ u + b[1]
        update, reset = sigmoid(into[:3] + own[:3]), sigmoid(into[3:6] + own[3:6])
        h = update * h + (1 - update) * np.tanh(into[6:] + reset * own[6:])
        heard.append(h)
    z = np.exp(heard) / np.exp(heard).sum(1, keepdims=True)
    (w, u, b), h, c, heard = layers[6], np.zeros(4), np.zeros(4), []
    for row in z:
        i, f, g, o = np.split(row @ w + h @ u + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        heard.append(h)
    z = np.array(heard) @ layers[7][0] + layers[7][1]
    return gain["out_gain"] * (z[:, 0] + document["in_skip"] * x[:, 0])


@pytest.mark.parametrize("skip", [0, 1])
def test_layers_of_keras_and_the_gains_of_aida_x(opened, skip):
    document = {**samples.rtneural(), "in_skip": skip}
    model = opened(document)
    made = render(model.network, SOUND, knobs=(0.7,))
    assert made.std() > 5e-4
    np.testing.assert_allclose(made, keras(document, SOUND, 0.7), **ROUNDED)
    assert (model.name, model.sample_rate, len(model.knobs)) == ("A box", 48_000, 1)


def test_gains_cost_no_operation(opened):
    document = samples.rtneural()
    plain = {key: document[key] for key in ("in_shape", "layers")}
    assert len(opened(document).network.ops) == len(opened(plain).network.ops)


@pytest.mark.parametrize("first", [0, 1, 2, 3, 4, 6, None])
def test_the_gain_in_is_heard_whatever_layer_comes_first(opened, first):
    layers = samples.rtneural()["layers"]
    curve = {"type": "activation", "activation": "tanh", "weights": []}
    head = {"type": "dense", "activation": ""}
    layer = curve if first is None else layers[first]
    inputs = {0: 2, 1: 4, 2: 4, 3: 6, 4: 6, 6: 3, None: 3}[first]
    outputs = {0: 4, 1: 4, 2: 6, 3: 6, 4: 3, 6: 4, None: 3}[first]
    head["weights"] = [samples.tensor(outputs, 1)]
    document = {"in_shape": [None, None, inputs], "layers": [layer, head]}
    knobs = np.linspace(-0.5, 0.5, inputs - 1)
    louder = opened({**document, "in_gain": 12.0}).network
    wanted = render(opened(document).network, 10 ** (12 / 20) * SOUND, knobs=knobs)
    np.testing.assert_allclose(render(louder, SOUND, knobs=knobs), wanted, **ROUNDED)


@pytest.mark.parametrize("kind", ["conv2d", "maxpooling", "", "LSTM"])
def test_a_layer_that_we_lack_is_refused(refused, kind):
    document = samples.rtneural()
    document["layers"][2]["type"] = kind
    line = refused(document)
    assert f"layers[2].type = '{kind}' is not supported; supported: dense, " in line


def test_a_gru_without_reset_after_is_refused(refused):
    document = samples.rtneural()
    document["layers"][4]["weights"][2] = samples.tensor(9)
    assert "reset_after = false is not supported" in refused(document)


@pytest.mark.parametrize("activation", ["gated", "softgated", "tanh", "relu"])
def test_wavenetva_mixes_what_all_layers_made(opened, activation):
    document = samples.wavenetva(activation)
    values = {(v["layer_idx"], v["name"]): v["data"] for v in document["variables"]}

    def variable(layer, name, *shape):
        return np.array([float(text) for text in values[layer, name]]).reshape(shape)

    bend = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}
    y, made = SOUND[:, None] * variable(-1, "W", 1, 3) + variable(-1, "b", 3), []
    for layer, dilation in enumerate((1, 3)):
        w = variable(layer, "W_conv", 2, 3, -1)
        late = np.pad(y, ((dilation, 0), (0, 0)))[: len(y)]
        z = late @ w[0] + y @ w[1] + variable(layer, "b_conv", -1)
        if activation == "gated":
            z = np.tanh(z[:, :3]) / (1 + np.exp(-z[:, 3:]))
        elif activation == "softgated":
            z = z / (1 + np.abs(z))
            z = z[:, :3] * z[:, 3:]
        else:
            z = bend[activation](z)
        made.append(z)
        y = y + z @ variable(layer, "W_out", 3, 3) + variable(layer, "b_out", 3)
    wanted = np.concatenate(made, 1) @ variable(2, "W", 6, 1) + variable(2, "b", 1)
    network = opened(document).network
    assert wanted.std() > 1e-3 and len(network.ops) == 5
    # The bias is added from before the first sample on, as in a trained and settled model.
    np.testing.assert_allclose(render(network, SOUND), 2.5 * wanted[:, 0], rtol=0, atol=5e-6)


def test_a_missing_variable_is_named(refused):
    document = samples.wavenetva()
    del document["variables"][2]
    assert "variables has no W_conv of layer 0" in refused(document)
    document = samples.wavenetva()
    document["variables"][2]["data"].append("1.0")
    line = refused(document)
    assert "variables[2].data (W_conv of layer 0) has 37 numbers, needs 36" in line
    document["variables"][2]["data"][3:] = ["nan"] * 33
    assert "variables[2].data[3] = nan is not finite" in refused(document)
